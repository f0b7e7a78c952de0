//! Enums that a file makes anew: which of its statements belong to such a swap.
//!
//! Found from the statements alone, once for a file. What they mean on a database is told by the rule
//! `enum-recreated`.

use underpin_catalog::RelationName;
use underpin_sql::effect::{ObjectKind, TypeKind};
use underpin_sql::{Effect, Statement};

/// An enum that a file makes anew.
#[derive(Debug)]
pub(crate) struct EnumSwap {
    /// Its name before and after.
    pub(crate) name: RelationName,
    /// Its name when it was made.
    pub(crate) made: RelationName,
    /// What the old one is called when it is dropped.
    pub(crate) old: RelationName,
    /// The values that it has from then on.
    pub(crate) values: Vec<String>,
    /// The columns that move, as effects: which statement, which effect of it.
    moves: Vec<(usize, usize)>,
}

impl EnumSwap {
    /// The swaps of a file.
    pub(crate) fn all(statements: &[Statement]) -> Vec<Self> {
        // Few effects are about types, and few files have any of them.
        let effects: Vec<Placed<'_>> = statements
            .iter()
            .enumerate()
            .flat_map(|(at, one)| {
                one.effects.iter().enumerate().map(move |(part, effect)| ((at, part), effect))
            })
            .filter(|(_, effect)| match effect {
                Effect::ChangeColumnType { to, .. } => to.user_defined.is_some(),
                Effect::CreateType { .. } => true,
                Effect::Rename { kind, .. } | Effect::Drop { kind, .. } => *kind == ObjectKind::Type,
                _ => false,
            })
            .collect();
        if !effects.iter().any(|(_, effect)| matches!(effect, Effect::ChangeColumnType { .. })) {
            return Vec::new();
        }
        let of = |(place, effect): &Placed<'_>| match effect {
            Effect::CreateType { name, kind: TypeKind::Enum { values } } => {
                swap_of(&effects, *place, name, values)
            }
            _ => None,
        };
        effects.iter().filter_map(of).collect()
    }

    /// The statement that moves the first column.
    pub(crate) fn begins(&self) -> usize {
        self.moves.first().map_or(0, |(at, _)| *at)
    }

    /// The effects that move columns.
    pub(crate) fn moves<'s>(&self, statements: &'s [Statement]) -> impl Iterator<Item = &'s Effect> {
        self.moves.iter().map(|(at, part)| &statements[*at].effects[*part])
    }

    /// Whether the effect is one of the swap.
    pub(crate) fn covers(&self, effect: &Effect) -> bool {
        match effect {
            Effect::ChangeColumnType { to, .. } => {
                to.user_defined.as_ref().is_some_and(|to| is_same(to, &self.made))
            }
            Effect::Rename { kind: ObjectKind::Type, name, .. } => {
                is_same(name, &self.name) || is_same(name, &self.made)
            }
            Effect::Drop { kind: ObjectKind::Type, name, .. } => {
                is_same(name, &self.old) || is_same(name, &self.name)
            }
            _ => false,
        }
    }

    /// It is made under the name that the old one has given up, not renamed to it.
    pub(crate) fn is_made_in_place(&self) -> bool {
        is_same(&self.name, &self.made)
    }
}

/// An effect, with its statement and its place there.
type Placed<'s> = ((usize, usize), &'s Effect);

/// Prisma writes the namespace in some of its statements.
fn is_same(one: &RelationName, other: &RelationName) -> bool {
    let either = one.namespace.is_none() || other.namespace.is_none();
    one.name == other.name && (either || one.namespace == other.namespace)
}

fn swap_of(
    effects: &[Placed<'_>],
    created: (usize, usize),
    made: &RelationName,
    values: &[String],
) -> Option<EnumSwap> {
    let moves: Vec<_> = effects
        .iter()
        .filter(|(_, effect)| {
            matches!(effect, Effect::ChangeColumnType { to, .. }
                if to.user_defined.as_ref().is_some_and(|to| is_same(to, made)))
        })
        .map(|(place, _)| *place)
        .collect();
    if moves.is_empty() {
        return None;
    }
    let renamed = |from: &RelationName| {
        effects.iter().find_map(|(place, effect)| match effect {
            Effect::Rename { kind: ObjectKind::Type, name, to } if is_same(name, from) => {
                Some((*place, from.sibling(to.clone())))
            }
            _ => None,
        })
    };
    let (name, old) = match renamed(made)? {
        // The old one has given up the name before.
        (place, old) if place < created => (made.clone(), old),
        // The old one gives it up later, or is dropped under it.
        (_, name) => {
            let old = renamed(&name).map_or_else(|| name.clone(), |(_, old)| old);
            (name, old)
        }
    };
    let is_dropped = effects
        .iter()
        .any(|(_, effect)| matches!(effect, Effect::Drop { kind: ObjectKind::Type, name, .. } if is_same(name, &old)));
    is_dropped.then(|| EnumSwap { name, made: made.clone(), old, values: values.to_vec(), moves })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use underpin_sql::read;

    use super::*;

    fn swaps(sql: &str) -> Vec<(String, String, usize)> {
        let statements = read(sql).unwrap();
        let told = |swap: &EnumSwap| (swap.name.shown(), swap.old.shown(), swap.begins());
        EnumSwap::all(&statements).iter().map(told).collect()
    }

    #[test]
    fn the_ways_to_make_an_enum_anew_are_one_thing() {
        let later = "CREATE TYPE a_new AS ENUM ('x'); ALTER TABLE t ALTER c TYPE a_new USING (c::text::a_new); \
                     ALTER TYPE a RENAME TO a_old; ALTER TYPE a_new RENAME TO a; DROP TYPE public.a_old";
        assert_eq!(swaps(later), [("a".to_owned(), "a_old".to_owned(), 1)]);
        let before = "ALTER TYPE a RENAME TO a_old; CREATE TYPE a AS ENUM ('x'); \
                      ALTER TABLE t ALTER c TYPE a USING (c::text::a); DROP TYPE a_old";
        assert_eq!(swaps(before), [("a".to_owned(), "a_old".to_owned(), 2)]);
        let dropped = "CREATE TYPE b AS ENUM ('x'); ALTER TABLE t ALTER c TYPE b USING (c::text::b); DROP TYPE a; \
                       ALTER TYPE b RENAME TO a";
        assert_eq!(swaps(dropped), [("a".to_owned(), "a".to_owned(), 1)]);
    }

    #[test]
    fn a_column_that_moves_to_another_enum_is_none() {
        assert!(
            swaps("CREATE TYPE b AS ENUM ('x'); ALTER TABLE t ALTER c TYPE b USING (c::text::b)").is_empty()
        );
        assert!(swaps("CREATE TYPE b AS ENUM ('x'); DROP TYPE a").is_empty());
    }
}
