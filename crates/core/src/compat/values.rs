//! Tables, columns and the values in them: what a client names, reads, and leaves out.

use underpin_catalog::model::{
    Catalog, Column as CatalogColumn, Firing, IdentityKind, TriggerEvent, TriggerTiming, TypeKind,
};
use underpin_prisma::ClientContract;
use underpin_prisma::client::{Column, ColumnUse, OnCreate, Table};
use underpin_prisma::schema::Arity;

use super::breakage::{Break, Operation, Reason};
use super::fit::{Slip, fit};
use super::held::{Held, Relation, fills_itself, refuses_null};
use super::{ColumnName, State};
use crate::sync::is_sync_trigger;

/// What of a table's statements fails for the table's and its columns' sake.
pub(super) fn judge(table: &Table, state: &State, found: &mut Vec<Break>) {
    let Some(relation) = Relation::of(&state.catalog, &table.name) else {
        let message = format!("{} is not there: every statement that names it fails", table.name.shown());
        found.push(Break::of_table(Reason::MissingTable, table, operations(table), Some("42P01"), message));
        return;
    };
    let used = table.columns.iter().filter(|column| column.used == ColumnUse::Client);
    for column in used {
        match relation.column(&column.name) {
            None => missing(table, column, found),
            Some(here) => {
                types(table, column, here, &state.catalog, found);
                if let Relation::Table(_) = relation {
                    null(table, column, here, state, found);
                    generated(table, column, here, found);
                }
            }
        }
    }
    if let Relation::Table(here) = relation
        && table.is_written()
    {
        for (name, column) in &here.columns {
            without_value(table, name, column, state, found);
        }
    }
}

/// Views are read; the tables of relations have no rows that anybody updates.
fn operations(table: &Table) -> &'static [Operation] {
    match table.is_written() {
        true => &Operation::ALL,
        false => &Operation::ALL[..1],
    }
}

fn missing(table: &Table, column: &Column, found: &mut Vec<Break>) {
    let message = format!(
        "column {} of {} is not there: reads name it, and so does what writes return",
        column.name.as_str(),
        table.name.shown()
    );
    let operations = operations(table);
    found.push(Break::of_column(Reason::MissingColumn, table, column, operations, Some("42703"), message));
}

fn types(table: &Table, column: &Column, here: &CatalogColumn, catalog: &Catalog, found: &mut Vec<Break>) {
    let Some(expected) = Held::expected(column) else { return };
    let held = Held::of(here, catalog);
    let fit = fit(&expected, &held);
    let mut tell = |slip: Slip, operations: &[Operation], what: &str| {
        let end = match (slip.code, slip.always) {
            (None, _) => format!("{what} may be another value than was meant"),
            (Some(_), true) => format!("{what} fails"),
            (Some(_), false) => format!("{what} fails with some values"),
        };
        let message = format!(
            "column {} of {} is {held} and the field expects {expected}: {end}",
            column.name.as_str(),
            table.name.shown()
        );
        let one = Break::of_column(Reason::OtherType, table, column, operations, slip.code, message);
        found.push(if slip.always { one } else { one.depends() });
    };
    if let Some(slip) = fit.read {
        tell(slip, operations(table), "what is read");
    }
    if let Some(slip) = fit.write.filter(|_| table.is_written()) {
        // A create need not give an optional field, nor an update any; the harm is done with the first that does.
        tell(slip, &Operation::WRITES, "what is written");
    }
}

fn null(table: &Table, column: &Column, here: &CatalogColumn, state: &State, found: &mut Vec<Break>) {
    let required = column.arity == Arity::Required;
    let name = ColumnName { table: table.name.clone(), column: column.name.clone() };
    if !required || refuses_null(here, &state.catalog) || state.known.without_null.contains(&name) {
        return;
    }
    let message = format!(
        "column {} of {} may be NULL and the field is required: a row with NULL fails in Prisma's own engine (until \
         6) and comes as null with an adapter",
        column.name.as_str(),
        table.name.shown()
    );
    let operations = operations(table);
    found.push(
        Break::of_column(Reason::NullInRequired, table, column, operations, Some("P2032"), message).depends(),
    );
}

fn generated(table: &Table, column: &Column, here: &CatalogColumn, found: &mut Vec<Break>) {
    let identity = here.identity.as_ref().is_some_and(|identity| identity.generated == IdentityKind::Always);
    if here.generated.is_none() && !identity || !table.is_written() {
        return;
    }
    let message = format!(
        "column {} of {} gets its value from the database alone: a statement that gives one fails",
        column.name.as_str(),
        table.name.shown()
    );
    let one = |operations: &[Operation]| {
        let message = message.clone();
        Break::of_column(Reason::GeneratedValue, table, column, operations, Some("428C9"), message)
    };
    match column.on_create {
        OnCreate::FromApplication | OnCreate::FromClient => {
            found.push(one(&Operation::INSERTS));
            let update = one(&[Operation::Update]);
            found.push(if column.is_touched { update } else { update.depends() });
        }
        OnCreate::Optional | OnCreate::LeftToDatabase => found.push(one(&Operation::WRITES).depends()),
    }
}

