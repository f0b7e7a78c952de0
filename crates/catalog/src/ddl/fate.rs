//! What becomes of each object on the way from one catalog to another: kept, altered, dropped, made, or
//! dropped and made again because it cannot be altered, or because something that it needs cannot stay
//! while it is there.

use std::collections::{BTreeMap, BTreeSet};

use super::inventory::{Inventory, Object, Owner};
use super::{Impossible, Why, constraint, index, reaction, routine, small, types, view};
use crate::RelationName;
use crate::difference::differences;
use crate::model::{Column, ConstraintKind, IndexState, Table, TableKind, TypeKind};
use crate::object::{ObjectKey, ObjectKind};

/// What becomes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stays as it is.
    Kept,
    /// It becomes another.
    Altered,
    /// It goes and comes back.
    Replaced,
    /// It goes.
    Dropped,
    /// It comes.
    Created,
}

/// The fates of all objects of two catalogs.
#[derive(Debug, Default)]
pub(super) struct Fates {
    by_key: BTreeMap<ObjectKey, Fate>,
    /// The same without what is kept.
    moved: BTreeMap<ObjectKey, Fate>,
    /// The tables of which anything differs or moves, with their parents and children.
    touched: BTreeSet<RelationName>,
    /// Columns whose type goes and comes back under its name.
    pub(super) retyped: BTreeSet<ObjectKey>,
    /// Columns whose default is dropped for a while.
    pub(super) undefaulted: BTreeSet<ObjectKey>,
    /// Tables that are taken out of a publication for a while, by publication.
    pub(super) republished: BTreeSet<(ObjectKey, RelationName)>,
    pub(super) impossible: Vec<Impossible>,
}

/// What is the matter with an object that others need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// It is not there for a while.
    Gone,
    /// A column gets another type: by name, or with other modifiers only.
    Retyped { by_name: bool },
}

impl Fates {
    pub(super) fn of(before: &Inventory<'_>, after: &Inventory<'_>) -> Self {
        let mut fates = Self::default();
        let differ: BTreeSet<ObjectKey> = differences(before.catalog, after.catalog)
            .into_iter()
            .filter(|difference| !difference.is_note())
            .map(|difference| difference.key)
            .collect();
        let mut troubles = Vec::new();
        let mut keys: Vec<&ObjectKey> = before.objects.keys().chain(after.objects.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let fate = match (before.get(key), after.get(key)) {
                (Some(old), Some(new)) if differ.contains(key) => {
                    match is_range_in_use(key, (old, new), before, after) {
                        true => fates.refuse(key, Why::RangeInUse),
                        false => fates.judge(key, old, new, after.catalog.major, &mut troubles),
                    }
                }
                (Some(_), Some(_)) => Fate::Kept,
                (Some(_), None) => Fate::Dropped,
                (None, _) => Fate::Created,
            };
            if let (Fate::Replaced, Some(index)) = (fate, before.get(key)) {
                troubles.extend(fates.replace_constraint(index));
            }
            if matches!(fate, Fate::Replaced | Fate::Dropped) {
                troubles.push((key.clone(), Trouble::Gone));
            }
            fates.by_key.insert(key.clone(), fate);
        }
        fates.spread(before, after, troubles);
        let moved = fates.by_key.iter().filter(|(_, fate)| **fate != Fate::Kept);
        fates.moved = moved.map(|(key, fate)| (key.clone(), *fate)).collect();
        fates.touch(&differ, before, after);
        fates
    }

    /// Finds the tables that are touched.
    fn touch(&mut self, differ: &BTreeSet<ObjectKey>, before: &Inventory<'_>, after: &Inventory<'_>) {
        let mut open = Vec::new();
        for key in differ.iter().chain(self.moved.keys()) {
            let objects = [before.get(key), after.get(key)].into_iter().flatten();
            open.extend(objects.filter_map(Object::table).cloned());
        }
        while let Some(table) = open.pop() {
            if self.touched.contains(&table) {
                continue;
            }
            for inventory in [before, after] {
                open.extend(inventory.parents(&table).map(|(parent, _)| parent.clone()));
                open.extend(inventory.children(&table).iter().map(|child| (*child).clone()));
            }
            self.touched.insert(table);
        }
    }

    /// Whether nothing of the table that an object is or belongs to differs or moves, nor of its parents and
    /// children: then no step is about the object, and none takes it along.
    pub(super) fn is_idle(&self, object: Object<'_>) -> bool {
        object.table().is_some_and(|table| !self.is_touched(table))
    }

