//! Versions of Prisma, as far as its behaviour differs between them.

use std::fmt;

use crate::SchemaHead;

/// A version of the `prisma` package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrismaVersion {
    /// The major number: 5, 6, 7, …
    pub major: u32,
    /// The minor number.
    pub minor: u32,
    /// The patch number.
    pub patch: u32,
}

impl PrismaVersion {
    /// The version that a schema is taken to be for where nobody says it: the newest that is known here and takes
    /// it. Since 7.0 there may be no `url` in it.
    pub fn assumed_for(head: &SchemaHead) -> Self {
        match head.datasource.as_ref().is_some_and(|datasource| datasource.url.is_some()) {
            true => Self::new(6, 19, 0),
            false => Self::new(7, 10, 0),
        }
    }

    /// A version from its numbers.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// Reads an exact version (`7.10.0`, `v6.6.0-dev.3`) or the lowest version of an ordinary
    /// range (`^6.6.0`, `~5.22`, `>=6`, `6.x`). Tags such as `latest`, and workspace or catalog
    /// references, say nothing: `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches(['^', '~', '>', '=', ' ', 'v']);
        let end = text.find([' ', '-', '+', '|', ',', '(']).unwrap_or(text.len());
        let mut parts = text[..end].split('.');
        let major = parts.next()?.parse().ok()?;
        let mut part = || match parts.next() {
            None | Some("x" | "X" | "*") => Some(0),
            Some(digits) => digits.parse().ok(),
        };
        Some(Self { major, minor: part()?, patch: part()? })
    }

    /// Since 7.9 `status` leaves rolled-back rows out; before, the first row of a name decided.
    pub fn ignores_rolled_back_rows(self) -> bool {
        self >= Self::new(7, 9, 0)
    }

    /// Since 6.6 Node lists the folder, in the order of its `localeCompare`; before, the engine
    /// did, in the order of bytes.
    pub fn sorts_by_collation(self) -> bool {
        self >= Self::new(6, 6, 0)
    }

    /// Since 7.4 the engine sends a script statement by statement when its parser can read all
    /// of it; before, as one simple query, which PostgreSQL runs as one transaction.
    pub fn splits_scripts(self) -> bool {
        self >= Self::new(7, 4, 0)
    }

    /// Since 6.0 the table of an implicit many-to-many relation has a primary key; before, a unique index.
    pub fn keys_many_to_many(self) -> bool {
        self.major >= 6
    }

    /// Since 7.0 the namespace of names without `@@schema` is one like any other: it is created, and it is left
    /// out of names also in a schema that lists its namespaces.
    pub fn creates_default_namespace(self) -> bool {
        self.major >= 7
    }

    /// From 6.13 to 6.16 every name says the connection's namespace, which is created like any other; before and
    /// since, it is left out in a schema that lists no namespaces.
    pub fn says_every_namespace(self) -> bool {
        (Self::new(6, 13, 0)..Self::new(6, 17, 0)).contains(&self)
    }

    /// Since 6.13 what is in a database has a namespace, also for a schema that lists none.
    pub fn sees_namespaces(self) -> bool {
        self >= Self::new(6, 13, 0)
    }

    /// Since 6.19 the names of what is dropped leave out what the second side of a comparison leaves out;
    /// before, they went by the first.
    pub fn drops_by_the_second_side(self) -> bool {
        self >= Self::new(6, 19, 0)
    }

    /// Since 7.9 the engine renames a primary key in a statement of its own; before, as one clause among others,
    /// which PostgreSQL refuses.
    pub fn renames_keys_apart(self) -> bool {
        self >= Self::new(7, 9, 0)
    }

    /// Since 7.0 connection URLs stand in `prisma.config.*` and `.env` is not read.
    pub fn keeps_url_in_config(self) -> bool {
        self.major >= 7
    }
}

impl fmt::Display for PrismaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions_and_ranges() {
        for (text, expected) in [
            ("7.10.0", Some((7, 10, 0))),
            ("^6.6.0", Some((6, 6, 0))),
            ("~5.22", Some((5, 22, 0))),
            (">=6 <8", Some((6, 0, 0))),
            ("6.x", Some((6, 0, 0))),
            ("v6.19.0-dev.12", Some((6, 19, 0))),
            ("6.1.0(typescript@5.4.0)", Some((6, 1, 0))),
            ("5.0.0 || 6.0.0", Some((5, 0, 0))),
            ("latest", None),
            ("workspace:*", None),
            ("*", None),
            ("", None),
        ] {
            let expected = expected.map(|(major, minor, patch)| PrismaVersion::new(major, minor, patch));
            assert_eq!(PrismaVersion::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn knows_when_behaviour_changed() {
        assert!(!PrismaVersion::new(7, 8, 0).ignores_rolled_back_rows());
        assert!(PrismaVersion::new(7, 9, 0).ignores_rolled_back_rows());
        assert!(!PrismaVersion::new(6, 5, 0).sorts_by_collation());
        assert!(PrismaVersion::new(6, 19, 0).sorts_by_collation());
        assert!(!PrismaVersion::new(7, 3, 0).splits_scripts());
    }
}
