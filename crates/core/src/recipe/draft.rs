//! A plan that is being made: the two databases in between, and what is put into the files.
//!
//! Both begin as the database before, with what only comes: what a recipe does not touch stays what it is until
//! the last phase, whose text is the way from there to what the schema says. So whatever goes, goes last.

use std::collections::BTreeSet;

use underpin_catalog::{Name, RelationName, Sql, sql};
use underpin_prisma::PrismaCatalog;
use underpin_prisma::migrate::{Column, ColumnType, ForeignKey, Index, Migration, Step, Table, TableChange};

use super::counting::Counted;
use super::keys::Exchange;
use super::moved::{self, Crossing};
use super::names::Answered;
use super::renamed_tables::{Base, bare};
use super::swap::{self, Swap, TypeSwap};
use super::swap_keys::KeySwap;
use super::turn::Turn;
use super::{
    Case, Question, Refill, Refusal, Stop, Used, WrongAnswer, columns, enums, indexes, keys, rename_column,
    reshape, retype, tables,
};
use crate::rollout::{Gone, Phase};
use crate::sync::{Pair, lost, without_value};

/// A plan in the making.
pub(super) struct Draft<'a> {
    pub(super) case: &'a Case<'a>,
    pub(super) base: &'a Base,
    pub(super) answered: &'a Answered,
    pub(super) expanded: PrismaCatalog,
    pub(super) filled: PrismaCatalog,
    pub(super) used: BTreeSet<Used>,
    pub(super) notes: Vec<String>,
    /// What is kept equal, with its table.
    pub(super) pairs: Vec<(RelationName, Pair)>,
    /// The same across tables.
    pub(super) crossings: Vec<Crossing>,
    pub(super) keeps: Vec<Keep>,
    /// Fills before those of the pairs.
    pub(super) first_fills: Vec<Sql>,
    /// Fills without a trigger: what comes is filled by a default of the database.
    pub(super) fills: Vec<Sql>,
    /// The columns whose place another one takes in the last phase.
    pub(super) swaps: Vec<Swap>,
    /// The primary keys over such columns.
    pub(super) key_swaps: Vec<KeySwap>,
    /// The foreign keys over such columns: the table, the name until then, and the one that each gets.
    pub(super) foreign_keys_beside: Vec<(RelationName, Name, Name)>,
    /// The enums likewise.
    pub(super) type_swaps: Vec<TypeSwap>,
    /// The values of enums that go.
    pub(super) turns: Vec<Turn>,
    /// Primary keys that give way to others.
    pub(super) exchanges: Vec<Exchange>,
    /// Columns that get a sequence.
    pub(super) counted: Vec<Counted>,
    /// Those of them that keep their name and get another type.
    pub(super) counting: Vec<(RelationName, Name)>,
    /// What stands before and behind Prisma's own migration so that it ends where the plan does.
    pub(super) around: (Vec<Sql>, Vec<Sql>),
    /// What only the old release needs.
    pub(super) gone: Vec<Gone>,
    /// What of it is put away and kept for a while.
    pub(super) park: Vec<Gone>,
    /// What stands in a column that goes, for a way back.
    pub(super) refills: Vec<Refill>,
    /// Queries that must answer 0 before a phase.
    pub(super) verify: Vec<(Phase, Sql)>,
    wrong: Vec<WrongAnswer>,
    questions: BTreeSet<Question>,
    refusals: BTreeSet<Refusal>,
    /// Names of indexes and constraints that are taken, by namespace.
    taken: BTreeSet<RelationName>,
}

