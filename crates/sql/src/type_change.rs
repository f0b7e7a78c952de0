//! Which type changes PostgreSQL makes in the catalog alone, and which write the table anew.
//!
//! Observed on PostgreSQL 12 to 18. Everything that is not known to be cheap rewrites. The change
//! between `timestamp` and `timestamptz` is free in UTC alone, and to a precision below 6 never; a time zone
//! that nobody knows is not UTC.

use underpin_catalog::{Name, RelationName};

use crate::effect::{TypeKind, TypeText, Using};
use crate::surroundings::Surroundings;

/// A column that gets another type.
pub(crate) struct TypeChange<'a> {
    pub(crate) around: &'a Surroundings,
    pub(crate) table: &'a RelationName,
    pub(crate) column: &'a Name,
    pub(crate) to: &'a TypeText,
    pub(crate) using: Using,
}

/// Whether the change leaves the rows as they are. One whose table or column nobody knows does not.
pub(crate) fn is_catalog_only(change: &TypeChange<'_>) -> bool {
    let Some(facts) = change.around.relation(change.table) else { return false };
    let Some(before) = facts.column(change.column) else { return false };
    if change.using == Using::Expression {
        return false;
    }
    let Some(from) = base(change.around, &before.type_sql, before.type_name.as_ref(), true) else {
        return false;
    };
    let Some(to) = base(change.around, &change.to.text, change.to.user_defined.as_ref(), false) else {
        return false;
    };
    keeps_bytes(&from, &to, is_utc(change.around.time_zone.as_deref()))
}

/// Whether values sort and equal each other otherwise than before, though their bytes stay: indexes are then
/// built anew. Of the types whose bytes stay only `citext` has an order of its own.
pub(crate) fn is_sorted_anew(change: &TypeChange<'_>) -> bool {
    let facts = change.around.relation(change.table);
    let before = facts.and_then(|facts| facts.column(change.column));
    before.is_some_and(|before| (before.type_sql == "citext") != (change.to.text == "citext"))
}

/// What a domain is made of, and any other type itself. A domain that refuses values has to look at each
/// (`None`), unless the column is of it already.
fn base(around: &Surroundings, text: &str, named: Option<&RelationName>, there: bool) -> Option<String> {
    let Some(facts) = named.and_then(|name| around.type_facts(name)) else { return Some(text.to_owned()) };
    match &facts.kind {
        Some(TypeKind::Domain { base: inner, .. }) if there || !facts.constrained_domain => {
            base(around, &inner.text, inner.user_defined.as_ref(), there)
        }
        Some(TypeKind::Domain { .. }) => None,
        None if facts.constrained_domain && !there => None,
        _ => Some(text.to_owned()),
    }
}

/// Zones that never had another offset than 0. PostgreSQL asks the zone's whole history, so that
/// `Africa/Abidjan`, which had a local time once, is none of them.
fn is_utc(zone: Option<&str>) -> bool {
    const UTC: &[&str] = &[
        "utc",
        "gmt",
        "etc/utc",
        "etc/gmt",
        "zulu",
        "etc/zulu",
        "universal",
        "etc/universal",
        "uct",
        "etc/uct",
        "greenwich",
        "etc/greenwich",
        "gmt0",
        "etc/gmt0",
        "gmt+0",
        "etc/gmt+0",
        "gmt-0",
        "etc/gmt-0",
    ];
    zone.is_some_and(|zone| UTC.contains(&zone.to_ascii_lowercase().as_str()))
}

