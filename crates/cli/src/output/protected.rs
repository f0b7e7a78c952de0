//! What no Prisma schema can say, and what becomes of it: lines for a person, entries of an object.
//!
//! What something happens to is told one by one; what stays as it is, by its number. The entries of the object
//! are all of them.

use std::collections::BTreeMap;

use serde::Serialize;
use underpin_catalog::object::{ObjectKey, ObjectKind};
use underpin_prisma::migrate::{Cause, Fate, Protected};

use super::consequences::hanging;
use super::lint::facts::clean;
use super::lint::several;

/// So many are told one by one.
const LINES_MAX: usize = 20;

/// An object that no schema can say.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ProtectedTold {
    object: ObjectKey,
    cannot_say: &'static str,
    fate: FateTold,
    /// What it goes with, or is in the way of.
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<ObjectKey>,
    #[serde(skip)]
    cause: Cause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum FateTold {
    /// Nothing happens to it.
    Untouched,
    /// Prisma's script drops it, or what of it no schema can say.
    Dropped,
    /// Prisma's script would, and ours does not.
    Spared,
    GoesWith,
    InTheWay,
    /// It is on the other side, and no script of Prisma's makes it.
    NotMade,
}

impl ProtectedTold {
    /// What Prisma's script does to it.
    pub(crate) fn by_prisma(protected: &Protected) -> Self {
        Self::of(protected, FateTold::Dropped)
    }

    /// What ours does to it, from which its drop was taken out.
    pub(crate) fn by_us(protected: &Protected) -> Self {
        Self::of(protected, FateTold::Spared)
    }

    /// It is there in the end alone.
    pub(crate) fn not_made(protected: &Protected) -> Self {
        Self { fate: FateTold::NotMade, other: None, ..Self::of(protected, FateTold::Dropped) }
    }

    fn of(protected: &Protected, dropped: FateTold) -> Self {
        let (fate, other) = match &protected.fate {
            Fate::Untouched => (FateTold::Untouched, None),
            Fate::Dropped => (dropped, None),
            Fate::GoesWith(other) => (FateTold::GoesWith, Some(other.clone())),
            Fate::InTheWay(other) => (FateTold::InTheWay, Some(other.clone())),
        };
        Self {
            object: protected.object.clone(),
            cannot_say: code(protected.cause),
            fate,
            other,
            cause: protected.cause,
        }
    }

    /// Whether it stays as it is, and nobody would have it otherwise.
    fn is_untouched(&self) -> bool {
        self.fate == FateTold::Untouched
    }

    /// `None` when nothing happens to it.
    fn sentence(&self) -> Option<String> {
        let (object, cause) = (&self.object, self.cause.words());
        let other = self.other.as_ref().map(ToString::to_string).unwrap_or_default();
        Some(match self.fate {
            FateTold::Untouched => return None,
            FateTold::Dropped => format!(
                "{object} is taken away, because Prisma cannot say {cause}; `underpin create` leaves it as it is"
            ),
            FateTold::Spared => {
                format!("{object} is spared: Prisma would take it away, because it cannot say {cause}")
            }
            FateTold::GoesWith => format!("{object} goes with {other}, and no schema brings it back"),
            FateTold::InTheWay => {
                format!("{object} may be in the way of {other}: PostgreSQL refuses the step then")
            }
            FateTold::NotMade => format!("{object} is not made: Prisma cannot say {cause}"),
        })
    }
}

/// In a word, for machines.
fn code(cause: Cause) -> &'static str {
    match cause {
        Cause::Kind => "kind",
        Cause::Condition => "condition",
        Cause::Expression => "expression",
        Cause::Included => "included_columns",
        Cause::Comparison => "comparison",
        Cause::Method => "method",
        Cause::Deferral => "deferral",
        Cause::Generated => "generated",
    }
}

/// What happens to them, with an empty line at its end; nothing when nothing does. `and_untouched` counts those
/// too that nothing happens to.
pub(crate) fn part(told: &[ProtectedTold], and_untouched: bool, columns: usize) -> String {
    let mut sentences: Vec<String> = told.iter().filter_map(ProtectedTold::sentence).collect();
    if sentences.len() > LINES_MAX {
        let more = sentences.len() - LINES_MAX;
        sentences.truncate(LINES_MAX);
        sentences.push(format!("and {more} more, which --json lists"));
    }
    let stay = counted(told.iter().filter(|one| one.is_untouched()));
    if and_untouched && !stay.is_empty() {
        sentences.push(format!("untouched: {stay}"));
    }
    if sentences.is_empty() {
        return String::new();
    }
    let mut part = String::from("protected: what no Prisma schema can say\n");
    for sentence in sentences {
        part.push_str(&format!("  {}\n", hanging(&clean(&sentence), 4, columns)));
    }
    part.push('\n');
    part
}

/// `2 indexes, 1 view`; empty when there are none.
pub(crate) fn counted<'a>(told: impl Iterator<Item = &'a ProtectedTold>) -> String {
    let mut kinds: BTreeMap<&ObjectKind, usize> = BTreeMap::new();
    for one in told {
        *kinds.entry(&one.object.kind).or_default() += 1;
    }
    let words = |(kind, count): (&ObjectKind, usize)| match (kind, count) {
        (ObjectKind::Index, more @ 2..) => format!("{more} indexes"),
        (ObjectKind::Policy, more @ 2..) => format!("{more} policies"),
        (ObjectKind::Statistics, count) => format!("{count} statistics"),
        (kind, count) => several(count, &kind.to_string()),
    };
    kinds.into_iter().map(words).collect::<Vec<_>>().join(", ")
}
