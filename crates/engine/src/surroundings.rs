//! Looks up what the planner has to know of the live database: which relations are there, how large
//! they are, and the details of those that are not small.
//!
//! Small and absent relations need no details, because statements on them run as they are written, and
//! foreign keys matter only to statements that follow them. So most files of a history that is replayed
//! on an empty database cost two light queries.

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row};
use underpin_catalog::{Name, RelationName, ServerVersion};
use underpin_sql::effect::{OnDelete, Persistence, RoutineBody, Volatility};
use underpin_sql::{
    ColumnFacts, ConstraintFacts, ConstraintFactsKind, IndexFacts, Mentioned, RelationFacts, RelationKind,
    RoutineFacts, Surroundings, TypeFacts,
};

use crate::connect::Connection;

/// Looks up what `mentioned` names. Relations of up to `small_bytes` get no details; without it all get them.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn look(
    connection: &Connection,
    version: ServerVersion,
    mentioned: &Mentioned,
    small_bytes: Option<u64>,
) -> Result<Surroundings, Error> {
    let (types, routines) =
        tokio::try_join!(types(connection, &mentioned.types), routines(connection, &mentioned.routines))?;
    let mut wanted: Vec<String> = mentioned.relations.iter().map(RelationName::to_string).collect();
    // Changing a type, or dropping a function with its triggers, locks the tables that have it.
    wanted.extend(types.values().flat_map(|facts| facts.used_by.iter().map(RelationName::to_string)));
    wanted.extend(routines.values().flat_map(|facts| facts.trigger_of.iter().map(RelationName::to_string)));
    // Dropping a table or a foreign key locks the table at the other end.
    let sizes_of: [&(dyn ToSql + Sync); 2] = [&wanted, &mentioned.follows_foreign_keys];
    let keys_of: [&(dyn ToSql + Sync); 1] = [&wanted];
    // Sent together, so that they take one round trip.
    let (path, sizes, foreign_keys) =
        tokio::try_join!(connection.rows(SEARCH_PATH, &[]), connection.rows(SIZES, &sizes_of), async {
            match mentioned.follows_foreign_keys {
                true => connection.rows(FOREIGN_KEYS, &keys_of).await,
                false => Ok(Vec::new()),
            }
        },)?;
    let path = path.iter().flat_map(|row| row.get::<_, Vec<String>>(0)).map(Name::new).collect();
    let mut found = Surroundings {
        search_path: path,
        types,
        routines,
        ..Surroundings::empty(version, Name::new("public"))
    };
    let large = add_sizes(&sizes, small_bytes, &mut found);
    add_foreign_keys(&foreign_keys, &mut found);
    if !large.is_empty() {
        add_details(&connection.rows(DETAILS, &[&large]).await?, &mut found);
    }
    Ok(found)
}

async fn types(
    connection: &Connection,
    named: &BTreeSet<RelationName>,
) -> Result<BTreeMap<RelationName, TypeFacts>, Error> {
    if named.is_empty() {
        return Ok(BTreeMap::new());
    }
    let names: Vec<String> = named.iter().map(RelationName::to_string).collect();
    Ok(types_of(&connection.rows(TYPES, &[&names]).await?))
}

/// The functions without their bodies: a plan does not ask what those name.
async fn routines(
    connection: &Connection,
    named: &BTreeSet<RelationName>,
) -> Result<BTreeMap<RelationName, RoutineFacts>, Error> {
    if named.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (namespaces, names): (Vec<Option<&str>>, Vec<&str>) =
        named.iter().map(|name| (name.namespace.as_ref().map(Name::as_str), name.name.as_str())).unzip();
    Ok(routines_of(&connection.rows(ROUTINES, &[&namespaces, &names]).await?))
}

/// Whether the database has a relation of its own: one that is neither Prisma's ledger nor our journal, nor
/// part of an extension.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn is_anything(client: &Client) -> Result<bool, Error> {
    let row = client
        .query_one(
            "SELECT EXISTS (
                 SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.relkind IN ('r', 'p', 'm', 'f', 'v', 'S') AND c.relname <> '_prisma_migrations'
                   AND n.nspname NOT IN ('information_schema', 'underpin', 'underpin_parked') AND left(n.nspname, 3) <> 'pg_'
                   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass
                                   AND d.objid = c.oid AND d.deptype = 'e'))",
            &[],
        )
        .await?;
    Ok(row.get(0))
}

