//! What `pg_stat_statements` tells of a release: how often statements that name what only it knows were executed.
//!
//! With `pg_stat_statements.track = all` the extension counts what functions execute as well. The sync triggers of the
//! rollout name both shapes whoever writes, and so do the actions of foreign keys; neither is evidence of anybody.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio_postgres::Client;
use underpin_catalog::{Name, RelationName, Sql, sql};
use underpin_core::rollout::gate::Statements;
use underpin_core::rollout::{Gone, PhaseFile, Rollout};

use crate::journal::Calls;
use crate::problem::{Problem, said};

/// Whose statements are counted.
#[derive(Clone, Debug)]
pub(crate) struct Counting<'a> {
    /// What they name.
    named: Vec<Gone>,
    /// The functions of the rollout, whose statements are nobody's.
    routines: Vec<&'a str>,
    /// Since when a release may have named it. Who has never named it since then has been quiet for so long.
    since: Option<Timestamp>,
}

impl<'a> Counting<'a> {
    /// Those of the release that needs what a file takes away.
    pub(crate) fn old(rollout: &'a Rollout, file: &PhaseFile) -> Self {
        Self { named: file.directives.gone.clone(), routines: routines(rollout), since: None }
    }

    /// Those of the release that needs what a rollout has made, since its first phase was applied.
    pub(crate) fn new(rollout: &'a Rollout, made: Vec<Gone>, since: Option<Timestamp>) -> Self {
        Self { named: made, routines: routines(rollout), since }
    }
}

fn routines(rollout: &Rollout) -> Vec<&str> {
    rollout.phases.iter().flat_map(PhaseFile::routines).collect()
}

/// Counts how often such statements have been executed, against what was counted before.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn count_calls(
    client: &Client,
    counting: &Counting<'_>,
    before: Option<&Calls>,
) -> Result<(Statements, Option<Calls>), Problem> {
    let names = named(&counting.named);
    if names.is_empty() {
        return Ok((Statements::Nameless, None));
    }
    let unseen = |why: &str| Ok((Statements::Unseen(why.to_owned()), None));
    let installed = "SELECT n.nspname::text, EXISTS (
                         SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
                         WHERE c.relnamespace = n.oid AND c.relname = 'pg_stat_statements' AND a.attname = 'toplevel')
                     FROM pg_catalog.pg_extension e
                     JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'";
    let Some(found) = client.query_opt(installed, &[]).await? else {
        return unseen("the extension pg_stat_statements is not there, so nobody knows who names what goes");
    };
    let view = RelationName::qualified(found.get::<_, String>(0), "pg_stat_statements");
    let info = view.sibling(Name::new("pg_stat_statements_info"));
    // An extension of before 1.9, which an upgrade of the server leaves as it is, does not tell it.
    let top = Sql::verbatim(if found.get(1) { "s.toplevel" } else { "true" });
    let list = sql!(
        "SELECT s.queryid::text, sum(s.calls)::bigint, min(s.query), {1} FROM {0} s
         JOIN pg_catalog.pg_database d ON d.oid = s.dbid AND d.datname = current_database()
         WHERE s.query = '<insufficient privilege>'
            OR (strpos(s.query, '/* underpin') = 0
                AND s.query !~* '^(\\s|--[^\\n]*\\n|/[*]([^*]|[*][^/])*[*]/)*(alter|create|drop|do|comment|truncate|grant|revoke|begin|commit|set|show)\\M'
                AND EXISTS (SELECT FROM unnest($1::text[], $2::text[]) AS g(relation, part)
                            WHERE strpos(s.query, g.relation) > 0 AND strpos(s.query, g.part) > 0))
         GROUP BY 1, 4 ORDER BY 1, 4",
        view,
        top
    );
    let (relations, parts): (Vec<&str>, Vec<&str>) = names.iter().copied().unzip();
    let rows = match client.query(list.as_str(), &[&relations, &parts]).await {
        Ok(rows) => rows,
        // The library is not loaded (55000), or the view may not be read (42501).
        Err(error) => match error.as_db_error() {
            Some(server) => return unseen(&format!("pg_stat_statements: {}", said(server))),
            None => return Err(error.into()),
        },
    };
    let mut counted = BTreeMap::new();
    let mut texts = BTreeMap::new();
    for row in &rows {
        let (text, is_top): (String, bool) = (row.get(2), row.get(3));
        let Some(id) = row.get::<_, Option<String>>(0) else {
            return unseen("other roles' statements are not shown to this role (GRANT pg_read_all_stats)");
        };
        if text == "<insufficient privilege>" {
            return unseen("other roles' statements are not shown to this role (GRANT pg_read_all_stats)");
        }
        let is_told = names.iter().any(|(relation, part)| says(&text, relation) && says(&text, part));
        if is_told && (is_top || !is_nobodys(&text, &counting.routines)) {
            let id = if is_top { id } else { format!("{id} in a function") };
            counted.insert(id.clone(), row.get(1));
            texts.insert(id, shortened(&text));
        }
    }
    // Since 1.9, which comes with PostgreSQL 14.
    let reset: Option<Timestamp> =
        match client.query_opt(sql!("SELECT stats_reset FROM {}", info).as_str(), &[]).await {
            Ok(row) => row.and_then(|row| row.get(0)),
            Err(error) if error.as_db_error().is_some() => None,
            Err(error) => return Err(error.into()),
        };
    let now: Timestamp = client.query_one("SELECT clock_timestamp()", &[]).await?.get(0);
    let latest: Vec<String> = counted
        .iter()
        .filter(|(id, calls)| before.is_none_or(|before| before.counted.get(*id) < Some(calls)))
        .filter_map(|(id, _)| texts.get(id).cloned())
        .collect();
    let quiet_since = match (before, counting.since.zip(reset)) {
        (Some(before), _) if latest.is_empty() => {
            reset.map_or(before.quiet_since, |reset| before.quiet_since.max(reset))
        }
        (None, Some((since, reset))) if counted.is_empty() => since.max(reset),
        _ => now,
    };
    let calls = Calls { counted, quiet_since };
    Ok((Statements::Counted { quiet_since, latest }, Some(calls)))
}

