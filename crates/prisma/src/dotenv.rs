//! `.env` files, as the package `dotenv` reads them and as Prisma 5 and 6 expand them.
//!
//! Prisma 7 reads no such file itself. Neither function fails: lines that are no assignments are
//! left out, as there.

/// The assignments of a `.env` file, in order, quotes removed and nothing expanded. A name that is
/// assigned twice has the later value, at the earlier position.
pub fn parse(text: &str) -> Vec<(String, String)> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut assignments: Vec<(String, String)> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match assignment(&text, at) {
            Some((name, value, end)) => {
                match assignments.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, known)) => *known = value,
                    None => assignments.push((name, value)),
                }
                at = end;
            }
            None => at = line_end(&text, at) + 1,
        }
    }
    assignments
}

/// Replaces `${NAME}` in the values: from the environment first, then from the file, else by
/// nothing; also in what is put in. `\${NAME}` stays as `${NAME}`, and `$NAME` is plain text.
///
/// A name that the environment has keeps the environment's value, as Prisma's own expansion does.
pub fn expand(
    assignments: &[(String, String)],
    environment: &dyn Fn(&str) -> Option<String>,
) -> Vec<(String, String)> {
    let lookup = |name: &str| {
        let in_file = || assignments.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        environment(name).or_else(in_file).unwrap_or_default()
    };
    assignments
        .iter()
        .map(|(name, value)| {
            let value = environment(name).unwrap_or_else(|| value.clone());
            (name.clone(), interpolate(&value, &lookup, 0))
        })
        .collect()
}

/// Variables that name each other would go on for ever; nobody nests this deep on purpose.
const DEPTH_MAX: usize = 16;

