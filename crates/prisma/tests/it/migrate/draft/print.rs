//! A draft as text.

use super::{Arity, Draft, Field, FieldType, Index, Model, Relation, RelationKind};
use underpin_testkit::schemas::Side;

/// Whose language it is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Prisma7,
    /// A datasource has a `url`, and no index has a condition.
    Prisma6,
}

impl Draft {
    /// The files of the schema.
    pub(crate) fn print(&self, dialect: Dialect) -> Side {
        let mut files = vec![self.head(dialect)];
        files.resize(self.files.max(1), String::new());
        let last = files.len() - 1;
        for found in &self.enums {
            let mut block = format!("enum {} {{\n", found.name);
            for value in &found.values {
                block.push_str(&format!("  {}{}\n", value.name, mapped(" @map", &value.map)));
            }
            block.push_str(&format!(
                "{}{}}}\n",
                line(&mapped("@@map", &found.map)),
                self.namespace(found.namespace)
            ));
            files[0].push_str(&block);
        }
        for (position, model) in self.models.iter().enumerate() {
            let block = self.model_block(model, dialect);
            files[position.min(last)].push_str(&block);
        }
        if self.has_view {
            let namespace = self.namespace(0);
            files[last].push_str(&format!("view Seen {{\n  id Int @unique\n  name String?\n{namespace}}}\n"));
        }
        let named = files.into_iter().enumerate();
        Some(named.map(|(number, text)| (format!("{number}.prisma"), text)).collect())
    }

    fn head(&self, dialect: Dialect) -> String {
        let mut head = String::from("datasource db {\n  provider = \"postgresql\"\n");
        if dialect == Dialect::Prisma6 {
            head.push_str("  url = \"postgres://x\"\n");
        }
        if !self.namespaces.is_empty() {
            head.push_str(&format!("  schemas = {:?}\n", self.namespaces));
        }
        if !self.has_foreign_keys {
            head.push_str("  relationMode = \"prisma\"\n");
        }
        if !self.extensions.is_empty() {
            head.push_str(&format!("  extensions = [{}]\n", self.extensions.join(", ")));
        }
        let features = match dialect {
            Dialect::Prisma7 => r#""postgresqlExtensions", "views", "partialIndexes""#,
            Dialect::Prisma6 => r#""postgresqlExtensions", "views""#,
        };
        head.push_str(&format!(
            "}}\ngenerator client {{\n  provider = \"prisma-client\"\n  output = \"x\"\n  previewFeatures = [{features}]\n}}\n"
        ));
        head
    }

    fn namespace(&self, position: usize) -> String {
        let name = self.namespaces.get(position % self.namespaces.len().max(1));
        name.map(|name| format!("  @@schema(\"{name}\")\n")).unwrap_or_default()
    }

    fn model_block(&self, model: &Model, dialect: Dialect) -> String {
        let mut block = format!("model {} {{\n", model.name);
        for field in &model.fields {
            block.push_str(&self.field_line(model, field));
        }
        for relation in &self.relations {
            block.push_str(&self.relation_lines(model, relation));
        }
        let names = |fields: &[u32]| -> String {
            let names = fields.iter().filter_map(|id| Some(model.field(*id)?.name.clone()));
            names.collect::<Vec<_>>().join(", ")
        };
        if model.key.len() > 1 {
            block.push_str(&format!(
                "  @@id([{}]{})\n",
                names(&model.key),
                argument(", map", &model.key_map)
            ));
        }
        for index in &model.indexes {
            block.push_str(&index_line(model, index, dialect));
        }
        block.push_str(&line(&mapped("@@map", &model.map)));
        block.push_str(&self.namespace(model.namespace));
        if !model.has_identity() {
            block.push_str("  @@ignore\n");
        }
        block + "}\n"
    }