/// A column that never has NULL from the first phase on, whoever writes it.
#[derive(Clone, Debug)]
pub(super) struct Keep {
    /// Its table, as statements name it.
    pub(super) table: RelationName,
    /// The column.
    pub(super) column: Name,
    /// What stands in place of NULL: an expression over the row.
    pub(super) value: Sql,
    /// Other columns that get a value then, each made of the row with that value in it.
    pub(super) also: Vec<(Name, Sql)>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(case: &'a Case<'a>, base: &'a Base, answered: &'a Answered) -> Self {
        let mut expanded = base.catalog.clone();
        expanded.default_namespace.clone_from(&case.after.default_namespace);
        expanded.says_default_namespace = case.after.says_default_namespace;
        for namespace in &case.after.namespaces {
            if !expanded.namespaces.contains(namespace) {
                expanded.namespaces.push(namespace.clone());
            }
        }
        let tables = [&base.catalog, case.after].into_iter().flat_map(|catalog| &catalog.tables);
        let names = tables.flat_map(|table| {
            let indexes = table.indexes.iter().map(|index| &index.name);
            let keys = table.foreign_keys.iter().map(|key| &key.name);
            let key = table.primary_key.iter().map(|key| &key.name);
            indexes.chain(keys).chain(key).map(|name| table.name.sibling(name.clone()))
        });
        Self {
            case,
            base,
            answered,
            taken: names.collect(),
            filled: expanded.clone(),
            expanded,
            used: BTreeSet::new(),
            notes: Vec::new(),
            pairs: Vec::new(),
            crossings: Vec::new(),
            keeps: Vec::new(),
            first_fills: Vec::new(),
            fills: Vec::new(),
            swaps: Vec::new(),
            key_swaps: Vec::new(),
            foreign_keys_beside: Vec::new(),
            type_swaps: Vec::new(),
            turns: Vec::new(),
            exchanges: Vec::new(),
            counted: Vec::new(),
            counting: Vec::new(),
            around: (Vec::new(), Vec::new()),
            gone: Vec::new(),
            park: Vec::new(),
            refills: Vec::new(),
            verify: Vec::new(),
            wrong: Vec::new(),
            questions: BTreeSet::new(),
            refusals: BTreeSet::new(),
        }
    }

    /// Gives every step to the recipe that knows it.
    pub(super) fn claim_all(&mut self) {
        let (case, base) = (self.case, self.base);
        for (from, to) in &base.renamed {
            tables::renamed(self, from, to);
        }
        let mut migration = Migration::between(&base.catalog, case.after, case.version);
        migration.spare(case.catalog, case.scope);
        enums::check_answers(self, &migration);
        for step in &migration.steps {
            match step {
                // Its being there is what it is made for; and what goes, goes last.
                Step::CreateNamespace(_) | Step::DropEnum(_) | Step::DropExtension(_) => {}
                Step::CreateExtension(extension) => {
                    self.in_both(|catalog| catalog.extensions.push((*extension).clone()));
                }
                Step::AlterExtension { before, after } => self.in_both(|catalog| {
                    catalog.extensions.retain(|own| own.name != before.name);
                    catalog.extensions.push((*after).clone());
                }),
                Step::CreateEnum(found) => self.in_both(|catalog| catalog.enums.push((*found).clone())),
                Step::AlterEnum(alter) => enums::alter(self, alter),
                Step::AlterTable(alter) => self.claim_table(alter),
                Step::DropTable(table) => tables::dropped(self, table),
                Step::CreateTable(table) => tables::created(self, table),
                Step::CreateIndex { table, index, .. } => indexes::created(self, table, index),
                Step::DropIndex { table, index } => indexes::dropped(self, table, index),
                Step::AddForeignKey { table, key } => indexes::key_added(self, table, key),
                Step::DropForeignKey { table, key } => indexes::key_dropped(self, table, key),
                Step::RenameIndex { table, before, after } => {
                    self.alter(Phase::Expand, &table.name, |own| {
                        own.indexes.iter_mut().filter(|index| index.name == before.name).for_each(|index| {
                            index.name.clone_from(&after.name);
                        });
                    });
                }
                Step::RenameForeignKey { table, before, after } => {
                    self.alter(Phase::Expand, &table.name, |own| {
                        own.foreign_keys.iter_mut().filter(|key| key.name == before.name).for_each(|key| {
                            key.name.clone_from(&after.name);
                        });
                    });
                }
            }
        }
        for moved in &self.answered.moves {
            moved::claim(self, moved);
        }
        swap::over_hidden(self);
    }

