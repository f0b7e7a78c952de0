//! Which statements may change places.
//!
//! A statement that must wait for a file of its own should not take along those behind it that have nothing
//! to do with it: a table is new only in the file that makes it, and an index on it is built in an instant
//! there. Two statements may change places when neither writes what the other reads or writes. What is not
//! listed here changes places with nothing.

use std::collections::BTreeSet;

use underpin_catalog::{Name, RelationName};
use underpin_sql::effect::{AddColumn, AddConstraint, ColumnDefault, ConstraintKind};
use underpin_sql::{Effect, Statement, Surroundings};

/// Something of a database that one statement makes and another may need.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Facet {
    /// A name among relations, indexes and types, and what it stands for.
    Name(RelationName),
    /// The columns of a table.
    Columns(RelationName),
    /// What keeps its rows unique, which foreign keys rest on.
    Keys(RelationName),
    /// A constraint of it.
    Constraint(RelationName, Name),
}

/// What statements have to do with each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Touches {
    reads: BTreeSet<Facet>,
    writes: BTreeSet<Facet>,
    /// Nothing changes places with it.
    fixed: bool,
}

impl Touches {
    /// What statements touch, when they stand in these surroundings.
    pub(super) fn of(statements: &[Statement], facts: &Surroundings) -> Self {
        let mut touches = Self::default();
        for effect in statements.iter().flat_map(|statement| &statement.effects) {
            touches.add(effect, facts);
        }
        touches
    }

    /// Whether the order of the two matters.
    pub(super) fn conflicts_with(&self, other: &Self) -> bool {
        self.fixed
            || other.fixed
            || self.writes.iter().any(|facet| other.reads.contains(facet) || other.writes.contains(facet))
            || self.reads.iter().any(|facet| other.writes.contains(facet))
    }

    fn add(&mut self, effect: &Effect, facts: &Surroundings) {
        match effect {
            Effect::CreateTable(created)
                if created.partition_of.is_none()
                    && created.inherits.is_empty()
                    && created.like.is_empty()
                    && !created.if_not_exists =>
            {
                let table = facts.new_name(&created.table);
                self.writes_table(&table);
                for column in &created.columns {
                    self.column(&table, column, facts);
                }
                for constraint in &created.constraints {
                    self.constraint(&table, constraint, facts);
                }
            }
            Effect::CreateType { name, .. } => _ = self.writes.insert(Facet::Name(facts.new_name(name))),
            Effect::CreateIndex(created) => {
                let table = facts.resolve(&created.table);
                let expressions = created.columns.iter().any(Option::is_none) || created.partial;
                let Some(name) = created.name.as_ref().filter(|_| !expressions) else {
                    // An expression may call functions, and a name that PostgreSQL chooses depends on others.
                    self.fixed = true;
                    return;
                };
                self.writes.insert(Facet::Name(table.sibling(name.clone())));
                if created.unique {
                    self.writes.insert(Facet::Keys(table.clone()));
                }
                self.reads_table(&table);
            }
            Effect::DropIndex { index, cascade: false, .. } => match facts.index(index) {
                Some(known) => {
                    self.writes.insert(Facet::Name(facts.resolve(index)));
                    self.writes.insert(Facet::Keys(known.table.clone()));
                    self.reads_table(&known.table.clone());
                }
                None => self.fixed = true,
            },
            Effect::AddColumn(added) => {
                let table = facts.resolve(&added.table);
                self.writes.insert(Facet::Columns(table.clone()));
                self.reads_table(&table);
                self.column(&table, added, facts);
            }
            Effect::AddConstraint(added) => {
                let table = facts.resolve(&added.table);
                self.reads_table(&table);
                self.constraint(&table, added, facts);
            }
            Effect::SetNotNull { table, .. }
            | Effect::DropNotNull { table, .. }
            | Effect::SetDefault { table, .. }
            | Effect::DropDefault { table, .. } => {
                let table = facts.resolve(table);
                self.writes.insert(Facet::Columns(table.clone()));
                self.reads_table(&table);
            }
            Effect::ValidateConstraint { table, constraint } => {
                let table = facts.resolve(table);
                self.writes.insert(Facet::Constraint(table.clone(), constraint.clone()));
                self.reads_table(&table);
            }
            Effect::DropConstraint { table, constraint, cascade: false, .. } => {
                let table = facts.resolve(table);
                self.writes.insert(Facet::Name(table.sibling(constraint.clone())));
                self.writes.insert(Facet::Constraint(table.clone(), constraint.clone()));
                self.writes.insert(Facet::Keys(table.clone()));
                self.reads_table(&table);
            }
            _ => self.fixed = true,
        }
    }

    fn reads_table(&mut self, table: &RelationName) {
        self.reads.insert(Facet::Name(table.clone()));
        self.reads.insert(Facet::Columns(table.clone()));
    }

    fn writes_table(&mut self, table: &RelationName) {
        self.writes.insert(Facet::Name(table.clone()));
        self.writes.insert(Facet::Columns(table.clone()));
        self.writes.insert(Facet::Keys(table.clone()));
    }

    fn column(&mut self, table: &RelationName, column: &AddColumn, facts: &Surroundings) {
        if let Some(name) = &column.to.user_defined {
            self.reads.insert(Facet::Name(facts.resolve_type(name)));
        }
        if matches!(column.default, ColumnDefault::Calls(_) | ColumnDefault::Stored | ColumnDefault::Virtual) {
            // The functions may be somebody's.
            self.fixed = true;
        }
        for constraint in &column.constraints {
            self.constraint(table, constraint, facts);
        }
    }

    fn constraint(&mut self, table: &RelationName, added: &AddConstraint, facts: &Surroundings) {
        match &added.kind {
            ConstraintKind::ForeignKey { references, .. } => {
                let referenced = facts.resolve(references);
                self.reads_table(&referenced);
                self.reads.insert(Facet::Keys(referenced));
            }
            ConstraintKind::Check | ConstraintKind::NotNull => {}
            ConstraintKind::Unique => _ = self.writes.insert(Facet::Keys(table.clone())),
            ConstraintKind::PrimaryKey => {
                self.writes.insert(Facet::Keys(table.clone()));
                self.writes.insert(Facet::Columns(table.clone()));
            }
            ConstraintKind::Exclude => self.fixed = true,
        }
        match &added.name {
            Some(name) => {
                self.writes.insert(Facet::Constraint(table.clone(), name.clone()));
                self.writes.insert(Facet::Name(table.sibling(name.clone())));
            }
            // Which name PostgreSQL chooses depends on the names that are there.
            None => _ = self.writes.insert(Facet::Columns(table.clone())),
        }
    }
}
