//! Type names, spelled as PostgreSQL's `format_type` spells them, so that what a file says and what
//! a catalog tells can be compared.

use pg_query::protobuf::TypeName;
use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::node::Node as NodeEnum;

use super::tree::{from_parts, strings};
use crate::effect::TypeText;

/// The grammar's own name of a type, and the name that `format_type` prints, where they differ.
const SPELLINGS: &[(&str, &str)] = &[
    ("bool", "boolean"),
    ("bpchar", "character"),
    ("float4", "real"),
    ("float8", "double precision"),
    ("int2", "smallint"),
    ("int4", "integer"),
    ("int8", "bigint"),
    ("timestamp", "timestamp without time zone"),
    ("timestamptz", "timestamp with time zone"),
    ("time", "time without time zone"),
    ("timetz", "time with time zone"),
    ("varbit", "bit varying"),
    ("varchar", "character varying"),
];

/// Types that are PostgreSQL's own without being spelled through its grammar.
const BUILT_IN: &[&str] = &[
    "box",
    "bytea",
    "cidr",
    "circle",
    "date",
    "daterange",
    "inet",
    "int4range",
    "int8range",
    "int4multirange",
    "int8multirange",
    "json",
    "jsonb",
    "jsonpath",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "money",
    "name",
    "nummultirange",
    "numrange",
    "oid",
    "path",
    "pg_lsn",
    "point",
    "polygon",
    "regclass",
    "regtype",
    "text",
    "tsmultirange",
    "tsquery",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
    "tsvector",
    "uuid",
    "xid8",
    "xml",
];

/// The type's text, and its name if it is not PostgreSQL's own.
pub(crate) fn type_text(name: &TypeName) -> TypeText {
    let parts = strings(&name.names);
    let own = parts.last().map(String::as_str).unwrap_or_default();
    let qualified = parts.first().is_some_and(|first| first == "pg_catalog");
    let spelling = SPELLINGS.iter().find(|(inner, _)| *inner == own).map(|(_, outer)| *outer);
    let built_in =
        qualified || (parts.len() == 1 && (spelling.is_some() || BUILT_IN.contains(&own) || is_serial(name)));
    let user_defined = (!built_in).then(|| from_parts(&parts));
    let base = match &user_defined {
        Some(named) => named.shown(),
        None => spelling.unwrap_or(own).to_owned(),
    };
    TypeText { text: with_modifiers(base, &modifiers(name), name.array_bounds.len()), user_defined }
}

/// `serial` and its kin are no types: they ask for a sequence.
pub(crate) fn is_serial(name: &TypeName) -> bool {
    match strings(&name.names).as_slice() {
        [own] => {
            matches!(own.as_str(), "serial" | "serial2" | "serial4" | "serial8" | "bigserial" | "smallserial")
        }
        _ => false,
    }
}

/// `format_type` prints the modifier of a time type before `with time zone`.
fn with_modifiers(base: String, modifiers: &[String], dimensions: usize) -> String {
    let mut text = base;
    if !modifiers.is_empty() {
        let list = format!("({})", modifiers.join(","));
        text = match text.split_once(' ') {
            Some((word, rest)) if rest.ends_with("time zone") => format!("{word}{list} {rest}"),
            _ => format!("{text}{list}"),
        };
    }
    if dimensions > 0 {
        // PostgreSQL does not remember how many dimensions were declared.
        text.push_str("[]");
    }
    text
}

fn modifiers(name: &TypeName) -> Vec<String> {
    let values: Vec<String> = name
        .typmods
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::AConst(constant)) => match &constant.val {
                Some(Val::Ival(value)) => Some(value.ival.to_string()),
                Some(Val::Sval(value)) => Some(value.sval.clone()),
                _ => Some("0".to_owned()),
            },
            _ => None,
        })
        .collect();
    // The grammar gives `char` the length 1 and `interval` a mask of fields.
    if strings(&name.names).last().is_some_and(|own| own == "interval") {
        return values.into_iter().skip(1).collect();
    }
    values
}