    /// Whether a column goes to another table, or comes from one.
    fn is_moved(&self, table: &RelationName, column: &Name) -> bool {
        let moves = &self.answered.moves;
        moves.iter().any(|moved| moved.takes(table, column) || moved.brings(table, column))
    }

    fn claim_table(&mut self, alter: &underpin_prisma::migrate::AlterTable<'_>) {
        let table = alter.before;
        for change in &alter.changes {
            match change {
                TableChange::AddColumn(column) | TableChange::DropColumn(column)
                    if self.is_moved(&table.name, &column.name) => {}
                TableChange::AddColumn(column) if self.answered.is_said_of_new(&table.name, &column.name) => {
                }
                TableChange::AddColumn(column) => columns::added(self, table, column),
                TableChange::DropColumn(column)
                    if let Some(found) = self.answered.reshape_of(&table.name, &column.name) =>
                {
                    // Once for all of its columns.
                    if found.from.first() == Some(&column.name) {
                        reshape::claim(self, alter, found);
                    }
                }
                TableChange::DropColumn(column) => {
                    let place = (table.name.clone(), column.name.clone());
                    match self.answered.renames.get(&place).and_then(|to| alter.after.column(to)) {
                        Some(after) => rename_column::claim(self, alter, column, after),
                        None => columns::dropped(self, table, column),
                    }
                }
                TableChange::AlterColumn(change) => columns::altered(self, table, change),
                TableChange::RecreateColumn(change) => retype::claim(self, table, change),
                // Of a key that is another one too, the other one has the name.
                TableChange::RenamePrimaryKey if alter.changes.contains(&TableChange::AddPrimaryKey) => {}
                TableChange::RenamePrimaryKey => {
                    let key = alter.after.primary_key.clone();
                    self.alter(Phase::Expand, &table.name, |own| own.primary_key.clone_from(&key));
                }
                // One that comes tells what becomes of the one that was there.
                TableChange::DropPrimaryKey if alter.changes.contains(&TableChange::AddPrimaryKey) => {}
                TableChange::DropPrimaryKey | TableChange::AddPrimaryKey => keys::claim(self, alter),
            }
        }
    }

    /// Before anything of it begins every row has to come back from its new shape as it was, and to have a value
    /// where one is `required`; and before the old shape goes, what the old release has written since. `misfits`
    /// tells which rows do not, where that can be said without a type that the first phase makes; else such a type
    /// is waited for.
    pub(super) fn must_survive(
        &mut self,
        table: &RelationName,
        pair: &Pair,
        required: &[Name],
        misfits: Option<Sql>,
    ) {
        let own = self.bare(table);
        let survives = lost(&own, pair);
        self.verify.push((Phase::Contract, survives.clone()));
        if let Some(misfits) = misfits {
            let counted = sql!("SELECT count(*) FROM {} WHERE {}", own, misfits);
            return self.verify.push((Phase::Expand, counted));
        }
        let is_new = pair.after.iter().any(|shape| self.has_new_type(table, &shape.column));
        let phase = if is_new { Phase::Backfill } else { Phase::Expand };
        self.verify.push((phase, survives));
        if !required.is_empty() {
            self.verify.push((phase, without_value(&own, pair, required)));
        }
    }

    /// Whether a column is of a type that the first phase makes.
    pub(super) fn has_new_type(&self, table: &RelationName, column: &Name) -> bool {
        let is_old = |name: &RelationName| self.base.catalog.enums.iter().any(|old| old.name == *name);
        self.enum_of(table, column).is_some_and(|name| !is_old(name))
    }

    /// Whether a column becomes one of an enum.
    pub(super) fn is_enum(&self, table: &RelationName, column: &Name) -> bool {
        self.enum_of(table, column).is_some()
    }

    fn enum_of(&self, table: &RelationName, column: &Name) -> Option<&RelationName> {
        match &self.case.after.table(table)?.column(column)?.column_type {
            ColumnType::Enum(name) => Some(name),
            _ => None,
        }
    }

