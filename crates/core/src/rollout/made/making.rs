//! What each statement of a phase makes, takes away or renames.

use underpin_catalog::{Name, RelationName};
use underpin_sql::effect::{AddColumn, AddConstraint, ColumnDefault, ConstraintKind, ObjectKind};
use underpin_sql::{Effect, Statement};

use super::{Made, Thing, qualified};
use crate::rollout::Gone;

/// A statement of a phase, as far as it makes or takes away something that can be looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    effect: Effect,
    text: Option<String>,
}

impl Act {
    /// What a statement does, in its order.
    pub(in crate::rollout) fn of(statement: &Statement) -> Vec<Self> {
        let act = |effect: &Effect| Self {
            effect: effect.clone(),
            text: matches!(effect, Effect::CreateRoutine { .. }).then(|| statement.text.clone()),
        };
        statement.effects.iter().map(act).collect()
    }

    /// What it does.
    pub(in crate::rollout) fn effect(&self) -> &Effect {
        &self.effect
    }

    /// The statement, when it creates a function.
    pub(in crate::rollout) fn routine(&self) -> Option<&str> {
        self.text.as_deref()
    }
}

/// The names that effects make and that only the release that comes knows, so that their way back may take them away.
pub fn names_made<'a>(effects: impl IntoIterator<Item = &'a Effect>) -> Vec<Gone> {
    let named = |effect: &Effect| match effect {
        Effect::AddColumn(added) => {
            Some(Gone::Column { table: added.table.clone(), column: added.column.clone() })
        }
        Effect::CreateTable(created) => Some(Gone::Table(created.table.clone())),
        // Under its new name nobody knew it.
        Effect::RenameTable { table, to } => Some(Gone::Table(table.sibling(to.clone()))),
        Effect::CreateView(created) => Some(Gone::Table(created.view.clone())),
        Effect::CreateIndex(created) => Some(Gone::Index(created.table.sibling(created.name.clone()?))),
        Effect::AddConstraint(added) => Some(Gone::Index(added.table.sibling(added.name.clone()?))),
        Effect::CreateType { name, .. } => Some(Gone::Type(name.clone())),
        _ => None,
    };
    effects.into_iter().filter_map(named).collect()
}

/// Whether the body of a function stands in its statement as the server keeps it, which is so between dollars.
fn has_plain_body(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    text.contains('$') && !upper.contains("AS '") && !upper.contains("AS E'") && !upper.contains("AS U&'")
}

/// What phases have made so far.
#[derive(Debug)]
pub(super) struct Making<'a> {
    namespace: &'a Name,
    folder: &'a str,
    pub(super) made: Vec<Made>,
}

impl<'a> Making<'a> {
    pub(super) fn new(namespace: &'a Name) -> Self {
        Self { namespace, folder: "", made: Vec::new() }
    }

    /// Follows the phase of a folder.
    pub(super) fn phase(&mut self, folder: &'a str, acts: &[Act]) {
        self.folder = folder;
        acts.iter().for_each(|act| self.act(act));
    }

    fn named(&self, name: &RelationName) -> RelationName {
        qualified(name, self.namespace)
    }

    /// Instead of what was said of the same before.
    fn make(&mut self, what: Thing) {
        self.made.retain(|made| !made.what.is_about_the_same(&what));
        self.made.push(Made { what, by: Some(self.folder.to_owned()) });
    }

    fn forget(&mut self, is_it: impl Fn(&Thing) -> bool) {
        self.made.retain(|made| !is_it(&made.what));
    }

    fn change(&mut self, change: impl Fn(&mut Thing)) {
        self.made.iter_mut().for_each(|made| change(&mut made.what));
    }

    fn act(&mut self, act: &Act) {
        match &act.effect {
            Effect::CreateTable(created) => {
                let table = self.named(&created.table);
                self.make(Thing::Relation(table.clone()));
                created.columns.iter().for_each(|column| self.column(&table, column));
                created.constraints.iter().for_each(|constraint| self.constraint(&table, constraint));
            }
            Effect::CreateTableAs { table, .. } => self.make(Thing::Relation(self.named(table))),
            Effect::CreateView(created) => self.make(Thing::Relation(self.named(&created.view))),
            Effect::AddColumn(added) => self.column(&self.named(&added.table), added),
            Effect::AddConstraint(added) => self.constraint(&self.named(&added.table), added),
            Effect::CreateIndex(created) => {
                if let Some(name) = &created.name {
                    let table = self.named(&created.table);
                    self.make(Thing::Index { name: table.sibling(name.clone()), table });
                }
            }
            Effect::CreateTrigger(created) => {
                let (table, trigger) = (self.named(&created.table), created.trigger.clone());
                self.make(Thing::Trigger { table, trigger });
            }
            Effect::CreateRoutine { name, .. } => {
                let text = act.text.clone().filter(|text| has_plain_body(text));
                self.make(Thing::Routine { name: self.named(name), text });
            }
            Effect::CreateType { name, .. } => self.make(Thing::Type(self.named(name))),
            Effect::AddEnumValue { name, value, .. } => {
                self.make(Thing::Value { of: self.named(name), value: value.clone() });
            }
            Effect::SetNotNull { table, column } => self.not_null(table, column, true),
            Effect::DropNotNull { table, column } => self.not_null(table, column, false),
            Effect::SetDefault { table, column } => self.default(table, column, true),
            Effect::DropDefault { table, column } => self.default(table, column, false),
            Effect::ValidateConstraint { table, constraint } => {
                let (table, name) = (self.named(table), constraint.clone());
                self.make(Thing::Constraint { table, name, validated: true });
            }
            Effect::ChangeColumnType { table, column, to, .. } => {
                let (table, column) = (self.named(table), column.clone());
                self.make(Thing::Column { table, column, data_type: data_type(&to.text) });
            }
            effect => self.taken_or_renamed(effect),
        }
    }

