//! The words of a deparsed default, cut as Prisma's engine cuts them.
//!
//! It is its own idea of SQL, with gaps that decide what it takes for a constant: a word begins with an ASCII
//! letter, may have hyphens in it, and ends after an `e` that no letter or digit follows; anything unusual makes
//! the default one of the database.

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One of `,()[]{}-.`
    Sign(char),
    /// `::`
    Cast,
    /// `'…'`
    Literal,
    /// `"…"`
    QuotedName,
    /// Digits without sign and point.
    Digits,
    /// An unquoted word.
    Word,
    /// White space.
    Blank,
    /// Anything else.
    Other,
}

/// Reads a text piece by piece.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    pieces: Vec<(Kind, &'a str)>,
    position: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some(first) = rest.chars().next() {
            let (kind, length) = piece(rest, first);
            let (piece, behind) = rest.split_at(length);
            pieces.push((kind, piece));
            rest = behind;
        }
        Self { pieces, position: 0 }
    }

    /// What comes next, blanks left out.
    pub(super) fn peek(&self) -> Option<Kind> {
        self.ahead().map(|at| self.pieces[at].0)
    }

    /// Whether that is what comes next.
    pub(super) fn is_at(&self, kind: Kind) -> bool {
        self.peek() == Some(kind)
    }

    /// Takes what comes next.
    pub(super) fn take(&mut self) -> Option<(Kind, &'a str)> {
        let at = self.ahead()?;
        self.position = at + 1;
        Some(self.pieces[at])
    }

    /// Takes what comes next if it is of the kind.
    pub(super) fn expect(&mut self, kind: Kind) -> Option<&'a str> {
        if self.is_at(kind) { self.take().map(|(_, text)| text) } else { None }
    }

    /// Whether all is read. Prisma lets a last piece lie.
    pub(super) fn is_finished(&self) -> bool {
        self.position + 1 >= self.pieces.len()
    }

    fn ahead(&self) -> Option<usize> {
        let rest = self.pieces.iter().enumerate().skip(self.position);
        rest.map(|(at, (kind, _))| (at, kind)).find(|(_, kind)| **kind != Kind::Blank).map(|(at, _)| at)
    }
}

/// The first piece of a text that begins with a sign: its kind, and its length in bytes.
fn piece(text: &str, first: char) -> (Kind, usize) {
    let while_is = |is: fn(char) -> bool| text.find(|sign| !is(sign)).unwrap_or(text.len());
    let is_in_word = |sign: char| sign.is_ascii_alphanumeric() || sign == '_' || sign == '-';
    match first {
        ',' | '(' | ')' | '[' | ']' | '{' | '}' | '-' | '.' => (Kind::Sign(first), 1),
        // What follows a single colon is not looked at.
        ':' => {
            if text.starts_with("::") {
                (Kind::Cast, 2)
            } else {
                (Kind::Other, text.len())
            }
        }
        '\'' => quoted(text, Kind::Literal, |signs, sign| sign == '\'' && signs.next_if_eq(&'\'').is_none()),
        '"' => quoted(text, Kind::QuotedName, |signs, sign| {
            if sign == '\\' {
                signs.next();
            }
            sign == '"'
        }),
        'e' | 'E' if !text[1..].starts_with(|next: char| next.is_ascii_alphanumeric()) => (Kind::Word, 1),
        _ if first.is_ascii_digit() => (Kind::Digits, while_is(|sign| sign.is_ascii_digit())),
        _ if first.is_ascii_whitespace() => (Kind::Blank, while_is(|sign| sign.is_ascii_whitespace())),
        _ if first.is_ascii_alphabetic() => (Kind::Word, while_is(is_in_word)),
        _ => (Kind::Other, first.len_utf8()),
    }
}

type Signs<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// A quoted piece up to the sign that ends it; `ends` may take signs that belong to one before.
fn quoted(text: &str, kind: Kind, mut ends: impl FnMut(&mut Signs<'_>, char) -> bool) -> (Kind, usize) {
    let mut signs = text.chars().peekable();
    signs.next();
    while let Some(sign) = signs.next() {
        if ends(&mut signs, sign) {
            let rest: usize = signs.map(char::len_utf8).sum();
            return (kind, text.len() - rest);
        }
    }
    (Kind::Other, text.len())
}