    /// The database as the last phase finds it without what goes with an old primary key, and what its own
    /// statements make of that, before Prisma's text goes on from there.
    pub(super) fn exchanged(&self) -> (PrismaCatalog, PrismaCatalog) {
        let mut ended = self.filled.clone();
        self.exchanges.iter().for_each(|exchange| exchange.end(&mut ended, self.case.after));
        let mut exchanged = ended.clone();
        self.exchanges.iter().for_each(|exchange| exchange.take_place(&mut exchanged));
        self.counted.iter().for_each(|counted| counted.take_place(&mut exchanged));
        (ended, exchanged)
    }

    pub(super) fn in_both(&mut self, change: impl Fn(&mut PrismaCatalog)) {
        change(&mut self.expanded);
        change(&mut self.filled);
    }

    /// Changes a table from a phase on.
    pub(super) fn alter(&mut self, since: Phase, table: &RelationName, change: impl Fn(&mut Table)) {
        let own = |catalog: &mut PrismaCatalog| {
            catalog.tables.iter_mut().filter(|own| own.name == *table).for_each(&change);
        };
        if since == Phase::Expand {
            own(&mut self.expanded);
        }
        own(&mut self.filled);
    }

    /// Changes a column from a phase on.
    pub(super) fn alter_column(
        &mut self,
        since: Phase,
        table: &RelationName,
        name: &Name,
        change: impl Fn(&mut Column),
    ) {
        self.alter(since, table, |own| {
            own.columns.iter_mut().filter(|column| column.name == *name).for_each(&change);
        });
    }

    /// An index under its name, or under one that is free as long as another index has its own.
    pub(super) fn beside(&mut self, table: &Table, index: &Index) -> Index {
        let before = self.base.catalog.table(&table.name);
        let is_taken = before.is_some_and(|own| own.indexes.iter().any(|other| other.name == index.name));
        let name = if is_taken { self.free(table, &index.name) } else { index.name.clone() };
        Index { name, ..index.clone() }
    }

    /// A foreign key likewise.
    pub(super) fn key_beside(&mut self, table: &Table, key: &ForeignKey) -> ForeignKey {
        let before = self.base.catalog.table(&table.name);
        let is_taken = before.is_some_and(|own| own.foreign_keys.iter().any(|other| other.name == key.name));
        let name = if is_taken { self.free(table, &key.name) } else { key.name.clone() };
        ForeignKey { name, ..key.clone() }
    }

    /// A name beside one that is taken.
    pub(super) fn free(&mut self, table: &Table, name: &Name) -> Name {
        let numbers = std::iter::once("_next".to_owned()).chain((2..).map(|number| format!("_next{number}")));
        let mut names = numbers.map(|suffix| table.name.sibling(name.with_suffix(&suffix)));
        let free = names.find(|name| !self.taken.contains(name));
        let free = free.unwrap_or_else(|| table.name.sibling(name.clone()));
        self.taken.insert(free.clone());
        free.name
    }

    /// A table as our own statements name it: like Prisma's, without the namespace of the connection.
    pub(super) fn bare(&self, table: &RelationName) -> RelationName {
        bare(table, self.case.after.default_namespace.as_ref())
    }

    pub(super) fn uses(&mut self, recipe: &'static str, what: String) {
        self.used.insert(Used { recipe, what });
    }

    pub(super) fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    pub(super) fn wrong(&mut self, answer: String, why: String) {
        self.wrong.push(WrongAnswer { answer, why });
    }

    pub(super) fn ask(&mut self, question: Question) {
        self.questions.insert(question);
    }

    pub(super) fn refuse(&mut self, about: String, why: impl Into<String>, instead: impl Into<String>) {
        self.refusals.insert(Refusal { about, why: why.into(), instead: instead.into() });
    }

    /// Itself, when nothing is refused or open.
    ///
    /// # Errors
    /// Wrong answers; else refusals; else questions.
    pub(super) fn finish(self) -> Result<Self, Stop> {
        if !self.wrong.is_empty() {
            return Err(Stop::Wrong(self.wrong));
        }
        if !self.refusals.is_empty() {
            return Err(Stop::Refuses(self.refusals.into_iter().collect()));
        }
        if !self.questions.is_empty() {
            return Err(Stop::Asks(self.questions.into_iter().collect()));
        }
        Ok(self)
    }
}