    /// Whether anything of a table, its parents or its children differs or moves.
    pub(super) fn is_touched(&self, table: &RelationName) -> bool {
        self.touched.contains(table)
    }

    pub(super) fn fate(&self, key: &ObjectKey) -> Option<Fate> {
        self.by_key.get(key).copied()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&ObjectKey, Fate)> {
        self.by_key.iter().map(|(key, fate)| (key, *fate))
    }

    /// The same of what is not kept.
    pub(super) fn moved(&self) -> impl Iterator<Item = (&ObjectKey, Fate)> {
        self.moved.iter().map(|(key, fate)| (key, *fate))
    }

    /// What becomes of an object that is not kept.
    pub(super) fn moves(&self, key: &ObjectKey) -> Option<Fate> {
        self.moved.get(key).copied()
    }

    /// Whether it is dropped, for good or for a while.
    pub(super) fn goes(&self, key: &ObjectKey) -> bool {
        matches!(self.moves(key), Some(Fate::Dropped | Fate::Replaced))
    }

    /// Whether it is made, again or for the first time.
    pub(super) fn comes(&self, key: &ObjectKey) -> bool {
        matches!(self.moves(key), Some(Fate::Created | Fate::Replaced))
    }

    fn refuse(&mut self, key: &ObjectKey, why: Why) -> Fate {
        self.impossible.push(Impossible { key: key.clone(), why });
        Fate::Kept
    }

    /// The index of a constraint is made of what the constraint says, so both are replaced.
    fn replace_constraint(&mut self, index: Object<'_>) -> Option<(ObjectKey, Trouble)> {
        let Object::Index(owner, _, index) = index else { return None };
        let constraint = owner.part(ObjectKind::Constraint, index.constraint.as_ref()?);
        let fate = self.by_key.get_mut(&constraint)?;
        if !matches!(fate, Fate::Kept | Fate::Altered) {
            return None;
        }
        *fate = Fate::Replaced;
        Some((constraint, Trouble::Gone))
    }

    /// What becomes of an object that is on both sides and differs.
    fn judge(
        &mut self,
        key: &ObjectKey,
        old: Object<'_>,
        new: Object<'_>,
        major: u32,
        troubles: &mut Vec<(ObjectKey, Trouble)>,
    ) -> Fate {
        let alterable = match (old, new) {
            (Object::Namespace(..), Object::Namespace(..))
            | (Object::Sequence(..), Object::Sequence(..))
            | (Object::DefaultPrivileges(_), Object::DefaultPrivileges(_))
            | (Object::Extension(..), Object::Extension(..)) => true,
            (Object::Type(_, old), Object::Type(_, new)) => types::is_alterable(&old.kind, &new.kind),
            (Object::Table(name, old), Object::Table(_, new)) => {
                return self.judge_table(key, name, old, new);
            }
            (Object::Column(owner, _, old), Object::Column(_, _, new)) => {
                return self.judge_column(key, owner, (old, new), major, troubles);
            }
            (Object::View(_, old), Object::View(_, new)) => view::is_alterable(old, new),
            (Object::Routine(_, old), Object::Routine(_, new)) => routine::is_alterable(old, new),
            (Object::Constraint(owner, _, old), Object::Constraint(_, _, new)) => {
                if old.switched != new.switched {
                    return self.refuse(key, Why::InternalTriggers);
                }
                constraint::is_alterable(owner, old, new)
            }
            (Object::Index(_, _, old), Object::Index(owner, _, new)) => {
                let alone = matches!(owner, Owner::Table(_, table) if index::is_alone(table, new));
                if !alone && new.state != IndexState::Valid && new.state != old.state {
                    return self.refuse(key, Why::InvalidIndex);
                }
                index::is_alterable(old, new)
            }
            (Object::Trigger(_, _, old), Object::Trigger(_, _, new)) => {
                reaction::is_alterable_trigger(old, new)
            }
            (Object::Rule(_, _, old), Object::Rule(_, _, new)) => old.definition == new.definition,
            (Object::Policy(_, _, old), Object::Policy(_, _, new)) => {
                let mut same = old.clone();
                same.about = new.about.clone();
                same == *new
            }
            (Object::Statistics(_, old), Object::Statistics(_, new)) => {
                old.definition == new.definition && old.table == new.table
            }
            (Object::EventTrigger(_, old), Object::EventTrigger(_, new)) => {
                old.event == new.event && old.tags == new.tags && old.function == new.function
            }
            (Object::Publication(_, old), Object::Publication(_, new)) => {
                small::is_alterable_publication(old, new)
            }
            _ => false,
        };
        if alterable { Fate::Altered } else { Fate::Replaced }
    }

