//! What else a file does, and to what.
//!
//! Rules ask what their file does to the same table, before a statement or behind it. Whoever looked through all
//! of the file for each of its statements would take the square of its length, so each effect is filed here once,
//! under its kind and the names that it says. These are names as they are written, without namespaces: what a
//! bare name means depends on the statement that asks, and the rule resolves it. What is inside of DO blocks is not
//! filed.

use underpin_catalog::RelationName;
use underpin_sql::effect::{ConstraintKind, CreateTable, ObjectKind, PolicyChange};
use underpin_sql::{Effect, Statement};

/// The kinds of effects that rules ask for, each with the name, and the part of what has that name, that its
/// effects are filed under. Empty is what a kind does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum EffectKind {
    /// By table and column.
    AddColumn,
    /// By table and the new column's type.
    AddColumnOfType,
    /// By table alone.
    AddColumnTo,
    /// By table.
    AddForeignKey,
    /// Constraints that an index stands behind, by table.
    AddKey,
    /// By table; without a name when all tables are analyzed.
    Analyze,
    /// By table.
    CreateIndex,
    /// By name: made, replaced or dropped.
    CreateOrDropRoutine,
    /// By table.
    CreatePolicy,
    /// By table and column.
    ChangeColumnType,
    /// By name.
    CreateTable,
    /// By table and column.
    DropColumn,
    /// By table and constraint.
    DropConstraint,
    /// By name.
    DropIndex,
    /// By table and column.
    DropNotNull,
    /// By each name that a table gets or gives up.
    NameTable,
    /// Statements whose rows depend on those of another relation, by that one.
    Read,
    /// That fills a materialized view, by name.
    RefreshView,
    /// By table and the column's new name.
    RenameColumn,
    /// DO blocks and calls.
    Run,
    /// By table and column.
    SetDefault,
    /// `BEGIN`, `COMMIT` and their like.
    Transaction,
    /// What we do not describe.
    Unknown,
    /// By table and each of the columns.
    Update,
    /// By table.
    ValidateConstraint,
    /// Statements that put rows into a table or change those that are there, by table.
    Write,
}

/// An effect at its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed<'a> {
    /// Which statement of the file, and which effect of it, from 0.
    pub(crate) place: (usize, usize),
    pub(crate) effect: &'a Effect,
}

