//! What an expression, or a whole statement, contains: functions, sub-selects, columns, tables,
//! constants.
//!
//! The tree has hundreds of node types and this module needs six, so it walks the serialised form,
//! in which every node of every type is reached. A function that is not known to be harmless counts
//! as volatile: what is unknown must not look safe.

use std::collections::BTreeSet;

use serde_json::Value;
use underpin_catalog::RelationName;

/// What was found in a tree.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// Functions that are called, without namespace.
    pub(crate) functions: BTreeSet<String>,
    /// Columns that are read, without qualification. A whole-row reference is `*`.
    pub(crate) columns: BTreeSet<String>,
    /// Relations that are named, without those that `WITH` defines.
    pub(crate) relations: BTreeSet<RelationName>,
    /// String constants.
    pub(crate) strings: BTreeSet<String>,
    /// A sub-select is in it.
    pub(crate) subselect: bool,
    /// `FOR UPDATE` and the like.
    pub(crate) locks_rows: bool,
    /// Statements inside `WITH` that change data.
    pub(crate) writes: bool,
    defined: BTreeSet<String>,
}

impl Contents {
    /// What `tree` contains, at any depth.
    pub(crate) fn of<T: serde::Serialize>(tree: &T) -> Self {
        let mut contents = Self::default();
        // Serialising a tree of plain structures into a value has no way to fail.
        if let Ok(value) = serde_json::to_value(tree) {
            contents.visit(&value);
        }
        let defined = std::mem::take(&mut contents.defined);
        contents
            .relations
            .retain(|relation| relation.namespace.is_some() || !defined.contains(relation.name.as_str()));
        contents
    }

    /// Whether two evaluations for two rows can differ, as far as we know.
    pub(crate) fn is_volatile(&self) -> bool {
        self.subselect || self.functions.iter().any(|name| !is_known_stable(name))
    }

    /// A function of PostgreSQL's own whose answer can differ from row to row, or a sub-select.
    pub(crate) fn is_known_volatile(&self) -> bool {
        self.subselect || self.functions.iter().any(|name| is_known_harmless(name) && !is_known_stable(name))
    }

    /// Functions that are not PostgreSQL's own, as far as we know.
    pub(crate) fn user_functions(&self) -> impl Iterator<Item = RelationName> {
        self.functions.iter().filter(|name| !is_known_harmless(name)).map(RelationName::bare)
    }

    /// Functions that may do anything when a query calls them.
    pub(crate) fn unknown_functions(&self) -> Vec<String> {
        self.functions.iter().filter(|name| !is_known_harmless(name)).cloned().collect()
    }

    fn visit(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.visit(item)),
            Value::Object(fields) => {
                for (key, inner) in fields {
                    match key.as_str() {
                        "FuncCall" => {
                            self.functions.extend(strings_of(inner.get("funcname")).pop());
                        }
                        "ColumnRef" => {
                            self.columns.insert(
                                strings_of(inner.get("fields")).pop().unwrap_or_else(|| "*".to_owned()),
                            );
                        }
                        "SubLink" => self.subselect = true,
                        "LockingClause" => self.locks_rows = true,
                        "InsertStmt" | "UpdateStmt" | "DeleteStmt" | "MergeStmt" => self.writes = true,
                        "CommonTableExpr" => {
                            self.defined
                                .extend(inner.get("ctename").and_then(Value::as_str).map(str::to_owned));
                        }
                        "Sval" => {
                            self.strings.extend(inner.get("sval").and_then(Value::as_str).map(str::to_owned))
                        }
                        _ => {}
                    }
                    self.visit(inner);
                }
                if let (Some(name), Some(_)) =
                    (fields.get("relname").and_then(Value::as_str), fields.get("relpersistence"))
                {
                    self.relations.insert(match fields.get("schemaname").and_then(Value::as_str) {
                        None | Some("") => RelationName::bare(name),
                        Some(namespace) => RelationName::qualified(namespace, name),
                    });
                }
            }
            _ => {}
        }
    }
}

/// The texts of a list of string nodes; other nodes (a star) give nothing.
fn strings_of(list: Option<&Value>) -> Vec<String> {
    let Some(Value::Array(items)) = list else { return Vec::new() };
    items
        .iter()
        .map(|item| item.pointer("/node/String/sval").and_then(Value::as_str).unwrap_or("*").to_owned())
        .collect()
}