const SEARCH_PATH: &str = "SELECT pg_catalog.current_schemas(false)::text[]";
const SIZES: &str = include_str!("surroundings/sizes.sql");
const FOREIGN_KEYS: &str = include_str!("surroundings/foreign_keys.sql");
const DETAILS: &str = include_str!("surroundings/details.sql");
const TYPES: &str = include_str!("surroundings/types.sql");
const ROUTINES: &str = include_str!("surroundings/routines.sql");

/// Kinds and sizes. Answers the oids of tables above the limit.
fn add_sizes(rows: &[Row], small_bytes: Option<u64>, found: &mut Surroundings) -> Vec<u32> {
    let mut large = Vec::new();
    for row in rows {
        let name = RelationName::qualified(row.get::<_, String>(1), row.get::<_, String>(2));
        let relkind: String = row.get(3);
        if let Some(table) = row.get::<_, Option<String>>(7) {
            let namespace: String = row.get(6);
            let table = RelationName::qualified(namespace, table);
            let facts = IndexFacts {
                unique: row.get(8),
                primary: row.get(9),
                constraint: row.get::<_, Option<String>>(10).map(Name::new),
                valid: row.get(11),
                partitioned: relkind == "I",
                ..IndexFacts::plain(table, Vec::new())
            };
            found.indexes.insert(name, facts);
            continue;
        }
        let Some(kind) = relation_kind(&relkind) else { continue };
        let bytes = row.get::<_, i64>(5).max(0) as u64;
        let tuples: f64 = row.get(4);
        let facts = RelationFacts {
            bytes: Some(bytes),
            rows_estimate: (tuples >= 0.0).then_some(tuples),
            persistence: persistence(row.get(12)),
            access_method: row.get::<_, Option<String>>(13).map(Name::new),
            row_security: row.get(14),
            triggers: without_columns(row.get(15)),
            policies: without_columns(row.get(16)),
            default_partition: row.get::<_, Option<Vec<String>>>(17).and_then(|name| match name.as_slice() {
                [namespace, own] => Some(RelationName::qualified(namespace, own)),
                _ => None,
            }),
            ..RelationFacts::empty(kind)
        };
        found.relations.insert(name, facts);
        if small_bytes.is_none_or(|small| bytes > small) {
            large.push(row.get(0));
        }
    }
    large
}

fn persistence(relpersistence: &str) -> Persistence {
    match relpersistence {
        "u" => Persistence::Unlogged,
        "t" => Persistence::Temporary,
        _ => Persistence::Permanent,
    }
}

/// That they are there is what a plan asks; which columns they name is not looked up.
fn without_columns(names: Vec<String>) -> BTreeMap<Name, Vec<Name>> {
    names.into_iter().map(|name| (Name::new(name), Vec::new())).collect()
}

/// The foreign keys of named tables, small ones too, in both directions.
fn add_foreign_keys(rows: &[Row], found: &mut Surroundings) {
    for row in rows {
        let referencing = RelationName::qualified(row.get::<_, String>(0), row.get::<_, String>(1));
        let referenced = RelationName::qualified(row.get::<_, String>(3), row.get::<_, String>(4));
        if let Some(facts) = found.relations.get_mut(&referenced)
            && referencing != referenced
            && !facts.referenced_by.contains(&referencing)
        {
            facts.referenced_by.push(referencing.clone());
        }
        if let Some(facts) = found.relations.get_mut(&referencing) {
            let name = Name::new(row.get::<_, String>(2));
            let columns = row.get::<_, Vec<String>>(6).into_iter().map(Name::new).collect();
            facts.constraints.push(ConstraintFacts {
                referenced: Some(referenced),
                validated: row.get(5),
                on_delete: on_delete(row.get(7)),
                ..ConstraintFacts::plain(name, ConstraintFactsKind::ForeignKey, columns)
            });
        }
    }
}

fn relation_kind(relkind: &str) -> Option<RelationKind> {
    Some(match relkind {
        "r" => RelationKind::Table,
        "p" => RelationKind::Partitioned,
        "v" => RelationKind::View,
        "m" => RelationKind::MaterializedView,
        "f" => RelationKind::Foreign,
        "S" => RelationKind::Sequence,
        _ => return None,
    })
}

