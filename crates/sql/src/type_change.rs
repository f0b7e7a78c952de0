//! Which type changes PostgreSQL makes in the catalog alone, and which write the table anew.
//!
//! Observed on PostgreSQL 12 to 18. Everything that is not known to be cheap rewrites. The change
//! between `timestamp` and `timestamptz` depends on the session's time zone and counts as a rewrite:
//! it is free only in UTC, and with a precision below 6 never.

/// Whether changing a column of type `from` to `to`, both as `format_type` prints them, leaves the
/// rows as they are.
pub(crate) fn is_catalog_only(from: &str, to: &str) -> bool {
    if from == to {
        return true;
    }
    let (from, to) = (Spelled::of(from), Spelled::of(to));
    if from.is_array || to.is_array {
        return false;
    }
    match (from.base.as_str(), to.base.as_str()) {
        ("character varying", "text") | ("text", "character varying") if to.modifiers.is_empty() => true,
        ("character varying", "character varying")
        | ("bit varying", "bit varying")
        | ("timestamp without time zone", "timestamp without time zone")
        | ("timestamp with time zone", "timestamp with time zone")
        | ("time without time zone", "time without time zone")
        | ("time with time zone", "time with time zone")
        | ("interval", "interval") => wider(from.first(), to.first()),
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
}

#[cfg(test)]
mod tests {
    use super::is_catalog_only;

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
            ("integer", "integer"),
        ] {
            assert!(is_catalog_only(from, to), "{from} to {to}");
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
        ] {
            assert!(!is_catalog_only(from, to), "{from} to {to}");
        }
    }
}
