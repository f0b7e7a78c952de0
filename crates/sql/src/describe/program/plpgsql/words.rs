//! Words and signs of a body, by their place.

use std::ops::Range;

use crate::statement::Token;

use super::{Reader, Refused};

impl Reader<'_> {
    pub(super) fn span(&self, first: usize, behind: usize) -> Range<usize> {
        match (self.tokens.get(first), behind.checked_sub(1).and_then(|last| self.tokens.get(last))) {
            (Some(first), Some(last)) if first.start < last.end => first.start..last.end,
            (Some(first), _) => first.start..first.start,
            (None, _) => self.text.len()..self.text.len(),
        }
    }

    pub(super) fn slice(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &self.text[token.start..token.end])
    }

    /// The word some tokens ahead, as PostgreSQL folds it.
    pub(super) fn word(&self, ahead: usize) -> Option<String> {
        self.word_at(self.at + ahead)
    }

    pub(super) fn word_at(&self, at: usize) -> Option<String> {
        word_of(self.text, *self.tokens.get(at)?)
    }

    /// The same when it is not in quotes, which keywords never are.
    pub(super) fn keyword(&self, ahead: usize) -> Option<String> {
        self.word(ahead).filter(|_| !self.slice(self.at + ahead).starts_with('"'))
    }

    pub(super) fn sign_is(&self, ahead: usize, sign: &str) -> bool {
        self.sign_at(self.at + ahead, sign)
    }

    pub(super) fn sign_at(&self, at: usize, sign: &str) -> bool {
        self.slice(at) == sign
    }

    pub(super) fn expect(&mut self, keyword: &str) -> Result<(), Refused> {
        if self.keyword(0).as_deref() != Some(keyword) {
            return Err(self.refused());
        }
        self.at += 1;
        Ok(())
    }

    /// The next of the signs or words that is not in parentheses.
    pub(super) fn find(&self, marks: &[&str]) -> Result<usize, Refused> {
        self.find_before(marks, self.tokens.len()).ok_or_else(|| self.refused())
    }

    pub(super) fn find_before(&self, marks: &[&str], end: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for at in self.at..end.min(self.tokens.len()) {
            let found = self.slice(at);
            if depth == 0 && marks.iter().any(|mark| found.eq_ignore_ascii_case(mark)) {
                return Some(at);
            }
            match found {
                "(" | "[" => depth += 1,
                ")" | "]" => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        None
    }

    pub(super) fn declare_words(&mut self, tokens: Range<usize>) {
        for at in tokens {
            let name = self.word_at(at);
            self.body.variables.extend(name);
        }
    }

    /// `ROLLBACK TO`, which only SQL has.
    pub(super) fn is_savepoint(&self) -> bool {
        self.keyword(1).as_deref() == Some("to")
    }

    pub(super) fn refused(&self) -> Refused {
        Refused { at: self.tokens.get(self.at).map_or(self.text.len(), |token| token.start) }
    }

    pub(super) fn collect_row_columns(&mut self) {
        for at in 0..self.tokens.len() {
            let of_row = matches!(self.word_at(at).as_deref(), Some("new" | "old"));
            if of_row
                && self.sign_at(at + 1, ".")
                && let Some(column) = self.word_at(at + 2)
            {
                self.body.row_columns.insert(column);
            }
        }
    }
}

/// What a token means as a name: folded to lower case, or what stands in quotes.
pub(super) fn word_of(text: &str, token: Token) -> Option<String> {
    let text = &text[token.start..token.end];
    if let Some(quoted) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return Some(quoted.replace("\"\"", "\""));
    }
    let first = text.chars().next()?;
    (first.is_alphabetic() || first == '_').then(|| text.to_lowercase())
}
