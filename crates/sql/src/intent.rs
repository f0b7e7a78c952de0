//! What a statement is for, in a few words for people.

use underpin_catalog::RelationName;

use crate::effect::{AddConstraint, ConstraintKind, Effect, ObjectKind, ReindexTarget};
use crate::names::{constraint_name, index_name};
use crate::statement::Statement;

/// A line for progress and reports, such as `add column displayName to User`.
pub(crate) fn intent(statement: &Statement) -> String {
    let words: Vec<_> = statement.effects.iter().map(words).collect();
    match words.as_slice() {
        [first, second, _, ..] => format!("{first}, {second} and {} more", words.len() - 2),
        few => few.join(", "),
    }
}

fn words(effect: &Effect) -> String {
    let on = |table: &RelationName| table.shown();
    match effect {
        Effect::CreateTable(created) => format!("create table {}", on(&created.table)),
        Effect::CreateTableAs { table, .. } => format!("create and fill table {}", on(table)),
        Effect::DropTable { table, .. } => format!("drop table {}", on(table)),
        Effect::RenameTable { table, to } => format!("rename table {} to {}", on(table), to.as_str()),
        Effect::MoveTable { table, namespace } => {
            format!("move table {} to {}", on(table), namespace.as_str())
        }
        Effect::AddColumn(added) => format!("add column {} to {}", added.column.as_str(), on(&added.table)),
        Effect::DropColumn { table, column, .. } => {
            format!("drop column {} of {}", column.as_str(), on(table))
        }
        Effect::RenameColumn { table, column, to } => {
            format!("rename column {} of {} to {}", column.as_str(), on(table), to.as_str())
        }
        Effect::ChangeColumnType { table, column, to, .. } => {
            format!("change the type of {}.{} to {}", on(table), column.as_str(), to.text)
        }
        Effect::SetNotNull { table, column } => format!("refuse NULL in {}.{}", on(table), column.as_str()),
        Effect::DropNotNull { table, column } => format!("allow NULL in {}.{}", on(table), column.as_str()),
        Effect::SetDefault { table, column } => {
            format!("set the default of {}.{}", on(table), column.as_str())
        }
        Effect::DropDefault { table, column } => {
            format!("drop the default of {}.{}", on(table), column.as_str())
        }
        Effect::ChangeGeneration { table, column, .. } => {
            format!("change how {}.{} is generated", on(table), column.as_str())
        }
        Effect::AddConstraint(added) => added_constraint(added),
        Effect::ValidateConstraint { table, constraint } => {
            format!("validate {} of {}", constraint.as_str(), on(table))
        }
        Effect::AlterConstraint { table, constraint, .. } => {
            format!("change constraint {} of {}", constraint.as_str(), on(table))
        }
        Effect::DropConstraint { table, constraint, .. } => {
            format!("drop constraint {} of {}", constraint.as_str(), on(table))
        }
        Effect::RenameConstraint { table, constraint, to } => {
            format!("rename constraint {} of {} to {}", constraint.as_str(), on(table), to.as_str())
        }
        Effect::CreateIndex(created) => match index_name(created) {
            Some(name) => format!("build index {} on {}", name.as_str(), on(&created.table)),
            None => format!("build an index on {}", on(&created.table)),
        },
        Effect::DropIndex { index, .. } => format!("drop index {}", on(index)),
        Effect::RenameIndex { index, to } => format!("rename index {} to {}", on(index), to.as_str()),
        Effect::AlterIndex { index, .. } => format!("alter index {}", on(index)),
        Effect::AlterTable { table, .. } => format!("alter table {}", on(table)),
        Effect::MoveStorage { table, .. } => format!("move the storage of {}", on(table)),
        Effect::AttachPartition { table, partition, .. } => {
            format!("attach {} to {}", on(partition), on(table))
        }
        Effect::DetachPartition { table, partition, .. } => {
            format!("detach {} from {}", on(partition), on(table))
        }
        Effect::Inherit { table, parent, ends: false } => format!("let {} inherit {}", on(table), on(parent)),
        Effect::Inherit { table, parent, ends: true } => {
            format!("stop {} inheriting {}", on(table), on(parent))
        }
        Effect::CreateView(created) => {
            let kind = if created.materialized { ObjectKind::MaterializedView } else { ObjectKind::View };
            object("create", kind, &created.view)
        }
        Effect::CreateType { name, .. } => object("create", ObjectKind::Type, name),
        Effect::CreateRoutine { name, .. } => object("create", ObjectKind::Routine, name),
        Effect::ChangeAttributes { name } => object("change", ObjectKind::Type, name),
        Effect::AlterSequence { sequence, .. } => object("alter", ObjectKind::Sequence, sequence),
        Effect::Move { kind, name, namespace } => {
            format!("{} to {}", object("move", *kind, name), namespace.as_str())
        }
        Effect::Create { kind, name, .. } => object("create", *kind, name),
        Effect::Alter { kind, name } => object("alter", *kind, name),
        Effect::Rename { kind, name, to } => format!("{} to {}", object("rename", *kind, name), to.as_str()),
        Effect::Drop { kind, name, .. } => object("drop", *kind, name),
        Effect::AddEnumValue { name, value, .. } => format!("add value {value} to type {}", on(name)),
        Effect::RenameEnumValue { name, value, to } => {
            format!("rename value {value} of type {} to {to}", on(name))
        }
        Effect::ConstrainDomain { name, .. } => format!("constrain domain {}", on(name)),
        Effect::CreateTrigger(created) => {
            format!("create trigger {} on {}", created.trigger.as_str(), on(&created.table))
        }
        Effect::DropTrigger { table, trigger, .. } => {
            format!("drop trigger {} of {}", trigger.as_str(), on(table))
        }
        Effect::RenameTrigger { table, trigger, to } => {
            format!("rename trigger {} of {} to {}", trigger.as_str(), on(table), to.as_str())
        }
        Effect::SwitchTrigger { table } => format!("switch triggers of {}", on(table)),
        Effect::Policy { table, policy, .. } => {
            format!("change policy {} of {}", policy.as_str(), on(table))
        }
        Effect::Rule { table, .. } => format!("change a rule of {}", on(table)),
        Effect::Register { table, .. } => format!("register {}", on(table)),
        Effect::Comment { relation: Some(relation), .. } => format!("comment on {}", on(relation)),
        Effect::Comment { relation: None, .. } => "comment".to_owned(),
        Effect::Grant { .. } => "change privileges".to_owned(),
        Effect::Set(setting) => format!("set {}", setting.name),
        Effect::TransactionControl(_) => "control the transaction".to_owned(),
        Effect::Insert { table, .. } => format!("insert into {}", on(table)),
        Effect::Update(changed) => format!("update {}", on(&changed.table)),
        Effect::Delete(changed) => format!("delete from {}", on(&changed.table)),
        Effect::Merge { table, .. } => format!("merge into {}", on(table)),
        Effect::Truncate { table, .. } => format!("truncate {}", on(table)),
        Effect::Select { calls, .. } => match calls.first() {
            Some(function) => format!("call {function}"),
            None => "query".to_owned(),
        },
        Effect::Copy { table: Some(table), .. } => format!("copy {}", on(table)),
        Effect::Copy { table: None, .. } => "copy a query".to_owned(),
        Effect::LockTable { table, mode } => format!("lock {} in {mode} mode", on(table)),
        Effect::Vacuum { table, .. } => of_all("vacuum", table.as_ref()),
        Effect::Analyze { table } => of_all("analyze", table.as_ref()),
        Effect::Cluster { table } => of_all("cluster", table.as_ref()),
        Effect::Reindex { target: ReindexTarget::Index(name) | ReindexTarget::Table(name), .. } => {
            format!("rebuild index {}", on(name))
        }
        Effect::Reindex { target: ReindexTarget::Schema(name), .. } => {
            format!("build the indexes of {} anew", name.as_str())
        }
        Effect::Reindex { target: ReindexTarget::Everything | ReindexTarget::Catalogs, .. } => {
            "rebuild indexes".to_owned()
        }
        Effect::RefreshView { view, .. } => format!("refresh view {}", on(view)),
        Effect::Do(_) => "run a DO block".to_owned(),
        Effect::Call { procedure } => format!("call procedure {}", on(procedure)),
        Effect::Server { what } | Effect::Unknown { what } => what.to_lowercase(),
    }
}

