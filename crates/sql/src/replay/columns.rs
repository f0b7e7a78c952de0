//! Columns: added, dropped, renamed, of another type.

use underpin_catalog::{Name, RelationName};

use super::relations::has_sequence;
use crate::effect::{AddColumn, ColumnDefault, Generation, TypeText};
use crate::names::object_name;
use crate::surroundings::{ColumnFacts, ColumnValues, RelationFacts, RelationKind, Surroundings};

impl Surroundings {
    pub(super) fn add_column(&mut self, added: &AddColumn) {
        let table = self.resolve(&added.table);
        let Some(facts) = self.relations.get(&table) else { return };
        if facts.column(&added.column).is_some() {
            return;
        }
        for descendant in facts.descendants.clone() {
            self.insert_column(&descendant, added);
        }
        self.insert_column(&table, added);
        for constraint in &added.constraints {
            self.insert_constraint(&table, constraint);
        }
    }

    /// The column alone, without the constraints beside it.
    pub(super) fn insert_column(&mut self, table: &RelationName, added: &AddColumn) {
        let type_name = added.to.user_defined.as_ref().map(|name| self.resolve_type(name));
        if let Some(name) = &type_name {
            self.use_type(name, table);
        }
        if has_sequence(&added.default) {
            self.create_sequence_of(table, &added.column);
        }
        let Some(facts) = self.relations.get_mut(table) else { return };
        let column = ColumnFacts {
            name: added.column.clone(),
            type_sql: stored_type(&added.to.text).to_owned(),
            type_name,
            not_null: added.not_null,
            has_default: added.default != ColumnDefault::None,
            values: match added.default {
                ColumnDefault::Identity => ColumnValues::Identity,
                ColumnDefault::Stored => ColumnValues::Stored(added.reads.clone()),
                ColumnDefault::Virtual => ColumnValues::Virtual(added.reads.clone()),
                _ => ColumnValues::Given,
            },
        };
        match facts.columns.iter_mut().find(|known| known.name == added.column) {
            // `PARTITION OF` and `INHERITS` may say a column again.
            Some(known) => *known = column,
            None => facts.columns.push(column),
        }
    }

    /// The sequence of a `serial` or identity column.
    fn create_sequence_of(&mut self, table: &RelationName, column: &Name) {
        let wanted = object_name(table.name.as_str(), Some(column.as_str()), "seq");
        let facts = RelationFacts {
            owned_by: Some((table.clone(), column.clone())),
            ..RelationFacts::empty(RelationKind::Sequence)
        };
        self.relations.insert_new(table.sibling(wanted), || facts);
    }

    pub(super) fn drop_column(&mut self, table: &RelationName, column: &Name) {
        let table = self.resolve(table);
        let Some(facts) = self.relations.get_mut(&table) else { return };
        let position = facts.columns.iter().position(|known| known.name == *column);
        let dropped = position.map(|at| facts.columns.remove(at));
        let descendants = facts.descendants.clone();
        let gone: Vec<_> = facts
            .constraints
            .iter()
            .filter(|constraint| constraint.columns.contains(column))
            .map(|constraint| constraint.name.clone())
            .collect();
        for constraint in gone {
            self.drop_constraint(&table, &constraint);
        }
        self.indexes.remove_of(&table, |index| index.reads.contains(column));
        self.remove_sequences_of(&table, Some(column));
        if let Some(type_name) = dropped.and_then(|column| column.type_name) {
            self.release_type(&type_name, &table);
        }
        for descendant in descendants {
            self.drop_column(&descendant, column);
        }
    }

