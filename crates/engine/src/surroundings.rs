//! Looks up what the planner has to know of the live database: which relations are there, how large
//! they are, and the details of those that are not small.
//!
//! Small and absent relations need no details but their foreign keys, because statements on them run
//! as they are written. So a history that is replayed on an empty database costs two light queries a
//! file.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio_postgres::{Client, Error};
use underpin_catalog::{Name, RelationName, ServerVersion};
use underpin_sql::{
    ColumnFacts, ConstraintFacts, ConstraintFactsKind, IndexFacts, Mentioned, RelationFacts, RelationKind,
    Surroundings, TypeFacts,
};

/// Looks up what `mentioned` names. Relations of up to `small_bytes` get no details.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn look(
    client: &Client,
    version: ServerVersion,
    mentioned: &Mentioned,
    small_bytes: u64,
) -> Result<Surroundings, Error> {
    let mut found = Surroundings {
        version,
        search_path: search_path(client).await?,
        relations: BTreeMap::new(),
        indexes: BTreeMap::new(),
        types: BTreeMap::new(),
    };
    let relations: Vec<String> = mentioned.relations.iter().map(RelationName::to_string).collect();
    let types: Vec<String> = mentioned.types.iter().map(RelationName::to_string).collect();
    if !types.is_empty() {
        look_at_types(client, &types, &mut found).await?;
    }
    let mut wanted = relations;
    wanted.extend(found.types.values().flat_map(|facts| facts.used_by.iter().map(RelationName::to_string)));
    if !wanted.is_empty() {
        let large = look_at_sizes(client, &wanted, small_bytes, &mut found).await?;
        look_at_foreign_keys(client, &wanted, &mut found).await?;
        if !large.is_empty() {
            look_at_details(client, &large, &mut found).await?;
        }
    }
    Ok(found)
}

async fn search_path(client: &Client) -> Result<Vec<Name>, Error> {
    let row = client.query_one("SELECT pg_catalog.current_schemas(false)::text[]", &[]).await?;
    Ok(row.get::<_, Vec<String>>(0).into_iter().map(Name::new).collect())
}

/// Kinds and sizes. Answers the oids of tables above the limit.
async fn look_at_sizes(
    client: &Client,
    names: &[String],
    small_bytes: u64,
    found: &mut Surroundings,
) -> Result<Vec<u32>, Error> {
    // An index is looked up together with its table.
    let rows = client
        .query(
            "WITH named AS (
                 SELECT DISTINCT c.oid, c.relkind FROM unnest($1::text[]) AS w(name)
                 JOIN pg_catalog.pg_class c ON c.oid = to_regclass(w.name)
             ), relation AS (
                 SELECT oid FROM named WHERE relkind NOT IN ('i', 'I')
                 UNION SELECT i.indrelid FROM named JOIN pg_catalog.pg_index i ON i.indexrelid = named.oid
                 -- Dropping a table or a foreign key locks the table at the other end.
                 UNION SELECT k.confrelid FROM named JOIN pg_catalog.pg_constraint k ON k.conrelid = named.oid AND k.contype = 'f'
                 UNION SELECT k.conrelid FROM named JOIN pg_catalog.pg_constraint k ON k.confrelid = named.oid AND k.contype = 'f'
             )
             SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.reltuples::float8,
                    CASE WHEN c.relkind = 'p'
                         THEN (SELECT coalesce(sum(pg_relation_size(p.relid)), 0)::bigint FROM pg_partition_tree(c.oid) p)
                         WHEN c.relkind IN ('r', 'm', 't') THEN pg_relation_size(c.oid) ELSE 0 END,
                    NULL::text, NULL::text, false, false, NULL::text, true
             FROM relation r JOIN pg_catalog.pg_class c USING (oid) JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             UNION ALL
             SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, 0::float8, 0::bigint, tn.nspname::text, t.relname::text, i.indisunique, i.indisprimary,
                    k.conname::text, i.indisvalid
             FROM named JOIN pg_catalog.pg_class c USING (oid) JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
             JOIN pg_catalog.pg_class t ON t.oid = i.indrelid JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
             LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = c.oid AND k.contype IN ('p', 'u', 'x')",
            &[&names],
        )
        .await?;
    let mut large = Vec::new();
    for row in rows {
        let name = RelationName::qualified(row.get::<_, String>(1), row.get::<_, String>(2));
        let relkind: String = row.get(3);
        if let Some(table) = row.get::<_, Option<String>>(7) {
            let namespace: String = row.get(6);
            let facts = IndexFacts {
                table: RelationName::qualified(namespace, table),
                unique: row.get(8),
                primary: row.get(9),
                constraint: row.get::<_, Option<String>>(10).map(Name::new),
                columns: Vec::new(),
                partial: false,
                valid: row.get(11),
                partitioned: relkind == "I",
            };
            found.indexes.insert(name, facts);
            continue;
        }
        let Some(kind) = relation_kind(&relkind) else { continue };
        let bytes = row.get::<_, i64>(5).max(0) as u64;
        let tuples: f64 = row.get(4);
        let facts = RelationFacts {
            kind,
            bytes,
            rows_estimate: (tuples >= 0.0).then_some(tuples),
            ..RelationFacts::empty_table()
        };
        found.relations.insert(name, facts);
        if bytes > small_bytes {
            large.push(row.get(0));
        }
    }
    Ok(large)
}

