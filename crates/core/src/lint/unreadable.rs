//! A file that is not SQL: what it is instead, so that somebody can correct it.

use underpin_sql::SyntaxError;

use super::finding::{Finding, Severity};
use super::lines::Lines;

/// The finding of a file that PostgreSQL's grammar refuses.
pub(super) fn unreadable(path: &str, lines: &Lines<'_>, error: &SyntaxError) -> Finding {
    let rule = match error.sqlstate {
        "0A000" if error.message.contains("NOT VALID") => "not-valid-unsupported",
        "0A000" => "refused-definition",
        _ => "syntax-error",
    };
    let what = match &error.meaning {
        Some(meaning) => format!("{} ({meaning})", error.message),
        None => error.message.clone(),
    };
    let message = format!("{what}: PostgreSQL refuses the file before it runs anything of it");
    Finding {
        span: Some(lines.span(error.offset..error.end)),
        sqlstate: Some(error.sqlstate.to_owned()),
        ..Finding::new(rule, Severity::Blocker, path, message)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use underpin_sql::read;

    use super::*;

    #[test]
    fn it_is_said_what_a_file_is_instead_of_sql() {
        for (text, said, rule) in [
            ("\\connect other\nSELECT 1;", "command of psql", "syntax-error"),
            ("SELECT 1;\n\\i other.sql\n", "\\i is a command of psql", "syntax-error"),
            ("<<<<<<< HEAD\nSELECT 1;\n=======", "merge conflict", "syntax-error"),
            ("CREATE TABLE a (", "in the middle of a statement", "syntax-error"),
            ("SELECT 'a;\n", "has no end", "syntax-error"),
            ("SELECT 1;\0\0", "UTF-16", "syntax-error"),
            ("\u{feff}SELECT 1;", "byte order mark", "syntax-error"),
            ("SELECT * FROM a WHERE b = :name;", "variable of psql", "syntax-error"),
            ("ALTER TABLE a ADD UNIQUE (b) NOT VALID;", "NOT VALID", "not-valid-unsupported"),
        ] {
            let finding = unreadable("a.sql", &Lines::of(text), &read(text).unwrap_err());
            assert!(finding.message.contains(said), "{text}: {}", finding.message);
            assert_eq!(finding.rule, rule, "{text}");
        }
    }
}
