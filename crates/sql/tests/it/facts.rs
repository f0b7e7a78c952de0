//! Looking up surroundings on a real server, as the engine does.

use std::collections::BTreeMap;

use tokio_postgres::GenericClient;
use underpin_catalog::{Name, RelationName, ServerVersion};
use underpin_sql::effect::TypeKind;
use underpin_sql::{
    ColumnFacts, ConstraintFacts, ConstraintFactsKind, IndexFacts, RelationFacts, RelationKind, Surroundings,
    TypeFacts,
};

fn name(namespace: String, own: String) -> RelationName {
    RelationName::qualified(namespace, own)
}

fn names(texts: Vec<String>) -> Vec<Name> {
    texts.into_iter().map(Name::new).collect()
}

const USER: &str = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'";

/// Everything that is there, as it is in this session's transaction.
pub(crate) async fn surroundings(client: &impl GenericClient, version: ServerVersion) -> Surroundings {
    let mut found = Surroundings::empty(version, Name::new("public"));
    for row in client
        .query(
            &format!(
                "SELECT n.nspname::text, c.relname::text, c.relkind::text, c.reltuples::float8,
                        coalesce((SELECT sum(pg_relation_size(t.relid)) FROM pg_partition_tree(c.oid) t),
                                 pg_relation_size(c.oid))::int8,
                        c.oid
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND {USER}"
            ),
            &[],
        )
        .await
        .unwrap()
    {
        let relation = name(row.get(0), row.get(1));
        let kind = match row.get::<_, String>(2).as_str() {
            "p" => RelationKind::Partitioned,
            "v" => RelationKind::View,
            "m" => RelationKind::MaterializedView,
            "f" => RelationKind::Foreign,
            "S" => RelationKind::Sequence,
            _ => RelationKind::Table,
        };
        let rows: f64 = row.get(3);
        let oid: u32 = row.get(5);
        let mut facts = RelationFacts::empty(kind);
        facts.bytes = u64::try_from(row.get::<_, i64>(4)).ok();
        facts.rows_estimate = (rows >= 0.0).then_some(rows);
        detail(client, oid, &mut facts).await;
        found.relations.insert(relation, facts);
    }
    found.indexes = indexes(client).await.into_iter().collect();
    found.types = types(client).await;
    found
}

async fn detail(client: &impl GenericClient, oid: u32, facts: &mut RelationFacts) {
    for row in client
        .query(
            "SELECT attname::text, format_type(atttypid, atttypmod), attnotnull, atthasdef OR attidentity <> '',
                    n.nspname::text, coalesce(e.typname, t.typname)::text
             FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
             LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
             LEFT JOIN pg_namespace n ON n.oid = t.typnamespace AND n.nspname <> 'pg_catalog'
             WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            &[&oid],
        )
        .await
        .unwrap()
    {
        facts.columns.push(ColumnFacts {
            not_null: row.get(2),
            has_default: row.get(3),
            type_name: row.get::<_, Option<String>>(4).map(|namespace| name(namespace, row.get(5))),
            ..ColumnFacts::plain(Name::new(row.get::<_, String>(0)), row.get::<_, String>(1))
        });
    }
    for row in client
        .query(
            "SELECT conname::text, contype::text, convalidated, pg_get_expr(conbin, conrelid),
                    rn.nspname::text, r.relname::text,
                    ARRAY(SELECT a.attname::text FROM unnest(conkey) WITH ORDINALITY k (num, at)
                          JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.num ORDER BY k.at)
             FROM pg_constraint c LEFT JOIN pg_class r ON r.oid = c.confrelid
             LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
             WHERE conrelid = $1 AND contype <> 't' ORDER BY conname",
            &[&oid],
        )
        .await
        .unwrap()
    {
        let kind = match row.get::<_, String>(1).as_str() {
            "f" => ConstraintFactsKind::ForeignKey,
            "n" => ConstraintFactsKind::NotNull,
            "p" => ConstraintFactsKind::PrimaryKey,
            "u" => ConstraintFactsKind::Unique,
            "x" => ConstraintFactsKind::Exclude,
            _ => ConstraintFactsKind::Check,
        };
        let columns = names(row.get(6));
        if kind == ConstraintFactsKind::PrimaryKey {
            facts.primary_key.clone_from(&columns);
        }
        let plain = ConstraintFacts::plain(Name::new(row.get::<_, String>(0)), kind, columns);
        facts.constraints.push(ConstraintFacts {
            referenced: row.get::<_, Option<String>>(4).map(|namespace| name(namespace, row.get(5))),
            validated: row.get(2),
            ..match row.get::<_, Option<String>>(3) {
                Some(check) => plain.checking(&check),
                None => plain,
            }
        });
    }
    for row in client
        .query(
            "WITH RECURSIVE below AS (
                 SELECT inhrelid FROM pg_inherits WHERE inhparent = $1
                 UNION ALL SELECT i.inhrelid FROM pg_inherits i JOIN below b ON i.inhparent = b.inhrelid)
             SELECT 'below', n.nspname::text, c.relname::text FROM below b
             JOIN pg_class c ON c.oid = b.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
             UNION ALL
             SELECT 'above', n.nspname::text, c.relname::text FROM pg_inherits i
             JOIN pg_class c ON c.oid = i.inhparent JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE i.inhrelid = $1 AND c.relkind = 'p'
             UNION ALL
             SELECT DISTINCT 'users', n.nspname::text, c.relname::text FROM pg_constraint f
             JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE f.contype = 'f' AND f.confrelid = $1 AND f.conrelid <> f.confrelid",
            &[&oid],
        )
        .await
        .unwrap()
    {
        let other = name(row.get(1), row.get(2));
        match row.get::<_, String>(0).as_str() {
            "below" => facts.descendants.push(other),
            "above" => facts.partition_of = Some(other),
            _ => facts.referenced_by.push(other),
        }
    }
}

