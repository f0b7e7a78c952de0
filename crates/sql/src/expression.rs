//! What an expression, or a whole statement, contains: functions, sub-selects, columns, tables,
//! constants.
//!
//! A function that is not known to be harmless counts as volatile: what is unknown must not look safe. What
//! the functions of a user's own do is not asked here.

mod routines;
mod walk;

use std::collections::BTreeSet;

use underpin_catalog::{Name, RelationName};

use routines::{is_harmless, is_steady, is_volatile};
use walk::walk;

/// What was found in a tree.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Functions that are called, as they are written. Those that SQL has own words for (`extract`,
    /// `AT TIME ZONE`) are in `pg_catalog`.
    pub(crate) functions: BTreeSet<RelationName>,
    /// Columns that are read, each behind the table or alias that is written before it.
    pub(crate) columns: BTreeSet<(Option<String>, String)>,
    /// Whole rows are read (`*`, `t.*`).
    pub(crate) star: bool,
    /// Relations that are named, without those that `WITH` defines.
    pub(crate) relations: BTreeSet<RelationName>,
    /// Relations among them whose rows `INSERT`, `UPDATE`, `DELETE` or `MERGE` change, in `WITH` or at the
    /// top. A bare [`SelectStmt`](pg_query::protobuf::SelectStmt) that has some changes data by `WITH`.
    pub(crate) written: BTreeSet<RelationName>,
    /// Columns that these statements give values to.
    pub(crate) targets: BTreeSet<String>,
    /// String constants, and bodies of code (`AS $$ … $$`).
    pub(crate) strings: BTreeSet<String>,
    /// A sub-select is in it.
    pub(crate) subselect: bool,
    /// `FOR UPDATE` and the like.
    pub(crate) locks_rows: bool,
    defined: BTreeSet<String>,
}

impl Contents {
    /// What `tree` contains, at any depth.
    pub(crate) fn of<T: serde::Serialize>(tree: &T) -> Self {
        let mut contents = Self::default();
        walk(tree, &mut contents);
        let defined = std::mem::take(&mut contents.defined);
        contents
            .relations
            .retain(|relation| relation.namespace.is_some() || !defined.contains(relation.name.as_str()));
        contents
    }

    /// The same without constants, which can be as large as the statement.
    pub(crate) fn without_strings(mut self) -> Self {
        self.strings = BTreeSet::new();
        self
    }

    /// The columns by their names alone.
    pub(crate) fn column_names(&self) -> BTreeSet<Name> {
        self.columns.iter().map(|(_, name)| Name::new(name)).collect()
    }

    /// Whether two evaluations for two rows can differ, as far as we know.
    pub(crate) fn is_volatile(&self) -> bool {
        self.subselect || self.calls_volatile()
    }

    /// The same for the functions alone.
    pub(crate) fn calls_volatile(&self) -> bool {
        self.functions.iter().any(|name| !is_steady(name))
    }

    /// A function of PostgreSQL's own whose answer can differ from row to row, or a sub-select.
    pub(crate) fn is_known_volatile(&self) -> bool {
        self.subselect || self.functions.iter().any(is_volatile)
    }

    /// Functions that are not PostgreSQL's own, as far as we know.
    pub(crate) fn user_functions(&self) -> impl Iterator<Item = RelationName> {
        self.functions.iter().filter(|name| !is_steady(name) && !is_volatile(name)).cloned()
    }

    /// Sequences whose numbers it takes or sets, as far as constants name them.
    pub(crate) fn sequences(&self) -> Vec<RelationName> {
        let numbers = ["nextval", "setval"];
        if !self.functions.iter().any(|function| numbers.contains(&function.name.as_str())) {
            return Vec::new();
        }
        let named = |text: &String| {
            let parts: Vec<_> = text.split('.').map(|part| part.trim_matches('"')).collect();
            match parts.as_slice() {
                [.., namespace, name] => RelationName::qualified(*namespace, *name),
                _ => RelationName::bare(text.trim_matches('"')),
            }
        };
        self.strings.iter().map(named).collect()
    }