    fn field_line(&self, model: &Model, field: &Field) -> String {
        let (name, native) = match &field.field_type {
            FieldType::Scalar(name, native) => ((*name).to_owned(), *native),
            FieldType::Enum(id) => (self.enum_of(*id).unwrap().name.clone(), None),
            FieldType::Unsupported(text) => (format!("Unsupported({text:?})"), None),
        };
        let sign = match field.arity {
            Arity::Required => "",
            Arity::Optional => "?",
            Arity::List => "[]",
        };
        let mut text = format!("  {} {name}{sign}", field.name);
        if model.key == [field.id] {
            text.push_str(" @id");
            if let Some(map) = &model.key_map {
                text.push_str(&format!("(map: {map:?})"));
            }
        }
        if let Some(map) = &field.unique {
            text.push_str(" @unique");
            if let Some(map) = map {
                text.push_str(&format!("(map: {map:?})"));
            }
        }
        if let Some(default) = &field.default {
            text.push_str(&format!(" @default({default})"));
        }
        if field.is_updated_at {
            text.push_str(" @updatedAt");
        }
        text.push_str(&mapped(" @map", &field.map));
        if let Some(native) = native {
            text.push_str(&format!(" @db.{native}"));
        }
        if field.is_ignored {
            text.push_str(" @ignore");
        }
        text + "\n"
    }

    /// The fields of a relation in a model: none, one, or both ends.
    fn relation_lines(&self, model: &Model, relation: &Relation) -> String {
        let (Some(from), Some(to)) = (self.model(relation.from), self.model(relation.to)) else {
            return String::new();
        };
        let between = |one: &&Relation| {
            [(one.from, one.to), (one.to, one.from)].contains(&(relation.from, relation.to))
        };
        let is_only = self.relations.iter().filter(between).count() == 1 && relation.from != relation.to;
        let name = match relation.is_named || !is_only {
            true => format!("\"R{}\"", relation.id),
            false => String::new(),
        };
        let plain = if name.is_empty() { String::new() } else { format!(" @relation({name})") };
        let mut lines = String::new();
        if from.id == model.id {
            let field = format!("  ra{} {}", relation.id, to.name);
            if relation.kind == RelationKind::ManyToMany {
                lines.push_str(&format!("{field}[]{plain}\n"));
            } else {
                let own: Vec<&Field> = relation.fields.iter().filter_map(|id| from.field(*id)).collect();
                let is_optional = own.iter().any(|field| field.arity == Arity::Optional);
                let list = |fields: Vec<&str>| fields.join(", ");
                let referenced = to.key.iter().filter_map(|id| Some(to.field(*id)?.name.as_str())).collect();
                let comma = if name.is_empty() { "" } else { ", " };
                lines.push_str(&format!(
                    "{field}{} @relation({name}{comma}fields: [{}], references: [{}]{}{}{})\n",
                    if is_optional { "?" } else { "" },
                    list(own.iter().map(|field| field.name.as_str()).collect()),
                    list(referenced),
                    relation.on_delete.map(|action| format!(", onDelete: {action}")).unwrap_or_default(),
                    relation.on_update.map(|action| format!(", onUpdate: {action}")).unwrap_or_default(),
                    argument(", map", &relation.map),
                ));
            }
        }
        if to.id == model.id {
            let sign = if relation.kind == RelationKind::ToOne { "?" } else { "[]" };
            lines.push_str(&format!("  rb{} {}{sign}{plain}\n", relation.id, from.name));
        }
        lines
    }
}

fn index_line(model: &Model, index: &Index, dialect: Dialect) -> String {
    let fields = index.fields.iter().filter_map(|column| {
        let name = &model.field(column.field)?.name;
        Some(match column.arguments {
            "" => name.clone(),
            arguments => format!("{name}({arguments})"),
        })
    });
    let method = index.method.map(|method| format!(", type: {method}")).unwrap_or_default();
    let predicate = index.predicate.as_ref().filter(|_| dialect == Dialect::Prisma7);
    format!(
        "  @@{}([{}]{method}{}{})\n",
        if index.is_unique { "unique" } else { "index" },
        fields.collect::<Vec<_>>().join(", "),
        argument(", map", &index.map),
        predicate.map(|predicate| format!(", where: {predicate}")).unwrap_or_default(),
    )
}

fn mapped(attribute: &str, name: &Option<String>) -> String {
    name.as_ref().map(|name| format!("{attribute}({name:?})")).unwrap_or_default()
}

fn argument(word: &str, name: &Option<String>) -> String {
    name.as_ref().map(|name| format!("{word}: {name:?}")).unwrap_or_default()
}

fn line(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("  {text}\n") }
}
