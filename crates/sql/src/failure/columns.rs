//! Columns, constraints and enum values that a statement names and that their table or type does not have
//! (42703, 42704, 22023).

use pg_query::protobuf::node::Node as NodeEnum;
use underpin_catalog::{Name, RelationName};

use super::{Asked, Certainty, FailureKind, Found};
use crate::effect::{AddConstraint, ConstraintKind, Effect, TypeKind};
use crate::surroundings::TypeFacts;

pub(super) fn find(asked: &Asked<'_>, effect: &Effect, found: &mut Found<'_>) {
    match effect {
        Effect::DropColumn { if_exists: true, .. } | Effect::DropConstraint { if_exists: true, .. } => {}
        Effect::DropColumn { table, column, .. }
        | Effect::RenameColumn { table, column, .. }
        | Effect::ChangeColumnType { table, column, .. }
        | Effect::SetNotNull { table, column }
        | Effect::DropNotNull { table, column }
        | Effect::SetDefault { table, column }
        | Effect::DropDefault { table, column }
        | Effect::ChangeGeneration { table, column, .. } => {
            has_columns(asked, found, table, std::slice::from_ref(column));
        }
        Effect::AddConstraint(added) => constraint(asked, found, added),
        Effect::AddColumn(added) => {
            for constraint in &added.constraints {
                references(asked, found, constraint);
            }
        }
        Effect::CreateTable(created) => {
            let nothing_copied = created.like.is_empty()
                && created.inherits.is_empty()
                && created.partition_of.is_none()
                && created.of_type.is_none()
                && !created.columns.is_empty();
            for added in &created.constraints {
                let lacks = |column: &&Name| !created.columns.iter().any(|own| own.column == **column);
                if nothing_copied && let Some(column) = added.columns.iter().find(lacks) {
                    missing_column(found, &created.table, column);
                }
            }
            let beside = created.columns.iter().flat_map(|column| &column.constraints);
            for added in beside.chain(&created.constraints) {
                references(asked, found, added);
            }
        }
        Effect::CreateIndex(created) => {
            let reads: Vec<Name> = created
                .reads
                .iter()
                .chain(&created.including)
                // A row as a whole.
                .filter(|column| **column != created.table.name)
                .cloned()
                .collect();
            has_columns(asked, found, &created.table, &reads);
        }
        Effect::Update(changed) => has_columns(asked, found, &changed.table, &changed.columns),
        Effect::Insert { table, .. } => {
            if let NodeEnum::InsertStmt(insert) = asked.statement.node.as_ref() {
                let named: Vec<Name> = insert
                    .cols
                    .iter()
                    .filter_map(|target| match &target.node {
                        Some(NodeEnum::ResTarget(target)) => Some(Name::new(&target.name)),
                        _ => None,
                    })
                    .collect();
                has_columns(asked, found, table, &named);
            }
        }
        Effect::CreateTrigger(created) => has_columns(asked, found, &created.table, &created.reads),
        Effect::DropConstraint { table, constraint, .. }
        | Effect::ValidateConstraint { table, constraint }
        | Effect::AlterConstraint { table, constraint, .. }
        | Effect::RenameConstraint { table, constraint, .. } => {
            // Since 18 every NOT NULL is a constraint and has a name, which the facts leave out.
            let nameless = asked.around.version.major() >= 18 && constraint.as_str().contains("not_null");
            let lacks = asked.around.whole(table).is_some_and(|facts| facts.constraint(constraint).is_none());
            let added = asked.also(|other| match other {
                Effect::AddConstraint(added) => added.name.as_ref() == Some(constraint),
                _ => false,
            });
            if lacks && !nameless && !added {
                let why = format!("table {} has no constraint {}", table.shown(), constraint.as_str());
                found.certain(FailureKind::Missing, "42704", constraint.as_str(), why);
            }
        }
        Effect::RenameEnumValue { name, value, .. } => has_value(asked, found, name, value),
        Effect::AddEnumValue { name, .. } => {
            if let NodeEnum::AlterEnumStmt(statement) = asked.statement.node.as_ref()
                && !statement.new_val_neighbor.is_empty()
            {
                has_value(asked, found, name, &statement.new_val_neighbor);
            }
        }
        _ => {}
    }
}

/// The columns are there, or the same statement adds them.
fn has_columns(asked: &Asked<'_>, found: &mut Found<'_>, table: &RelationName, columns: &[Name]) {
    let Some(facts) = asked.around.whole(table) else { return };
    for column in columns.iter().filter(|column| facts.lacks(column)) {
        let added = asked.also(|other| matches!(other, Effect::AddColumn(added) if added.column == *column));
        if !added {
            missing_column(found, table, column);
        }
    }
}

fn missing_column(found: &mut Found<'_>, table: &RelationName, column: &Name) {
    let why = format!("table {} has no column {}", table.shown(), column.as_str());
    found.certain(FailureKind::Missing, "42703", format!("{}.{}", table.shown(), column.as_str()), why);
}

fn constraint(asked: &Asked<'_>, found: &mut Found<'_>, added: &AddConstraint) {
    let own: Vec<Name> =
        added.columns.iter().filter(|column| **column != added.table.name).cloned().collect();
    has_columns(asked, found, &added.table, &own);
    references(asked, found, added);
}

/// The columns that a foreign key references.
fn references(asked: &Asked<'_>, found: &mut Found<'_>, added: &AddConstraint) {
    let ConstraintKind::ForeignKey { references, columns, .. } = &added.kind else { return };
    if asked.around.resolve(references) != asked.around.new_name(&added.table) {
        has_columns(asked, found, references, columns);
    }
}

fn has_value(asked: &Asked<'_>, found: &mut Found<'_>, name: &RelationName, value: &str) {
    let Some(facts) = asked.around.type_facts(name) else { return };
    if asked.around.complete && facts.is_enum() && !facts.has_value(value) {
        let why = format!("type {} has no value {value}", name.shown());
        found.push(FailureKind::Missing, "22023", Certainty::Certain, name.shown(), why);
    }
}

impl TypeFacts {
    /// It is an enum with this value.
    pub(crate) fn has_value(&self, value: &str) -> bool {
        matches!(&self.kind, Some(TypeKind::Enum { values }) if values.iter().any(|known| known == value))
    }

    fn is_enum(&self) -> bool {
        matches!(self.kind, Some(TypeKind::Enum { .. }))
    }
}