    fn taken_or_renamed(&mut self, effect: &Effect) {
        match effect {
            Effect::DropTable { table, .. } => {
                let table = self.named(table);
                self.forget(|thing| thing.table() == Some(&table));
            }
            Effect::DropColumn { table, column, .. } => {
                let table = self.named(table);
                self.forget(|thing| thing.column() == Some((&table, column)));
            }
            Effect::DropConstraint { table, constraint, .. } => {
                let table = self.named(table);
                self.forget(|thing| {
                    matches!(thing, Thing::Constraint { table: of, name, .. } if *of == table && name == constraint)
                });
            }
            Effect::DropIndex { index, .. } => {
                let index = self.named(index);
                self.forget(|thing| matches!(thing, Thing::Index { name, .. } if *name == index));
            }
            Effect::DropTrigger { table, trigger, .. } => {
                let table = self.named(table);
                self.forget(|thing| {
                    matches!(thing, Thing::Trigger { table: of, trigger: name } if *of == table && name == trigger)
                });
            }
            // Which, the statement says; a file that switches some off means it.
            Effect::SwitchTrigger { table } => {
                let table = self.named(table);
                self.forget(|thing| matches!(thing, Thing::Trigger { table: of, .. } if *of == table));
            }
            Effect::ChangeGeneration { table, column, .. } => {
                let table = self.named(table);
                self.forget(|thing| {
                    matches!(thing, Thing::Default { .. }) && thing.column() == Some((&table, column))
                });
            }
            Effect::Drop { kind, name, .. } => {
                let name = self.named(name);
                self.forget(|thing| match (kind, thing) {
                    (ObjectKind::Routine, Thing::Routine { name: own, .. }) => *own == name,
                    (
                        ObjectKind::Type | ObjectKind::Domain,
                        Thing::Type(own) | Thing::Value { of: own, .. },
                    )
                    | (ObjectKind::View | ObjectKind::MaterializedView, Thing::Relation(own)) => *own == name,
                    _ => false,
                });
            }
            // Under its new name nobody knew it.
            Effect::RenameTable { table, to } => {
                let (table, to) = (self.named(table), self.named(&table.sibling(to.clone())));
                self.change(|thing| {
                    if let Some(of) = thing.table_mut().filter(|of| **of == table) {
                        *of = to.clone();
                    }
                });
                self.make(Thing::Relation(to));
            }
            Effect::RenameColumn { table, column, to } => {
                let table = self.named(table);
                self.forget(|thing| thing.column() == Some((&table, column)));
                self.make(Thing::Column { table, column: to.clone(), data_type: None });
            }
            Effect::RenameConstraint { table, constraint, to } => {
                let table = self.named(table);
                self.change(|thing| match thing {
                    Thing::Constraint { table: of, name, .. } if *of == table && name == constraint => {
                        *name = to.clone();
                    }
                    _ => {}
                });
            }
            Effect::RenameIndex { index, to } => {
                let index = self.named(index);
                self.change(|thing| match thing {
                    Thing::Index { name, .. } if *name == index => *name = index.sibling(to.clone()),
                    _ => {}
                });
            }
            Effect::RenameTrigger { table, trigger, to } => {
                let table = self.named(table);
                self.change(|thing| match thing {
                    Thing::Trigger { table: of, trigger: name } if *of == table && name == trigger => {
                        *name = to.clone();
                    }
                    _ => {}
                });
            }
            Effect::MoveTable { table, .. } => {
                let table = self.named(table);
                self.forget(|thing| thing.table() == Some(&table));
            }
            Effect::Rename { name, .. }
            | Effect::Move { name, .. }
            | Effect::RenameEnumValue { name, .. } => {
                let name = self.named(name);
                self.forget(|thing| match thing {
                    Thing::Type(own)
                    | Thing::Value { of: own, .. }
                    | Thing::Relation(own)
                    | Thing::Routine { name: own, .. } => *own == name,
                    _ => false,
                });
            }
            _ => {}
        }
    }

    fn column(&mut self, table: &RelationName, added: &AddColumn) {
        let (table, column) = (table.clone(), added.column.clone());
        self.make(Thing::Column {
            table: table.clone(),
            column: column.clone(),
            data_type: match added.default {
                // `serial` is no type.
                ColumnDefault::Serial => None,
                _ => data_type(&added.to.text),
            },
        });
        self.make(Thing::NotNull { table: table.clone(), column: column.clone(), refuses: added.not_null });
        self.make(Thing::Default {
            table: table.clone(),
            column,
            has: !matches!(added.default, ColumnDefault::None),
        });
        added.constraints.iter().for_each(|constraint| self.constraint(&table, constraint));
    }

    fn constraint(&mut self, table: &RelationName, added: &AddConstraint) {
        if added.kind == ConstraintKind::PrimaryKey {
            added.columns.iter().for_each(|column| self.not_null(table, column, true));
        }
        if let Some(index) = &added.using_index {
            let index = table.sibling(index.clone());
            self.forget(|thing| matches!(thing, Thing::Index { name, .. } if *name == index));
        }
        if let Some(name) = added.name.clone() {
            let validated = !added.not_valid && !added.not_enforced;
            self.make(Thing::Constraint { table: table.clone(), name, validated });
        }
    }

    fn not_null(&mut self, table: &RelationName, column: &Name, refuses: bool) {
        self.make(Thing::NotNull { table: self.named(table), column: column.clone(), refuses });
    }

    fn default(&mut self, table: &RelationName, column: &Name, has: bool) {
        self.make(Thing::Default { table: self.named(table), column: column.clone(), has });
    }
}

fn data_type(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