    fn judge_table(&mut self, key: &ObjectKey, name: &RelationName, old: &Table, new: &Table) -> Fate {
        match (&old.kind, &new.kind) {
            (TableKind::Ordinary, TableKind::Ordinary) => {}
            (
                TableKind::Partitioned { partition_key: old },
                TableKind::Partitioned { partition_key: new },
            ) if old == new => {}
            (TableKind::Foreign { server: old, .. }, TableKind::Foreign { server: new, .. }) => {
                // Its rows are somewhere else.
                return if old == new { Fate::Altered } else { Fate::Replaced };
            }
            (TableKind::Partitioned { .. }, TableKind::Partitioned { .. }) => {
                return self.refuse(key, Why::PartitionKey);
            }
            _ => return self.refuse(key, Why::KindOfTable),
        }
        let kept = |table: &Table| {
            let parents = table
                .inherits
                .iter()
                .filter(|parent| old.inherits.contains(*parent) && new.inherits.contains(*parent));
            parents.cloned().collect::<Vec<_>>()
        };
        if kept(old) != kept(new) {
            self.impossible
                .push(Impossible { key: ObjectKey::of(ObjectKind::Table, name), why: Why::OrderOfParents });
        }
        Fate::Altered
    }

    fn judge_column(
        &mut self,
        key: &ObjectKey,
        owner: Owner<'_>,
        (old, new): (&Column, &Column),
        major: u32,
        troubles: &mut Vec<(ObjectKey, Trouble)>,
    ) -> Fate {
        if let Owner::View(..) = owner {
            return Fate::Altered;
        }
        let replaced = match (&old.generated, &new.generated) {
            (None, None) => false,
            // What is computed is computed again.
            (Some(old), Some(new)) => {
                old.stored != new.stored || (old.expression != new.expression && major < 17)
            }
            (Some(old), None) => !old.stored,
            (None, Some(_)) => true,
        };
        if replaced {
            return Fate::Replaced;
        }
        let by_name = old.type_ref.name != new.type_ref.name || old.type_ref.array != new.type_ref.array;
        let expression = old.generated != new.generated;
        if by_name || old.type_ref != new.type_ref || old.collation != new.collation {
            troubles.push((key.clone(), Trouble::Retyped { by_name }));
        } else if expression && new.generated.is_some() {
            troubles.push((key.clone(), Trouble::Retyped { by_name: false }));
        }
        Fate::Altered
    }

    /// What has trouble gives trouble to those that need it.
    fn spread(
        &mut self,
        before: &Inventory<'_>,
        after: &Inventory<'_>,
        mut troubles: Vec<(ObjectKey, Trouble)>,
    ) {
        while let Some((on, trouble)) = troubles.pop() {
            let parts = before.index_parts(&on).iter();
            let dependents: Vec<ObjectKey> = before.needed_by(&on).chain(parts).cloned().collect();
            for dependent in dependents {
                let fate = self.fate(&dependent);
                if !matches!(fate, Some(Fate::Kept | Fate::Altered)) {
                    continue;
                }
                let (Some(old), Some(new)) = (before.get(&dependent), after.get(&dependent)) else {
                    continue;
                };
                let next = self.met(&dependent, old, new, (&on, trouble), before);
                if next == Some(Trouble::Gone) {
                    self.by_key.insert(dependent.clone(), Fate::Replaced);
                    troubles.extend(self.replace_constraint(old));
                }
                troubles.extend(next.map(|trouble| (dependent, trouble)));
            }
        }
    }