/// A column that must have a value, in rows of a client that gives none.
fn without_value(
    table: &Table,
    name: &underpin_catalog::Name,
    here: &CatalogColumn,
    state: &State,
    found: &mut Vec<Break>,
) {
    let key = ColumnName { table: table.name.clone(), column: name.clone() };
    if !refuses_null(here, &state.catalog) || state.known.filled.contains(&key) {
        return;
    }
    let fills_itself = fills_itself(here, &state.catalog);
    let shown = format!("column {} of {}", name.as_str(), table.name.shown());
    let known = table.column(name);
    // Another trigger of the table may fill it: nobody knows without executing it.
    let by_trigger = may_be_filled(table, state);
    let maybe = |one: Break| match &by_trigger {
        Some(trigger) => {
            let message = format!("{}, unless trigger {trigger} fills it", one.message);
            Break { message, ..one.depends() }
        }
        None => one,
    };
    let left_out = |why: &str| format!("{shown} must have a value and has no default, and {why}");
    let one = match known {
        None if !fills_itself => {
            let message = left_out("the client does not know it");
            let of_table =
                Break::of_table(Reason::NoValue, table, &Operation::INSERTS, Some("23502"), message);
            Break { column: Some(name.clone()), ..of_table }
        }
        None => return,
        Some(column) => {
            let of = |message| {
                Break::of_column(Reason::NoValue, table, column, &Operation::INSERTS, Some("23502"), message)
            };
            match column.used {
                ColumnUse::Ignored | ColumnUse::Unsupported if !fills_itself => {
                    of(left_out("the client leaves it out"))
                }
                ColumnUse::Ignored | ColumnUse::Unsupported => return,
                ColumnUse::Client if column.allows_null() => {
                    let message = format!("{shown} must have a value, and the field may be without one");
                    let operations: &[_] = match column.arity {
                        Arity::List => &Operation::INSERTS,
                        Arity::Required | Arity::Optional => &Operation::WRITES,
                    };
                    Break { operations: operations.to_vec(), ..of(message).depends() }
                }
                ColumnUse::Client if column.on_create == OnCreate::LeftToDatabase && !fills_itself => {
                    of(left_out("the client leaves it to the database"))
                }
                ColumnUse::Client => return,
            }
        }
    };
    found.push(maybe(one));
}

/// A trigger of the table that fires before a row is inserted and is not known to leave the columns alone.
fn may_be_filled(table: &Table, state: &State) -> Option<String> {
    let here = state.catalog.tables.get(&table.name)?;
    let of_parents =
        std::iter::successors(Some(here), |table| state.catalog.tables.get(table.partition_of.as_ref()?));
    let mut triggers = of_parents.flat_map(|table| &table.triggers);
    let fires = |trigger: &underpin_catalog::model::Trigger| {
        trigger.timing == TriggerTiming::Before
            && trigger.for_each_row
            && trigger.events.contains(&TriggerEvent::Insert)
            && matches!(trigger.fires, Firing::Origin | Firing::Always)
    };
    let found = triggers.find(|(name, trigger)| fires(trigger) && !is_sync_trigger(name));
    found.map(|(name, _)| name.as_str().to_owned())
}

/// The values of enums, and the types under whose names they are written.
pub(super) fn enums(client: &ClientContract, state: &State, found: &mut Vec<Break>) {
    let catalog = &state.catalog;
    for one in client.enums.values() {
        let fields = client.fields_of_enum(&one.type_name);
        for field in fields {
            let (table, column) = (field.table(), field.column());
            let Some(here) = Relation::of(catalog, &table.name).and_then(|here| here.column(&column.name))
            else {
                continue;
            };
            let labels = match catalog.types.get(&one.type_name).map(|found| &found.kind) {
                Some(TypeKind::Enum { labels }) => labels,
                _ => {
                    let message = format!(
                        "type {} is not there: every statement that writes the field, or looks for a value of it, \
                         fails",
                        one.type_name.shown()
                    );
                    let writes = &Operation::WRITES;
                    if table.is_written() {
                        found.push(Break::of_column(
                            Reason::MissingType,
                            table,
                            column,
                            writes,
                            Some("42704"),
                            message,
                        ));
                    }
                    continue;
                }
            };
            // What a column of another type holds is another question.
            if here.type_ref.name != one.type_name {
                continue;
            }
            let is_unknown = |label: &&String| {
                let name = ColumnName { table: table.name.clone(), column: column.name.clone() };
                one.values.iter().all(|value| value.stored != **label)
                    && !state.known.without_value.contains(&(name, (*label).clone()))
            };
            for label in labels.iter().filter(is_unknown) {
                let message = format!(
                    "rows may have the value {label}, which the client does not know: a read that meets one fails as \
                     a whole"
                );
                found.push(
                    Break::of_column(
                        Reason::UnknownValue,
                        table,
                        column,
                        operations(table),
                        Some("P2023"),
                        message,
                    )
                    .depends(),
                );
            }
            for value in one.values.iter().filter(|value| !labels.contains(&value.stored)) {
                if table.is_written() {
                    let message =
                        format!("the client may write the value {}, which the type lacks", value.stored);
                    let writes = &Operation::WRITES;
                    found.push(
                        Break::of_column(Reason::LackingValue, table, column, writes, Some("22P02"), message)
                            .depends(),
                    );
                }
            }
        }
    }
}
