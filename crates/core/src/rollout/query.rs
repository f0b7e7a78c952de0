//! A query that a directive carries: one `SELECT` on one line, which answers a number.

use std::fmt;
use std::str::FromStr;

use underpin_catalog::Sql;
use underpin_sql::{Effect, read};

/// A query that only reads and that stands on one line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Query(Sql);

/// Why a text is no such query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not one query on one line that only reads: {why}")]
pub struct WrongQuery {
    text: String,
    why: String,
}

impl Query {
    /// A query from its text.
    ///
    /// # Errors
    /// When it has a line end, is not one statement, or does more than read.
    pub fn new(sql: Sql) -> Result<Self, WrongQuery> {
        let text = sql.as_str();
        let wrong = |why: &str| WrongQuery { text: text.to_owned(), why: why.to_owned() };
        if text.contains(['\n', '\r']) {
            return Err(wrong("it has several lines, and a comment has one"));
        }
        let statements = read(text).map_err(|error| wrong(&error.message))?;
        let [only] = statements.as_slice() else { return Err(wrong("it is not one statement")) };
        let reads = |effect: &Effect| matches!(effect, Effect::Select { locks_rows: false, .. });
        match only.effects.iter().all(reads) {
            // Without its semicolon and the comments around it.
            true => Ok(Self(Sql::verbatim(only.text.clone()))),
            false => Err(wrong("it is no SELECT")),
        }
    }

    /// As it is sent.
    pub fn sql(&self) -> &Sql {
        &self.0
    }
}

impl FromStr for Query {
    type Err = WrongQuery;

    fn from_str(text: &str) -> Result<Self, WrongQuery> {
        Self::new(Sql::verbatim(text))
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_one_reading_line_is_a_query() {
        let query: Query = "SELECT count(*) FROM \"User\" WHERE lower(\"a\") <> \"b\"; ".parse().unwrap();
        assert_eq!(query.to_string(), "SELECT count(*) FROM \"User\" WHERE lower(\"a\") <> \"b\"");
        for (text, told) in [
            ("", "not one statement"),
            ("SELECT 1; SELECT 2", "not one statement"),
            ("SELECT 1\n", "several lines"),
            ("SELECT 1 FROM x FOR UPDATE", "no SELECT"),
            ("WITH a AS (DELETE FROM x RETURNING 1) SELECT count(*) FROM a", "no SELECT"),
            ("TRUNCATE x", "no SELECT"),
            ("SELEC 1", "syntax error"),
        ] {
            let wrong = text.parse::<Query>().unwrap_err().to_string();
            assert!(wrong.contains(told), "{wrong}");
        }
    }
}