/// The foreign keys of named tables, small ones too, in both directions.
async fn look_at_foreign_keys(
    client: &Client,
    names: &[String],
    found: &mut Surroundings,
) -> Result<(), Error> {
    let rows = client
        .query(
            "SELECT n.nspname::text, c.relname::text, k.conname::text, rn.nspname::text, r.relname::text, k.convalidated,
                    (SELECT array_agg(a.attname::text ORDER BY w.ordinal) FROM unnest(k.conkey) WITH ORDINALITY AS w(attnum, ordinal)
                     JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = w.attnum)
             FROM pg_catalog.pg_constraint k
             JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_catalog.pg_class r ON r.oid = k.confrelid JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
             WHERE k.contype = 'f' AND EXISTS (SELECT FROM unnest($1::text[]) AS w(name)
                                               WHERE to_regclass(w.name) IN (k.conrelid, k.confrelid))",
            &[&names],
        )
        .await?;
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
            facts.constraints.push(ConstraintFacts {
                name: Name::new(row.get::<_, String>(2)),
                kind: ConstraintFactsKind::ForeignKey,
                columns: row.get::<_, Vec<String>>(6).into_iter().map(Name::new).collect(),
                referenced: Some(referenced),
                check: None,
                validated: row.get(5),
            });
        }
    }
    Ok(())
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

async fn look_at_details(client: &Client, tables: &[u32], found: &mut Surroundings) -> Result<(), Error> {
    for row in client.query(include_str!("surroundings/details.sql"), &[&tables]).await? {
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
    Ok(())
}

async fn look_at_types(client: &Client, names: &[String], found: &mut Surroundings) -> Result<(), Error> {
    let rows = client.query(include_str!("surroundings/types.sql"), &[&names]).await?;
    for row in rows {
        let name = RelationName::qualified(row.get::<_, String>(0), row.get::<_, String>(1));
        let used_by: Value = row.get(3);
        let facts = TypeFacts {
            constrained_domain: row.get(2),
            used_by: array(&used_by).iter().filter_map(relation).collect(),
        };
        found.types.insert(name, facts);
    }
    Ok(())
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
        name: Name::new(text(&value["name"])),
        type_sql: text(&value["type"]),
        not_null: value["not_null"] == true,
        has_default: value["has_default"] == true,
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
    Some(ConstraintFacts {
        name: Name::new(text(&value["name"])),
        kind,
        columns: names(&value["columns"]),
        referenced: relation(&value["referenced"]),
        check: value["check"].as_str().map(str::to_owned),
        validated: value["validated"] == true,
    })
}

fn index_facts(table: &RelationName, value: &Value) -> IndexFacts {
    IndexFacts {
        table: table.clone(),
        unique: value["unique"] == true,
        primary: value["primary"] == true,
        constraint: value["constraint"].as_str().map(Name::new),
        columns: array(&value["columns"]).iter().map(|name| name.as_str().map(Name::new)).collect(),
        partial: value["partial"] == true,
        valid: value["valid"] == true,
        partitioned: value["partitioned"] == true,
    }
}
