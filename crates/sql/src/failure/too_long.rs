//! Names that are longer than PostgreSQL keeps: it cuts them, and says so in a notice that nobody reads.
//!
//! Only an enum's values are refused (42602). Two names that are alike in their first 63 bytes collide, which
//! the parser shows us as it shows it to the server, already cut.

use std::ops::Range;

use pg_query::protobuf::Token as Kind;
use underpin_catalog::Name;

use super::{Asked, Certainty, Failure, FailureKind};
use crate::effect::{Effect, TypeKind};
use crate::statement::{Statement, tokens};

/// A name that PostgreSQL cuts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LongName {
    /// As it is written, without quotes.
    pub written: String,
    /// What is left of it.
    pub kept: String,
    /// The bytes of the statement's text.
    pub bytes: Range<usize>,
}

/// The names in a statement that PostgreSQL cuts, each once.
pub fn long_names(statement: &Statement) -> Vec<LongName> {
    let text = &statement.text;
    if !has_long_word(text) {
        return Vec::new();
    }
    let mut all: Vec<LongName> = Vec::new();
    for token in tokens(text) {
        let own = &text[token.start..token.end];
        // With quotes or without, it is an identifier; a keyword is never as long.
        if token.kind != Kind::Ident || own.len() <= Name::BYTES_MAX {
            continue;
        }
        let written = match own.strip_prefix('"').and_then(|own| own.strip_suffix('"')) {
            Some(inner) => inner.replace("\"\"", "\""),
            None => own.to_ascii_lowercase(),
        };
        if written.len() <= Name::BYTES_MAX || all.iter().any(|known| known.written == written) {
            continue;
        }
        let kept = Name::new(&written).with_suffix("").as_str().to_owned();
        all.push(LongName { kept, written, bytes: token.start..token.end });
    }
    all
}

pub(super) fn find(asked: &Asked<'_>, found: &mut Vec<Failure>) {
    for (at, effect) in asked.statement.effects.iter().enumerate() {
        let (name, values): (_, Vec<&String>) = match effect {
            Effect::CreateType { name, kind: TypeKind::Enum { values } } => (name, values.iter().collect()),
            Effect::AddEnumValue { name, value, .. } => (name, vec![value]),
            Effect::RenameEnumValue { name, to, .. } => (name, vec![to]),
            _ => continue,
        };
        if let Some(value) = values.into_iter().find(|value| value.len() > Name::BYTES_MAX) {
            found.push(Failure {
                kind: FailureKind::NameTooLong,
                sqlstate: "42602",
                certainty: Certainty::Certain,
                object: name.shown(),
                why: format!("the value {value} has {} bytes, and a value has at most 63", value.len()),
                check: None,
                culprits: None,
                table: None,
                columns: Vec::new(),
                effect: at,
                bytes: None,
            });
        }
    }
}

/// Whether anything in the text could be a name of that length.
fn has_long_word(text: &str) -> bool {
    let mut run = 0;
    text.bytes().any(|byte| {
        let ends = matches!(byte, b'\n' | b',' | b'(' | b')' | b'\'' | b'"' | b';');
        run = if ends { 0 } else { run + 1 };
        run > Name::BYTES_MAX
    })
}
