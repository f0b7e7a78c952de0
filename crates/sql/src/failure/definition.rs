//! Definitions that PostgreSQL does not accept whatever the rows hold: a foreign key to columns that are not
//! unique, a second primary key, an identity for a column that may be NULL. This file chooses what is asked
//! of a statement; the answers are in a file for each family.

mod column;
mod constraint;
mod index;
mod partition;

use pg_query::protobuf::node::Node as NodeEnum;
use underpin_catalog::{Name, RelationName};

use super::cast::CastType;
use super::{Asked, FailureKind, Found};
use crate::effect::{CreateIndex, CreateView, Effect};
use crate::surroundings::RelationKind;

pub(super) fn find(asked: &Asked<'_>, effect: &Effect, found: &mut Found<'_>) {
    if found.at == 0 && has_subselect(asked) {
        let why = "a definition cannot contain a sub-select";
        found.certain(
            FailureKind::Definition,
            "0A000",
            effect.table().map_or_else(String::new, RelationName::shown),
            why,
        );
    }
    match effect {
        Effect::AddConstraint(added) => {
            partition::partition_key(asked, &added.table, added, found);
            constraint::key(asked, added, found);
            constraint::adopted(asked, added, found);
            constraint::foreign_key(asked, added, None, found);
            constraint::not_valid(asked, added, found);
        }
        Effect::AddColumn(added) => {
            partition::column_of_parent(asked, &added.table, found);
            for beside in &added.constraints {
                constraint::key(asked, beside, found);
                let own = CastType::of(asked.around, &added.to.text, added.to.user_defined.as_ref());
                constraint::foreign_key(asked, beside, Some(&own), found);
            }
        }
        Effect::CreateTable(created) => {
            if let Some(parent) = &created.partition_of {
                partition::new_partition(asked, parent, created.default_partition, found);
            }
            let beside = created.columns.iter().flat_map(|column| &column.constraints);
            for added in beside.chain(&created.constraints) {
                let own = match added.columns.as_slice() {
                    [column] => created.columns.iter().find(|own| own.column == *column),
                    _ => None,
                };
                let own =
                    own.map(|own| CastType::of(asked.around, &own.to.text, own.to.user_defined.as_ref()));
                constraint::foreign_key(asked, added, own.as_ref(), found);
            }
        }
        Effect::DropNotNull { table, column } => column::nullable(asked, table, column, found),
        Effect::SetDefault { table, column } | Effect::DropDefault { table, column } => {
            column::default(asked, table, column, found);
        }
        Effect::ChangeGeneration { table, column, how } => {
            column::generation(asked, table, column, *how, found)
        }
        Effect::DropColumn { table, column, .. }
        | Effect::RenameColumn { table, column, .. }
        | Effect::ChangeColumnType { table, column, .. } => {
            partition::inherited(asked, table, column, found);
            let renames = matches!(effect, Effect::RenameColumn { .. });
            let key = asked.around.relation(table).is_some_and(|facts| facts.partition_key.contains(column));
            if key && !renames {
                refuse(found, "42P16", table, column, "the table is partitioned by it");
            }
        }
        Effect::ValidateConstraint { table, constraint } => {
            constraint::validated(asked, table, constraint, found);
        }
        Effect::Inherit { table, parent, ends: true } => {
            partition::disinherited(asked, table, parent, found);
        }
        Effect::DetachPartition { table, partition, .. } => {
            partition::detached(asked, table, partition, found);
        }
        Effect::AttachPartition { table, partition, .. } => {
            partition::attached(asked, table, partition, found)
        }
        Effect::CreateView(created) if created.replace => replaced(asked, created, found),
        Effect::CreateIndex(created) => {
            if created.unique && !created.has_expression() {
                let columns: Vec<Name> = created.columns.iter().flatten().cloned().collect();
                partition::lacks_partition_key(asked, &created.table, &columns, found);
            }
            if let Some(statement) = asked.index() {
                index::operator_classes(asked, &created.table, statement, found);
            }
        }
        _ => {}
    }
}

fn refuse(found: &mut Found<'_>, sqlstate: &'static str, table: &RelationName, column: &Name, why: &str) {
    found.certain(FailureKind::Definition, sqlstate, format!("{}.{}", table.shown(), column.as_str()), why);
}

/// `CHECK`, `DEFAULT`, `USING` of a type change and the expressions of an index are for the row alone.
fn has_subselect(asked: &Asked<'_>) -> bool {
    matches!(
        asked.statement.node.as_ref(),
        NodeEnum::AlterTableStmt(_) | NodeEnum::CreateStmt(_) | NodeEnum::IndexStmt(_)
    ) && asked.statement.text.as_bytes().windows(6).any(|word| word.eq_ignore_ascii_case(b"select"))
        && asked.statement.contents().subselect
}

/// `OR REPLACE` keeps the columns that a view has, and adds others behind them.
fn replaced(asked: &Asked<'_>, created: &CreateView, found: &mut Found<'_>) {
    let Some(outputs) = &created.outputs else { return };
    let Some(before) = asked.around.relation(&asked.around.new_name(&created.view)) else { return };
    if before.kind != RelationKind::View {
        return;
    }
    let differs =
        before.columns.iter().enumerate().find(|(at, column)| outputs.get(*at) != Some(&column.name));
    if let Some((_, column)) = differs {
        let why = format!(
            "OR REPLACE keeps the columns of a view in their order, and {} would not be where it is",
            column.name.as_str()
        );
        found.certain(FailureKind::Definition, "42P16", created.view.shown(), why);
    }
}

impl CreateIndex {
    fn has_expression(&self) -> bool {
        self.columns.iter().any(Option::is_none)
    }
}
