//! Foreign keys, and the tables behind implicit many-to-many relations.

use underpin_catalog::{Name, RelationName};

use super::Reading;
use crate::client::constraint_name;
use crate::migrate::catalog::{
    Column, ForeignKey, Index, IndexColumn, IndexMethod, PrimaryKey, ReferentialAction, Table,
};
use crate::schema::{Arity, Attribute, Expression, Field, Model, ModelKind, Span, TypeOf};

/// What PostgreSQL keeps of a name. Prisma counts characters where it cuts names of many-to-many tables, and
/// bytes elsewhere.
const LENGTH_MAX: usize = 63;

/// One end of a relation.
#[derive(Clone, Copy)]
struct End<'a> {
    model: &'a Model,
    field: &'a Field,
}

impl<'a> Reading<'a> {
    /// Adds the foreign keys to the models' tables, and the tables of many-to-many relations behind them.
    /// `tables` are those of the models, in order.
    pub(super) fn relations(&mut self, tables: &mut Vec<Table>) {
        let mode = self.schema.datasource().and_then(|datasource| datasource.value("relationMode"));
        let has_foreign_keys = mode.and_then(Expression::as_str) != Some("prisma");
        let mut between = Vec::new();
        for (position, model) in self.schema.models().enumerate() {
            for field in &model.fields {
                let TypeOf::Model(target) = self.names.type_of(field) else { continue };
                if target.kind != ModelKind::Model {
                    continue;
                }
                if let Some(key) = self.foreign_key(model, field, target).filter(|_| has_foreign_keys) {
                    tables[position].foreign_keys.push(key);
                }
                let end = End { model, field };
                if let Some(other) = self.other_end(end, target) {
                    between.extend(self.table_between(end, other, tables, has_foreign_keys));
                }
            }
        }
        tables.append(&mut between);
    }

    /// The foreign key of a relation field, if the field holds one.
    fn foreign_key(&mut self, model: &'a Model, field: &'a Field, target: &'a Model) -> Option<ForeignKey> {
        let relation = field.attribute("relation")?;
        let own = self.fields_of(model, relation.named("fields")?)?;
        let Some(referenced) = relation.named("references") else {
            return self.problem("a relation with `fields` needs `references`", relation.span);
        };
        let referenced = self.fields_of(target, referenced)?;
        let column_names = |fields: &[&Field]| -> Vec<Name> {
            fields.iter().map(|field| Name::new(field.database_name())).collect()
        };
        let columns = column_names(&own);
        let is_required = own.iter().any(|field| field.field_type.arity == Arity::Required);
        let unsaid = if is_required { ReferentialAction::Restrict } else { ReferentialAction::SetNull };
        let name = relation.named("map").and_then(Expression::as_str);
        Some(ForeignKey {
            name: name.map_or_else(|| constraint_name(model.database_name(), &columns, "_fkey"), Name::new),
            references: self.name(target.namespace(), target.database_name()),
            referenced: column_names(&referenced),
            on_delete: action(relation, "onDelete").unwrap_or(unsaid),
            on_update: action(relation, "onUpdate").unwrap_or(ReferentialAction::Cascade),
            columns,
        })
    }

    fn fields_of(&mut self, model: &'a Model, list: &Expression) -> Option<Vec<&'a Field>> {
        let mut fields = Vec::new();
        for item in list.items() {
            let word = item.word().unwrap_or_default();
            match model.field(word) {
                Some(field) => fields.push(field),
                None => {
                    return self.problem(format!("`{}` has no field `{word}`", model.name.name), item.span());
                }
            }
        }
        Some(fields)
    }

    /// The other end of an implicit many-to-many relation, seen from the end that column `A` leads to: that
    /// of the model whose name comes first; in a relation of a model with itself, of the field.
    fn other_end(&self, end: End<'a>, target: &'a Model) -> Option<End<'a>> {
        let is_list = |field: &Field| field.field_type.arity == Arity::List;
        if !is_list(end.field) {
            return None;
        }
        let other = target.fields.iter().find(|other| {
            let leads_back =
                matches!(self.names.type_of(other), TypeOf::Model(back) if std::ptr::eq(back, end.model));
            leads_back && !std::ptr::eq(*other, end.field) && relation_of(other) == relation_of(end.field)
        })?;
        let other = End { model: target, field: other };
        let key = |end: End<'a>| (&end.model.name.name, &end.field.name.name);
        (is_list(other.field) && key(end) < key(other)).then_some(other)
    }

