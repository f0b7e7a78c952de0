//! The type of a column, a parameter or an attribute, by name.
//!
//! It prints itself exactly as PostgreSQL's `format_type` does under an empty `search_path`, apart
//! from reserved words, so that a type read from a server and one made from a `schema.prisma` are
//! compared as texts.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{quoted, shown};
use crate::RelationName;

/// A type with its modifiers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeRef {
    /// The type, or of an array its elements: `pg_catalog.int4`, `public.Role`.
    pub name: RelationName,
    /// What stands in parentheses behind it: `["10", "2"]` of `numeric(10,2)`. Of an interval with
    /// fields, one text with all that follows the word: `day to second(3)`.
    pub modifiers: Vec<String>,
    /// An array of it. PostgreSQL does not keep the number of dimensions as part of the type.
    pub array: bool,
}

impl TypeRef {
    /// A type of PostgreSQL's own by its internal name: `int4`.
    pub fn built_in(name: &str) -> Self {
        Self::of(RelationName::qualified("pg_catalog", name))
    }

    /// A type without modifiers.
    pub fn of(name: RelationName) -> Self {
        Self { name, modifiers: Vec::new(), array: false }
    }

    /// The same type with the modifiers that `format_type` printed in `text`.
    pub fn with_modifiers_of(mut self, text: &str) -> Self {
        let element = text.strip_suffix("[]").unwrap_or(text);
        self.modifiers = match (self.is_built_in("interval"), element.strip_prefix("interval ")) {
            (true, Some(fields)) => vec![fields.to_owned()],
            _ => {
                // A quoted name may have parentheses too; modifiers follow the last quote.
                let tail = &element[element.rfind('"').map_or(0, |at| at + 1)..];
                let inside = tail.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
                inside.map_or_else(Vec::new, |(inside, _)| inside.split(',').map(str::to_owned).collect())
            }
        };
        self
    }

    /// Whether it is PostgreSQL's own type of this internal name, or an array of it.
    pub fn is_built_in(&self, name: &str) -> bool {
        self.name.namespace.as_ref().is_some_and(|namespace| namespace.as_str() == "pg_catalog")
            && self.name.name.as_str() == name
    }
}

/// The words of SQL for PostgreSQL's own types whose internal names differ, and what stands behind
/// the modifiers.
fn words(internal: &str, modified: bool) -> Option<(&'static str, &'static str)> {
    Some(match internal {
        "bool" => ("boolean", ""),
        "int2" => ("smallint", ""),
        "int4" => ("integer", ""),
        "int8" => ("bigint", ""),
        "float4" => ("real", ""),
        "float8" => ("double precision", ""),
        "varchar" => ("character varying", ""),
        // Without a length they are the types of quoted names: plain words would mean length 1.
        "bpchar" if modified => ("character", ""),
        "char" => ("\"char\"", ""),
        "bit" if !modified => ("\"bit\"", ""),
        "varbit" => ("bit varying", ""),
        "time" => ("time", " without time zone"),
        "timetz" => ("time", " with time zone"),
        "timestamp" => ("timestamp", " without time zone"),
        "timestamptz" => ("timestamp", " with time zone"),
        _ => return None,
    })
}

impl fmt::Display for TypeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = self.name.namespace.as_ref().is_some_and(|namespace| namespace.as_str() == "pg_catalog");
        let words = if own { words(self.name.name.as_str(), !self.modifiers.is_empty()) } else { None };
        match words {
            Some((word, _)) => f.write_str(word)?,
            None if own => f.write_str(&quoted(&self.name.name))?,
            None => f.write_str(&shown(&self.name))?,
        }
        match self.modifiers.as_slice() {
            [] => {}
            [fields] if self.is_built_in("interval") && !fields.bytes().all(|byte| byte.is_ascii_digit()) => {
                write!(f, " {fields}")?;
            }
            modifiers => write!(f, "({})", modifiers.join(","))?,
        }
        f.write_str(words.map_or("", |(_, behind)| behind))?;
        f.write_str(if self.array { "[]" } else { "" })
    }
}

impl fmt::Debug for TypeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for TypeRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_prints_as_the_server_formats_it() {
        for (internal, text) in [
            ("int4", "integer"),
            ("varchar", "character varying(50)"),
            ("bpchar", "character(3)"),
            ("bpchar", "bpchar"),
            ("numeric", "numeric(10,-2)"),
            ("timestamp", "timestamp(3) without time zone"),
            ("timestamptz", "timestamp with time zone"),
            ("timetz", "time(0) with time zone"),
            ("interval", "interval(3)"),
            ("interval", "interval day to second(3)"),
            ("interval", "interval year"),
            ("varbit", "bit varying(5)"),
            ("bit", "bit(5)"),
            ("bit", "\"bit\""),
            ("char", "\"char\""),
            ("text", "text"),
        ] {
            let element = TypeRef::built_in(internal).with_modifiers_of(text);
            assert_eq!(element.to_string(), text);
            let array = TypeRef { array: true, ..element };
            assert_eq!(array.to_string(), format!("{text}[]"));
            let again = TypeRef { array: true, ..TypeRef::built_in(internal) };
            assert_eq!(again.with_modifiers_of(&format!("{text}[]")), array);
        }
    }

    #[test]
    fn parentheses_of_a_name_are_no_modifiers() {
        let odd = TypeRef::of(RelationName::qualified("public", "a(b)"));
        assert_eq!(odd.clone().with_modifiers_of("public.\"a(b)\"").modifiers, Vec::<String>::new());
        assert_eq!(odd.with_modifiers_of("public.\"a(b)\"(3)").to_string(), "public.\"a(b)\"(3)");
    }
}
