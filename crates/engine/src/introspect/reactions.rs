//! Triggers, rules and policies.

use std::collections::BTreeSet;

use underpin_catalog::model::{
    Firing, Policy, PolicyCommand, RoutineName, Rule, Trigger, TriggerEvent, TriggerTiming,
};
use underpin_catalog::object::{ObjectKey, ObjectKind};
use underpin_catalog::{Name, RelationName};

use super::assembly::{Assembly, Role, Unassembled, deparsed, firing, letter};
use super::names::class;
use super::rows::{PolicyRow, RuleRow, TriggerRow};

/// The bits of `tgtype`.
const ROW: i16 = 1;
const BEFORE: i16 = 1 << 1;
const INSERT: i16 = 1 << 2;
const DELETE: i16 = 1 << 3;
const UPDATE: i16 = 1 << 4;
const TRUNCATE: i16 = 1 << 5;
const INSTEAD: i16 = 1 << 6;

impl Assembly {
    /// Gives the triggers to their tables and views.
    pub(super) fn triggers(&mut self, rows: Vec<TriggerRow>) -> Result<(), Unassembled> {
        for row in rows {
            let Some(relation) = self.relations.get(&row.relation).cloned() else { continue };
            if row.is_internal {
                self.switched(&row);
                continue;
            }
            let name = Name::new(row.name.clone());
            self.keys.insert(
                (class::TRIGGER, row.oid),
                ObjectKey::within(ObjectKind::Trigger, &relation.name, &name),
            );
            let trigger = Trigger {
                timing: match row.bits & (BEFORE | INSTEAD) {
                    BEFORE => TriggerTiming::Before,
                    0 => TriggerTiming::After,
                    _ => TriggerTiming::InsteadOf,
                },
                events: events(row.bits),
                for_each_row: row.bits & ROW != 0,
                columns: self.column_list(row.relation, &row.columns)?,
                function: self.without_arguments(row.function_namespace, row.function),
                definition: deparsed(row.definition)?,
                constraint: row.constraint != 0,
                fires: firing(row.fires),
                inherited: row.is_inherited,
                about: self.names.remarked(class::TRIGGER, row.oid),
            };
            match relation.role {
                Role::Table => self.table(row.relation).map(|table| table.triggers.insert(name, trigger)),
                _ => self.view(row.relation).map(|view| view.triggers.insert(name, trigger)),
            };
        }
        Ok(())
    }

    /// Notes that an internal trigger of a foreign key does not fire as usual.
    fn switched(&mut self, row: &TriggerRow) {
        let Some((relation, constraint)) = self.constraint_tables.get(&row.constraint).cloned() else {
            return;
        };
        let state = match firing(row.fires) {
            Firing::Origin => return,
            Firing::Disabled => "disabled",
            Firing::Replica => "replica",
            Firing::Always => "always",
        };
        if let Some(table) = self.table(relation)
            && let Some(constraint) = table.constraints.get_mut(&constraint)
        {
            constraint.switched.push(format!("{}: {state}", row.function));
            constraint.switched.sort();
        }
    }

    /// The name of a function that a trigger calls: such functions declare no arguments.
    pub(super) fn without_arguments(&self, namespace: u32, name: String) -> RoutineName {
        let namespace = Some(self.names.namespace(namespace));
        RoutineName { name: RelationName { namespace, name: Name::new(name) }, arguments: Vec::new() }
    }

    /// Gives the rules to their tables and views.
    pub(super) fn rules(&mut self, rows: Vec<RuleRow>) -> Result<(), Unassembled> {
        for row in rows {
            let Some(relation) = self.relations.get(&row.relation).cloned() else { continue };
            let name = Name::new(row.name);
            if name.as_str() == "_RETURN" {
                // What the query of a view uses, the view uses.
                if let Some(key) = self.keys.get(&(class::RELATION, row.relation)).cloned() {
                    self.keys.insert((class::RULE, row.oid), key);
                }
                continue;
            }
            self.keys
                .insert((class::RULE, row.oid), ObjectKey::within(ObjectKind::Rule, &relation.name, &name));
            let rule = Rule {
                definition: deparsed(row.definition)?,
                fires: firing(row.fires),
                about: self.names.remarked(class::RULE, row.oid),
            };
            match relation.role {
                Role::Table => self.table(row.relation).map(|table| table.rules.insert(name, rule)),
                _ => self.view(row.relation).map(|view| view.rules.insert(name, rule)),
            };
        }
        Ok(())
    }

    /// Gives the policies to their tables.
    pub(super) fn policies(&mut self, rows: Vec<PolicyRow>) {
        for row in rows {
            let Some(relation) = self.relation(row.relation).cloned() else { continue };
            let name = Name::new(row.name);
            self.keys
                .insert((class::POLICY, row.oid), ObjectKey::within(ObjectKind::Policy, &relation, &name));
            // The role 0 is PUBLIC, and then the only one.
            let roles = row.roles.iter().filter(|role| **role != 0).map(|role| self.names.role(*role));
            let policy = Policy {
                command: match letter(row.command) {
                    'r' => PolicyCommand::Select,
                    'a' => PolicyCommand::Insert,
                    'w' => PolicyCommand::Update,
                    'd' => PolicyCommand::Delete,
                    _ => PolicyCommand::All,
                },
                permissive: row.is_permissive,
                roles: roles.collect(),
                using: row.using_expression,
                check: row.check_expression,
                about: self.names.remarked(class::POLICY, row.oid),
            };
            if let Some(table) = self.table(row.relation) {
                table.policies.insert(name, policy);
            }
        }
    }
}

fn events(bits: i16) -> BTreeSet<TriggerEvent> {
    [
        (INSERT, TriggerEvent::Insert),
        (UPDATE, TriggerEvent::Update),
        (DELETE, TriggerEvent::Delete),
        (TRUNCATE, TriggerEvent::Truncate),
    ]
    .into_iter()
    .filter(|(bit, _)| bits & bit != 0)
    .map(|(_, event)| event)
    .collect()
}
