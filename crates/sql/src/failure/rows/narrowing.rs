//! Values that do not fit the new type of their column (22001, 22003, 22007, 22P02).
//!
//! Nothing is told of a `USING` that computes: what it makes of a value is for the server to say.

use pg_query::protobuf::node::Node as NodeEnum;
use underpin_catalog::{Name, RelationName};

use super::super::cast::Family;
use super::super::{Asked, Found};
use super::{sample, tell};
use crate::describe::type_text;
use crate::effect::{Effect, TypeKind, TypeText, Using};
use crate::surroundings::{ColumnFacts, Surroundings};

pub(super) fn find(asked: &Asked<'_>, effect: &Effect, found: &mut Found<'_>) {
    let Effect::ChangeColumnType { table, column, to, using, .. } = effect else { return };
    let around = asked.around;
    let name = around.resolve(table);
    let Some(before) = around.relation(table).and_then(|facts| facts.column(column)) else { return };
    let by_text = *using == Using::Expression && goes_by_text(asked, found.at, to);
    if let Some(values) = enum_values(around, to) {
        if *using == Using::Cast || by_text {
            to_enum(around, &name, before, to, &values, found);
        }
        return;
    }
    if before.type_name.is_some() || to.user_defined.is_some() || *using == Using::Expression {
        return;
    }
    let Some((sqlstate, condition, what)) = misfit(around, before, to, *using) else { return };
    let check = condition.map(|condition| {
        sample(around, &name, std::slice::from_ref(column), format!("{column} IS NOT NULL AND {condition}"))
    });
    let why = format!("rows of {} may have a value in {} that {what}", name.shown(), column.as_str());
    tell(found, sqlstate, &name, std::slice::from_ref(column), why, check);
}

/// What PostgreSQL answers, the condition of the rows that do not fit, and what is wrong with them.
fn misfit(
    around: &Surroundings,
    before: &ColumnFacts,
    to: &TypeText,
    using: Using,
) -> Option<(&'static str, Option<String>, String)> {
    let column = &before.name;
    if before.type_sql.ends_with("[]") || to.text.ends_with("[]") {
        return None;
    }
    let (from, into) = (Family::of(&before.type_sql), Family::of(&to.text));
    match (from, into) {
        (_, Family::Text) => {
            // A cast that is written cuts; the one that PostgreSQL makes by itself refuses.
            let longest = first_modifier(&to.text)?;
            let fits = from == Family::Text
                && first_modifier(&before.type_sql).is_some_and(|before| before <= longest);
            (using == Using::Absent && !fits).then(|| {
                let condition = format!("length({column}::text) > {longest}");
                ("22001", Some(condition), format!("is longer than {longest} characters"))
            })
        }
        (Family::Number, Family::Number) => {
            let condition = out_of_range(column, &before.type_sql, &to.text)?;
            Some(("22003", Some(condition), format!("is out of range for {}", to.text)))
        }
        (Family::Text, into) if using == Using::Cast && into != Family::Unknown => {
            let sqlstate = match into {
                Family::Date
                | Family::Timestamp
                | Family::Timestamptz
                | Family::Time
                | Family::Timetz
                | Family::Interval => "22007",
                _ => "22P02",
            };
            Some((sqlstate, invalid_input(around, column, into, &to.text), format!("is no {}", to.text)))
        }
        _ => None,
    }
}

/// Which values a narrower number refuses; `None` when all fit.
fn out_of_range(column: &Name, from: &str, to: &str) -> Option<String> {
    let rank = |text: &str| match text {
        "smallint" => Some(1),
        "integer" => Some(2),
        "bigint" => Some(3),
        _ => None,
    };
    if let Some(into) = rank(to) {
        if rank(from).is_some_and(|from| from <= into) {
            return None;
        }
        let (least, most) = match into {
            1 => (i64::from(i16::MIN), i64::from(i16::MAX)),
            2 => (i64::from(i32::MIN), i64::from(i32::MAX)),
            _ => (i64::MIN, i64::MAX),
        };
        let rounded =
            if rank(from).is_some() { column.to_string() } else { format!("round({column}::numeric)") };
        return Some(format!("{rounded} NOT BETWEEN {least} AND {most}"));
    }
    if !to.starts_with("numeric") {
        return None;
    }
    let (precision, scale) = numeric(to)?;
    let digits = precision.checked_sub(scale)?;
    let before = match from {
        "smallint" => Some(5),
        "integer" => Some(10),
        "bigint" => Some(19),
        _ => numeric(from).and_then(|(precision, scale)| precision.checked_sub(scale)),
    };
    let narrower_scale = numeric(from).is_some_and(|(_, before)| before > scale);
    // Rounding can carry into one more digit.
    let fits = before.is_some_and(|before| before < digits || (before == digits && !narrower_scale));
    (!fits).then(|| format!("abs(round({column}::numeric, {scale})) >= 10::numeric ^ {digits}"))
}

