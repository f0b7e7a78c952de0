//! Queries that an application writes itself, as they stand in its sources.
//!
//! `$queryRaw` and `$executeRaw` take a template whose holes are parameters, their `Unsafe` forms a text with
//! parameters of its own; TypedSQL has a file for each query. What stands there is taken as it is, holes as
//! `$1`, `$2`. Whether that is the whole query, nobody knows before it runs: a hole may hold another piece of
//! SQL. So whoever uses a query asks a server first whether it is one, on a state where it must be.
//!
//! This is no parser of JavaScript. It finds the four words, what is called with them, and where that ends.

/// A query of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Its file, from the top of the repository.
    pub path: String,
    /// The line that it begins in, from 1.
    pub line: usize,
    /// Its text with `$1` for its first value; `None` when it is put together at run time.
    pub sql: Option<String>,
}

/// What calls are looked for.
const CALLS: [&str; 2] = ["$queryRaw", "$executeRaw"];

/// Whether queries may stand in a file of this path: a source of JavaScript or TypeScript, or a file of TypedSQL.
pub fn may_hold_queries(path: &str) -> bool {
    let is_declaration = path.ends_with(".d.ts");
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    let is_source = ["ts", "tsx", "mts", "cts", "js", "jsx", "mjs", "cjs"].contains(&ending);
    is_source && !is_declaration || is_typed_sql(path)
}

/// `prisma/sql/users.sql`.
fn is_typed_sql(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    parts.next().is_some_and(|file| file.ends_with(".sql"))
        && parts.next() == Some("sql")
        && parts.next() == Some("prisma")
}

/// The queries of a file, in order.
pub fn queries(path: &str, text: &str) -> Vec<Query> {
    if is_typed_sql(path) {
        return vec![Query { path: path.to_owned(), line: 1, sql: Some(text.to_owned()) }];
    }
    let mut found = Vec::new();
    let calls = CALLS.iter().flat_map(|call| text.match_indices(call));
    let mut places: Vec<(usize, &str)> = calls.collect();
    places.sort_unstable();
    for (at, call) in places {
        let rest = &text[at + call.len()..];
        let line_begins = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let is_comment =
            text[line_begins..at].contains("//") || text[line_begins..at].trim_start().starts_with('*');
        // `$queryRawTyped` runs what stands in a file.
        if is_comment || rest.starts_with("Typed") {
            continue;
        }
        let Some(sql) = called(rest.strip_prefix("Unsafe").unwrap_or(rest)) else { continue };
        let line = text[..at].matches('\n').count() + 1;
        found.push(Query { path: path.to_owned(), line, sql });
    }
    found
}

/// What is called with: `Some(None)` where it is put together, `None` where nothing is called.
#[expect(
    clippy::option_option,
    reason = "a call without a text that stands there is not the same as no call"
)]
fn called(rest: &str) -> Option<Option<String>> {
    let rest = behind_types(rest.trim_start())?.trim_start();
    if let Some(template) = rest.strip_prefix('`') {
        return Some(filled(template));
    }
    let argument = rest.strip_prefix('(')?.trim_start();
    if let Some(template) = argument.strip_prefix("Prisma.sql").map(str::trim_start) {
        return Some(template.strip_prefix('`').and_then(filled));
    }
    Some(match argument.chars().next()? {
        '`' => filled(&argument[1..]).filter(|text| !has_holes(&argument[1..], text)),
        quote @ ('"' | '\'') => quoted(&argument[1..], quote),
        _ => None,
    })
}

/// Behind `<Row[]>`, if it stands there.
fn behind_types(rest: &str) -> Option<&str> {
    let Some(inside) = rest.strip_prefix('<') else { return Some(rest) };
    let mut depth = 1;
    for (at, letter) in inside.char_indices() {
        match letter {
            '<' => depth += 1,
            '>' if !inside[..at].ends_with('=') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(&inside[at + 1..]);
        }
    }
    None
}

