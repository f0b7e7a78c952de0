//! What a statement leaves behind: the facts about a database, moved along with its history.
//!
//! [`Surroundings::apply`] is to an effect what PostgreSQL is to a statement, for the facts that the other
//! questions of this crate depend on. It never refuses: whether a statement can succeed is asked before.
//! What it cannot know (a program that composes its statements) makes the facts incomplete, which they
//! then say.

mod columns;
mod constraints;
mod indexes;
mod relations;
mod types;

use underpin_catalog::RelationName;

use crate::effect::{CreateTrigger, CreateView, Effect, ObjectKind, PolicyChange, TableOption};
use crate::failure::{Dependent, cascaded};
use crate::mentioned::search_path;
use crate::surroundings::{ColumnFacts, ReadFacts, RelationFacts, RelationKind, Surroundings};

impl Surroundings {
    /// Makes the facts what they are behind the effect.
    pub fn apply(&mut self, effect: &Effect) {
        self.relations.settle();
        if let Some(path) = search_path(effect) {
            self.search_path = path;
            return;
        }
        for dependent in cascaded(effect, self) {
            self.take_along(&dependent);
        }
        self.meet(effect);
        match effect {
            Effect::CreateTable(created) => self.create_table(created),
            Effect::CreateTableAs { table, persistence, .. } => {
                let facts =
                    RelationFacts { persistence: *persistence, whole: false, ..RelationFacts::empty_table() };
                self.insert_relation(table, facts);
            }
            Effect::DropTable { table, .. } => self.drop_relation(table),
            Effect::RenameTable { table, to } => {
                let from = self.resolve(table);
                self.rename_relation(&from, &from.sibling(to.clone()));
            }
            Effect::MoveTable { table, namespace } => self.move_relation(table, namespace),
            Effect::AddColumn(added) => self.add_column(added),
            Effect::DropColumn { table, column, .. } => self.drop_column(table, column),
            Effect::RenameColumn { table, column, to } => self.rename_column(table, column, to),
            Effect::ChangeColumnType { table, column, to, .. } => self.change_type(table, column, to),
            Effect::SetNotNull { table, column } => self.set_not_null(table, column, true),
            Effect::DropNotNull { table, column } => self.set_not_null(table, column, false),
            Effect::SetDefault { table, column } => self.set_default(table, column, true),
            Effect::DropDefault { table, column } => self.set_default(table, column, false),
            Effect::ChangeGeneration { table, column, how } => self.change_generation(table, column, *how),
            Effect::AddConstraint(added) => self.add_constraint(added),
            Effect::ValidateConstraint { table, constraint } => self.validate(table, constraint),
            Effect::AlterConstraint { table, constraint, enforced } => {
                if *enforced == Some(true)
                    && let Some(facts) = self.constraint_mut(table, constraint)
                {
                    facts.enforced = true;
                    facts.validated = true;
                }
            }
            Effect::DropConstraint { table, constraint, .. } => self.drop_constraint(table, constraint),
            Effect::RenameConstraint { table, constraint, to } => {
                self.rename_constraint(table, constraint, to);
            }
            Effect::CreateIndex(created) => self.create_index(created),
            Effect::DropIndex { index, .. } => self.drop_index(index),
            Effect::RenameIndex { index, to } => self.rename_index(index, to),
            Effect::AlterTable { table, what: TableOption::RowSecurity { enabled } } => {
                if let Some(facts) = self.relation_mut(table) {
                    facts.row_security = *enabled;
                }
            }
            Effect::AttachPartition { table, partition, .. } => self.attach(table, partition),
            Effect::DetachPartition { table, partition, .. } => self.detach(table, partition),
            Effect::Inherit { table, parent, ends } => self.inherit(table, parent, *ends),
            Effect::CreateView(created) => self.create_view(created),
            Effect::CreateType { name, kind } => self.create_type(name, kind),
            Effect::CreateRoutine { name, replace, volatility, body, .. } => {
                self.create_routine(name, *replace, *volatility, body);
            }
            Effect::Create { kind: ObjectKind::Sequence, name, .. } => {
                self.insert_relation(name, RelationFacts::empty(RelationKind::Sequence));
            }
            Effect::AlterSequence { sequence, owned_by: Some((table, column)), .. } => {
                let table = self.resolve(table);
                if let Some(facts) = self.relation_mut(sequence) {
                    facts.owned_by = Some((table, column.clone()));
                }
            }
            Effect::Rename { kind, name, to } => self.rename_object(*kind, name, to),
            Effect::Move { kind, name, namespace } => self.move_object(*kind, name, namespace),
            Effect::Drop { kind, name, .. } => self.drop_object(*kind, name),
            Effect::AddEnumValue { name, value, place, .. } => {
                self.add_enum_value(name, value, place.as_ref())
            }
            Effect::RenameEnumValue { name, value, to } => self.rename_enum_value(name, value, to),
            Effect::ConstrainDomain { name, .. } => self.constrain_domain(name),
            Effect::CreateTrigger(CreateTrigger { table, trigger, function, reads, .. }) => {
                self.call_for_rows(function, table);
                let function = self.resolve_routine(function);
                if let Some(facts) = self.relation_mut(table) {
                    facts.triggers.insert(trigger.clone(), reads.clone());
                    facts.trigger_functions.insert(trigger.clone(), function);
                }
            }
            Effect::DropTrigger { table, trigger, .. } => {
                if let Some(facts) = self.relation_mut(table) {
                    facts.triggers.remove(trigger);
                    facts.trigger_functions.remove(trigger);
                }
            }
            Effect::RenameTrigger { table, trigger, to } => {
                let Some(facts) = self.relation_mut(table) else { return };
                if let Some(reads) = facts.triggers.remove(trigger) {
                    facts.triggers.insert(to.clone(), reads);
                }
                if let Some(function) = facts.trigger_functions.remove(trigger) {
                    facts.trigger_functions.insert(to.clone(), function);
                }
            }
            Effect::Policy { table, policy, how } => {
                let Some(facts) = self.relation_mut(table) else { return };
                match how {
                    PolicyChange::Create { reads, .. } => {
                        facts.policies.insert(policy.clone(), reads.clone());
                    }
                    PolicyChange::Drop => {
                        facts.policies.remove(policy);
                    }
                    PolicyChange::Alter => {}
                }
            }
            Effect::Register { table, reads } => {
                if let Some(facts) = self.relation_mut(table) {
                    facts.published.extend(reads.iter().cloned());
                }
            }
            Effect::Insert { table, .. } | Effect::Merge { table, .. } => self.filled(table),
            Effect::Copy { table: Some(table), writes: true } => self.filled(table),
            Effect::Truncate { table, .. } => {
                if let Some(facts) = self.relation_mut(table) {
                    facts.bytes = Some(0);
                    facts.rows_estimate = Some(0.0);
                }
            }
            // What may not have happened is taken to have happened, which the facts then say.
            Effect::Do(program) => {
                for effect in program.effects() {
                    self.apply(effect);
                }
                self.complete &= program.leaves_behind_what_it_says();
            }
            Effect::Call { .. } | Effect::Unknown { .. } => self.complete = false,
            Effect::Set(setting) if setting.name == "timezone" => {
                self.time_zone = setting.values.first().cloned();
            }
            // What they change is no fact that anything here depends on.
            Effect::AlterIndex { .. }
            | Effect::AlterTable { .. }
            | Effect::MoveStorage { .. }
            | Effect::Create { .. }
            | Effect::AlterSequence { owned_by: None, .. }
            | Effect::Alter { .. }
            | Effect::SwitchTrigger { .. }
            | Effect::Rule { .. }
            | Effect::Comment { .. }
            | Effect::Grant { .. }
            | Effect::Set(_)
            | Effect::TransactionControl(_)
            | Effect::Update(_)
            | Effect::Delete(_)
            | Effect::Select { .. }
            | Effect::ChangeAttributes { .. }
            | Effect::Copy { .. }
            | Effect::LockTable { .. }
            | Effect::Vacuum { .. }
            | Effect::Analyze { .. }
            | Effect::Reindex { .. }
            | Effect::Cluster { .. }
            | Effect::RefreshView { .. }
            | Effect::Server { .. } => {}
        }
    }