    /// What the trouble of another object means for one that needs it.
    fn met(
        &mut self,
        key: &ObjectKey,
        old: Object<'_>,
        new: Object<'_>,
        (on, trouble): (&ObjectKey, Trouble),
        before: &Inventory<'_>,
    ) -> Option<Trouble> {
        let by_name = matches!(trouble, Trouble::Gone | Trouble::Retyped { by_name: true });
        match (old, new) {
            (Object::Column(owner @ Owner::Table(..), _, old), Object::Column(_, _, new)) => {
                let of_another = on.kind == ObjectKind::Column
                    && !on.identity.starts_with(&format!("{}.", owner.key().identity));
                if of_another
                    || matches!(on.kind, ObjectKind::Table | ObjectKind::View | ObjectKind::MaterializedView)
                {
                    // A column of a parent takes this one along, whatever is done with it.
                    return None;
                }
                match (on.kind == ObjectKind::Column, &old.generated, &new.generated) {
                    // What is computed of it is computed anew.
                    (true, Some(_), _) => Some(Trouble::Gone),
                    (true, None, _) => None,
                    (false, ..) if on.kind == ObjectKind::Type => {
                        let again =
                            self.fate(on) == Some(Fate::Replaced) && old.type_ref.name == new.type_ref.name;
                        let was_new = !again || self.retyped.insert(key.clone());
                        if again {
                            self.by_key.insert(key.clone(), Fate::Altered);
                        }
                        (again && was_new).then_some(Trouble::Retyped { by_name: true })
                    }
                    (false, Some(_), _) => Some(Trouble::Gone),
                    (false, None, _) => {
                        if old.default.is_some() && new.default.is_some() {
                            self.undefaulted.insert(key.clone());
                            self.by_key.insert(key.clone(), Fate::Altered);
                        }
                        None
                    }
                }
            }
            // They are the view's, which is made with them.
            (Object::Column(Owner::View(..), ..), _) => {
                matches!(on.kind, ObjectKind::View | ObjectKind::MaterializedView).then_some(Trouble::Gone)
            }
            (Object::View(..), _)
            | (Object::Policy(..), _)
            | (Object::Rule(..), _)
            | (Object::Trigger(..), _)
            | (Object::Statistics(..), _)
            | (Object::EventTrigger(..), _) => Some(Trouble::Gone),
            (Object::Routine(_, routine), _) => {
                let parsed = routine::has_parsed_body(routine);
                (trouble == Trouble::Gone && on.kind != ObjectKind::Column || parsed).then_some(Trouble::Gone)
            }
            (Object::Constraint(_, _, constraint), _) => match (&constraint.kind, trouble) {
                (ConstraintKind::NotNull { .. } | ConstraintKind::Trigger, Trouble::Retyped { .. }) => None,
                (
                    ConstraintKind::PrimaryKey { .. } | ConstraintKind::Unique { .. },
                    Trouble::Retyped { .. },
                ) => None,
                (_, Trouble::Gone) => Some(Trouble::Gone),
                _ => by_name.then_some(Trouble::Gone),
            },
            (Object::Index(Owner::Table(_, was), _, _), Object::Index(Owner::Table(_, is), _, _))
                if on.kind == ObjectKind::Index =>
            {
                // The index of the parent takes it along, unless the partition is detached.
                (was.partition_of == is.partition_of).then_some(Trouble::Gone)
            }
            (Object::Index(_, _, index), _) => match trouble {
                Trouble::Gone => Some(Trouble::Gone),
                Trouble::Retyped { .. } => {
                    let plain = index.predicate.is_none()
                        && index.keys.iter().all(|key| matches!(key.part, crate::model::KeyPart::Column(_)));
                    (by_name && !plain && index.constraint.is_none()).then_some(Trouble::Gone)
                }
            },
            (Object::Type(..), _) => {
                (trouble == Trouble::Gone && on.kind == ObjectKind::Type).then_some(Trouble::Gone)
            }
            (Object::Publication(_, publication), _) => {
                if on.kind == ObjectKind::Column {
                    let of = publication.tables.keys().find(|table| {
                        before.needs(key).any(|need| need == on)
                            && on.identity.starts_with(&ObjectKey::of(ObjectKind::Table, table).identity)
                    });
                    if let Some(table) = of {
                        self.republished.insert((key.clone(), table.clone()));
                        self.by_key.insert(key.clone(), Fate::Altered);
                    }
                }
                None
            }
            _ => None,
        }
    }
}

/// Whether a range becomes another while columns and types that stay are made of it.
fn is_range_in_use(
    key: &ObjectKey,
    (old, new): (Object<'_>, Object<'_>),
    before: &Inventory<'_>,
    after: &Inventory<'_>,
) -> bool {
    let (Object::Type(_, old), Object::Type(_, new)) = (old, new) else { return false };
    let is_range = matches!(old.kind, TypeKind::Range(_)) && old.kind != new.kind;
    let stays = |user: &ObjectKey| {
        matches!(user.kind, ObjectKind::Column | ObjectKind::Type) && after.get(user).is_some()
    };
    is_range && before.needed_by(key).any(stays)
}

/// Whether a constraint or a column comes from a parent and was not declared in the table itself.
pub(super) fn comes_from_parent(inherited_from: u32, declared_too: bool) -> bool {
    inherited_from > 0 && !declared_too
}
