//! How the values of a column become those of another type.

use super::loss::Loss;
use super::part::type_of;
use crate::model::{Column, TypeRef};
use crate::sql::Sql;
use crate::{Name, sql};

/// A conversion.
#[derive(Debug)]
pub(super) struct Cast {
    /// ` USING …`, or nothing where PostgreSQL converts by itself.
    pub(super) using: Sql,
    pub(super) loss: Option<Loss>,
}

/// PostgreSQL's own types that convert to each other by a cast of their own.
const FAMILIES: [&[&str]; 5] = [
    &["int2", "int4", "int8", "float4", "float8", "numeric"],
    &["date", "timestamp", "timestamptz"],
    &["json", "jsonb"],
    &["bit", "varbit"],
    &["inet", "cidr"],
];

/// Types of which every value has a text, and which are texts themselves.
const TEXTS: [&str; 4] = ["text", "varchar", "bpchar", "name"];

/// Within a family, from narrow to wide: what goes to the right keeps every value.
const WIDENING: [&[&str]; 2] = [&["int2", "int4", "int8", "numeric"], &["float4", "float8"]];

/// The conversion of a column. `replaced` says that its type is another one under the same name.
pub(super) fn between(column: &Name, before: &Column, after: &Column, replaced: bool) -> Cast {
    let (from, to) = (&before.type_ref, &after.type_ref);
    if before.generated.is_some() && after.generated.is_some() {
        // Values are computed anew.
        return Cast { using: sql!(""), loss: None };
    }
    if from.name == to.name && from.array == to.array && !replaced {
        return Cast { using: sql!(""), loss: narrowed(column, from, to) };
    }
    let using = match (is_text(from) && !replaced, is_text(to)) {
        (true, true) if from.array == to.array => sql!(""),
        // Not to the type itself: an explicit cast cuts what is too long, an assignment refuses it.
        (_, true) if to.array => sql!(" USING {}::text[]", column),
        (_, true) => sql!(" USING {}::text", column),
        _ if from.array == to.array && !replaced && (is_text(from) || related(from, to)) => {
            sql!(" USING {}::{}", column, type_of(to))
        }
        // Every type has a text, and reads one.
        _ if from.array && to.array => sql!(" USING {}::text[]::{}", column, type_of(to)),
        _ => sql!(" USING {}::text::{}", column, type_of(to)),
    };
    Cast { using, loss: loss(column, from, to, replaced) }
}

fn built_in(of: &TypeRef) -> Option<&str> {
    let own = of.name.namespace.as_ref().is_some_and(|namespace| namespace.as_str() == "pg_catalog");
    own.then(|| of.name.name.as_str())
}

fn is_text(of: &TypeRef) -> bool {
    built_in(of).is_some_and(|name| TEXTS.contains(&name))
}

fn related(from: &TypeRef, to: &TypeRef) -> bool {
    let (Some(from), Some(to)) = (built_in(from), built_in(to)) else { return false };
    let both = |family: &&[&str]| family.contains(&from) && family.contains(&to);
    FAMILIES.iter().any(both) || matches!((from, to), ("bool", "int4") | ("int4", "bool"))
}

fn loss(column: &Name, from: &TypeRef, to: &TypeRef, replaced: bool) -> Option<Loss> {
    let column = column.as_str();
    if is_text(to) {
        return narrowed_text(column, to);
    }
    let (old, new) = (built_in(from), built_in(to));
    if let (Some(old), Some(new)) = (old, new) {
        let place = |family: &&[&str], name| family.iter().position(|member| *member == name);
        for family in &WIDENING {
            if let (Some(old), Some(new)) = (place(family, old), place(family, new)) {
                let keeps = old < new && to.modifiers.is_empty();
                return (!keeps).then(|| Loss::NothingIf(format!("every {column} is in the range of {to}")));
            }
        }
        match (old, new) {
            ("json", "jsonb") => {
                return Some(Loss::Precision(format!("the order of keys and repeated keys in {column}")));
            }
            ("jsonb", "json") | ("date", "timestamp" | "timestamptz") => return None,
            ("timestamp" | "timestamptz", "date") => {
                return Some(Loss::Precision(format!("the time of day in {column}")));
            }
            ("timestamp", "timestamptz") | ("timestamptz", "timestamp") => {
                return Some(Loss::Precision(format!(
                    "the moment in {column} unless the session's TimeZone is the one that was meant"
                )));
            }
            ("numeric" | "float4" | "float8", _) if related(from, to) => {
                return Some(Loss::Precision(format!("digits of {column}")));
            }
            _ => {}
        }
    }
    let reads = if replaced { "has a value that the new type has, too" } else { "reads as one" };
    Some(Loss::NothingIf(format!("every {column} {reads} ({to})")))
}

/// The same type with other modifiers.
fn narrowed(column: &Name, from: &TypeRef, to: &TypeRef) -> Option<Loss> {
    let name = built_in(to)?;
    let column = column.as_str();
    if from.modifiers == to.modifiers || to.modifiers.is_empty() {
        return None;
    }
    let number = |of: &TypeRef, at: usize| of.modifiers.get(at).and_then(|text| text.parse::<i32>().ok());
    let wider = |at| number(from, at).is_some_and(|old| number(to, at).is_some_and(|new| old <= new));
    match name {
        "numeric" => {
            let scale = |of: &TypeRef| number(of, 1).unwrap_or(0);
            let whole = |of: &TypeRef| number(of, 0).map(|all| all - scale(of));
            let fits = whole(from).is_some_and(|old| whole(to).is_some_and(|new| old <= new));
            if from.modifiers.is_empty() || scale(from) > scale(to) {
                Some(Loss::Precision(format!("digits of {column} behind the point")))
            } else {
                (!fits).then(|| Loss::NothingIf(format!("every {column} is in the range of {to}")))
            }
        }
        _ if TEXTS.contains(&name) || name == "varbit" => {
            if wider(0) {
                None
            } else {
                narrowed_text(column, to)
            }
        }
        "time" | "timetz" | "timestamp" | "timestamptz" | "interval" => {
            (!wider(0)).then(|| Loss::Precision(format!("fractions of seconds in {column}")))
        }
        _ => Some(Loss::NothingIf(format!("every {column} is in the range of {to}"))),
    }
}

fn narrowed_text(column: &str, to: &TypeRef) -> Option<Loss> {
    let length = to.modifiers.first()?;
    Some(Loss::NothingIf(format!("no {column} is longer than {length}")))
}