    /// A table that nobody has looked at is there when a statement adds to it, and has what that adds.
    fn meet(&mut self, effect: &Effect) {
        let table = match effect {
            _ if self.complete => return,
            Effect::AddColumn(added) => &added.table,
            Effect::AddConstraint(added) => &added.table,
            _ => return,
        };
        let name = self.resolve(table);
        let unseen = || RelationFacts { whole: false, ..RelationFacts::empty_table() };
        self.relations.insert_new(name, unseen);
    }

    /// What `CASCADE` drops besides what was named.
    fn take_along(&mut self, dependent: &Dependent) {
        match dependent {
            Dependent::View(name) | Dependent::MaterializedView(name) | Dependent::Table(name) => {
                self.drop_relation(name);
            }
            Dependent::ForeignKey(table, name) => self.drop_constraint(table, name),
            Dependent::Column(table, column) => self.drop_column(table, column),
            Dependent::Trigger(table, name) => {
                if let Some(facts) = self.relation_mut(table) {
                    facts.triggers.remove(name);
                    facts.trigger_functions.remove(name);
                }
            }
            Dependent::Policy(table, name) => {
                if let Some(facts) = self.relation_mut(table) {
                    facts.policies.remove(name);
                }
            }
            Dependent::Publication(table) => {
                if let Some(facts) = self.relation_mut(table) {
                    facts.published.clear();
                }
            }
        }
    }

