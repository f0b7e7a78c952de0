//! A stretch of a schema: the file and the bytes.

use std::ops::Range;

/// Where something stands: bytes of one file of a schema. Lines and columns are counted when
/// somebody asks ([`super::Schema::place`]), because nearly nobody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The index of the file in the schema's sources.
    pub file: usize,
    /// The first byte.
    pub start: usize,
    /// The byte behind the last.
    pub end: usize,
}

impl Span {
    /// From the beginning of this to the end of `last`.
    pub(super) fn to(self, last: Self) -> Self {
        Self { end: last.end.max(self.end), ..self }
    }

    /// The bytes.
    pub fn bytes(self) -> Range<usize> {
        self.start..self.end
    }
}
