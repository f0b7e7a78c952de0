//! The names that PostgreSQL chooses when a statement leaves them out.
//!
//! A twin builds in two steps what the statement builds in one, so it has to know the name before.
//! PostgreSQL joins the table, the columns and a label, cuts the longer part when that is more than
//! 63 bytes, and counts up when the name is taken; where we would have to count, there is no twin.

use sha2::{Digest, Sha256};
use underpin_catalog::{Name, RelationName};

use crate::effect::{AddConstraint, ConstraintKind, CreateIndex};

/// The name of a constraint: its own, or the one that PostgreSQL will choose.
pub(crate) fn constraint_name(added: &AddConstraint) -> Name {
    if let Some(name) = &added.name {
        return name.clone();
    }
    let table = added.table.name.as_str();
    match added.kind {
        ConstraintKind::PrimaryKey => object_name(table, None, "pkey"),
        // The name speaks of all columns of the index, also of those that INCLUDE adds.
        ConstraintKind::Unique => {
            let columns: Vec<_> = added.columns.iter().chain(&added.including).cloned().collect();
            object_name(table, Some(&joined(&columns)), "key")
        }
        ConstraintKind::Exclude => object_name(table, Some(&joined(&added.columns)), "excl"),
        ConstraintKind::ForeignKey { .. } => object_name(table, Some(&joined(&added.columns)), "fkey"),
        ConstraintKind::NotNull => object_name(table, Some(&joined(&added.columns)), "not_null"),
        ConstraintKind::Check => match added.columns.as_slice() {
            [column] => object_name(table, Some(column.as_str()), "check"),
            _ => object_name(table, None, "check"),
        },
    }
}

/// The name of an index: its own, or the one that PostgreSQL will choose. `None` for an index on an
/// expression without a name, whose choice depends on what the expression is.
pub(crate) fn index_name(created: &CreateIndex) -> Option<Name> {
    if created.name.is_some() {
        return created.name.clone();
    }
    let mut columns: Vec<Name> = created.columns.iter().cloned().collect::<Option<_>>()?;
    columns.extend(created.including.iter().cloned());
    Some(object_name(created.table.name.as_str(), Some(&joined(&columns)), "idx"))
}

/// The name of the check that proves a column NOT NULL: ours, and the same whenever the statement is
/// planned.
pub(crate) fn proof_name(table: &RelationName, column: &Name) -> Name {
    let digest = Sha256::digest(format!("{table}.{column}").as_bytes());
    let short: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    Name::new(format!("underpin_{short}_not_null"))
}

/// The name of the same check where it stands in a file; `None` for other names.
pub(crate) fn proof_in_file(name: &str) -> Option<String> {
    let short = name.strip_prefix("underpin_")?.strip_suffix("_not_null")?;
    let is_ours = short.len() == 12 && short.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_ours.then(|| format!("not_null_{short}"))
}

/// Column names with underscores between, until the limit is reached.
fn joined(columns: &[Name]) -> String {
    let mut text = String::new();
    for column in columns {
        if !text.is_empty() {
            text.push('_');
        }
        text.push_str(column.as_str());
        if text.len() > Name::BYTES_MAX {
            break;
        }
    }
    text
}

/// `table_columns_label` in at most 63 bytes: of table and columns the longer loses bytes first.
pub(crate) fn object_name(table: &str, columns: Option<&str>, label: &str) -> Name {
    let overhead = label.len() + 1 + usize::from(columns.is_some());
    let available = Name::BYTES_MAX - overhead;
    let mut table_bytes = table.len();
    let mut column_bytes = columns.map_or(0, str::len);
    while table_bytes + column_bytes > available {
        if table_bytes > column_bytes {
            table_bytes -= 1;
        } else {
            column_bytes -= 1;
        }
    }
    let table = cut(table, table_bytes);
    Name::new(match columns {
        Some(columns) => format!("{table}_{}_{label}", cut(columns, column_bytes)),
        None => format!("{table}_{label}"),
    })
}

/// At most `bytes` bytes, and no half characters.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::object_name;

    #[test]
    fn the_longer_part_is_cut_first() {
        assert_eq!(object_name("User", Some("email"), "key").as_str(), "User_email_key");
        assert_eq!(object_name("User", None, "pkey").as_str(), "User_pkey");
        let long = object_name(&"t".repeat(60), Some("abc"), "fkey");
        assert_eq!(long.as_str(), format!("{}_abc_fkey", "t".repeat(54)));
        let both = object_name(&"t".repeat(63), Some(&"c".repeat(63)), "idx");
        assert_eq!(both.as_str(), format!("{}_{}_idx", "t".repeat(29), "c".repeat(29)));
    }
}
