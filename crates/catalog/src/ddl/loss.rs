//! What a change of a catalog does to the rows.

use std::fmt;

use serde::Serialize;

/// What a change loses, from least to most.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "loses", content = "if", rename_all = "snake_case")]
pub enum Loss {
    /// Nothing.
    Nothing,
    /// Nothing if this holds; otherwise the statement fails, and nothing is lost either.
    NothingIf(String),
    /// Parts of values: digits, microseconds, the order of keys.
    Precision(String),
    /// What was written since the object was made: it goes with the object.
    Contents,
    /// What was in the object before it was dropped: it is made again, empty.
    NotRestored,
}

impl Loss {
    /// The worst of several; of those that depend, all conditions.
    pub(super) fn of_all(losses: Vec<Self>) -> Self {
        losses.into_iter().fold(Self::Nothing, |worst, next| match (worst, next) {
            (Self::NothingIf(one), Self::NothingIf(other)) => Self::NothingIf(format!("{one}, and {other}")),
            (worst, next) => worst.max(next),
        })
    }

    /// The class in one word, as a report counts it.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Nothing => "lossless",
            Self::NothingIf(_) => "lossless-if",
            Self::Precision(_) => "loses-precision",
            Self::Contents => "loses-new-data",
            Self::NotRestored => "irreversible",
        }
    }
}

impl fmt::Display for Loss {
    /// As it stands behind the statement's object in a comment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("loses nothing"),
            Self::NothingIf(condition) => write!(f, "loses nothing, and fails unless {condition}"),
            Self::Precision(what) => write!(f, "loses {what}"),
            Self::Contents => f.write_str("loses what was written to it since"),
            Self::NotRestored => f.write_str("is made again without what was in it"),
        }
    }
}