    pub(super) fn rename_column(&mut self, table: &RelationName, column: &Name, to: &Name) {
        let table = self.resolve(table);
        let Some(facts) = self.relations.get_mut(&table) else { return };
        let rename = |own: &mut Name| {
            if own == column {
                own.clone_from(to);
            }
        };
        let descendants = facts.descendants.clone();
        facts.columns.iter_mut().map(|known| &mut known.name).for_each(rename);
        for known in &mut facts.columns {
            if let ColumnValues::Stored(reads) | ColumnValues::Virtual(reads) = &mut known.values {
                reads.iter_mut().for_each(rename);
            }
        }
        for constraint in &mut facts.constraints {
            constraint.columns.iter_mut().chain(&mut constraint.proves_not_null).for_each(rename);
            constraint.compares.iter_mut().map(|found| &mut found.column).for_each(rename);
        }
        facts.primary_key.iter_mut().for_each(rename);
        facts.triggers.values_mut().chain(facts.policies.values_mut()).flatten().for_each(rename);
        facts.published.iter_mut().for_each(rename);
        self.indexes.change_of(&table, |_, index| {
            index.columns.iter_mut().flatten().chain(&mut index.reads).for_each(rename);
        });
        let rename_in_other = |other: &mut RelationFacts| {
            for constraint in &mut other.constraints {
                if constraint.referenced.as_ref() == Some(&table) {
                    constraint.referenced_columns.iter_mut().for_each(rename);
                }
            }
            for read in other.reads.iter_mut().filter(|read| read.relation == table) {
                read.columns.iter_mut().for_each(rename);
            }
            if let Some((owner, owned)) = &mut other.owned_by
                && *owner == table
            {
                rename(owned);
            }
        };
        self.relations.change_naming(&table, rename_in_other);
        for descendant in descendants {
            self.rename_column(&descendant, column, to);
        }
    }

    pub(super) fn change_type(&mut self, table: &RelationName, column: &Name, to: &TypeText) {
        let table = self.resolve(table);
        let type_name = to.user_defined.as_ref().map(|name| self.resolve_type(name));
        let Some(facts) = self.relations.get_mut(&table) else { return };
        let descendants = facts.descendants.clone();
        let mut released = None;
        if let Some(known) = facts.columns.iter_mut().find(|known| known.name == *column) {
            to.text.clone_into(&mut known.type_sql);
            released = std::mem::replace(&mut known.type_name, type_name.clone());
        }
        if let Some(released) = released {
            self.release_type(&released, &table);
        }
        if let Some(used) = &type_name {
            self.use_type(used, &table);
        }
        for descendant in descendants {
            self.change_type(&descendant, column, to);
        }
    }

    pub(super) fn set_not_null(&mut self, table: &RelationName, column: &Name, not_null: bool) {
        self.change_column(table, column, &|known| known.not_null = not_null);
    }

    pub(super) fn set_default(&mut self, table: &RelationName, column: &Name, has_default: bool) {
        self.change_column(table, column, &|known| known.has_default = has_default);
    }

    pub(super) fn change_generation(&mut self, table: &RelationName, column: &Name, how: Generation) {
        match how {
            Generation::AddIdentity => {
                let table = self.resolve(table);
                self.create_sequence_of(&table, column);
                self.change_column(&table, column, &|known| {
                    known.values = ColumnValues::Identity;
                    known.has_default = true;
                });
            }
            Generation::DropIdentity => {
                let owner = self.resolve(table);
                self.remove_sequences_of(&owner, Some(column));
                self.change_column(table, column, &|known| {
                    known.values = ColumnValues::Given;
                    known.has_default = false;
                });
            }
            Generation::DropExpression => self.change_column(table, column, &|known| {
                known.values = ColumnValues::Given;
                known.has_default = false;
            }),
            Generation::SetIdentity | Generation::RenumberIdentity | Generation::Expression => {}
        }
    }

    fn change_column(&mut self, table: &RelationName, column: &Name, change: &dyn Fn(&mut ColumnFacts)) {
        let table = self.resolve(table);
        let Some(facts) = self.relations.get_mut(&table) else { return };
        facts.columns.iter_mut().filter(|known| known.name == *column).for_each(change);
        for descendant in facts.descendants.clone() {
            self.change_column(&descendant, column, change);
        }
    }
}

/// `serial` is a way to ask for an integer with a sequence.
fn stored_type(text: &str) -> &str {
    match text {
        "serial" | "serial4" => "integer",
        "bigserial" | "serial8" => "bigint",
        "smallserial" | "serial2" => "smallint",
        other => other,
    }
}
