//! Types and functions, and who uses them.

use std::collections::BTreeSet;

use underpin_catalog::RelationName;

use crate::effect::{EnumPlace, RoutineBody, TypeKind, Volatility};
use crate::surroundings::{RelationFacts, RoutineFacts, Surroundings, TypeFacts};

impl Surroundings {
    pub(super) fn create_type(&mut self, name: &RelationName, kind: &TypeKind) {
        let name = self.new_name(name);
        let constrained_domain = match kind {
            // A domain over a domain refuses what that one refuses.
            TypeKind::Domain { base, constrained } => {
                let below = base.user_defined.as_ref().and_then(|name| self.type_facts(name));
                *constrained || below.is_some_and(|facts| facts.constrained_domain)
            }
            _ => false,
        };
        let facts = TypeFacts { kind: Some(kind.clone()), constrained_domain, used_by: Vec::new() };
        self.types.entry(name).or_insert(facts);
    }

    pub(super) fn create_routine(
        &mut self,
        name: &RelationName,
        replace: bool,
        volatility: Volatility,
        body: &RoutineBody,
    ) {
        let name = self.new_name(name);
        let known = self.routines.entry(name).or_insert_with(|| RoutineFacts {
            volatility,
            body: RoutineBody { binding: body.binding, ..RoutineBody::default() },
            trigger_of: Vec::new(),
        });
        // A function of another signature stays as volatile as it was.
        known.volatility = volatility.max(known.volatility);
        if replace {
            known.body = body.clone();
        } else {
            known.body.reads.extend(body.reads.iter().cloned());
            known.body.row_columns.extend(body.row_columns.iter().cloned());
            known.body.opaque.extend(body.opaque.iter().cloned());
            known.body.binding = known.body.binding.min(body.binding);
        }
    }

    pub(super) fn call_for_rows(&mut self, function: &RelationName, table: &RelationName) {
        let table = self.resolve(table);
        let function = self.resolve_routine(function);
        if let Some(facts) = self.routines.get_mut(&function)
            && !facts.trigger_of.contains(&table)
        {
            facts.trigger_of.push(table);
        }
    }

    pub(super) fn rename_type(&mut self, from: &RelationName, to: &RelationName) {
        if let Some(facts) = self.types.remove(from) {
            self.types.insert(to.clone(), facts);
        }
        self.relations.change_naming(from, |facts| {
            for column in facts.columns.iter_mut().filter(|column| column.type_name.as_ref() == Some(from)) {
                let brackets = if column.type_sql.ends_with("[]") { "[]" } else { "" };
                column.type_sql = format!("{}{brackets}", to.name.as_str());
                column.type_name = Some(to.clone());
            }
        });
    }

    pub(super) fn add_enum_value(&mut self, name: &RelationName, value: &str, place: Option<&EnumPlace>) {
        if let Some(TypeFacts { kind: Some(TypeKind::Enum { values }), .. }) = self.type_mut(name)
            && !values.iter().any(|known| known == value)
        {
            let at = |neighbour: &str| values.iter().position(|known| known == neighbour);
            let at = match place {
                Some(EnumPlace::Before(neighbour)) => at(neighbour),
                Some(EnumPlace::After(neighbour)) => at(neighbour).map(|at| at + 1),
                None => None,
            };
            values.insert(at.unwrap_or(values.len()), value.to_owned());
        }
    }

    pub(super) fn rename_enum_value(&mut self, name: &RelationName, value: &str, to: &str) {
        if let Some(TypeFacts { kind: Some(TypeKind::Enum { values }), .. }) = self.type_mut(name) {
            values.iter_mut().filter(|known| *known == value).for_each(|known| to.clone_into(known));
        }
    }

    pub(super) fn constrain_domain(&mut self, name: &RelationName) {
        if let Some(facts) = self.type_mut(name) {
            facts.constrained_domain = true;
        }
    }

    /// A table has a column of the type, and so of everything that the type is made of.
    pub(super) fn use_type(&mut self, name: &RelationName, table: &RelationName) {
        for name in self.made_of([name.clone()].into()) {
            if let Some(facts) = self.types.get_mut(&name)
                && !facts.used_by.contains(table)
            {
                facts.used_by.push(table.clone());
            }
        }
    }

    /// A column of the type is gone; the table may have another.
    pub(super) fn release_type(&mut self, name: &RelationName, table: &RelationName) {
        let still = self.relations.get(table).map(types_of).unwrap_or_default();
        let still = self.made_of(still);
        for name in self.made_of([name.clone()].into()).difference(&still) {
            if let Some(facts) = self.types.get_mut(name) {
                facts.used_by.retain(|user| user != table);
            }
        }
    }

    /// Changes what is known of the types that a relation has columns of, and of what these are made of.
    pub(super) fn change_types_of(&mut self, facts: &RelationFacts, mut change: impl FnMut(&mut TypeFacts)) {
        if !self.complete {
            // Of what a domain is made, nobody has looked up.
            self.types.values_mut().for_each(change);
            return;
        }
        for name in self.made_of(types_of(facts)) {
            if let Some(facts) = self.types.get_mut(&name) {
                change(facts);
            }
        }
    }

    /// These types, and those that the domains among them narrow.
    fn made_of(&self, mut names: BTreeSet<RelationName>) -> BTreeSet<RelationName> {
        let mut next: Vec<_> = names.iter().cloned().collect();
        while let Some(name) = next.pop() {
            if let Some(TypeFacts { kind: Some(TypeKind::Domain { base, .. }), .. }) = self.types.get(&name)
                && let Some(base) = &base.user_defined
            {
                let base = self.resolve_type(base);
                if names.insert(base.clone()) {
                    next.push(base);
                }
            }
        }
        names
    }

    fn type_mut(&mut self, name: &RelationName) -> Option<&mut TypeFacts> {
        let name = self.resolve_type(name);
        self.types.get_mut(&name)
    }
}

/// The types of a relation's columns, as far as they are not built in.
fn types_of(facts: &RelationFacts) -> BTreeSet<RelationName> {
    facts.columns.iter().filter_map(|column| column.type_name.clone()).collect()
}
