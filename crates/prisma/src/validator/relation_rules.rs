//! What a relation must be so that a foreign key, or a table between, can keep it.

use std::collections::HashSet;

use super::config::Facts;
use super::constraint_names::ConstraintNames;
use super::entity::{Action, ColumnKind, Entities, Entity, RelationField, listed};
use super::error::Errors;
use super::fields::place_of_name;
use super::indexes::check_name_length;
use super::relations::{Relation, RelationKind};
use crate::migrate::ReferentialAction;
use crate::schema::{Arity, Field};

/// Whether a relation field is the only one of its model that it could be.
pub(super) fn is_told_apart(
    entities: &Entities<'_>,
    entity: &Entity<'_>,
    at: usize,
    errors: &mut Errors,
) -> bool {
    let field = &entity.relations[at];
    let name = |relation: &RelationField<'_>| match relation.name {
        Some(name) => name.to_owned(),
        None => {
            let (one, two) = (entity.name(), entities.all[relation.target].name());
            if one <= two { format!("{one}To{two}") } else { format!("{two}To{one}") }
        }
    };
    let own = name(field);
    let same: Vec<&Field> = entity
        .relations
        .iter()
        .filter(|other| other.target == field.target && name(other) == own)
        .map(|other| other.field)
        .collect();
    let is_self = std::ptr::eq(entities.all[field.target].model, entity.model);
    let is_pair = is_self && same.len() == 2 && field.name.is_some();
    if same.len() < 2 || is_pair {
        return true;
    }
    let target = entities.all[field.target].name();
    let message = format!("`{}` of `{}` all lead to `{target}` in the same way", listed(same), entity.name());
    let hint = match (is_self, field.name) {
        (true, None) => "give the two fields that belong together one name: @relation(\"…\")",
        (true, Some(_)) => "two fields make a relation: give the others a name of their own",
        (false, _) => "give each of them a name of its own, here and at the other end: @relation(\"…\")",
    };
    errors.tell(field.field.span, message, hint);
    false
}

/// A relation field by itself.
pub(super) fn check_field(
    entities: &Entities<'_>,
    entity: &Entity<'_>,
    relation: &RelationField<'_>,
    config: &Facts<'_>,
    errors: &mut Errors,
) {
    let target = &entities.all[relation.target];
    if target.is_ignored && !relation.is_ignored && !entity.is_ignored {
        let message =
            format!("`{}` leads to `{}`, which is ignored", relation.field.name.name, target.name());
        errors.tell(relation.field.span, message, "add @ignore to the field");
    }
    let actions = [relation.on_delete, relation.on_update].into_iter().flatten();
    for action in actions.filter(|action| config.has_no_foreign_keys && !is_emulated(action)) {
        let message = "the client cannot do this in place of the database";
        let hint = "with relationMode = \"prisma\" the actions are Cascade, Restrict and SetNull";
        errors.tell(action.argument, message, hint);
    }
    if let Some(attribute) = relation.attribute {
        check_name_length(relation.mapped, attribute.span, errors);
    }
}

fn is_emulated(action: &Action) -> bool {
    matches!(
        action.action,
        ReferentialAction::Cascade | ReferentialAction::Restrict | ReferentialAction::SetNull
    )
}

/// The relations as wholes.
pub(super) fn check(
    entities: &Entities<'_>,
    relations: &[Relation],
    config: &Facts<'_>,
    names: &ConstraintNames<'_>,
    errors: &mut Errors,
) {
    for relation in relations {
        let mut rule = Rule { entities, relation, errors };
        match relation.kind {
            RelationKind::ManyToMany { is_embedded } => rule.many_to_many(is_embedded),
            RelationKind::OneToOne | RelationKind::OneToMany => rule.with_key(relations, config, names),
        }
    }
}

/// A relation under its rules.
struct Rule<'r, 'a> {
    entities: &'r Entities<'a>,
    relation: &'r Relation,
    errors: &'r mut Errors,
}

