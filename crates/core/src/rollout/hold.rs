//! Which pending migrations are executed, and which wait, and why.

use std::collections::BTreeSet;

use serde::Serialize;
use underpin_catalog::{Name, RelationName};

/// A migration that is pending, as far as this decision needs it.
#[derive(Clone, Debug)]
pub struct Waiting<'a> {
    /// The folder's name.
    pub folder: &'a str,
    /// Whether it waits for its gates, and whether they have been passed.
    pub hold: HoldState,
    /// The relations that it names.
    pub names: BTreeSet<RelationName>,
}

/// Whether a migration waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldState {
    /// It is no phase that is held, or it is released.
    Free,
    /// Its gates have not been passed.
    Held,
    /// Its rollout was led back.
    Aborted,
    /// It has begun: what is half done is finished.
    Begun,
}

/// Why a pending migration is not executed now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Why {
    /// It takes away what running releases may need.
    Gates,
    /// Its rollout was led back to where it began.
    Aborted,
    /// It names a relation that a migration before it names, which is not executed, and the order may matter.
    Behind {
        /// The one that it waits for.
        migration: String,
        /// The relation.
        relation: String,
    },
}

/// For each pending migration why it waits, `None` when it is executed.
///
/// A later one may be executed before a held one when neither can tell: when no relation is named by both, or when
/// both orders end alike. Which do is asked of `commute`: whether the migration at the second place may come before
/// the one at the first, when those at the other places wait.
pub fn held(
    pending: &[Waiting<'_>],
    namespace: &Name,
    commute: impl Fn(usize, usize, &[usize]) -> bool,
) -> Vec<Option<Why>> {
    let mut kept: Vec<(usize, BTreeSet<RelationName>)> = Vec::new();
    pending
        .iter()
        .enumerate()
        .map(|(own, migration)| {
            let names: BTreeSet<_> =
                migration.names.iter().map(|name| in_namespace(name, namespace)).collect();
            let why = match migration.hold {
                HoldState::Begun => None,
                HoldState::Held => Some(Why::Gates),
                HoldState::Aborted => Some(Why::Aborted),
                HoldState::Free => kept.iter().find_map(|(before, theirs)| {
                    let relation = names.intersection(theirs).next()?;
                    let waiting: Vec<usize> = kept.iter().map(|(at, _)| *at).collect();
                    let migration = pending[*before].folder.to_owned();
                    (!commute(*before, own, &waiting))
                        .then(|| Why::Behind { migration, relation: relation.shown() })
                }),
            };
            // What an aborted rollout would do is not going to happen, so nothing waits for it.
            if matches!(why, Some(Why::Gates | Why::Behind { .. })) {
                kept.push((own, names));
            }
            why
        })
        .collect()
}

fn in_namespace(name: &RelationName, namespace: &Name) -> RelationName {
    let namespace = name.namespace.clone().unwrap_or_else(|| namespace.clone());
    RelationName { namespace: Some(namespace), name: name.name.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting<'a>(folder: &'a str, hold: HoldState, names: &[&str]) -> Waiting<'a> {
        Waiting { folder, hold, names: names.iter().map(|name| RelationName::bare(*name)).collect() }
    }

    #[test]
    fn what_shares_no_relation_with_what_is_held_goes_on() {
        let pending = [
            waiting("1", HoldState::Free, &["User"]),
            waiting("2", HoldState::Held, &["User"]),
            waiting("3", HoldState::Free, &["Order"]),
            waiting("4", HoldState::Free, &["User", "Tag"]),
            waiting("5", HoldState::Free, &["Tag"]),
            waiting("6", HoldState::Aborted, &["Gone"]),
            waiting("7", HoldState::Free, &["Gone"]),
            waiting("8", HoldState::Begun, &["User"]),
        ];
        let why = held(&pending, &Name::new("public"), |_, _, _| false);
        let behind = |migration: &str, relation: &str| {
            Some(Why::Behind { migration: migration.to_owned(), relation: relation.to_owned() })
        };
        let expected = [
            None,
            Some(Why::Gates),
            None,
            behind("2", "public.User"),
            behind("4", "public.Tag"),
            Some(Why::Aborted),
            None,
            None,
        ];
        assert_eq!(why, expected);
        // The order of 4 and 2 does not matter; then nobody waits for 4.
        let why = held(&pending, &Name::new("public"), |before, own, waiting| {
            assert_eq!(waiting, [1]);
            (before, own) == (1, 3)
        });
        assert_eq!((&why[3], &why[4]), (&None, &None));
    }
}