/// A template up to its end, with parameters for its holes.
fn filled(template: &str) -> Option<String> {
    let mut sql = String::new();
    let mut holes = 0;
    let mut rest = template;
    loop {
        let letter = rest.chars().next()?;
        if letter == '`' {
            return Some(sql);
        }
        if let Some(hole) = rest.strip_prefix("${") {
            let end = hole_end(hole)?;
            // What is no value.
            if ["Prisma.raw", "Prisma.sql", "Prisma.empty"].iter().any(|piece| hole[..end].contains(piece)) {
                return None;
            }
            holes += 1;
            sql.push_str(&format!("${holes}"));
            rest = &hole[end + 1..];
        } else if letter == '\\' {
            let escaped = rest[1..].chars().next()?;
            sql.push(unescaped(escaped));
            rest = &rest[1 + escaped.len_utf8()..];
        } else {
            sql.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
}

/// Where the hole of a template ends, braces and texts within it passed over.
fn hole_end(hole: &str) -> Option<usize> {
    let mut depth = 0;
    let mut within: Option<char> = None;
    for (at, letter) in hole.char_indices() {
        match (within, letter) {
            (Some(quote), _) if quote == letter && !hole[..at].ends_with('\\') => within = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => within = Some(letter),
            (None, '{') => depth += 1,
            (None, '}') if depth == 0 => return Some(at),
            (None, '}') => depth -= 1,
            (None, _) => {}
        }
    }
    None
}

/// Whether a template that is called like a function has holes: then they are no parameters.
fn has_holes(template: &str, filled: &str) -> bool {
    template.get(..filled.len()) != Some(filled)
}

/// A text up to its end; `None` when something is added to it.
fn quoted(rest: &str, quote: char) -> Option<String> {
    let mut text = String::new();
    let mut letters = rest.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => text.push(unescaped(letters.next()?.1)),
            letter if letter == quote => {
                let behind = rest[at + 1..].trim_start();
                return (behind.starts_with([',', ')'])).then_some(text);
            }
            letter => text.push(letter),
        }
    }
    None
}

fn unescaped(letter: char) -> char {
    match letter {
        'n' => '\n',
        't' => '\t',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<Option<String>> {
        queries("src/a.ts", text).into_iter().map(|query| query.sql).collect()
    }

    fn one(text: &str) -> Option<String> {
        let mut all = found(text);
        assert_eq!(all.len(), 1, "{text}");
        all.remove(0)
    }

    #[test]
    fn a_template_is_a_query_with_parameters() {
        assert_eq!(one("db.$queryRaw`SELECT 1`").as_deref(), Some("SELECT 1"));
        let typed = "await tx.$queryRaw<Array<{ id: number }>>`SELECT * FROM \"User\" WHERE id = ${ids['}']} AND x = ${f({ a: `b` })}`";
        assert_eq!(one(typed).as_deref(), Some("SELECT * FROM \"User\" WHERE id = $1 AND x = $2"));
        assert_eq!(one("$executeRaw(Prisma.sql`DELETE FROM t`)").as_deref(), Some("DELETE FROM t"));
        assert_eq!(one("$queryRaw`IN (${Prisma.join(ids)})`").as_deref(), Some("IN ($1)"));
        assert_eq!(one(r"$queryRaw`a \` \\ b`").as_deref(), Some(r"a ` \ b"));
    }

    #[test]
    fn a_text_is_one_too() {
        assert_eq!(one("$queryRawUnsafe('SELECT $1', 1)").as_deref(), Some("SELECT $1"));
        assert_eq!(one("$executeRawUnsafe(\n  \"SELECT 'a'\"\n)").as_deref(), Some("SELECT 'a'"));
        assert_eq!(one("$executeRawUnsafe(`SELECT\n1`)").as_deref(), Some("SELECT\n1"));
    }

    #[test]
    fn what_is_put_together_is_not_known() {
        for text in [
            "$queryRawUnsafe(sql)",
            "$queryRawUnsafe('SELECT * FROM ' + table)",
            "$queryRawUnsafe(`SELECT * FROM ${table}`)",
            "$queryRaw(query)",
            "$queryRaw`SELECT * FROM ${Prisma.raw(table)}`",
            "$queryRaw`SELECT",
        ] {
            assert_eq!(one(text), None, "{text}");
        }
    }

    #[test]
    fn what_calls_nothing_is_no_query() {
        for text in [
            "// $queryRaw`SELECT 1`",
            " * $queryRaw`SELECT 1`",
            "const run = db.$queryRaw",
            "$queryRawTyped(a())",
        ] {
            assert_eq!(found(text), Vec::<Option<String>>::new(), "{text}");
        }
        let two = queries("a.ts", "\n$queryRaw`1`\n\n  $executeRaw`2`");
        assert_eq!(two.iter().map(|query| query.line).collect::<Vec<_>>(), [2, 4]);
    }

    #[test]
    fn a_file_of_typed_sql_is_a_query() {
        assert!(may_hold_queries("apps/api/prisma/sql/users.sql") && !may_hold_queries("seed/users.sql"));
        assert!(
            may_hold_queries("src/a.tsx") && !may_hold_queries("src/a.d.ts") && !may_hold_queries("a.md")
        );
        let all = queries("prisma/sql/users.sql", "SELECT 1");
        assert_eq!(all[0].sql.as_deref(), Some("SELECT 1"));
    }
}
