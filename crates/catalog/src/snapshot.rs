//! The JSON form of a catalog. It is stable: within one version of the form, keys are only added.
//!
//! Objects are sorted and each has a line of its own, so that a diff of two snapshots can be read.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::attributes::Attributes;
use crate::difference::not_compared;
use crate::facts::Facts;
use crate::object::{ObjectKey, ObjectKind};

/// The version of the form.
pub const SNAPSHOT_VERSION: u32 = 1;

#[derive(Serialize)]
struct ObjectLine<'a> {
    kind: &'a ObjectKind,
    identity: &'a str,
    hash: String,
    attributes: &'a Attributes,
}

impl Facts {
    /// How many objects there are of each kind, in the order of kinds.
    pub fn counts(&self) -> BTreeMap<&ObjectKind, usize> {
        let mut counts = BTreeMap::new();
        for (key, _) in self.objects() {
            *counts.entry(&key.kind).or_default() += 1;
        }
        counts
    }

    /// The snapshot as JSON text, with a line feed at its end. It comes in pieces, one for each object: the
    /// whole is tens of megabytes for a large database.
    pub fn to_snapshot(&self) -> impl Iterator<Item = String> {
        let modelled = self.objects().filter(|(key, _)| !matches!(key.kind, ObjectKind::Unmodelled(_)));
        let line = |(key, attributes): (&ObjectKey, &Attributes)| {
            let hash = self.hash_of(key).expect("the object is one of these facts");
            json(&ObjectLine { kind: &key.kind, identity: &key.identity, hash, attributes })
        };
        let begin = format!(
            "{{\n\"version\": {SNAPSHOT_VERSION},\n\"postgresql\": {},\n\"hash\": {},\n\"objects\": ",
            self.major,
            json(&self.hash()),
        );
        let piece = |text: &str| std::iter::once(text.to_owned());
        std::iter::once(begin)
            .chain(list(modelled.map(line)))
            .chain(piece(",\n\"not_compared\": "))
            .chain(list(not_compared(self).map(json)))
            .chain(piece("\n}\n"))
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("facts are made of JSON")
}

fn list(lines: impl Iterator<Item = String>) -> impl Iterator<Item = String> {
    let lines = lines.enumerate().map(|(at, line)| format!("{}{line}", if at == 0 { "[\n" } else { ",\n" }));
    let mut lines = lines.peekable();
    let end = if lines.peek().is_some() { "\n]" } else { "[\n]" };
    lines.chain(std::iter::once(end.to_owned()))
}