impl<'a> Rule<'_, 'a> {
    fn forward(&self) -> Option<&RelationField<'a>> {
        self.relation.forward(self.entities)
    }

    fn back(&self) -> Option<&RelationField<'a>> {
        self.relation.back(self.entities)
    }

    /// A field with its model, for messages.
    fn title(&self, entity: usize, field: &RelationField<'_>) -> String {
        format!("{}.{}", self.entities.all[entity].name(), field.field.name.name)
    }

    fn with_key(mut self, relations: &[Relation], config: &Facts<'_>, names: &ConstraintNames<'_>) {
        let owner = &self.entities.all[self.relation.from];
        if config.has_no_foreign_keys {
            self.cycle(relations);
        }
        self.key();
        let name = self.relation.constraint(self.entities);
        let span = match self.forward() {
            Some(forward) => place_of_name(forward),
            None => self.entities.all[self.relation.to].model.span,
        };
        names.check_foreign_key(owner, &name, span, self.errors);
        self.both_sides();
        match self.relation.kind {
            RelationKind::OneToOne => self.one_to_one(),
            _ => self.one_to_many(),
        }
    }

    /// What `fields` and `references` say.
    fn key(&mut self) {
        let (relation, entities) = (self.relation, self.entities);
        let Some(forward) = relation.forward(entities) else { return };
        let (owner, target) = (&entities.all[relation.from], &entities.all[relation.to]);
        let span = forward.field.span;
        let wanted = forward.references.as_deref().filter(|list| !list.is_empty());
        if let Some(references) = wanted.filter(|references| !is_unique(target, references)) {
            let list = listed(references.iter().copied());
            let message = format!("`references` must be a unique key of `{}`: {list} is none", target.name());
            let hint = match references {
                [one] => format!("add @unique to `{}`", one.name.name),
                _ => format!("add @@unique([{list}]) to `{}`", target.name()),
            };
            self.errors.tell(span, message, hint);
        }
        let (Some(fields), Some(references)) = (&forward.fields, &forward.references) else {
            self.arity(forward);
            return;
        };
        if fields.len() != references.len() {
            let place = forward.attribute.map_or(span, |attribute| attribute.span);
            let message = format!("{} `fields` lead to {} `references`", fields.len(), references.len());
            self.errors.tell(place, message, "list as many fields as references, in the same order");
        }
        self.arity(forward);
        if fields.len() != references.len() {
            return;
        }
        let differs = |(one, other): &(&&Field, &&Field)| {
            let kinds = (owner.column(one).map(|c| c.kind), target.column(other).map(|c| c.kind));
            !matches!(kinds, (Some(one), Some(other)) if is_same(one, other))
        };
        if let Some((one, other)) = fields.iter().zip(references).find(differs) {
            let message = format!("`{}` and `{}` are not of the same type", one.name.name, other.name.name);
            self.errors.tell(span, message, "give the field the type of what it leads to");
        }
    }

    fn arity(&mut self, forward: &RelationField<'_>) {
        let optional = |field: &&Field| field.field_type.arity == Arity::Optional;
        let fields = forward.fields.as_deref().unwrap_or_default();
        if forward.field.field_type.arity == Arity::Required
            && fields.iter().copied().any(|field| optional(&field))
        {
            let name = &forward.field.name.name;
            let message = format!("`{name}` is required, and a field that it goes by is optional");
            self.errors.tell(
                forward.field.span,
                message,
                format!("add `?` to the type of `{name}`, or remove the other"),
            );
        }
    }

    fn both_sides(&mut self) {
        let (alone, own, target) = match (self.forward(), self.back()) {
            (Some(forward), None) => (forward, self.relation.from, self.relation.to),
            (None, Some(back)) => (back, self.relation.to, self.relation.from),
            _ => return,
        };
        let (own, target) = (self.entities.all[own].name(), self.entities.all[target].name());
        let message = format!("`{}` has no field that leads back from `{target}`", alone.field.name.name);
        let name = alone.name.map_or_else(String::new, |name| format!(" @relation(\"{name}\")"));
        let many = if alone.field.field_type.arity == Arity::List { "" } else { "[]" };
        let hint =
            format!("add a field of type {own}{many}{name} to `{target}`; `prisma format` does it, too");
        let span = alone.field.span;
        self.errors.tell(span, message, hint);
    }

    fn one_to_many(&mut self) {
        let (Some(forward), Some(back)) = (self.forward(), self.back()) else { return };
        let (forward_title, back_title) =
            (self.title(self.relation.from, forward), self.title(self.relation.to, back));
        let mut told = Vec::new();
        for (name, list) in [("fields", &forward.fields), ("references", &forward.references)] {
            if is_empty(list) {
                let message = format!("`{forward_title}` does not say its `{name}`");
                let hint = "write @relation(fields: […], references: […]); `prisma format` does it, too";
                told.push((forward.field.span, message, hint.to_owned()));
            }
        }
        if !is_empty(&back.fields) || !is_empty(&back.references) {
            let message = format!("`{back_title}` is the list and holds no key");
            told.push((
                back.field.span,
                message,
                format!("say fields and references at `{forward_title}` alone"),
            ));
        }
        if has_actions(back) {
            let message = format!("`{back_title}` is the list and has no actions");
            told.push((back.field.span, message, format!("say onDelete and onUpdate at `{forward_title}`")));
        }
        told.into_iter().for_each(|(span, message, hint)| self.errors.tell(span, message, hint));
    }

    fn one_to_one(&mut self) {
        let (relation, entities) = (self.relation, self.entities);
        if let (Some(forward), Some(back)) = (relation.forward(entities), relation.back(entities)) {
            self.key_once(forward, back);
            self.actions_once(forward, back);
        }
        if let Some(forward) = relation.forward(entities) {
            let owner = &entities.all[relation.from];
            if let Some(fields) =
                forward.fields.as_deref().filter(|fields| !is_unique_in_order(owner, fields))
            {
                let list = listed(fields.iter().copied());
                let message =
                    format!("several rows of `{}` could lead to one: {list} is not unique", owner.name());
                let hint = match fields {
                    [one] => format!("add @unique to `{}`, or make the other end a list", one.name.name),
                    _ => format!("add @@unique([{list}]), or make the other end a list"),
                };
                self.errors.tell(forward.field.span, message, hint);
            }
        }
        // Prisma looks at the rest only if nothing at all is wrong so far.
        if let (Some(forward), Some(back)) = (relation.forward(entities), relation.back(entities)) {
            self.mixed(forward, back);
        }
    }

    fn key_once(&mut self, forward: &RelationField<'_>, back: &RelationField<'_>) {
        for name in ["fields", "references"] {
            let list = |field: &RelationField<'_>| match name {
                "fields" => is_empty(&field.fields),
                _ => is_empty(&field.references),
            };
            let message = match (list(forward), list(back)) {
                (true, true) => format!("neither end of this relation says its `{name}`"),
                (false, false) => format!("both ends of this relation say `{name}`"),
                _ => continue,
            };
            let hint = "say fields and references at the end that holds the key, and there alone";
            self.errors.tell(forward.field.span, message.clone(), hint);
            self.errors.tell(back.field.span, message, hint);
        }
    }

    fn actions_once(&mut self, forward: &RelationField<'_>, back: &RelationField<'_>) {
        if !has_actions(back) {
            return;
        }
        let hint = "say onDelete and onUpdate at the end that holds the key, and there alone";
        if has_actions(forward) {
            let message = "both ends of this relation have actions";
            self.errors.tell(forward.field.span, message, hint);
            self.errors.tell(back.field.span, message, hint);
        } else {
            let message = format!("`{}` holds no key and has no actions", back.field.name.name);
            self.errors.tell(back.field.span, message, hint);
        }
    }

    fn mixed(&mut self, forward: &RelationField<'_>, back: &RelationField<'_>) {
        if !self.errors.is_empty() {
            return;
        }
        let hint = "say fields and references at the same end";
        if !is_empty(&forward.fields) && !is_empty(&back.references) {
            let message = "`fields` is at one end of this relation and `references` at the other";
            self.errors.tell(forward.field.span, message, hint);
            self.errors.tell(back.field.span, message, hint);
        }
        if !is_empty(&forward.references) && !is_empty(&back.fields) {
            let message = "`references` is at one end of this relation and `fields` at the other";
            self.errors.tell(forward.field.span, message, hint);
        }
        if !self.errors.is_empty() {
            return;
        }
        let name = &back.field.name.name;
        if back.field.field_type.arity == Arity::Required {
            let message = format!("`{name}` holds no key: the database cannot require a row there");
            self.errors.tell(back.field.span, message, format!("add `?` to the type of `{name}`"));
            return;
        }
        let says_key = back.fields.is_some() || back.references.is_some();
        if forward.field.field_type.arity == Arity::Required && says_key {
            let message = format!("`{name}` holds the key, and the other end is required");
            let hint = "say fields and references at the required end, or make it optional";
            self.errors.tell(back.field.span, message, hint);
        }
    }

    fn many_to_many(&mut self, is_embedded: bool) {
        let (relation, entities) = (self.relation, self.entities);
        let (Some(a), Some(b)) = (relation.forward(entities), relation.back(entities)) else { return };
        let ends = [(a, relation.to), (b, relation.from)];
        if is_embedded {
            for (end, _) in ends {
                let message = "a relation between lists holds no key";
                self.errors.tell(
                    end.field.span,
                    message,
                    "remove fields and references, or write a model between",
                );
            }
            return;
        }
        if entities.all[relation.from].is_view() || entities.all[relation.to].is_view() {
            for (end, _) in ends {
                let message = "a view cannot be in a relation between lists";
                self.errors.tell(end.field.span, message, "write the model between, with two relations");
            }
        }
        for (end, target) in ends {
            self.single_key(end, &entities.all[target]);
        }
        for (end, _) in ends {
            for action in [end.on_delete, end.on_update].into_iter().flatten() {
                let message = "a relation between lists has no actions";
                self.errors.tell(action.value, message, "remove it, or write a model between");
            }
            if end.references.is_some() {
                let message = "a relation between lists always leads to the @id";
                self.errors.tell(end.field.span, message, "remove `references`, or write a model between");
            }
        }
    }

    /// The table between needs one column for each end.
    fn single_key(&mut self, end: &RelationField<'_>, target: &Entity<'_>) {
        let key = target.id.as_ref().filter(|key| key.columns.len() == 1);
        let Some(key) = key else {
            let message = format!("model {} needs an `@id` of one field for this relation", target.name());
            self.errors.tell(end.field.span, message, "add one, or write a model between with two relations");
            return;
        };
        let is_other = end.references.as_deref().is_some_and(
            |references| !matches!(references, [only] if std::ptr::eq(*only, key.columns[0].field)),
        );
        if is_other {
            let message =
                format!("this relation leads to the @id of `{}` and to nothing else", target.name());
            self.errors.tell(end.field.span, message, "remove `references`");
        }
    }

    /// Where the client keeps relations, a chain of actions must not come back to where it began.
    fn cycle(&mut self, relations: &[Relation]) {
        let (relation, entities) = (self.relation, self.entities);
        let Some(forward) = relation.forward(entities).filter(|_| relation.back(entities).is_some()) else {
            return;
        };
        let mut seen: HashSet<(usize, *const Field)> = HashSet::new();
        let mut next = vec![relation];
        while let Some(link) = next.pop() {
            let Some(field) = link.forward(entities) else { continue };
            seen.insert((link.from, std::ptr::from_ref(field.field)));
            if !changes_rows(field) {
                continue;
            }
            if link.from == link.to || link.to == relation.from {
                let message = match link.from == link.to {
                    true => {
                        "this relation leads to its own model: the client would follow its actions for ever"
                    }
                    false => "this relation is in a ring: the client would follow its actions for ever",
                };
                let hint = "say onDelete: NoAction, onUpdate: NoAction at one of its relations";
                self.errors.tell(forward.field.span, message, hint);
                return;
            }
            next.extend(relations.iter().filter(|other| {
                let is_complete = !other.is_many_to_many() && other.back(entities).is_some();
                let field = other.forward(entities);
                other.from == link.to
                    && is_complete
                    && field
                        .is_some_and(|field| !seen.contains(&(other.from, std::ptr::from_ref(field.field))))
            }));
        }
    }
}

