//! Which objects a file speaks of, so that the engine can look up their facts before the file is
//! planned.

use std::collections::BTreeSet;

use underpin_catalog::{Name, RelationName};

use crate::effect::{Effect, ObjectKind, ReindexTarget};
use crate::names::{constraint_name, index_name};
use crate::statement::Statement;

/// Names that occur in statements, as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentioned {
    /// Tables, views, sequences and indexes, with the names that new indexes get. The engine also
    /// looks up the indexes of the tables among them.
    pub relations: BTreeSet<RelationName>,
    /// Types that are not built in.
    pub types: BTreeSet<RelationName>,
    /// Functions that are called, dropped or changed, or that a trigger calls. Those that are built in are
    /// among them.
    pub routines: BTreeSet<RelationName>,
    /// A statement may lock tables that it does not name, at the other end of foreign keys of those that it
    /// does.
    pub follows_foreign_keys: bool,
}

/// The objects that the statements speak of.
pub fn mentioned(statements: &[Statement]) -> Mentioned {
    let mut all = Mentioned::default();
    // A file may change where bare names are looked for. Both meanings are looked up then.
    let mut path: Vec<Name> = Vec::new();
    for statement in statements {
        let contents = statement.contents();
        let (relations, routines) = (contents.relations.clone(), contents.functions.clone());
        let mut own = Mentioned { relations, routines, ..Mentioned::default() };
        for effect in &statement.effects {
            own.add_programs(effect);
        }
        for effect in statement.effects.iter().flat_map(Effect::flattened) {
            if let Some(new) = search_path(effect) {
                path = new;
            }
            own.add(effect);
        }
        for name in own.relations {
            add_with_path(&mut all.relations, name, &path);
        }
        for name in own.types {
            add_with_path(&mut all.types, name, &path);
        }
        for name in own.routines {
            add_with_path(&mut all.routines, name, &path);
        }
        all.follows_foreign_keys |= own.follows_foreign_keys;
    }
    all
}

/// The namespaces that bare names are looked for in after `effect`, if it changes them.
pub fn search_path(effect: &Effect) -> Option<Vec<Name>> {
    match effect {
        Effect::Set(setting) if setting.name == "search_path" && !setting.values.is_empty() => {
            let names = setting.values.iter().flat_map(|value| value.split(','));
            let names = names.map(|name| name.trim().trim_matches('"'));
            Some(
                names
                    .filter(|name| !name.is_empty() && *name != "$user" && *name != "pg_catalog")
                    .map(Name::new)
                    .collect(),
            )
        }
        _ => None,
    }
}

fn follows_foreign_keys(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::DropTable { .. }
            | Effect::DropColumn { .. }
            | Effect::ChangeColumnType { .. }
            | Effect::ValidateConstraint { .. }
            | Effect::AlterConstraint { .. }
            | Effect::DropConstraint { .. }
            | Effect::Delete(_)
            | Effect::Truncate { cascade: true, .. }
    )
}

fn add_with_path(set: &mut BTreeSet<RelationName>, name: RelationName, path: &[Name]) {
    if name.namespace.is_none() {
        for namespace in path {
            set.insert(RelationName { namespace: Some(namespace.clone()), name: name.name.clone() });
        }
    }
    set.insert(name);
}

impl Mentioned {
    /// What the statements of programs name, which the tree around them does not have.
    fn add_programs(&mut self, effect: &Effect) {
        let Effect::Do(program) = effect else { return };
        for statement in &program.statements {
            self.relations.extend(statement.relations.iter().cloned());
            statement.effects.iter().for_each(|effect| self.add_programs(effect));
        }
    }

    fn add(&mut self, effect: &Effect) {
        self.relations.extend(effect.table().cloned());
        self.follows_foreign_keys |= follows_foreign_keys(effect);
        match effect {
            Effect::DropIndex { index, .. }
            | Effect::RenameIndex { index, .. }
            | Effect::AlterIndex { index, .. }
            | Effect::Reindex { target: ReindexTarget::Index(index), .. } => {
                self.relations.insert(index.clone());
            }
            Effect::CreateIndex(created) => {
                self.relations.extend(index_name(created).map(|name| created.table.sibling(name)));
            }
            Effect::AddConstraint(added) => {
                self.relations.insert(added.table.sibling(constraint_name(added)));
                self.relations.extend(added.using_index.clone().map(|name| added.table.sibling(name)));
            }
            Effect::AddColumn(added) => {
                self.types.extend(added.to.user_defined.clone());
                for constraint in &added.constraints {
                    self.relations.insert(added.table.sibling(constraint_name(constraint)));
                }
            }
            Effect::ChangeColumnType { to, .. } => self.types.extend(to.user_defined.clone()),
            Effect::AddEnumValue { name, .. }
            | Effect::RenameEnumValue { name, .. }
            | Effect::CreateType { name, .. }
            | Effect::ConstrainDomain { name, .. } => {
                self.types.insert(name.clone());
            }
            Effect::CreateView(created) => {
                self.relations.insert(created.view.clone());
            }
            Effect::CreateTrigger(created) => {
                self.routines.insert(created.function.clone());
            }
            Effect::AlterSequence { sequence, .. } => {
                self.relations.insert(sequence.clone());
            }
            Effect::Create { kind, name, .. }
            | Effect::Move { kind, name, .. }
            | Effect::Alter { kind, name }
            | Effect::Rename { kind, name, .. }
            | Effect::Drop { kind, name, .. } => match kind {
                ObjectKind::Type | ObjectKind::Domain => {
                    self.types.insert(name.clone());
                }
                ObjectKind::Sequence | ObjectKind::View | ObjectKind::MaterializedView => {
                    self.relations.insert(name.clone());
                }
                ObjectKind::Routine => {
                    self.routines.insert(name.clone());
                }
                ObjectKind::Schema | ObjectKind::Extension | ObjectKind::Role | ObjectKind::Other => {}
            },
            _ => {}
        }
    }
}