/// The effects of a file.
#[derive(Debug)]
pub(crate) struct FileEffects<'a> {
    /// Their keys, in order, and for each the first of its effects.
    keys: Vec<(Key<'a>, usize)>,
    /// Key by key, and for each key in the order of the file.
    filed: Vec<Placed<'a>>,
    /// The tables that are made, in the order of the file.
    tables: Vec<((usize, usize), &'a CreateTable)>,
}

/// Kind, name and part.
type Key<'a> = (EffectKind, &'a str, &'a str);

impl<'a> FileEffects<'a> {
    /// The effects of these statements.
    pub(crate) fn of(statements: &'a [Statement]) -> Self {
        let mut all: Vec<(Key<'a>, Placed<'a>)> = Vec::with_capacity(statements.len());
        let mut tables = Vec::new();
        for (at, statement) in statements.iter().enumerate() {
            for (part, effect) in statement.effects.iter().enumerate() {
                let placed = Placed { place: (at, part), effect };
                each_key(effect, |key| all.push((key, placed)));
                if let Effect::CreateTable(created) = effect {
                    tables.push((placed.place, created));
                }
            }
        }
        all.sort_by_key(|(key, _)| *key);
        let mut keys: Vec<(Key<'a>, usize)> = Vec::new();
        for (at, (key, _)) in all.iter().enumerate() {
            if keys.last().is_none_or(|(last, _)| last != key) {
                keys.push((*key, at));
            }
        }
        Self { keys, filed: all.into_iter().map(|(_, placed)| placed).collect(), tables }
    }

    /// Those of a kind that say these names, in the order of the file.
    pub(crate) fn with(&self, kind: EffectKind, name: &str, part: &str) -> Matching<'_, 'a> {
        let Ok(at) = self.keys.binary_search_by_key(&(kind, name, part), |(key, _)| *key) else {
            return Matching(&[]);
        };
        let end = self.keys.get(at + 1).map_or(self.filed.len(), |(_, end)| *end);
        Matching(&self.filed[self.keys[at].1..end])
    }

    /// The tables that are made with their columns, in the order of the file and with their places.
    pub(crate) fn tables(&self) -> &[((usize, usize), &'a CreateTable)] {
        &self.tables
    }
}

/// Effects in the order of the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matching<'f, 'a>(&'f [Placed<'a>]);

impl<'f, 'a> Matching<'f, 'a> {
    /// Those of the statements before one.
    pub(crate) fn before(self, statement: usize) -> Self {
        Self(&self.0[..self.0.partition_point(|one| one.place < (statement, 0))])
    }

    /// Those of a statement and of all before it.
    pub(crate) fn up_to(self, statement: usize) -> Self {
        self.before(statement + 1)
    }

    /// Those of a statement and of all behind it.
    pub(crate) fn since(self, statement: usize) -> Self {
        Self(&self.0[self.0.partition_point(|one| one.place < (statement, 0))..])
    }

    /// Those behind another effect.
    pub(crate) fn behind(self, other: Placed<'_>) -> Self {
        Self(&self.0[self.0.partition_point(|one| one.place <= other.place)..])
    }

    pub(crate) fn placed(self) -> impl DoubleEndedIterator<Item = Placed<'a>> + use<'f, 'a> {
        self.0.iter().copied()
    }

    pub(crate) fn iter(self) -> impl DoubleEndedIterator<Item = &'a Effect> + use<'f, 'a> {
        self.0.iter().map(|one| one.effect)
    }

    /// Whether there is one like this.
    pub(crate) fn any(self, is: impl FnMut(&'a Effect) -> bool) -> bool {
        self.iter().any(is)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

/// What an effect is filed under.
fn each_key<'a>(effect: &'a Effect, mut file: impl FnMut(Key<'a>)) {
    use EffectKind as Kind;
    let none = "";
    let mut under =
        |kind: Kind, name: &'a RelationName, part: &'a str| file((kind, name.name.as_str(), part));
    match effect {
        Effect::AddColumn(added) => {
            under(Kind::AddColumn, &added.table, added.column.as_str());
            under(Kind::AddColumnOfType, &added.table, &added.to.text);
            under(Kind::AddColumnTo, &added.table, none);
        }
        Effect::AddConstraint(added) => match added.kind {
            ConstraintKind::PrimaryKey | ConstraintKind::Unique => under(Kind::AddKey, &added.table, none),
            ConstraintKind::ForeignKey { .. } => under(Kind::AddForeignKey, &added.table, none),
            ConstraintKind::Check | ConstraintKind::Exclude | ConstraintKind::NotNull => {}
        },
        Effect::Analyze { table } => match table {
            Some(table) => under(Kind::Analyze, table, none),
            None => file((Kind::Analyze, none, none)),
        },
        Effect::CreateIndex(created) => under(Kind::CreateIndex, &created.table, none),
        Effect::CreateRoutine { name, .. } | Effect::Drop { kind: ObjectKind::Routine, name, .. } => {
            under(Kind::CreateOrDropRoutine, name, none);
        }
        Effect::Policy { table, how: PolicyChange::Create { .. }, .. } => {
            under(Kind::CreatePolicy, table, none);
        }
        Effect::CreateTable(created) => {
            under(Kind::CreateTable, &created.table, none);
            under(Kind::NameTable, &created.table, none);
        }
        Effect::DropTable { table, .. } => under(Kind::NameTable, table, none),
        Effect::RenameTable { table, to } => {
            under(Kind::NameTable, table, none);
            file((Kind::NameTable, to.as_str(), none));
        }
        Effect::ChangeColumnType { table, column, .. } => {
            under(Kind::ChangeColumnType, table, column.as_str());
        }
        Effect::RefreshView { view, with_data: true, .. } => under(Kind::RefreshView, view, none),
        Effect::ValidateConstraint { table, .. } => under(Kind::ValidateConstraint, table, none),
        Effect::RenameColumn { table, to, .. } => under(Kind::RenameColumn, table, to.as_str()),
        Effect::DropColumn { table, column, .. } => under(Kind::DropColumn, table, column.as_str()),
        Effect::DropConstraint { table, constraint, .. } => {
            under(Kind::DropConstraint, table, constraint.as_str());
        }
        Effect::DropIndex { index, .. } => under(Kind::DropIndex, index, none),
        Effect::DropNotNull { table, column } => under(Kind::DropNotNull, table, column.as_str()),
        Effect::SetDefault { table, column } => under(Kind::SetDefault, table, column.as_str()),
        Effect::CreateTableAs { table, reads, .. } => {
            under(Kind::NameTable, table, none);
            reads.iter().for_each(|read| under(Kind::Read, read, none));
        }
        Effect::Insert { table, reads, .. } | Effect::Merge { table, reads, .. } => {
            under(Kind::Write, table, none);
            reads.iter().for_each(|read| under(Kind::Read, read, none));
        }
        Effect::Update(changed) => {
            under(Kind::Write, &changed.table, none);
            changed.reads.iter().for_each(|read| under(Kind::Read, read, none));
            for column in &changed.columns {
                under(Kind::Update, &changed.table, column.as_str());
            }
        }
        Effect::Copy { table: Some(table), .. } => under(Kind::Write, table, none),
        Effect::Do(_) | Effect::Call { .. } => file((Kind::Run, none, none)),
        Effect::TransactionControl(_) => file((Kind::Transaction, none, none)),
        Effect::Unknown { .. } => file((Kind::Unknown, none, none)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn effects_are_found_by_what_they_name_and_where_they_stand() {
        let sql = "ALTER TABLE a DROP c, ADD c int; INSERT INTO s.a SELECT * FROM b; ALTER TABLE a ADD c text, ADD d int; \
                   DO $$ BEGIN DROP TABLE a; END $$; CREATE TABLE b (); CREATE TABLE a (); BEGIN";
        let statements = underpin_sql::read(sql).unwrap();
        let effects = FileEffects::of(&statements);
        let places = |all: Matching<'_, '_>| all.placed().map(|one| one.place).collect::<Vec<_>>();
        let added = effects.with(EffectKind::AddColumn, "a", "c");
        assert_eq!(places(added), [(0, 1), (2, 0)]);
        assert_eq!(places(added.before(2)), [(0, 1)]);
        assert_eq!(places(added.up_to(2)), [(0, 1), (2, 0)]);
        assert_eq!(places(added.since(1)), [(2, 0)]);
        let dropped = effects.with(EffectKind::DropColumn, "a", "c").placed().next().unwrap();
        assert_eq!(places(added.behind(dropped)), [(0, 1), (2, 0)]);
        assert_eq!(places(added.behind(added.placed().next().unwrap())), [(2, 0)]);
        assert_eq!(places(effects.with(EffectKind::AddColumnOfType, "a", "integer")), [(0, 1), (2, 1)]);
        assert_eq!(places(effects.with(EffectKind::Write, "a", "")), [(1, 0)]);
        assert_eq!(places(effects.with(EffectKind::Read, "b", "")), [(1, 0)]);
        assert_eq!(places(effects.with(EffectKind::Run, "", "")), [(3, 0)]);
        assert_eq!(places(effects.with(EffectKind::Transaction, "", "")), [(6, 0)]);
        assert!(effects.with(EffectKind::AddColumn, "a", "e").is_empty());
        let made: Vec<_> = effects.tables().iter().map(|(_, made)| made.table.name.as_str()).collect();
        assert_eq!(made, ["b", "a"]);
    }
}