    /// Time passes: whatever was empty when it was made may have grown since.
    pub fn forget_sizes(&mut self) {
        self.relations.forget_sizes();
    }

    fn create_view(&mut self, created: &CreateView) {
        let kind = if created.materialized { RelationKind::MaterializedView } else { RelationKind::View };
        let reads = created.reads.iter().map(|read| {
            let relation = self.resolve(read);
            let known =
                self.relations.get(&relation).map(|facts| facts.columns.as_slice()).unwrap_or_default();
            // A star over a sub-select is not one over the tables inside it.
            let named = |name| match &created.columns {
                Some(columns) => columns.contains(name),
                None => created.flat,
            };
            let columns =
                known.iter().map(|column| &column.name).filter(|name| named(name)).cloned().collect();
            let exact = created.flat && (created.columns.is_some() || created.reads.len() == 1);
            ReadFacts { relation, columns, exact }
        });
        // What the types of its columns are, only the server works out.
        let columns = created.outputs.iter().flatten();
        let columns = columns.map(|name| ColumnFacts::plain(name.clone(), "")).collect();
        let facts =
            RelationFacts { reads: reads.collect(), columns, whole: false, ..RelationFacts::empty(kind) };
        if created.replace {
            let name = self.resolve(&created.view);
            self.relations.insert(name, facts);
        } else {
            self.insert_relation(&created.view, facts);
        }
    }

    /// Rows were put in: how many, nobody says. What was looked up of the size stays the best that is known.
    fn filled(&mut self, table: &RelationName) {
        let mut filled = vec![self.resolve(table)];
        while let Some(name) = filled.pop() {
            let Some(facts) = self.relations.get_mut(&name) else { continue };
            facts.rows_estimate = None;
            filled.extend(facts.descendants.iter().cloned());
            // A view passes them on.
            filled.extend(facts.reads.iter().map(|read| read.relation.clone()));
        }
    }
}

#[cfg(test)]
mod tests;
