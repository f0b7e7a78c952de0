//! The guard: the first statement of a file that is held.
//!
//! A container may still run `prisma migrate deploy` when it starts, which knows nothing of phases. So the file stops
//! itself, as long as this database remembers that it is held. Where nobody ever held it (a developer's database, a
//! shadow) it passes. That it is a `DO` makes every version of Prisma send the whole file as one message, so that
//! nothing of the file has happened when it stops.

use underpin_catalog::{Literal, Sql, sql};
use underpin_sql::{Statement, words};

/// The SQLSTATE with which a held file stops. Class `UP` is nobody's in PostgreSQL.
pub const HELD: &str = "UPH01";

/// The guard of a migration's file.
///
/// It asks for the ledger's namespace as well, because several may share a database; where a session has none
/// (`search_path` is empty) every hold of this name counts.
pub fn guard(folder: &str) -> Sql {
    // What the block is quoted with must not occur in it.
    let mut tag = "underpin".to_owned();
    while folder.contains(&format!("${tag}$")) {
        tag.push('_');
    }
    let body = sql!(
        "DECLARE\n  held text;\nBEGIN\n  IF pg_catalog.to_regclass('underpin.hold') IS NOT NULL THEN\n    SELECT rollout INTO held FROM underpin.hold\n      WHERE migration = {} AND released_at IS NULL\n        AND scope = coalesce(pg_catalog.current_schema(), scope);\n    IF FOUND THEN\n      RAISE EXCEPTION 'this migration is held: rollout % is not released in this database', held\n        USING ERRCODE = {}, HINT = 'See what is missing: underpin status. Nothing of the file was executed; the next underpin deploy clears what this failure left in the ledger.';\n    END IF;\n  END IF;\nEND",
        Literal(folder),
        Literal(HELD),
    );
    Sql::verbatim(format!("DO ${tag}$\n{body}\n${tag}$"))
}

/// Whether a statement is the guard of this migration.
pub fn is_guard(statement: &Statement, folder: &str) -> bool {
    words(&statement.text) == words(guard(folder).as_str())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use underpin_sql::read;

    use super::*;

    #[test]
    fn a_guard_is_known_by_its_words_and_its_folder() {
        for folder in ["20260301000000_a_3_contract", "it's", "$underpin$ DROP TABLE x"] {
            let text = format!("-- head\n{};\nDROP TABLE x;", guard(folder));
            let statements = read(&text).unwrap();
            assert_eq!(statements.len(), 2, "{text}");
            assert!(is_guard(&statements[0], folder) && !is_guard(&statements[1], folder));
            assert!(!is_guard(&statements[0], "another"), "{text}");
        }
    }
}
