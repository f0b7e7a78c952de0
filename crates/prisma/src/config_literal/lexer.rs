//! The words of a JavaScript or TypeScript text, as far as a literal configuration needs them.

/// One word, with its byte offset.
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) offset: usize,
}

#[derive(PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// An identifier, keyword or number.
    Word(&'a str),
    /// A string, or a template without holes, its escapes resolved.
    String(String),
    /// A template with holes, or a string that is not closed.
    Computed,
    /// Punctuation; of more than one character where that changes the meaning.
    Symbol(&'a str),
}

const LONG_SYMBOLS: [&str; 9] = ["...", "??=", "||=", "===", "??", "||", "?.", "=>", "=="];

/// All words of a text; comments are left out. A regular expression is not told from a division,
/// so quotes in one lead to [`Kind::Computed`] at worst.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut offset = 0;
    while let Some(first) = text[offset..].chars().next() {
        let rest = &text[offset..];
        let through = |end: &str| rest.find(end).map_or(rest.len(), |found| found + end.len());
        let (kind, length) = if rest.starts_with("//") {
            (None, through("\n"))
        } else if rest.starts_with("/*") {
            (None, through("*/"))
        } else if "'\"`".contains(first) {
            let (kind, length) = quoted(rest, first);
            (Some(kind), length)
        } else if is_word(first) {
            let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            (Some(Kind::Word(&rest[..length])), length)
        } else if first.is_whitespace() {
            (None, first.len_utf8())
        } else {
            let long = LONG_SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
            let length = long.map_or(first.len_utf8(), |symbol| symbol.len());
            (Some(Kind::Symbol(&rest[..length])), length)
        };
        tokens.extend(kind.map(|kind| Token { kind, offset }));
        offset += length;
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// What the string at the start of `text` is, and its length.
fn quoted<'a>(text: &str, quote: char) -> (Kind<'a>, usize) {
    let mut value = String::new();
    let mut has_holes = false;
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((index, character)) = characters.next() {
        match character {
            c if c == quote => {
                let kind = if has_holes { Kind::Computed } else { Kind::String(value) };
                return (kind, index + 1);
            }
            '\n' if quote != '`' => return (Kind::Computed, index),
            '$' if quote == '`' && characters.peek().is_some_and(|(_, next)| *next == '{') => {
                has_holes = true;
            }
            '\\' => match characters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, 'r')) => value.push('\r'),
                // Code points and line continuations are rare enough to be left to Node.
                Some((_, 'u' | 'x' | '0'..='9' | '\n')) => has_holes = true,
                Some((_, other)) => value.push(other),
                None => {}
            },
            other => value.push(other),
        }
    }
    (Kind::Computed, text.len())
}