/// Whether one of its actions changes the rows that lead to a row.
fn changes_rows(field: &RelationField<'_>) -> bool {
    let is_change = |action: ReferentialAction| {
        !matches!(action, ReferentialAction::NoAction | ReferentialAction::Restrict)
    };
    let is_required = field.fields.iter().flatten().any(|field| field.field_type.arity == Arity::Required);
    let on_delete = match field.on_delete {
        Some(action) => is_change(action.action),
        // SetNull where it can be, else Restrict.
        None => !is_required,
    };
    on_delete || field.on_update.is_none_or(|action| is_change(action.action))
}

fn has_actions(field: &RelationField<'_>) -> bool {
    field.on_delete.is_some() || field.on_update.is_some()
}

fn is_empty(list: &Option<Vec<&Field>>) -> bool {
    list.as_ref().is_none_or(Vec::is_empty)
}

/// Whether the fields, in any order, are a unique key.
fn is_unique(entity: &Entity<'_>, fields: &[&Field]) -> bool {
    entity.unique_keys().any(|key| {
        let has = |field: &Field| key.columns.iter().any(|column| std::ptr::eq(column.field, field));
        key.columns.len() == fields.len() && fields.iter().all(|field| has(field))
    })
}

/// Whether the fields, in this order, are a unique key: Prisma wants the order where the key is held.
fn is_unique_in_order(entity: &Entity<'_>, fields: &[&Field]) -> bool {
    entity.unique_keys().any(|key| {
        let columns = key.columns.iter().map(|column| column.field);
        columns.len() == fields.len() && columns.zip(fields).all(|(one, other)| std::ptr::eq(one, *other))
    })
}

fn is_same(one: ColumnKind<'_>, other: ColumnKind<'_>) -> bool {
    match (one, other) {
        (ColumnKind::Enum(one), ColumnKind::Enum(other)) => std::ptr::eq(one, other),
        (one, other) => one == other,
    }
}
