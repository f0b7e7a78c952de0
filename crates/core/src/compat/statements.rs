//! The statements that a client sends, as the server can be asked about them.
//!
//! They have the form of those of Prisma Client 6.19 and 7.10 (`crates/prisma/tests/it/client.rs`): what they
//! name, cast to and return is what the contract says. The server that prepares and plans one has looked up
//! every name, type and operator in it and the index for `ON CONFLICT`, without touching a row.

use underpin_catalog::{Name, RelationName, Sql, sql};
use underpin_prisma::ClientContract;
use underpin_prisma::client::{Column, ColumnType, ColumnUse, OnCreate, Table};
use underpin_prisma::schema::Arity;

use super::breakage::Operation;
use super::touched::Touched;

/// A statement with parameters.
#[derive(Clone, Debug)]
pub struct Shape<'a> {
    /// Of which table.
    pub table: &'a Table,
    /// What it is for.
    pub operation: Operation,
    /// The statement.
    pub sql: Sql,
    /// How many parameters it has.
    pub parameters: usize,
}

/// All statements of a client about these relations, one of a kind for each, and an upsert for each key.
pub fn shapes<'a>(client: &'a ClientContract, about: &Touched) -> Vec<Shape<'a>> {
    let asked = client.tables.values().filter(|table| !table.is_ignored && about.has(&table.name));
    asked.flat_map(of_table).collect()
}

fn of_table(table: &Table) -> Vec<Shape<'_>> {
    let used: Vec<&Column> = table.columns.iter().filter(|column| column.used == ColumnUse::Client).collect();
    let mut shapes = Vec::new();
    if used.is_empty() {
        return shapes;
    }
    let returned: Vec<Sql> = used.iter().map(|column| read(&table.name, column)).collect();
    let shape = |operation, sql, parameters| Shape { table, operation, sql, parameters };
    shapes.push(shape(Operation::Read, sql!("SELECT {} FROM {} WHERE 1=1", returned, table.name), 0));
    if !table.is_written() {
        return shapes;
    }
    let given: Vec<&Column> =
        used.iter().copied().filter(|column| column.on_create != OnCreate::LeftToDatabase).collect();
    let names = |columns: &[&Column]| columns.iter().map(|column| column.name.clone()).collect::<Vec<Name>>();
    let insert = match given.is_empty() {
        true => sql!("INSERT INTO {} DEFAULT VALUES", table.name),
        false => {
            let values: Vec<Sql> = given.iter().zip(1..).map(|(column, at)| value(column, at)).collect();
            sql!("INSERT INTO {} ({}) VALUES ({})", table.name, names(&given), values)
        }
    };
    shapes.push(shape(Operation::Create, sql!("{} RETURNING {}", insert, returned), given.len()));
    let Some(key) = table.keys.first() else { return shapes };
    let key_of = |columns: &[Name], from: usize| -> Sql {
        let equal = |(name, at): (&Name, usize)| {
            let column = table.column(name).map_or_else(|| parameter(at), |column| value(column, at));
            sql!("{}.{} = {}", table.name, name, column)
        };
        joined(columns.iter().zip(from..).map(equal), " AND ")
    };
    let set = |from: usize| -> Sql {
        let assigned = |(column, at): (&&Column, usize)| sql!("{} = {}", column.name, value(column, at));
        joined(given.iter().zip(from..).map(assigned), ", ")
    };
    if !given.is_empty() {
        let condition = key_of(&key.columns, given.len() + 1);
        let update = sql!("UPDATE {} SET {} WHERE {} RETURNING {}", table.name, set(1), condition, returned);
        shapes.push(shape(Operation::Update, update, given.len() + key.columns.len()));
        for key in &table.keys {
            let update = set(given.len() + 1);
            let upsert = sql!(
                "{} ON CONFLICT ({}) DO UPDATE SET {} RETURNING {}",
                insert,
                key.columns,
                update,
                returned
            );
            shapes.push(shape(Operation::Upsert, upsert, 2 * given.len()));
        }
    }
    let delete = sql!("DELETE FROM {} WHERE {} RETURNING {}", table.name, key_of(&key.columns, 1), returned);
    shapes.push(shape(Operation::Delete, delete, key.columns.len()));
    shapes
}

/// A column as it is read: enums as texts.
fn read(table: &RelationName, column: &Column) -> Sql {
    match (&column.column_type, column.arity) {
        (ColumnType::Enum(_), Arity::List) => sql!("{}.{}::text[]", table, column.name),
        (ColumnType::Enum(_), _) => sql!("{}.{}::text", table, column.name),
        _ => sql!("{}.{}", table, column.name),
    }
}

/// A parameter as it is written: enums by their type's name.
fn value(column: &Column, at: usize) -> Sql {
    match (&column.column_type, column.arity) {
        (ColumnType::Enum(name), Arity::List) => sql!("CAST({}::text[] AS {}[])", parameter(at), name),
        (ColumnType::Enum(name), _) => sql!("CAST({}::text AS {})", parameter(at), name),
        _ => parameter(at),
    }
}

fn parameter(at: usize) -> Sql {
    sql!("${}", at)
}

fn joined(parts: impl Iterator<Item = Sql>, by: &str) -> Sql {
    let texts: Vec<String> = parts.map(|part| part.as_str().to_owned()).collect();
    Sql::verbatim(texts.join(by))
}