/// Whether the stored bytes of `from` are valid for `to`, both as `format_type` prints them.
fn keeps_bytes(from: &str, to: &str, utc: bool) -> bool {
    if from == to {
        return true;
    }
    let (from, to) = (Spelled::of(from), Spelled::of(to));
    if from.is_array || to.is_array {
        return false;
    }
    match (from.base.as_str(), to.base.as_str()) {
        ("character varying", "text") | ("text", "character varying") if to.modifiers.is_empty() => true,
        // The type of the extension: the bytes of a text, in another order.
        ("character varying" | "text", "citext") => true,
        ("citext", "character varying" | "text") if to.modifiers.is_empty() => true,
        ("character varying", "character varying") | ("bit varying", "bit varying") => {
            wider(from.first(), to.first())
        }
        ("timestamp without time zone", "timestamp without time zone")
        | ("timestamp with time zone", "timestamp with time zone")
        | ("time without time zone", "time without time zone")
        | ("time with time zone", "time with time zone")
        | ("interval", "interval") => wider(from.precision(), to.precision()),
        // The new precision is applied on the way, even when it is the old one.
        ("timestamp without time zone", "timestamp with time zone")
        | ("timestamp with time zone", "timestamp without time zone") => utc && to.precision().is_none(),
        ("numeric", "numeric") => match (from.modifiers.as_slice(), to.modifiers.as_slice()) {
            (_, []) => true,
            ([], _) => false,
            ([from_precision, from_rest @ ..], [to_precision, to_rest @ ..]) => {
                let scale = |rest: &[u32]| rest.first().copied().unwrap_or(0);
                to_precision >= from_precision && scale(from_rest) == scale(to_rest)
            }
        },
        ("cidr", "inet") | ("xml", "text") => true,
        _ => false,
    }
}

/// No limit is the widest.
fn wider(from: Option<u32>, to: Option<u32>) -> bool {
    match (from, to) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(from), Some(to)) => to >= from,
    }
}

struct Spelled {
    base: String,
    modifiers: Vec<u32>,
    is_array: bool,
}

impl Spelled {
    fn of(text: &str) -> Self {
        let (text, is_array) = match text.strip_suffix("[]") {
            Some(element) => (element, true),
            None => (text, false),
        };
        let (base, modifiers) = match (text.find('('), text.find(')')) {
            (Some(open), Some(close)) if open < close => (
                format!("{}{}", &text[..open], &text[close + 1..]),
                text[open + 1..close].split(',').filter_map(|part| part.trim().parse().ok()).collect(),
            ),
            _ => (text.to_owned(), Vec::new()),
        };
        Self { base, modifiers, is_array }
    }

    fn first(&self) -> Option<u32> {
        self.modifiers.first().copied()
    }

    /// Of a type of time: six digits are all there are.
    fn precision(&self) -> Option<u32> {
        self.first().filter(|digits| *digits < 6)
    }
}

#[cfg(test)]
mod tests {
    use super::{is_utc, keeps_bytes};

    #[test]
    fn cheap_and_dear_type_changes_are_told_apart() {
        for (from, to) in [
            ("character varying(50)", "character varying(100)"),
            ("character varying(50)", "text"),
            ("text", "character varying"),
            ("numeric(10,2)", "numeric(12,2)"),
            ("numeric(10,2)", "numeric"),
            ("timestamp(3) without time zone", "timestamp(6) without time zone"),
            ("timestamp(3) without time zone", "timestamp without time zone"),
            ("cidr", "inet"),
            ("text", "citext"),
            ("citext", "character varying"),
            ("integer", "integer"),
        ] {
            assert!(keeps_bytes(from, to, false), "{from} to {to}");
        }
        for (from, to) in [
            ("character varying(50)", "character varying(20)"),
            ("text", "character varying(191)"),
            ("character(10)", "character(20)"),
            ("character(10)", "text"),
            ("integer", "bigint"),
            ("numeric(10,2)", "numeric(65,30)"),
            ("timestamp(3) without time zone", "timestamp(3) with time zone"),
            ("character varying(20)[]", "text[]"),
            ("uuid", "text"),
            ("inet", "cidr"),
            ("citext", "character varying(20)"),
            ("citext", "jsonb"),
        ] {
            assert!(!keeps_bytes(from, to, false), "{from} to {to}");
        }
    }

    #[test]
    fn a_zone_decides_between_the_two_timestamps() {
        let (plain, zoned) = ("timestamp(3) without time zone", "timestamp with time zone");
        assert!(keeps_bytes(plain, zoned, true) && !keeps_bytes(plain, zoned, false));
        assert!(keeps_bytes(plain, "timestamp(6) with time zone", true));
        assert!(!keeps_bytes(plain, "timestamp(3) with time zone", true));
        assert!(is_utc(Some("Etc/UTC")) && !is_utc(Some("Africa/Abidjan")) && !is_utc(None));
    }
}