    fn table_between(
        &mut self,
        a: End<'a>,
        b: End<'a>,
        tables: &[Table],
        has_foreign_keys: bool,
    ) -> Option<Table> {
        let own = relation_of(a.field).map(str::to_owned);
        let relation = own.unwrap_or_else(|| format!("{}To{}", a.model.name.name, b.model.name.name));
        let name = cut(&format!("_{relation}"), LENGTH_MAX);
        let target_a = self.target(a, tables)?;
        let target_b = self.target(b, tables)?;
        let column = |letter: &str, target: &Target| Column {
            name: Name::new(letter),
            arity: Arity::Required,
            default: None,
            is_autoincrement: false,
            is_filled_by_client: false,
            ..target.key.clone()
        };
        let [letter_a, letter_b] = ["A", "B"].map(Name::new);
        let unsorted = |name: &Name| IndexColumn { name: name.clone(), order: None, operator_class: None };
        let index = |suffix: &str, is_unique: bool, columns: Vec<IndexColumn>| Index {
            name: with_ending(&name, suffix),
            is_unique,
            method: IndexMethod::BTree,
            columns,
            predicate: None,
            is_left_alone: false,
        };
        let mut table = Table {
            // The table lives where the model does that `A` leads to.
            name: RelationName { namespace: target_a.table.namespace.clone(), name: Name::new(name.clone()) },
            columns: vec![column("A", &target_a), column("B", &target_b)],
            primary_key: None,
            indexes: Vec::new(),
            foreign_keys: Vec::new(),
        };
        if self.version.keys_many_to_many() {
            let name = with_ending(&name, "_AB_pkey");
            table.primary_key = Some(PrimaryKey { name, columns: vec![letter_a.clone(), letter_b.clone()] });
        } else {
            table.indexes.push(index("_AB_unique", true, vec![unsorted(&letter_a), unsorted(&letter_b)]));
        }
        table.indexes.push(index("_B_index", false, vec![unsorted(&letter_b)]));
        if has_foreign_keys {
            for (letter, target) in [(letter_a, target_a), (letter_b, target_b)] {
                table.foreign_keys.push(ForeignKey {
                    name: with_ending(&name, &format!("_{}_fkey", letter.as_str())),
                    columns: vec![letter],
                    references: target.table,
                    referenced: vec![target.key.name],
                    on_delete: ReferentialAction::Cascade,
                    on_update: ReferentialAction::Cascade,
                });
            }
        }
        Some(table)
    }

    /// What a column of a many-to-many table leads to.
    fn target(&mut self, end: End<'a>, tables: &[Table]) -> Option<Target> {
        let name = self.name(end.model.namespace(), end.model.database_name());
        let table = tables.iter().find(|table| table.name == name);
        let key = table.and_then(|table| match &table.primary_key.as_ref()?.columns[..] {
            [only] => table.column(only),
            _ => None,
        });
        match key {
            Some(key) => Some(Target { table: name, key: key.clone() }),
            None => self.problem(format!("`{}` has no @id of one field", end.model.name.name), span_of(end)),
        }
    }
}

/// A table and the column of its key.
struct Target {
    table: RelationName,
    key: Column,
}

fn span_of(end: End<'_>) -> Span {
    end.field.span
}

/// The name that `@relation` gives.
fn relation_of(field: &Field) -> Option<&str> {
    field.attribute("relation")?.argument("name", 0)?.as_str()
}

fn action(relation: &Attribute, argument: &str) -> Option<ReferentialAction> {
    match relation.named(argument)?.word()? {
        "Cascade" => Some(ReferentialAction::Cascade),
        "Restrict" => Some(ReferentialAction::Restrict),
        "NoAction" => Some(ReferentialAction::NoAction),
        "SetNull" => Some(ReferentialAction::SetNull),
        "SetDefault" => Some(ReferentialAction::SetDefault),
        _ => None,
    }
}

fn cut(name: &str, characters: usize) -> String {
    name.chars().take(characters).collect()
}

fn with_ending(name: &str, ending: &str) -> Name {
    Name::new(format!("{}{ending}", cut(name, LENGTH_MAX - ending.len())))
}