fn add_details(rows: &[Row], found: &mut Surroundings) {
    for row in rows {
        let name = RelationName::qualified(row.get::<_, String>(0), row.get::<_, String>(1));
        let Some(facts) = found.relations.get_mut(&name) else { continue };
        let details: Value = row.get(2);
        facts.primary_key = names(&details["primary_key"]);
        facts.columns = array(&details["columns"]).iter().map(column).collect();
        facts.constraints = array(&details["constraints"]).iter().filter_map(constraint).collect();
        facts.partition_of = relation(&details["partition_of"]);
        facts.descendants = array(&details["descendants"]).iter().filter_map(relation).collect();
        facts.referenced_by = array(&details["referenced_by"]).iter().filter_map(relation).collect();
        for index in array(&details["indexes"]) {
            if let Some(own) = relation(&index["name"]) {
                found.indexes.insert(own, index_facts(&name, index));
            }
        }
    }
}

fn types_of(rows: &[Row]) -> BTreeMap<RelationName, TypeFacts> {
    rows.iter()
        .map(|row| {
            let name = RelationName::qualified(row.get::<_, String>(0), row.get::<_, String>(1));
            let used_by: Value = row.get(3);
            let used_by = array(&used_by).iter().filter_map(relation).collect();
            (name, TypeFacts { kind: None, constrained_domain: row.get(2), used_by })
        })
        .collect()
}

fn routines_of(rows: &[Row]) -> BTreeMap<RelationName, RoutineFacts> {
    let volatility = |provolatile: &str| match provolatile {
        "i" => Volatility::Immutable,
        "s" => Volatility::Stable,
        _ => Volatility::Volatile,
    };
    rows.iter()
        .map(|row| {
            let name = RelationName::qualified(row.get::<_, String>(0), row.get::<_, String>(1));
            let trigger_of: Value = row.get(3);
            let facts = RoutineFacts {
                volatility: volatility(row.get(2)),
                body: RoutineBody::default(),
                trigger_of: array(&trigger_of).iter().filter_map(relation).collect(),
            };
            (name, facts)
        })
        .collect()
}

/// `pg_constraint.confdeltype`.
fn on_delete(confdeltype: &str) -> Option<OnDelete> {
    match confdeltype {
        "a" | "r" => Some(OnDelete::Refuse),
        "c" => Some(OnDelete::Cascade),
        "n" => Some(OnDelete::SetNull),
        "d" => Some(OnDelete::SetDefault),
        _ => None,
    }
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn names(value: &Value) -> Vec<Name> {
    array(value).iter().map(|name| Name::new(text(name))).collect()
}

/// `[namespace, name]`.
fn relation(value: &Value) -> Option<RelationName> {
    Some(RelationName::qualified(value.get(0)?.as_str()?, value.get(1)?.as_str()?))
}

fn column(value: &Value) -> ColumnFacts {
    ColumnFacts {
        not_null: value["not_null"] == true,
        has_default: value["has_default"] == true,
        type_name: relation(&value["type_name"]),
        ..ColumnFacts::plain(Name::new(text(&value["name"])), text(&value["type"]))
    }
}

fn constraint(value: &Value) -> Option<ConstraintFacts> {
    let kind = match value["kind"].as_str()? {
        "c" => ConstraintFactsKind::Check,
        "f" => ConstraintFactsKind::ForeignKey,
        "n" => ConstraintFactsKind::NotNull,
        "p" => ConstraintFactsKind::PrimaryKey,
        "u" => ConstraintFactsKind::Unique,
        "x" => ConstraintFactsKind::Exclude,
        _ => return None,
    };
    let plain = ConstraintFacts::plain(Name::new(text(&value["name"])), kind, names(&value["columns"]));
    Some(ConstraintFacts {
        referenced: relation(&value["referenced"]),
        on_delete: value["on_delete"].as_str().and_then(on_delete),
        validated: value["validated"] == true,
        ..match value["check"].as_str() {
            Some(check) => plain.checking(check),
            None => plain,
        }
    })
}

fn index_facts(table: &RelationName, value: &Value) -> IndexFacts {
    let columns: Vec<_> = array(&value["columns"]).iter().map(|name| name.as_str().map(Name::new)).collect();
    IndexFacts {
        unique: value["unique"] == true,
        primary: value["primary"] == true,
        constraint: value["constraint"].as_str().map(Name::new),
        reads: columns.iter().flatten().cloned().collect(),
        columns,
        partial: value["partial"] == true,
        valid: value["valid"] == true,
        partitioned: value["partitioned"] == true,
        ..IndexFacts::plain(table.clone(), Vec::new())
    }
}