/// What a statement says that needs it: a relation, and for a column also that.
fn named(gone: &[Gone]) -> Vec<(&str, &str)> {
    gone.iter()
        .filter_map(|gone| match gone {
            Gone::Column { table, column } => Some((table.name.as_str(), column.as_str())),
            Gone::Table(name) | Gone::Type(name) => Some((name.name.as_str(), name.name.as_str())),
            // Statements of the release that comes say the same names.
            Gone::Index(_) | Gone::SwappedColumn { .. } | Gone::SwappedType { .. } => None,
        })
        .collect()
}

/// Whether a text says a name as a word of its own.
fn says(text: &str, name: &str) -> bool {
    let is_word = |sign: Option<char>| sign.is_some_and(|sign| sign.is_alphanumeric() || sign == '_');
    text.match_indices(name).any(|(at, _)| {
        !is_word(text[..at].chars().next_back()) && !is_word(text[at + name.len()..].chars().next())
    })
}

/// Whether what a function has executed is of one of these, or the action of a foreign key.
fn is_nobodys(text: &str, routines: &[&str]) -> bool {
    // What PostgreSQL itself composes: `DELETE FROM ONLY "public"."Post" WHERE $1 OPERATOR(pg_catalog.=) "authorId"`.
    let is_action = text.contains(" ONLY \"") && text.contains(" OPERATOR(");
    is_action || routines.iter().any(|routine| stands_in(text, routine))
}