async fn indexes(client: &impl GenericClient) -> BTreeMap<RelationName, IndexFacts> {
    let rows = client
        .query(
            &format!(
                "SELECT n.nspname::text, i.relname::text, t.relname::text, x.indisunique, x.indisprimary,
                        (SELECT conname::text FROM pg_constraint WHERE conindid = i.oid AND contype IN ('p', 'u', 'x')),
                        x.indpred IS NOT NULL, x.indisvalid, i.relkind = 'I',
                        ARRAY(SELECT a.attname::text FROM unnest(x.indkey::int2[]) WITH ORDINALITY k (num, at)
                              LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.num AND k.num <> 0
                              WHERE k.at <= x.indnkeyatts ORDER BY k.at)
                 FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
                 JOIN pg_namespace n ON n.oid = i.relnamespace WHERE {USER}"
            ),
            &[],
        )
        .await
        .unwrap();
    rows.into_iter()
        .map(|row| {
            let namespace: String = row.get(0);
            let facts = IndexFacts {
                unique: row.get(3),
                primary: row.get(4),
                constraint: row.get::<_, Option<String>>(5).map(Name::new),
                columns: row
                    .get::<_, Vec<Option<String>>>(9)
                    .into_iter()
                    .map(|own| own.map(Name::new))
                    .collect(),
                partial: row.get(6),
                valid: row.get(7),
                partitioned: row.get(8),
                ..IndexFacts::plain(name(namespace.clone(), row.get(2)), Vec::new())
            };
            (name(namespace, row.get(1)), facts)
        })
        .collect()
}

async fn types(client: &impl GenericClient) -> BTreeMap<RelationName, TypeFacts> {
    let mut found = BTreeMap::new();
    for row in client
        .query(
            &format!(
                "SELECT n.nspname::text, t.typname::text,
                        t.typtype = 'd' AND (t.typnotnull OR EXISTS (SELECT FROM pg_constraint c WHERE c.contypid = t.oid)),
                        ARRAY(SELECT DISTINCT r.relname::text FROM pg_attribute a JOIN pg_class r ON r.oid = a.attrelid
                              WHERE a.atttypid IN (t.oid, t.typarray) AND NOT a.attisdropped AND r.relkind IN ('r', 'p')),
                        t.typtype = 'e',
                        ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder)
                 FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
                 WHERE t.typtype IN ('e', 'd') AND {USER}"
            ),
            &[],
        )
        .await
        .unwrap()
    {
        let namespace: String = row.get(0);
        let used_by = row.get::<_, Vec<String>>(3).into_iter().map(|user| name(namespace.clone(), user)).collect();
        let kind = row.get::<_, bool>(4).then(|| TypeKind::Enum { values: row.get(5) });
        found.insert(name(namespace, row.get(1)), TypeFacts { kind, constrained_domain: row.get(2), used_by });
    }
    found
}