/// Built-in functions that give the same for every row of one statement (`provolatile` `i` or `s`),
/// as far as migrations are seen to use them. `uuid_generate_v4`, `gen_random_uuid`, `random`,
/// `clock_timestamp`, `nextval` and `timeofday` are absent because they are volatile.
fn is_known_stable(name: &str) -> bool {
    const STABLE: &[&str] = &[
        "abs",
        "age",
        "array_agg",
        "array_append",
        "array_cat",
        "array_length",
        "array_position",
        "array_prepend",
        "array_remove",
        "array_replace",
        "array_to_json",
        "array_to_string",
        "ascii",
        "avg",
        "bool_and",
        "bool_or",
        "bit_length",
        "btrim",
        "cardinality",
        "ceil",
        "ceiling",
        "char_length",
        "character_length",
        "chr",
        "concat",
        "concat_ws",
        "convert_from",
        "convert_to",
        "count",
        "current_database",
        "current_schema",
        "current_setting",
        "date",
        "date_part",
        "date_trunc",
        "decode",
        "digest",
        "div",
        "encode",
        "exp",
        "extract",
        "float8",
        "floor",
        "format",
        "hashtext",
        "initcap",
        "int4",
        "int8",
        "json_agg",
        "json_build_array",
        "json_build_object",
        "json_object_agg",
        "jsonb_agg",
        "jsonb_array_length",
        "jsonb_build_array",
        "jsonb_build_object",
        "jsonb_extract_path",
        "jsonb_extract_path_text",
        "jsonb_insert",
        "jsonb_object_agg",
        "jsonb_object_keys",
        "jsonb_pretty",
        "jsonb_set",
        "jsonb_strip_nulls",
        "jsonb_typeof",
        "json_typeof",
        "justify_interval",
        "left",
        "length",
        "ln",
        "log",
        "lower",
        "lpad",
        "ltrim",
        "make_date",
        "make_interval",
        "make_time",
        "make_timestamp",
        "make_timestamptz",
        "max",
        "md5",
        "min",
        "mod",
        "now",
        "numeric",
        "octet_length",
        "overlay",
        "position",
        "pow",
        "power",
        "quote_ident",
        "quote_literal",
        "regexp_match",
        "regexp_replace",
        "regexp_split_to_array",
        "repeat",
        "replace",
        "reverse",
        "right",
        "round",
        "row_number",
        "row_to_json",
        "rpad",
        "rtrim",
        "sha224",
        "sha256",
        "sha384",
        "sha512",
        "sign",
        "split_part",
        "sqrt",
        "starts_with",
        "statement_timestamp",
        "string_agg",
        "string_to_array",
        "strpos",
        "substr",
        "substring",
        "sum",
        "text",
        "timezone",
        "to_char",
        "to_date",
        "to_hex",
        "to_json",
        "to_jsonb",
        "to_number",
        "to_timestamp",
        "to_tsquery",
        "to_tsvector",
        "transaction_timestamp",
        "translate",
        "trim",
        "trunc",
        "unnest",
        "upper",
        "uuid_nil",
        "varchar",
    ];
    STABLE.binary_search(&name).is_ok() || STABLE.contains(&name)
}

/// The same, and volatile ones that change nothing but themselves.
fn is_known_harmless(name: &str) -> bool {
    const HARMLESS: &[&str] = &[
        "clock_timestamp",
        "gen_random_uuid",
        "generate_series",
        "pg_sleep",
        "random",
        "set_config",
        "setval",
        "uuid_generate_v1",
        "uuid_generate_v4",
        "uuidv4",
        "uuidv7",
        "pg_get_serial_sequence",
        "timeofday",
        "nextval",
        "rank",
        "dense_rank",
        "jsonb_array_elements",
        "jsonb_array_elements_text",
        "jsonb_each",
        "jsonb_each_text",
        "lag",
        "lead",
        "first_value",
        "last_value",
        "to_regclass",
        "to_regtype",
    ];
    is_known_stable(name) || HARMLESS.contains(&name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn contents(sql: &str) -> Contents {
        Contents::of(&pg_query::parse(sql, 0).unwrap().protobuf)
    }

    #[test]
    fn everything_is_found_at_any_depth() {
        let found = contents(
            "WITH w AS (SELECT a FROM s.t) SELECT CASE WHEN b = 'x' THEN (SELECT lower(c) FROM u) END FROM w FOR UPDATE",
        );
        let names: Vec<_> = found.relations.iter().map(RelationName::shown).collect();
        assert_eq!(names, ["u", "s.t"]);
        assert!(found.subselect && found.locks_rows);
        assert_eq!(found.functions.into_iter().collect::<Vec<_>>(), ["lower"]);
        assert!(found.strings.contains("x"));
        assert_eq!(found.columns.into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn what_is_unknown_counts_as_volatile() {
        assert!(!contents("SELECT now() + interval '1 day', upper('x'), CURRENT_TIMESTAMP").is_volatile());
        for volatile in ["gen_random_uuid()", "random()", "clock_timestamp()", "nextval('s')", "my_ulid()"] {
            assert!(contents(&format!("SELECT {volatile}")).is_volatile(), "{volatile}");
        }
    }
}
