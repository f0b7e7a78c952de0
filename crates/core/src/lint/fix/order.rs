//! Which statements may change places.
//!
//! A statement that must wait for a file of its own should not take along those behind it that have nothing
//! to do with it: a table is new only in the file that makes it, and an index on it is built in an instant
//! there. Two statements may change places when neither writes what the other reads or writes. What is not
//! listed here changes places with nothing.

use std::collections::BTreeSet;

use underpin_catalog::{Name, RelationName};
use underpin_sql::effect::{AddColumn, AddConstraint, ChangeRows, ColumnDefault, ConstraintKind};
use underpin_sql::{Effect, Statement, Surroundings};

/// Something of a database that one statement makes and another may need.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Facet {
    /// A name among relations, indexes and types, and what it stands for.
    Name(RelationName),
    /// A column: its type, its default, whether it may be NULL.
    Column(RelationName, Name),
    /// Any column of a table, for statements whose columns are not known.
    AnyColumn(RelationName),
    /// The order of the columns, and names that PostgreSQL chooses by what is there.
    Layout(RelationName),
    /// What keeps the rows of a table unique, which foreign keys rest on.
    Keys(RelationName),
    /// A constraint of it.
    Constraint(RelationName, Name),
    /// What it refuses, by all its constraints.
    Refusals(RelationName),
    /// Its rows.
    Rows(RelationName),
}

impl Facet {
    /// Whether the order of two statements that change it matters to nobody but its readers: a table with two
    /// constraints is the same whichever came first.
    fn is_a_sum(&self) -> bool {
        match self {
            Self::AnyColumn(_) | Self::Keys(_) | Self::Refusals(_) => true,
            Self::Name(_) | Self::Column(..) | Self::Layout(_) | Self::Constraint(..) | Self::Rows(_) => {
                false
            }
        }
    }
}

