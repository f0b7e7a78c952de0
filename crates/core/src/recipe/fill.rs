//! What stands where there is no value, as far as the schema tells: the default of the column, or what the
//! client would have sent.

use underpin_catalog::{Sql, sql};
use underpin_prisma::migrate::{Column, ColumnType, NativeType, Table};
use underpin_prisma::schema::{Expression, Field};

use super::draft::Draft;

/// What a row gets.
#[derive(Debug)]
pub(super) enum Filling {
    /// An expression over the row.
    Value(Sql),
    /// Nothing tells it; this would be of the right type, where there is such a thing.
    Unknown(Option<String>),
}

/// What a schema says for rows without a value in a column.
pub(super) fn filling(draft: &Draft<'_>, table: &Table, column: &Column) -> Filling {
    if let Some(default) = draft.case.after.default_sql(column) {
        return Filling::Value(Sql::verbatim(default));
    }
    let field = field(draft, table, column);
    let called = field.and_then(|field| match &field.attribute("default")?.argument("value", 0)? {
        Expression::Function { name, .. } => Some(name.name.as_str()),
        _ => None,
    });
    let is_text = !matches!(column.column_type, ColumnType::Native(NativeType::Uuid));
    match called {
        Some("uuid") if is_text => Filling::Value(sql!("gen_random_uuid()::text")),
        Some("uuid") => Filling::Value(sql!("gen_random_uuid()")),
        // No function of the database makes such a key; one that is as unique does.
        Some("cuid" | "ulid" | "nanoid") => Filling::Unknown(Some("gen_random_uuid()::text".to_owned())),
        _ if field.is_some_and(|field| field.attribute("updatedAt").is_some()) => {
            Filling::Value(sql!("CURRENT_TIMESTAMP"))
        }
        _ => Filling::Unknown(None),
    }
}

fn field<'a>(draft: &'a Draft<'_>, table: &Table, column: &Column) -> Option<&'a Field> {
    let model = draft.case.table_shown(&table.name);
    let model = draft.case.schema.models().find(|found| found.name.name == model)?;
    model.fields.iter().find(|field| field.database_name() == column.name.as_str())
}
