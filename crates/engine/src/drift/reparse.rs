//! Expressions whose texts differ and which mean the same.
//!
//! PostgreSQL prints an expression from its tree, and reading the print gives another tree now and then:
//! `CHECK (s IN ('a', 'b'))` on a `varchar` prints differently after a dump and restore, and is stable from
//! then on (observed on PostgreSQL 14 to 18). So where two texts differ, both are read once more by one
//! server, in a transaction that is rolled back, and compared as they are printed then.

use tokio_postgres::Client;
use underpin_catalog::flat::{Catalog, Difference, ObjectKey, differences};
use underpin_catalog::{Literal, Name, Sql, sql};

use crate::introspect::{Patience, settings};

/// The object that a text is read into for a moment.
const PROBE: &str = "underpin_reparse";

/// The catalog `found` with the texts of `expected` wherever the two differ in their texts alone. `client` is
/// a session on a database in which everything of `expected` is there.
///
/// # Errors
/// Those of the connection. A text that the server does not take is left as it is: then it does differ.
pub(super) async fn settle(
    client: &Client,
    expected: &Catalog,
    mut found: Catalog,
) -> Result<Catalog, tokio_postgres::Error> {
    for difference in differences(expected, &found) {
        let Some((history, database)) = probes(expected, &difference) else { continue };
        let history = printed(client, &history).await?;
        if history.is_none() || history != printed(client, &database).await? {
            continue;
        }
        if let (Some(object), Some(before)) = (found.object(&difference.key), difference.before) {
            let mut object = object.clone();
            object.0.insert(difference.attribute, before);
            found.insert(difference.key, object);
        }
    }
    Ok(found)
}

/// How a text is read, and how it is printed then.
struct Probe {
    reading: Sql,
    printing: Sql,
}

/// The probes of the two texts, where the difference is one of texts. Identities come from PostgreSQL and are
/// quoted where they have to be.
fn probes(expected: &Catalog, difference: &Difference) -> Option<(Probe, Probe)> {
    let (history, database) = (difference.before.as_ref()?, difference.after.as_ref()?);
    let one = |text: &str| probe(expected, &difference.key, &difference.attribute, text);
    Some((one(history)?, one(database)?))
}

fn probe(expected: &Catalog, key: &ObjectKey, attribute: &str, text: &str) -> Option<Probe> {
    let identity = Sql::verbatim(&key.identity);
    let text = Sql::verbatim(text);
    let probe = Name::new(PROBE);
    match (key.kind.as_str(), attribute) {
        ("constraint", "definition") => {
            let (relation, _) = underpin_core::drift::split_last(&key.identity);
            let relation = Sql::verbatim(relation);
            Some(Probe {
                reading: sql!("ALTER TABLE ONLY {} ADD CONSTRAINT {} {}", relation, probe, text),
                printing: sql!(
                    "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = {}",
                    Literal(PROBE)
                ),
            })
        }
        ("index", "definition") => Some(Probe {
            // The text makes the index under its own name, so the one that is there steps aside.
            reading: sql!("ALTER INDEX {} RENAME TO {}; {}", identity, probe, text),
            printing: sql!("SELECT pg_get_indexdef({}::regclass)", Literal(&key.identity)),
        }),
        ("column", "default") => {
            // Of a generated column it is no default.
            let object = expected.object(key)?;
            if object.0.get("generated").is_some_and(|generated| !generated.is_empty()) {
                return None;
            }
            let (relation, column) = underpin_core::drift::split_last(&key.identity);
            Some(Probe {
                reading: sql!(
                    "ALTER TABLE ONLY {} ALTER COLUMN {} SET DEFAULT {}",
                    Sql::verbatim(relation),
                    Sql::verbatim(column),
                    text
                ),
                printing: sql!(
                    "SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d
                     JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
                     WHERE a.attrelid = {}::regclass AND quote_ident(a.attname) = {}",
                    Literal(relation),
                    Literal(column)
                ),
            })
        }
        ("policy", "using" | "check") => {
            let (relation, policy) = underpin_core::drift::split_last(&key.identity);
            let clause = Sql::verbatim(if attribute == "using" { "USING" } else { "WITH CHECK" });
            let column = Sql::verbatim(if attribute == "using" { "polqual" } else { "polwithcheck" });
            Some(Probe {
                reading: sql!(
                    "ALTER POLICY {} ON {} {} ({})",
                    Sql::verbatim(policy),
                    Sql::verbatim(relation),
                    clause,
                    text
                ),
                printing: sql!(
                    "SELECT pg_get_expr({}, polrelid) FROM pg_policy
                     WHERE polrelid = {}::regclass AND quote_ident(polname) = {}",
                    column,
                    Literal(relation),
                    Literal(policy)
                ),
            })
        }
        ("view", "definition") => Some(Probe {
            reading: sql!("CREATE OR REPLACE VIEW {} AS {}", identity, text),
            printing: sql!("SELECT pg_get_viewdef({}::regclass)", Literal(&key.identity)),
        }),
        _ => None,
    }
}

/// What the server prints of a text that it has read; `None` when it does not take it.
async fn printed(client: &Client, probe: &Probe) -> Result<Option<String>, tokio_postgres::Error> {
    client.batch_execute(&format!("BEGIN; {}", settings(Patience::default()))).await?;
    let printed = match client.batch_execute(probe.reading.as_str()).await {
        Ok(()) => {
            client.query_opt(probe.printing.as_str(), &[]).await.map(|row| row.and_then(|row| row.get(0)))
        }
        Err(error) => Err(error),
    };
    client.batch_execute("ROLLBACK").await?;
    match printed {
        Err(error) if error.as_db_error().is_none() => Err(error),
        printed => Ok(printed.unwrap_or_default()),
    }
}