/// Where two sets of facts are not the same, in words: sizes and what only one side looks up left out.
pub(crate) fn differences(ours: &Surroundings, live: &Surroundings) -> Vec<String> {
    let mut found = Vec::new();
    compare("relation", &ours.relations, &live.relations, &mut found, |name, ours, live, found| {
        let mut tell = |what: &str, a: String, b: String| {
            if a != b {
                found.push(format!("{} {what}: {a} said, {b} there", name.shown()));
            }
        };
        tell("kind", format!("{:?}", ours.kind), format!("{:?}", live.kind));
        if matches!(live.kind, RelationKind::Sequence | RelationKind::View | RelationKind::MaterializedView) {
            return;
        }
        tell("key", format!("{:?}", ours.primary_key), format!("{:?}", live.primary_key));
        tell("referenced by", sorted(&ours.referenced_by), sorted(&live.referenced_by));
        tell("below", sorted(&ours.descendants), sorted(&live.descendants));
        tell("above", format!("{:?}", ours.partition_of), format!("{:?}", live.partition_of));
        let columns = |facts: &RelationFacts| -> BTreeMap<String, String> {
            let one = |column: &ColumnFacts| {
                // How a type of users is written depends on the search path.
                let of = match &column.type_name {
                    Some(name) => {
                        format!("{}{}", name.shown(), if column.type_sql.ends_with("[]") { "[]" } else { "" })
                    }
                    None => column.type_sql.clone(),
                };
                let words = format!("{of} null:{} default:{}", !column.not_null, column.has_default);
                (column.name.as_str().to_owned(), words)
            };
            facts.columns.iter().map(one).collect()
        };
        let constraints = |facts: &RelationFacts| -> BTreeMap<String, String> {
            let one = |known: &ConstraintFacts| {
                let mut columns = known.columns.clone();
                if known.kind == ConstraintFactsKind::Check {
                    columns.sort();
                }
                let words = format!(
                    "{:?} {columns:?} to {:?} proves {:?} valid:{}",
                    known.kind, known.referenced, known.proves_not_null, known.validated
                );
                (known.name.as_str().to_owned(), words)
            };
            facts.constraints.iter().map(one).collect()
        };
        for (ours, live) in [(columns(ours), columns(live)), (constraints(ours), constraints(live))] {
            let names: std::collections::BTreeSet<_> = ours.keys().chain(live.keys()).collect();
            for own in names {
                let shown = |facts: &BTreeMap<String, String>| {
                    facts.get(own).cloned().unwrap_or_else(|| "nothing".into())
                };
                tell(own, shown(&ours), shown(&live));
            }
        }
    });
    compare("index", &ours.indexes, &live.indexes, &mut found, |name, ours, live, found| {
        let words = |facts: &IndexFacts| {
            format!(
                "on {} unique:{} primary:{} of {:?} {:?} partial:{} valid:{} partitioned:{}",
                facts.table.shown(),
                facts.unique,
                facts.primary,
                facts.constraint,
                facts.columns,
                facts.partial,
                facts.valid,
                facts.partitioned
            )
        };
        if words(ours) != words(live) {
            found.push(format!("{}: {} said, {} there", name.shown(), words(ours), words(live)));
        }
    });
    compare("type", &ours.types, &live.types, &mut found, |name, ours, live, found| {
        let words = |facts: &TypeFacts| {
            let used_by = sorted(&facts.used_by);
            let kind = facts.kind.as_ref().filter(|kind| matches!(kind, TypeKind::Enum { .. }));
            format!("{kind:?} constrained:{} used by {used_by}", facts.constrained_domain)
        };
        if words(ours) != words(live) {
            found.push(format!("{}: {} said, {} there", name.shown(), words(ours), words(live)));
        }
    });
    found
}

fn sorted(names: &[RelationName]) -> String {
    let mut shown: Vec<_> = names.iter().map(RelationName::shown).collect();
    shown.sort();
    shown.join(", ")
}

fn compare<T>(
    what: &str,
    ours: &BTreeMap<RelationName, T>,
    live: &BTreeMap<RelationName, T>,
    found: &mut Vec<String>,
    both: impl Fn(&RelationName, &T, &T, &mut Vec<String>),
) {
    for (name, said) in ours {
        match live.get(name) {
            Some(is) => both(name, said, is, found),
            None => found.push(format!("{what} {} said, and not there", name.shown())),
        }
    }
    for name in live.keys().filter(|name| !ours.contains_key(name)) {
        found.push(format!("{what} {} there, and not said", name.shown()));
    }
}
