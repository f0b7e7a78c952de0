//! Statements that were prepared before a step and are executed after it.
//!
//! PostgreSQL plans a prepared statement again when a relation of it changes, and refuses it with 0A000 when
//! its columns are of other types then, a length or a collation included, until the connection is
//! replaced. Statements without columns in their answer are not concerned. Prisma's own engine (until 6)
//! keeps statements prepared; an adapter does when it is told to (`statementNameGenerator`).

use underpin_catalog::model::Catalog;
use underpin_prisma::ClientContract;
use underpin_prisma::client::{ColumnType, ColumnUse, Table};

use super::breakage::{Break, Operation, Reason};
use super::held::Relation;

/// What a step from one state to another does to statements that the client has prepared before it.
pub fn judge_step(client: &ClientContract, before: &Catalog, after: &Catalog) -> Vec<Break> {
    let tables = client.tables.values().filter(|table| !table.is_ignored);
    tables.filter_map(|table| of_table(table, before, after)).collect()
}

fn of_table(table: &Table, before: &Catalog, after: &Catalog) -> Option<Break> {
    let (was, is) = (Relation::of(before, &table.name)?, Relation::of(after, &table.name)?);
    let used = table.columns.iter().filter(|column| column.used == ColumnUse::Client);
    let mut changed = used.filter_map(|column| {
        let (was, is) = (was.column(&column.name)?, is.column(&column.name)?);
        let same = was.type_ref == is.type_ref && was.collation == is.collation;
        // Who reads an enum casts it to text, whatever it is.
        let is_cast = matches!(column.column_type, ColumnType::Enum(_));
        (!same && !is_cast).then(|| (column, was.type_ref.to_string(), is.type_ref.to_string()))
    });
    let (column, was, is) = changed.next()?;
    let what = match was == is {
        true => "has another collation".to_owned(),
        false => format!("is {is} and was {was}"),
    };
    let message = format!(
        "column {} of {} {what}: statements that a connection keeps prepared fail until the connection is replaced",
        column.name.as_str(),
        table.name.shown()
    );
    let operations: &[_] = if table.is_written() { &Operation::ALL } else { &Operation::ALL[..1] };
    Some(Break::of_column(Reason::CachedPlan, table, column, operations, Some("0A000"), message).depends())
}