/// Precision and scale of `numeric(10,2)`.
fn numeric(text: &str) -> Option<(u32, u32)> {
    let inner = text.strip_prefix("numeric(")?.strip_suffix(')')?;
    let (precision, scale) = inner.split_once(',').unwrap_or((inner, "0"));
    Some((precision.trim().parse().ok()?, scale.trim().parse().ok()?))
}

fn first_modifier(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once('(')?;
    rest.split([',', ')']).next()?.trim().parse().ok()
}

/// Texts that are no value of a type. PostgreSQL 16 can be asked, before that a pattern is close enough.
fn invalid_input(around: &Surroundings, column: &Name, into: Family, to: &str) -> Option<String> {
    if around.version.major() >= 16 {
        return Some(format!("NOT pg_input_is_valid({column}::text, '{to}')"));
    }
    let pattern = match (into, to) {
        (Family::Number, "smallint" | "integer" | "bigint") => r"^\s*[-+]?\d+\s*$",
        (Family::Number, _) => r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$",
        (Family::Uuid, _) => r"^\{?[0-9a-fA-F]{4}(-?[0-9a-fA-F]{4}){7}\}?$",
        (Family::Boolean, _) => r"^\s*(?i:t|true|f|false|y|yes|n|no|on|off|1|0)\s*$",
        _ => return None,
    };
    Some(format!("{column}::text !~ '{pattern}'"))
}

fn enum_values(around: &Surroundings, to: &TypeText) -> Option<Vec<String>> {
    match &around.type_facts(to.user_defined.as_ref()?)?.kind {
        Some(TypeKind::Enum { values }) => Some(values.clone()),
        _ => None,
    }
}

fn to_enum(
    around: &Surroundings,
    table: &RelationName,
    before: &ColumnFacts,
    to: &TypeText,
    values: &[String],
    found: &mut Found<'_>,
) {
    let column = &before.name;
    let literal = |value: &String| format!("'{}'", value.replace('\'', "''"));
    let known = before
        .type_name
        .as_ref()
        .and_then(|name| around.type_facts(name))
        .and_then(|facts| facts.kind.as_ref());
    let array = before.type_sql.ends_with("[]");
    let (condition, what) = match known {
        Some(TypeKind::Enum { values: before }) => {
            let gone: Vec<&String> = before.iter().filter(|value| !values.contains(value)).collect();
            if gone.is_empty() {
                return;
            }
            let listed: Vec<String> = gone.iter().map(|value| literal(value)).collect();
            let listed = listed.join(", ");
            let condition = match array {
                true => format!("{column}::text[] && ARRAY[{listed}]"),
                false => format!("{column}::text IN ({listed})"),
            };
            let gone: Vec<&str> = gone.iter().map(|value| value.as_str()).collect();
            (condition, format!("which the new type no longer has: {}", gone.join(", ")))
        }
        _ if array => return,
        _ => {
            let listed: Vec<String> = values.iter().map(literal).collect();
            let condition = format!("{column}::text NOT IN ({})", listed.join(", "));
            (condition, format!("that {} does not have", to.text))
        }
    };
    let check = sample(around, table, std::slice::from_ref(column), condition);
    let why = format!("rows of {} may have a value in {} {what}", table.shown(), column.as_str());
    tell(found, "22P02", table, std::slice::from_ref(column), why, Some(check));
}

/// `USING column::text::type`: what Prisma writes for an enum that is made anew.
fn goes_by_text(asked: &Asked<'_>, effect: usize, to: &TypeText) -> bool {
    let definition =
        match asked.command(effect).and_then(|command| command.def.as_ref()).map(|node| &node.node) {
            Some(Some(NodeEnum::ColumnDef(definition))) => definition,
            _ => return false,
        };
    let Some(NodeEnum::TypeCast(outer)) = definition.raw_default.as_ref().and_then(|node| node.node.as_ref())
    else {
        return false;
    };
    let Some(NodeEnum::TypeCast(inner)) = outer.arg.as_ref().and_then(|node| node.node.as_ref()) else {
        return false;
    };
    let into = outer.type_name.as_ref().is_some_and(|name| type_text(name).text == to.text);
    let text = inner
        .type_name
        .as_ref()
        .is_some_and(|name| matches!(type_text(name).text.as_str(), "text" | "text[]"));
    let column =
        matches!(inner.arg.as_ref().and_then(|node| node.node.as_ref()), Some(NodeEnum::ColumnRef(_)));
    into && text && column
}
