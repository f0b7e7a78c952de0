//! The migrations folder as a list: which entries are migrations, and in which order.
//!
//! Every sub-folder is a migration, whatever its name; files beside them, and files other than
//! `migration.sql` inside them, are not looked at. A folder without `migration.sql` is a
//! migration all the same: it stops a deploy when its turn comes (P3015), not before.

use std::cmp::Ordering;

use icu_collator::options::CollatorOptions;
use icu_collator::{CollatorBorrowed, CollatorPreferences};

use crate::{PrismaVersion, Script};

/// One sub-folder of the migrations folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The folder's name, which is the migration's identity in the ledger.
    pub name: String,
    /// The script, or `None` where `migration.sql` is missing.
    pub script: Option<Script>,
}

impl Migration {
    /// A migration from its folder's name and the bytes of its `migration.sql`, if it is there.
    pub fn new(name: impl Into<String>, file: Option<&[u8]>) -> Self {
        Self { name: name.into(), script: file.map(Script::from_bytes) }
    }
}

/// How folders are put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderOrder {
    /// JavaScript's `localeCompare`, that is ICU's root collation: Prisma 6.6 and later.
    Collation,
    /// The order of bytes: Prisma up to 6.5.
    Bytes,
}

impl FolderOrder {
    /// What the installed Prisma does; the newer order when the version is not known.
    pub fn of(version: Option<PrismaVersion>) -> Self {
        match version {
            Some(version) if !version.sorts_by_collation() => Self::Bytes,
            _ => Self::Collation,
        }
    }

    /// Puts names in order. Names that the collation holds for equal are told apart by bytes,
    /// where Prisma keeps whatever order the file system had.
    pub fn sort<T>(self, items: &mut [T], name: impl Fn(&T) -> &str) {
        match self {
            Self::Bytes => items.sort_by(|a, b| name(a).cmp(name(b))),
            Self::Collation => {
                let collator = root_collation();
                items.sort_by(|a, b| compare(&collator, name(a), name(b)));
            }
        }
    }
}

fn root_collation() -> CollatorBorrowed<'static> {
    CollatorBorrowed::try_new(CollatorPreferences::default(), CollatorOptions::default())
        .expect("the root collation is compiled in")
}

fn compare(collator: &CollatorBorrowed<'_>, a: &str, b: &str) -> Ordering {
    collator.compare(a, b).then_with(|| a.cmp(b))
}

/// The migrations of a folder, in the order in which Prisma applies them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    migrations: Vec<Migration>,
    order: FolderOrder,
}

impl History {
    /// Puts a folder's migrations in order.
    pub fn new(mut migrations: Vec<Migration>, order: FolderOrder) -> Self {
        order.sort(&mut migrations, |migration| &migration.name);
        Self { migrations, order }
    }

    /// All migrations, in order.
    pub fn migrations(&self) -> &[Migration] {
        &self.migrations
    }

    /// The migration of that name.
    pub fn get(&self, name: &str) -> Option<&Migration> {
        self.migrations.iter().find(|migration| migration.name == name)
    }

    /// Where the order depends on Prisma's version: the first two neighbours that collation and
    /// bytes put the other way round. A team that upgrades across 6.6 replays such a history in
    /// another order than it was written for.
    pub fn order_in_doubt(&self) -> Option<(&str, &str)> {
        let collator = root_collation();
        self.migrations.windows(2).find_map(|pair| {
            let (a, b) = (pair[0].name.as_str(), pair[1].name.as_str());
            (compare(&collator, a, b) != a.cmp(b)).then_some((a, b))
        })
    }

    /// The order that was used.
    pub fn order(&self) -> FolderOrder {
        self.order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both orders are what the real command line applied; see the facts on listing.
    const COLLATED: [&str; 12] = [
        "10_y",
        "20240101_z",
        "20240101000000",
        "20240101000000_a",
        "20240101000000_b",
        "20240101000000_B",
        "20240101000000-c",
        "9_x",
        "aa",
        "éa",
        "sp ace",
        "Zz",
    ];
    const BYTEWISE: [&str; 12] = [
        "10_y",
        "20240101000000",
        "20240101000000-c",
        "20240101000000_B",
        "20240101000000_a",
        "20240101000000_b",
        "20240101_z",
        "9_x",
        "Zz",
        "aa",
        "sp ace",
        "éa",
    ];

    fn names(history: &History) -> Vec<&str> {
        history.migrations().iter().map(|migration| migration.name.as_str()).collect()
    }

    fn folder(names: &[&str], order: FolderOrder) -> History {
        History::new(names.iter().rev().map(|name| Migration::new(*name, None)).collect(), order)
    }

    #[test]
    fn sorts_as_prisma_sorts() {
        assert_eq!(names(&folder(&BYTEWISE, FolderOrder::Collation)), COLLATED);
        assert_eq!(names(&folder(&COLLATED, FolderOrder::Bytes)), BYTEWISE);
        let five = FolderOrder::of(PrismaVersion::parse("5.22.0"));
        assert_eq!(five, FolderOrder::Bytes);
        assert_eq!(FolderOrder::of(PrismaVersion::parse("6.6.0")), FolderOrder::Collation);
        assert_eq!(FolderOrder::of(None), FolderOrder::Collation);
    }

    #[test]
    fn tells_where_versions_disagree_about_the_order() {
        assert_eq!(
            folder(&COLLATED, FolderOrder::Collation).order_in_doubt(),
            Some(("20240101_z", "20240101000000"))
        );
        let usual = ["20240101000000_init", "20240102000000_add_index"];
        assert_eq!(folder(&usual, FolderOrder::Collation).order_in_doubt(), None);
    }
}
