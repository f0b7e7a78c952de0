//! The text of a `migration.sql`, as Prisma's command line reads it.
//!
//! Since 6.6 that is Node's UTF-8 decoding: a byte that is not UTF-8 becomes U+FFFD, before the
//! text is hashed and sent. A byte order mark stays, and PostgreSQL refuses it (42601): callers
//! tell that before they send anything, because the file cannot be changed once it is applied.

use crate::Checksum;

/// A migration's script: its text, and what reading it revealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    text: String,
    is_lossy: bool,
}

/// How a text ends its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEndings {
    /// At most one line.
    None,
    /// `\n` alone.
    Lf,
    /// `\r\n` alone.
    CrLf,
    /// Both.
    Mixed,
}

impl Script {
    /// Reads a file's bytes. Never fails: what is not UTF-8 becomes U+FFFD, as under Prisma.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        match String::from_utf8_lossy(bytes) {
            std::borrow::Cow::Borrowed(text) => Self { text: text.to_owned(), is_lossy: false },
            std::borrow::Cow::Owned(text) => Self { text, is_lossy: true },
        }
    }

    /// The same of bytes that nobody needs any more: text is not copied.
    pub fn of(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self { text, is_lossy: false },
            Err(error) => Self::from_bytes(error.as_bytes()),
        }
    }

    /// The text to hash, read and send, with its byte order mark if it has one.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the file holds bytes that are not UTF-8, so that the text is not what was written.
    pub fn is_lossy(&self) -> bool {
        self.is_lossy
    }

    /// Whether the text begins with a byte order mark, which PostgreSQL refuses as a syntax error.
    pub fn has_byte_order_mark(&self) -> bool {
        self.text.starts_with('\u{feff}')
    }

    /// Which line endings the text uses.
    pub fn line_endings(&self) -> LineEndings {
        let crlf = self.text.matches("\r\n").count();
        match (crlf, self.text.matches('\n').count() - crlf) {
            (0, 0) => LineEndings::None,
            (0, _) => LineEndings::Lf,
            (_, 0) => LineEndings::CrLf,
            (_, _) => LineEndings::Mixed,
        }
    }

    /// What a new ledger row keeps.
    pub fn checksum(&self) -> Checksum {
        Checksum::of(&self.text)
    }

    /// Whether a ledger row with this checksum was written for this script, whatever git did to
    /// its line endings since.
    ///
    /// Like Prisma, the text is also tried with `\r\n` turned into `\n`, and with every `\n`
    /// turned into `\r\n`: in a text with mixed endings the latter gives `\r\r\n`, so such a file
    /// counts as edited after git has made all its endings `\r\n`.
    pub fn matches_checksum(&self, stored: &str) -> bool {
        self.checksum().is(stored)
            || (self.text.contains('\n')
                && (Checksum::of(&self.text.replace("\r\n", "\n")).is(stored)
                    || Checksum::of(&self.text.replace('\n', "\r\n")).is(stored)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> Script {
        Script::from_bytes(text.as_bytes())
    }

    /// Each verdict is what `diagnoseMigrationHistory` of engine 7.10 said.
    #[test]
    fn line_endings_do_not_make_an_edit() {
        let of = |text: &str| Checksum::of(text).to_string();
        let mixed = script("select 1;\r\nselect 2;\nselect 3;\n");
        assert!(mixed.matches_checksum(&of("select 1;\r\nselect 2;\nselect 3;\n")));
        assert!(mixed.matches_checksum(&of("select 1;\nselect 2;\nselect 3;\n")));
        assert!(mixed.matches_checksum(&of("select 1;\r\r\nselect 2;\r\nselect 3;\r\n")));
        assert!(!mixed.matches_checksum(&of("select 1;\r\nselect 2;\r\nselect 3;\r\n")));

        let lf = script("select 7;\n");
        assert!(lf.matches_checksum(&of("select 7;\r\n")));
        assert!(!lf.matches_checksum(&of("select 7;")));
        assert!(!lf.matches_checksum(""));
        assert!(script("select 7;\r\n").matches_checksum(&of("select 7;\n")));
    }

    #[test]
    fn tells_what_the_bytes_were() {
        let latin1 = Script::from_bytes(b"-- caf\xe9\n");
        assert!(latin1.is_lossy());
        assert_eq!(latin1.text(), "-- caf\u{fffd}\n");
        assert_eq!(Script::of(b"-- caf\xe9\n".to_vec()), latin1);
        assert_eq!(latin1.checksum(), Checksum::of("-- caf\u{fffd}\n"));

        let marked = Script::from_bytes(b"\xef\xbb\xbfselect 1;\r\n");
        assert!(marked.has_byte_order_mark() && !marked.is_lossy());
        assert_eq!(marked.line_endings(), LineEndings::CrLf);
        assert_eq!(script("a\r\nb\n").line_endings(), LineEndings::Mixed);
        assert_eq!(script("a\nb\n").line_endings(), LineEndings::Lf);
        assert_eq!(script("a").line_endings(), LineEndings::None);
    }
}
