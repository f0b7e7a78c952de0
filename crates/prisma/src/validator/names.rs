//! Names that are taken twice or that nobody may take, and types that do not exist.
//!
//! What a name may be made of is the parser's business.

use std::collections::{HashMap, HashSet};

use super::error::Errors;
use crate::schema::{
    Block, Config, ConfigKind, Enum, Identifier, Model, ModelKind, Names, Scalar, Schema, Span, TypeOf,
};

/// What Prisma Client or JavaScript keep for themselves.
const RESERVED: &[&str] = &[
    "PrismaClient",
    "async",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "using",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// The names of the three spaces that do not meet: types, datasources, generators.
#[derive(Default)]
struct Taken<'a> {
    types: HashMap<&'a str, &'static str>,
    datasources: HashMap<&'a str, &'static str>,
    generators: HashMap<&'a str, &'static str>,
}

pub(super) fn check(schema: &Schema, errors: &mut Errors) {
    let names = Names::of(schema);
    let mut taken = Taken::default();
    for block in &schema.blocks {
        let (name, space) = match block {
            Block::Model(model) => {
                model_names(model, &names, errors);
                (&model.name, &mut taken.types)
            }
            Block::Enum(found) => {
                enum_names(found, errors);
                (&found.name, &mut taken.types)
            }
            Block::Config(config) => {
                keys(config, errors);
                let space = match config.kind {
                    ConfigKind::Datasource => &mut taken.datasources,
                    ConfigKind::Generator => &mut taken.generators,
                };
                (&config.name, space)
            }
        };
        if Scalar::ALL.iter().any(|scalar| scalar.as_str() == name.name) {
            let message = format!("`{}` is the name of a scalar type", name.name);
            errors.tell(name.span, message, "give the block another name; @@map keeps the database's");
        }
        let kind = kind_of(block);
        if let Some(other) = space.insert(&name.name, kind) {
            let message = format!("there is a {other} called `{}` already", name.name);
            errors.tell(name.span, message, format!("give the {kind} another name"));
        }
    }
}

fn kind_of(block: &Block) -> &'static str {
    match block {
        Block::Model(model) => match model.kind {
            ModelKind::Model => "model",
            ModelKind::View => "view",
            ModelKind::CompositeType => "composite type",
        },
        Block::Enum(_) => "enum",
        Block::Config(config) => match config.kind {
            ConfigKind::Datasource => "datasource",
            ConfigKind::Generator => "generator",
        },
    }
}

fn reserved(name: &Identifier, block: Span, errors: &mut Errors) {
    if RESERVED.contains(&name.name.as_str()) {
        let message = format!("`{}` is reserved: Prisma Client cannot have it as a type", name.name);
        errors.tell(block, message, "give it another name; @@map keeps the database's");
    }
}

fn model_names<'a>(model: &'a Model, names: &Names<'a>, errors: &mut Errors) {
    let title = &model.name.name;
    if model.kind != ModelKind::CompositeType {
        reserved(&model.name, model.span, errors);
    }
    let mut fields = HashSet::new();
    for field in &model.fields {
        if !fields.insert(&field.name.name) {
            let message = format!("`{title}` has a field called `{}` already", field.name.name);
            errors.tell(field.name.span, message, "give it another name; @map keeps the column's");
        }
        let span = match &field.field_type.name {
            crate::schema::TypeName::Named(name) => name.span,
            crate::schema::TypeName::Unsupported(_) => continue,
        };
        match names.type_of(field) {
            TypeOf::Unknown(unknown) => {
                let message =
                    format!("there is no type `{unknown}`: no scalar, enum, model or view has this name");
                errors.tell(span, message, similar(unknown, names));
            }
            TypeOf::Model(target) if model.kind == ModelKind::CompositeType => {
                let message = format!("composite type `{title}` cannot lead to model `{}`", target.name.name);
                errors.tell(span, message, "composite types are for documents, not for PostgreSQL");
            }
            _ => {}
        }
    }
}

/// The name that was perhaps meant: the same in other case, or one slip away.
fn similar(unknown: &str, names: &Names<'_>) -> String {
    let known = Scalar::ALL.iter().map(|scalar| scalar.as_str()).chain(names.all());
    let lower = unknown.to_lowercase();
    let mut near: Vec<(usize, &str)> = known
        .map(|name| (distance(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= 2 && *distance < name.len().min(unknown.len()))
        .collect();
    near.sort_unstable();
    match near.first() {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None => "declare it, or write Unsupported(\"…\") for a type that Prisma does not know".to_owned(),
    }
}

/// How many letters to insert, leave out, replace or swap with the next one. Long names are not compared.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    if one.len().abs_diff(other.len()) > 2 || one.len() > 64 {
        return usize::MAX;
    }
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for (at, letter) in one.iter().enumerate() {
        let mut row = vec![at + 1];
        for (place, wanted) in other.iter().enumerate() {
            let replaced = rows[at][place] + usize::from(letter != wanted);
            let mut least = replaced.min(rows[at][place + 1] + 1).min(row[place] + 1);
            if at > 0 && place > 0 && *letter == other[place - 1] && one[at - 1] == *wanted {
                least = least.min(rows[at - 1][place - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

fn enum_names(found: &Enum, errors: &mut Errors) {
    reserved(&found.name, found.span, errors);
    let mut values = HashSet::new();
    for value in &found.values {
        if !values.insert(&value.name.name) {
            let message = format!("`{}` has the value `{}` already", found.name.name, value.name.name);
            errors.tell(value.span, message, "remove one of them");
        }
    }
    if found.values.is_empty() {
        let message = format!("enum `{}` has no value", found.name.name);
        errors.tell(found.span, message, "write at least one value, each on a line of its own");
    }
}

fn keys(config: &Config, errors: &mut Errors) {
    let mut keys = HashSet::new();
    for property in &config.properties {
        if !keys.insert(&property.key.name) {
            let message = format!("`{}` says `{}` twice", config.name.name, property.key.name);
            errors.tell(property.key.span, message, "keep one of them");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn a_slip_is_one_step() {
        for (one, other, steps) in [
            ("string", "strnig", 1),
            ("int", "in", 1),
            ("int", "ints", 1),
            ("user", "user", 0),
            ("int", "bit", 2),
        ] {
            assert_eq!(distance(one, other), steps, "{one} {other}");
        }
    }
}
