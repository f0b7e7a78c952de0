//! What comes, goes and changes by a step, in words for a person.

use std::fmt;

/// One thing that comes, goes or changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which of the three.
    pub kind: Kind,
    /// What it is: `column`, `unique index`, `foreign key`.
    pub object: &'static str,
    /// Its name in the database, as it is before.
    pub name: String,
    /// What it is made of, or what becomes of it.
    pub detail: String,
}

/// What becomes of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It is not there before.
    Comes,
    /// It is not there behind.
    Goes,
    /// It is there before and behind, and is not the same.
    Changes,
}

impl Kind {
    /// `+`, `-` or `~`.
    pub fn sign(self) -> char {
        match self {
            Self::Comes => '+',
            Self::Goes => '-',
            Self::Changes => '~',
        }
    }

    /// As JSON has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Comes => "comes",
            Self::Goes => "goes",
            Self::Changes => "changes",
        }
    }
}

impl Change {
    pub(super) fn comes(object: &'static str, name: &str, detail: impl Into<String>) -> Self {
        Self { kind: Kind::Comes, object, name: name.to_owned(), detail: detail.into() }
    }

    pub(super) fn goes(object: &'static str, name: &str, detail: impl Into<String>) -> Self {
        Self { kind: Kind::Goes, ..Self::comes(object, name, detail) }
    }

    pub(super) fn changes(object: &'static str, name: &str, detail: impl Into<String>) -> Self {
        Self { kind: Kind::Changes, ..Self::comes(object, name, detail) }
    }
}

/// `+ column note: TEXT`
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.kind.sign(), self.object, self.name)?;
        match self.detail.as_str() {
            "" => Ok(()),
            detail => write!(f, ": {detail}"),
        }
    }
}