/// What statements have to do with each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Touches {
    reads: BTreeSet<Facet>,
    changes: BTreeSet<Facet>,
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
        let both = self.changes.intersection(&other.changes).any(|facet| !facet.is_a_sum());
        self.fixed
            || other.fixed
            || both
            || !self.changes.is_disjoint(&other.reads)
            || !self.reads.is_disjoint(&other.changes)
    }

    fn add(&mut self, effect: &Effect, facts: &Surroundings) {
        match effect {
            Effect::CreateTable(created)
                if created.partition_of.is_none()
                    && created.inherits.is_empty()
                    && created.like.is_empty()
                    && created.of_type.is_none()
                    && !created.if_not_exists =>
            {
                let table = facts.new_name(&created.table);
                for column in &created.columns {
                    self.column(&table, column, facts);
                }
                for constraint in &created.constraints {
                    self.constraint(&table, constraint, facts);
                }
                self.change([Facet::Name(table.clone()), Facet::Keys(table.clone()), Facet::Rows(table)]);
            }
            Effect::CreateType { name, .. } => self.change([Facet::Name(facts.new_name(name))]),
            Effect::CreateIndex(created) => {
                let table = facts.resolve(&created.table);
                let expressions = created.columns.iter().any(Option::is_none) || created.partial;
                let Some(name) = created.name.as_ref().filter(|_| !expressions) else {
                    // An expression may call functions, and a name that PostgreSQL chooses depends on others.
                    self.fixed = true;
                    return;
                };
                self.change([Facet::Name(table.sibling(name.clone()))]);
                if created.unique {
                    self.change([Facet::Keys(table.clone())]);
                }
                self.read_columns(&table, &created.reads);
            }
            Effect::DropIndex { index, cascade: false, .. } => match facts.index(index) {
                Some(known) => {
                    self.change([Facet::Name(facts.resolve(index))]);
                    if known.unique {
                        self.change([Facet::Keys(known.table.clone())]);
                    }
                    self.read_columns(&known.table, &[]);
                }
                None => self.fixed = true,
            },
            Effect::AddColumn(added) => {
                let table = facts.resolve(&added.table);
                self.read_columns(&table, &added.reads);
                self.change([Facet::Layout(table.clone())]);
                self.column(&table, added, facts);
            }
            Effect::AddConstraint(added) => self.constraint(&facts.resolve(&added.table), added, facts),
            Effect::SetNotNull { table, column }
            | Effect::DropNotNull { table, column }
            | Effect::SetDefault { table, column }
            | Effect::DropDefault { table, column } => {
                let table = facts.resolve(table);
                self.read_columns(&table, &[]);
                self.change_column(&table, column);
            }
            Effect::ValidateConstraint { table, constraint } => {
                let table = facts.resolve(table);
                self.read_columns(&table, &[]);
                self.change([Facet::Constraint(table, constraint.clone())]);
            }
            Effect::DropConstraint { table, constraint, cascade: false, .. } => {
                let table = facts.resolve(table);
                self.read_columns(&table, &[]);
                self.change([
                    Facet::Name(table.sibling(constraint.clone())),
                    Facet::Constraint(table.clone(), constraint.clone()),
                    Facet::Keys(table.clone()),
                    Facet::Refusals(table),
                ]);
            }
            Effect::Insert { table, reads, .. }
            | Effect::Update(ChangeRows { table, reads, .. })
            | Effect::Delete(ChangeRows { table, reads, .. }) => {
                let table = facts.resolve(table);
                self.read_columns(&table, &[]);
                self.reads.extend([
                    Facet::AnyColumn(table.clone()),
                    Facet::Keys(table.clone()),
                    Facet::Refusals(table.clone()),
                ]);
                for other in reads.iter().map(|other| facts.resolve(other)) {
                    self.read_columns(&other, &[]);
                    self.reads.extend([Facet::AnyColumn(other.clone()), Facet::Rows(other)]);
                }
                self.change([Facet::Rows(table)]);
            }
            _ => self.fixed = true,
        }
    }

    fn change<const N: usize>(&mut self, facets: [Facet; N]) {
        self.changes.extend(facets);
    }

    fn change_column(&mut self, table: &RelationName, column: &Name) {
        self.change([Facet::Column(table.clone(), column.clone()), Facet::AnyColumn(table.clone())]);
    }

    /// A table and these columns of it.
    fn read_columns(&mut self, table: &RelationName, columns: &[Name]) {
        self.reads.insert(Facet::Name(table.clone()));
        self.reads.extend(columns.iter().map(|column| Facet::Column(table.clone(), column.clone())));
    }

    fn column(&mut self, table: &RelationName, column: &AddColumn, facts: &Surroundings) {
        self.change_column(table, &column.column);
        if let Some(name) = &column.to.user_defined {
            self.reads.insert(Facet::Name(facts.resolve_type(name)));
        }
        if matches!(column.default, ColumnDefault::Calls(_) | ColumnDefault::Stored | ColumnDefault::Virtual)
        {
            // The functions may be somebody's.
            self.fixed = true;
        }
        for constraint in &column.constraints {
            self.constraint(table, constraint, facts);
        }
    }

    fn constraint(&mut self, table: &RelationName, added: &AddConstraint, facts: &Surroundings) {
        self.read_columns(table, &added.columns);
        self.change([Facet::Refusals(table.clone())]);
        match &added.kind {
            ConstraintKind::ForeignKey { references, columns, .. } => {
                let referenced = facts.resolve(references);
                let key = facts.relation(&referenced).map(|facts| facts.primary_key.as_slice());
                let columns = if columns.is_empty() { key.unwrap_or_default() } else { columns };
                self.read_columns(&referenced, columns);
                self.reads.insert(Facet::Keys(referenced.clone()));
                // Rows that are referenced cannot be deleted any more.
                self.change([Facet::Refusals(referenced)]);
            }
            ConstraintKind::Check | ConstraintKind::NotNull => {}
            ConstraintKind::Unique => self.change([Facet::Keys(table.clone())]),
            ConstraintKind::PrimaryKey => {
                self.change([Facet::Keys(table.clone())]);
                for column in &added.columns {
                    self.change_column(table, column);
                }
            }
            ConstraintKind::Exclude => self.fixed = true,
        }
        match &added.name {
            Some(name) => self.change([
                Facet::Constraint(table.clone(), name.clone()),
                Facet::Name(table.sibling(name.clone())),
            ]),
            None => self.change([Facet::Layout(table.clone())]),
        }
        if let Some(index) = &added.using_index {
            self.change([Facet::Name(table.sibling(index.clone()))]);
        }
    }
}
