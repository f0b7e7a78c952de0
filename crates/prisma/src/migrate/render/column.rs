//! A column's definition, type and default.

use super::Renderer;
use crate::migrate::NativeType;
use crate::migrate::catalog::{Column, ColumnType, Default, Value};
use crate::migrate::diff::hexadecimal;
use crate::migrate::sql::{identifier, literal};

impl Renderer<'_> {
    /// A line of `CREATE TABLE`, indented. Prisma takes it as it is behind `ADD COLUMN`.
    pub(super) fn column(self, column: &Column) -> String {
        let column_type = self.column_type(column);
        let default = column.default.as_ref().and_then(|default| expression(default, &column_type));
        format!(
            "    {} {column_type}{}{}",
            identifier(column.name.as_str()),
            if column.is_required() { " NOT NULL" } else { "" },
            default.map(|default| format!(" DEFAULT {default}")).unwrap_or_default()
        )
    }

    pub(super) fn column_type(self, column: &Column) -> String {
        let one = match &column.column_type {
            ColumnType::Enum(name) => self.name(name),
            ColumnType::Unsupported(text) => text.clone(),
            // Prisma writes the parentheses always and the brackets never, which PostgreSQL may refuse.
            ColumnType::OfExtension { name, arguments } => return format!("{name}({})", arguments.join(",")),
            ColumnType::Native(NativeType::SmallInt) if column.is_autoincrement => "SMALLSERIAL".to_owned(),
            ColumnType::Native(NativeType::Integer) if column.is_autoincrement => "SERIAL".to_owned(),
            ColumnType::Native(NativeType::BigInt) if column.is_autoincrement => "BIGSERIAL".to_owned(),
            ColumnType::Native(native) => native.sql(),
        };
        format!("{one}{}", if column.is_list() { "[]" } else { "" })
    }
}

/// A default as SQL. A serial has its own, and `dbgenerated()` none that is known.
pub(super) fn expression(default: &Default, column_type: &str) -> Option<String> {
    match default {
        Default::Value(value) => Some(constant(value, column_type)),
        Default::Now => Some("CURRENT_TIMESTAMP".to_owned()),
        Default::DbGenerated(expression) => expression.clone(),
        Default::Sequence(_) => None,
    }
}

fn constant(value: &Value, column_type: &str) -> String {
    match value {
        Value::String(text) | Value::Enum(text) | Value::Json(text) | Value::DateTime(text) => literal(text),
        Value::Boolean(value) => value.to_string(),
        Value::Int(number) | Value::BigInt(number) => number.to_string(),
        Value::Decimal(number) => number.as_str().to_owned(),
        Value::Bytes(bytes) => format!("'\\x{}'", hexadecimal(bytes)),
        Value::List(values) => {
            let values: Vec<String> = values.iter().map(|value| constant(value, column_type)).collect();
            format!("ARRAY[{}]::{column_type}", values.join(", "))
        }
    }
}
