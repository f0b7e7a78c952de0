//! Primary keys and indexes.
//!
//! The order of a table's indexes is Prisma's: those of fields, then `@@index`, then `@@unique`.

use underpin_catalog::Name;

use super::Reading;
use crate::client::constraint_name;
use crate::migrate::catalog::{Index, IndexColumn, IndexMethod, OperatorClass, PrimaryKey, SortOrder};
use crate::schema::{Argument, Attribute, Expression, Model};

impl<'a> Reading<'a> {
    pub(super) fn primary_key(&mut self, model: &'a Model) -> Option<PrimaryKey> {
        let of_field = model.fields.iter().find_map(|field| Some((field, field.attribute("id")?)));
        let (attribute, columns) = match (of_field, model.attribute("id")) {
            (Some((field, attribute)), _) => (attribute, vec![Name::new(field.database_name())]),
            (None, Some(attribute)) => {
                let columns = self.index_columns(model, attribute, IndexMethod::BTree);
                (attribute, columns.into_iter().map(|column| column.name).collect())
            }
            (None, None) => return None,
        };
        let name = mapped(attribute)
            .map_or_else(|| Name::new(model.database_name()).with_suffix("_pkey"), Name::new);
        Some(PrimaryKey { name, columns })
    }

    pub(super) fn indexes(&mut self, model: &'a Model) -> Vec<Index> {
        let mut indexes = Vec::new();
        for field in &model.fields {
            let Some(attribute) = field.attribute("unique") else { continue };
            let column = IndexColumn {
                name: Name::new(field.database_name()),
                order: order(&attribute.arguments),
                operator_class: None,
            };
            indexes.push(self.index(model, attribute, true, vec![column]));
        }
        for (kind, is_unique) in [("index", false), ("unique", true)] {
            for attribute in model.attributes.iter().filter(|attribute| attribute.name.name == kind) {
                let columns = self.index_columns(model, attribute, method(attribute));
                indexes.push(self.index(model, attribute, is_unique, columns));
            }
        }
        indexes
    }

    fn index(
        &mut self,
        model: &Model,
        attribute: &Attribute,
        is_unique: bool,
        columns: Vec<IndexColumn>,
    ) -> Index {
        // An index was once named by `name`; of a unique one that is the client's name.
        let old_name = || attribute.named("name").and_then(Expression::as_str).filter(|_| !is_unique);
        let suffix = if is_unique { "_key" } else { "_idx" };
        let derived = || {
            let names: Vec<Name> = columns.iter().map(|column| column.name.clone()).collect();
            constraint_name(model.database_name(), &names, suffix)
        };
        Index {
            name: mapped(attribute).or_else(old_name).map_or_else(derived, Name::new),
            is_unique,
            method: method(attribute),
            predicate: attribute.named("where").and_then(|condition| self.predicate(model, condition)),
            columns,
            is_left_alone: false,
        }
    }

    fn index_columns(
        &mut self,
        model: &Model,
        attribute: &Attribute,
        method: IndexMethod,
    ) -> Vec<IndexColumn> {
        let fields = attribute.argument("fields", 0).map_or(&[][..], Expression::items);
        fields.iter().filter_map(|field| self.index_column(model, field, method)).collect()
    }

    fn index_column(
        &mut self,
        model: &Model,
        expression: &Expression,
        method: IndexMethod,
    ) -> Option<IndexColumn> {
        let word = expression.word().unwrap_or_default();
        let Some(field) = model.field(word) else {
            return self.problem(format!("`{}` has no field `{word}`", model.name.name), expression.span());
        };
        let arguments = match expression {
            Expression::Function { arguments, .. } => arguments.as_slice(),
            _ => &[],
        };
        Some(IndexColumn {
            name: Name::new(field.database_name()),
            order: order(arguments),
            operator_class: argument(arguments, "ops").and_then(|value| operator_class(value, method)),
        })
    }
}

fn mapped(attribute: &Attribute) -> Option<&str> {
    attribute.named("map")?.as_str()
}

fn argument<'a>(arguments: &'a [Argument], name: &str) -> Option<&'a Expression> {
    let is_called = |argument: &&Argument| argument.name.as_ref().is_some_and(|own| own.name == name);
    arguments.iter().find(is_called).map(|argument| &argument.value)
}

fn order(arguments: &[Argument]) -> Option<SortOrder> {
    match argument(arguments, "sort")?.word()? {
        "Asc" => Some(SortOrder::Ascending),
        "Desc" => Some(SortOrder::Descending),
        _ => None,
    }
}

fn method(attribute: &Attribute) -> IndexMethod {
    match attribute.named("type").and_then(Expression::word) {
        Some("Hash") => IndexMethod::Hash,
        Some("Gist") => IndexMethod::Gist,
        Some("Gin") => IndexMethod::Gin,
        Some("SpGist") => IndexMethod::SpGist,
        Some("Brin") => IndexMethod::Brin,
        Some(_) | None => IndexMethod::BTree,
    }
}

/// An operator class from `raw("text_pattern_ops")`, or from Prisma's name for it: `JsonbPathOps`.
fn operator_class(expression: &Expression, method: IndexMethod) -> Option<OperatorClass> {
    if let Expression::Function { arguments, .. } = expression {
        let name = arguments.first()?.value.as_str()?.to_owned();
        return Some(OperatorClass { name, is_known: false, is_default: false });
    }
    let word = expression.word()?;
    let is_default = match word {
        "JsonbPathOps" => false,
        "InetOps" => method == IndexMethod::SpGist,
        _ => !word.ends_with("BloomOps") && !word.ends_with("MultiOps"),
    };
    Some(OperatorClass { name: sql_name(word), is_known: true, is_default })
}

/// Names of types and methods in which a capital begins no word of PostgreSQL's name.
const ONE_WORD: [(&str, &str); 4] =
    [("MinMax", "Minmax"), ("VarBit", "Varbit"), ("TimestampTz", "Timestamptz"), ("TimeTz", "Timetz")];

/// `Int4MinMaxMultiOps` is `int4_minmax_multi_ops`.
fn sql_name(word: &str) -> String {
    let word = ONE_WORD.iter().fold(word.to_owned(), |word, (written, one)| word.replace(written, one));
    let mut name = String::new();
    for letter in word.chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::sql_name;

    #[test]
    fn operator_classes_have_the_names_of_postgres() {
        for (word, name) in [
            ("JsonbPathOps", "jsonb_path_ops"),
            ("Int4MinMaxMultiOps", "int4_minmax_multi_ops"),
            ("TimestampTzBloomOps", "timestamptz_bloom_ops"),
            ("TimeTzMinMaxOps", "timetz_minmax_ops"),
            ("VarBitMinMaxOps", "varbit_minmax_ops"),
            ("BpcharBloomOps", "bpchar_bloom_ops"),
            ("InetOps", "inet_ops"),
        ] {
            assert_eq!(sql_name(word), name);
        }
    }
}
