//! A piece of a file that may hold a command, as text of the same length.
//!
//! Everything that is not part of the value (quotes, escapes, brackets of a list) is blanked, not
//! removed: so an offset in the piece is an offset in the file, and a finding points at the bytes that
//! somebody wrote, whatever the format around them.

/// A value of a structured file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    /// The keys that lead to it; elements of lists are numbers.
    pub(super) path: Vec<String>,
    /// Where it begins in the file, bytes.
    pub(super) at: usize,
    /// Its text, as long as what stands in the file.
    pub(super) text: String,
}

impl Leaf {
    /// Whether it stands at `keys`; `*` is any key.
    pub(super) fn is_at(&self, keys: &[&str]) -> bool {
        self.path.len() == keys.len() && self.is_below(keys)
    }

    /// Whether its path begins with `keys`; `*` is any key.
    pub(super) fn is_below(&self, keys: &[&str]) -> bool {
        self.path.len() >= keys.len()
            && self.path.iter().zip(keys).all(|(key, wanted)| *wanted == "*" || key == wanted)
    }

    /// The value alone.
    pub(super) fn value(&self) -> &str {
        self.text.trim()
    }
}

/// The inside of a quoted text: `\"` becomes a blank and a quote, and an escaped line end two blanks.
pub(super) fn unescaped(inside: &str) -> String {
    let mut text = String::with_capacity(inside.len());
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        text.push(' ');
        match characters.next() {
            Some('n' | 't' | 'r') => text.push(' '),
            Some(other) => text.push(other),
            None => {}
        }
    }
    text
}

/// A list in brackets, `["sh", "-c", "a && b"]`, as the words of one command. A word with blanks in it
/// keeps its quotes, so that it stays one word.
pub(super) fn list_as_command(list: &str) -> String {
    let mut text = String::with_capacity(list.len());
    let mut rest = list;
    while let Some(character) = rest.chars().next() {
        if character != '"' && character != '\'' {
            let blank = matches!(character, '[' | ']' | ',');
            text.push(if blank { ' ' } else { character });
            rest = &rest[character.len_utf8()..];
            continue;
        }
        let inside = &rest[1..];
        let length = closing(inside, character).unwrap_or(inside.len());
        let word = &inside[..length];
        let quote = if word.contains(char::is_whitespace) { character } else { ' ' };
        text.push(quote);
        // The quotes that remain must be seen as quotes by the shell's reader, and inner ones must not.
        text.push_str(word);
        if length < inside.len() {
            text.push(quote);
        }
        rest = &rest[(1 + length + 1).min(rest.len())..];
    }
    text
}

/// Where a quoted text ends, from behind its first quote.
pub(super) fn closing(inside: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, character) in inside.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            _ if character == quote => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_changes_its_place() {
        for inside in [r#"a \"b\" c"#, r"x\ny", "é\\"] {
            assert_eq!(unescaped(inside).len(), inside.len(), "{inside}");
        }
        assert_eq!(unescaped(r#"a \"b\" c"#), r#"a  "b " c"#);
    }

    #[test]
    fn a_list_becomes_a_command() {
        let list = r#"["sh", "-c", "npx prisma migrate deploy && node x"]"#;
        let command = list_as_command(list);
        assert_eq!(command.len(), list.len());
        assert_eq!(command.trim(), r#"sh    -c   "npx prisma migrate deploy && node x""#);
        assert_eq!(list_as_command("[\"broken").len(), "[\"broken".len());
    }
}