/// Whether the extension's form of a statement stands in a text: constants have become `$1`, `INTO` is as many blanks,
/// and `PERFORM` is `SELECT`. Where the text has something else than a constant, it is another statement.
fn stands_in(text: &str, routine: &str) -> bool {
    let bare = |text: &str| text.split_whitespace().collect::<String>();
    let text = text.trim().strip_prefix("SELECT").unwrap_or(text);
    // What stands between the gaps, each with whether a constant comes behind it.
    let mut pieces = vec![(String::new(), false)];
    let (mut signs, mut blanks) = (text.chars().peekable(), 0);
    while let Some(sign) = signs.next() {
        blanks = if sign == ' ' { blanks + 1 } else { 0 };
        let is_constant = sign == '$' && signs.peek().is_some_and(char::is_ascii_digit);
        let Some(last) = pieces.last_mut() else { return false };
        if is_constant {
            while signs.next_if(char::is_ascii_digit).is_some() {}
            last.1 = true;
            pieces.push((String::new(), false));
        } else if blanks == 2 {
            pieces.push((String::new(), false));
        } else {
            last.0.push(sign);
        }
    }
    let routine = bare(routine);
    let mut rest = routine.as_str();
    pieces
        .iter()
        .map(|(piece, constant)| (bare(piece), *constant))
        .filter(|(piece, _)| !piece.is_empty())
        .all(|(piece, constant)| {
            let mut ends = rest.match_indices(&piece).map(|(at, piece)| at + piece.len());
            match ends.find(|end| !constant || begins_with_constant(&rest[*end..])) {
                Some(end) => {
                    rest = &rest[end..];
                    true
                }
                None => false,
            }
        })
}

/// Whether what the extension would write as `$1` comes first.
fn begins_with_constant(text: &str) -> bool {
    let is_word = |word: &str| text.get(..word.len()).is_some_and(|first| first.eq_ignore_ascii_case(word));
    text.starts_with(|sign: char| sign.is_ascii_digit() || matches!(sign, '\'' | '-' | '+' | '.' | '$'))
        || ["NULL", "TRUE", "FALSE", "E'", "B'", "X'", "N'", "U&'"].into_iter().any(is_word)
}

/// The beginning, on one line.
fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_of_a_function_is_known_in_the_form_of_the_extension() {
        let routine = r#"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          PERFORM 1 FROM "public"."User" AS o WHERE o."id" = NEW."userId" FOR NO KEY UPDATE;
          IF NOT EXISTS (SELECT 1 FROM "Profile" AS t WHERE t."userId" = 7) THEN
            SELECT o."bio" INTO NEW."bio" FROM "public"."User" AS o WHERE o."id" = NEW."userId";
          END IF;
          UPDATE "public"."User" AS o SET "bio" = NULL, "n" = 'x' || "n" WHERE o."id" = OLD."userId";
          RETURN NULL; END $$"#;
        for text in [
            r#"SELECT $1 FROM "public"."User" AS o WHERE o."id" = NEW."userId" FOR NO KEY UPDATE"#,
            r#"NOT EXISTS (SELECT $1 FROM "Profile" AS t WHERE t."userId" = $2)"#,
            r#"SELECT o."bio"                 FROM "public"."User" AS o WHERE o."id" = NEW."userId""#,
            r#"UPDATE "public"."User" AS o SET "bio" = $1, "n" = $2 || "n" WHERE o."id" = OLD."userId""#,
        ] {
            assert!(is_nobodys(text, &[routine]), "{text}");
        }
        for text in [
            r#"SELECT "bio" FROM "public"."User" WHERE "id" = $1"#,
            r#"UPDATE "public"."User" SET "bio" = $1 WHERE "id" = $2"#,
            r#"UPDATE "public"."User" AS o SET "bio" = $1, "n" = $2 || "n" WHERE o."id" = $3"#,
        ] {
            assert!(!is_nobodys(text, &[routine]), "{text}");
        }
        let action = r#"DELETE FROM ONLY "public"."Post" WHERE $1 OPERATOR(pg_catalog.=) "authorId""#;
        assert!(is_nobodys(action, &[]));
    }
}