fn of_all(what: &str, table: Option<&RelationName>) -> String {
    match table {
        Some(table) => format!("{what} {}", table.shown()),
        None => format!("{what} all tables"),
    }
}

fn added_constraint(added: &AddConstraint) -> String {
    let kind = match added.kind {
        ConstraintKind::Check => "check",
        ConstraintKind::ForeignKey { .. } => "foreign key",
        ConstraintKind::Unique => "unique constraint",
        ConstraintKind::PrimaryKey => "primary key",
        ConstraintKind::Exclude => "exclusion constraint",
        ConstraintKind::NotNull => "not-null constraint",
    };
    format!("add {kind} {} to {}", constraint_name(added).as_str(), added.table.shown())
}

fn object(verb: &str, kind: ObjectKind, name: &RelationName) -> String {
    let kind = match kind {
        ObjectKind::Type => "type",
        ObjectKind::Domain => "domain",
        ObjectKind::Sequence => "sequence",
        ObjectKind::View => "view",
        ObjectKind::MaterializedView => "materialized view",
        ObjectKind::Routine => "function",
        ObjectKind::Schema => "namespace",
        ObjectKind::Extension => "extension",
        ObjectKind::Role => "role",
        ObjectKind::Other => "object",
    };
    format!("{verb} {kind} {}", name.shown()).trim_end().to_owned()
}