fn interpolate(value: &str, lookup: &dyn Fn(&str) -> String, depth: usize) -> String {
    let mut result = String::new();
    let mut rest = value;
    while let Some(start) = rest.find("${") {
        let name_end = rest[start + 2..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let Some(end) = name_end.map(|length| start + 2 + length).filter(|&end| rest[end..].starts_with('}'))
        else {
            result.push_str(&rest[..start + 2]);
            rest = &rest[start + 2..];
            continue;
        };
        match rest[..start].strip_suffix('\\') {
            Some(before) => {
                result.push_str(before);
                result.push_str(&rest[start..=end]);
            }
            None => {
                result.push_str(&rest[..start]);
                if depth < DEPTH_MAX {
                    result.push_str(&interpolate(&lookup(&rest[start + 2..end]), lookup, depth + 1));
                }
            }
        }
        rest = &rest[end + 1..];
    }
    result + rest
}

fn line_end(text: &str, from: usize) -> usize {
    text[from..].find('\n').map_or(text.len(), |length| from + length)
}

fn skip(text: &str, from: usize, wanted: impl Fn(char) -> bool) -> usize {
    text[from..].find(|c| !wanted(c)).map_or(text.len(), |length| from + length)
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_.-".contains(c)
}

/// The assignment that begins at `start` (perhaps behind blank lines), and where it ends.
fn assignment(text: &str, start: usize) -> Option<(String, String, usize)> {
    let start = skip(text, start, char::is_whitespace);
    let exported = text[start..]
        .strip_prefix("export")
        .filter(|rest| rest.starts_with(char::is_whitespace))
        .map(|rest| skip(text, text.len() - rest.len(), char::is_whitespace));
    exported.and_then(|start| named_value(text, start)).or_else(|| named_value(text, start))
}

fn named_value(text: &str, start: usize) -> Option<(String, String, usize)> {
    let name_end = skip(text, start, is_name);
    if name_end == start {
        return None;
    }
    let equals = skip(text, name_end, char::is_whitespace);
    let value_start = if text[equals..].starts_with('=') {
        equals + 1
    } else if text[name_end..].starts_with(':') && text[name_end + 1..].starts_with(char::is_whitespace) {
        name_end + 2
    } else {
        return None;
    };
    let (raw, end) = quoted(text, value_start).unwrap_or_else(|| {
        let end = skip(text, value_start, |c| c != '#' && c != '\n');
        (&text[value_start..end], line_end(text, end))
    });
    Some((text[start..name_end].to_owned(), unquoted(raw.trim()), end))
}

/// A quoted value with its quotes, if nothing but a comment follows it on its line.
fn quoted(text: &str, from: usize) -> Option<(&str, usize)> {
    let start = skip(text, from, char::is_whitespace);
    let quote = text[start..].chars().next().filter(|c| "'\"`".contains(*c))?;
    let inside = start + 1;
    // An escaped quote closes the value after all when no other one does.
    let mut escaped = Vec::new();
    let mut plain = None;
    let mut was_backslash = false;
    for (index, character) in text[inside..].char_indices() {
        if character == quote {
            if !was_backslash {
                plain = Some(inside + index);
                break;
            }
            escaped.push(inside + index);
        }
        was_backslash = character == '\\';
    }
    plain.into_iter().chain(escaped.into_iter().rev()).find_map(|close| {
        let after = skip(text, close + 1, |c| c != '\n' && c.is_whitespace());
        let is_end = after == text.len() || text[after..].starts_with(['\n', '#']);
        is_end.then(|| (&text[start..=close], line_end(text, after)))
    })
}

fn unquoted(value: &str) -> String {
    let quote = value.chars().next().filter(|c| "'\"`".contains(*c));
    let inner = match quote {
        Some(quote) if value.len() > 1 && value.ends_with(quote) => &value[1..value.len() - 1],
        _ => value,
    };
    match quote {
        Some('"') => inner.replace("\\n", "\n").replace("\\r", "\r"),
        _ => inner.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `dotenv.parse` of the package gives.
    #[test]
    fn reads_as_the_package_does() {
        for (text, expected) in [
            ("A=b", vec![("A", "b")]),
            ("A=b\r\nC=d\r\n", vec![("A", "b"), ("C", "d")]),
            ("  export A = b c  # note", vec![("A", "b c")]),
            ("export=1", vec![("export", "1")]),
            ("A: yaml", vec![("A", "yaml")]),
            ("A:no", vec![]),
            ("A=", vec![("A", "")]),
            ("A=\nB=2", vec![("A", ""), ("B", "2")]),
            ("A='x # y' # note", vec![("A", "x # y")]),
            ("A=x#y", vec![("A", "x")]),
            (r#"A="x\ny\tz""#, vec![("A", "x\ny\\tz")]),
            (r"A='x\ny'", vec![("A", r"x\ny")]),
            ("A=\"two\nlines\"\nB=1", vec![("A", "two\nlines"), ("B", "1")]),
            (r#"A="say \"hi\"""#, vec![("A", r#"say \"hi\""#)]),
            ("A=`back 'and' \"forth\"`", vec![("A", "back 'and' \"forth\"")]),
            (r#"A="x"y"#, vec![("A", r#""x"y"#)]),
            ("A=\"open\nB=2", vec![("A", "\"open"), ("B", "2")]),
            ("# A=1\nnot an assignment\nB=2", vec![("B", "2")]),
            ("A=1\nA=2", vec![("A", "2")]),
            ("A-b.C=1", vec![("A-b.C", "1")]),
            ("=x\nB=é", vec![("B", "é")]),
            (
                "DATABASE_URL=\"postgresql://u:p@h:5432/d?schema=public\" # main",
                vec![("DATABASE_URL", "postgresql://u:p@h:5432/d?schema=public")],
            ),
        ] {
            let parsed = parse(text);
            let parsed: Vec<_> = parsed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(parsed, expected, "{text:?}");
        }
    }

    #[test]
    fn expands_as_prisma_does() {
        let text = r"U=me
P=a${U}b
URL=postgresql://${U}:${P}@${HOST}/d
RAW=\${U}
SHORT=$U
OPEN=${U
SELF=${SELF}x
TAKEN=file
GONE=[${NOBODY}]";
        let environment = |name: &str| match name {
            "HOST" => Some("db".to_owned()),
            "TAKEN" => Some("real".to_owned()),
            _ => None,
        };
        let expanded = expand(&parse(text), &environment);
        let value = |name: &str| {
            let found = expanded.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.as_str()).unwrap_or_else(|| panic!("{name}"))
        };
        assert_eq!(value("URL"), "postgresql://me:ameb@db/d");
        assert_eq!(value("RAW"), "${U}");
        assert_eq!(value("SHORT"), "$U");
        assert_eq!(value("OPEN"), "${U");
        assert_eq!(value("TAKEN"), "real");
        assert_eq!(value("GONE"), "[]");
        assert!(value("SELF").ends_with('x'));
    }
}