    /// Functions that may do anything when a query calls them.
    pub(crate) fn unknown_functions(&self) -> Vec<String> {
        let unknown = self.functions.iter().filter(|name| !is_harmless(name));
        unknown.map(|name| name.name.as_str().to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn contents(sql: &str) -> Contents {
        Contents::of(&pg_query::parse(sql, 0).unwrap().protobuf)
    }

    #[test]
    fn everything_is_found_at_any_depth() {
        let found = contents(
            "WITH w AS (SELECT a FROM s.t) SELECT CASE WHEN b = 'x' THEN (SELECT lower(c) FROM u) END FROM w FOR UPDATE",
        );
        let names: Vec<_> = found.relations.iter().map(RelationName::shown).collect();
        assert_eq!(names, ["u", "s.t"]);
        assert!(found.subselect && found.locks_rows);
        assert_eq!(found.functions, [RelationName::bare("lower")].into());
        assert!(found.strings.contains("x"));
        assert_eq!(found.column_names(), ["a", "b", "c"].map(Name::new).into());
        assert!(!found.star && found.written.is_empty());
    }

    #[test]
    fn names_are_kept_as_they_are_written() {
        let found = contents("SELECT u.a, s.u.b, c, app.f(1), extract(year FROM now()) FROM s.u");
        let columns = [(Some("u"), "a"), (Some("u"), "b"), (None, "c")]
            .map(|(table, name)| (table.map(str::to_owned), name.to_owned()));
        assert_eq!(found.columns, columns.into());
        let functions: Vec<_> = found.functions.iter().map(RelationName::shown).collect();
        assert_eq!(functions, ["now", "app.f", "pg_catalog.extract"]);
    }

    #[test]
    fn a_star_is_no_column() {
        for sql in ["SELECT * FROM t", "SELECT t.* FROM t", "INSERT INTO u SELECT * FROM t"] {
            let found = contents(sql);
            assert!(found.star && found.columns.is_empty(), "{sql}");
        }
        assert!(!contents("SELECT count(*) FROM t").star);
    }

    #[test]
    fn what_with_changes_is_told_apart_from_what_it_reads() {
        let found =
            contents("WITH gone AS (DELETE FROM s.a USING b RETURNING a.i) INSERT INTO c SELECT i FROM gone");
        assert_eq!(found.written, [RelationName::qualified("s", "a"), RelationName::bare("c")].into());
        assert!(found.relations.contains(&RelationName::bare("b")));
        assert!(!found.relations.contains(&RelationName::bare("gone")));
        assert!(contents("SELECT 1 FROM a").written.is_empty());
    }

    #[test]
    fn columns_that_get_values_are_told_apart_from_those_that_are_read() {
        let names = |sql: &str| contents(sql).targets.into_iter().collect::<Vec<_>>().join(" ");
        let upsert = "INSERT INTO a (x, y) VALUES (1, 2) ON CONFLICT (x) DO UPDATE SET z = excluded.y";
        assert_eq!(names(upsert), "x y z");
        assert_eq!(names("WITH u AS (UPDATE a SET x = b RETURNING c AS d) SELECT e AS f FROM u"), "x");
        let merge = "MERGE INTO a USING b ON a.i = b.i WHEN MATCHED THEN UPDATE SET x = b.y \
                     WHEN NOT MATCHED THEN INSERT (z) VALUES (b.y)";
        assert_eq!(names(merge), "x z");
    }

    #[test]
    fn a_body_of_code_is_a_string() {
        let body = "DO LANGUAGE plpgsql $$ BEGIN PERFORM 'x'; END $$";
        assert_eq!(contents(body).strings, [" BEGIN PERFORM 'x'; END ".to_owned()].into());
        let function = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'";
        assert_eq!(contents(function).strings, ["SELECT 1".to_owned()].into());
    }

    #[test]
    fn what_is_unknown_counts_as_volatile() {
        assert!(!contents("SELECT now() + interval '1 day', upper('x'), CURRENT_TIMESTAMP").is_volatile());
        for volatile in ["gen_random_uuid()", "random()", "clock_timestamp()", "nextval('s')"] {
            let found = contents(&format!("SELECT {volatile}"));
            assert!(found.is_volatile() && found.is_known_volatile(), "{volatile}");
            assert_eq!(found.user_functions().count(), 0, "{volatile}");
        }
        let found = contents("SELECT my_ulid()");
        assert!(found.is_volatile() && !found.is_known_volatile());
        assert_eq!(found.unknown_functions(), ["my_ulid"]);
    }
}
