//! Expressions whose texts differ and which mean the same.
//!
//! PostgreSQL prints an expression from its tree, and reading the print gives another tree now and then:
//! `CHECK (s IN ('a', 'b'))` on a `varchar` prints differently after a dump and restore, and is stable from
//! then on (observed on PostgreSQL 14 to 18). So where two texts differ, both are read once more by one
//! server, in a transaction that is rolled back, and compared as they are printed then.

mod probe;

use serde_json::Value;
use tokio_postgres::Client;
use underpin_catalog::object::{ObjectKey, ObjectKind};
use underpin_catalog::{Difference, Facts};

use self::probe::{Probe, of_domain, of_object, of_row};
use crate::introspect::{Patience, settings};

/// The facts `found` with the texts of `expected` wherever the two differ in their texts alone. `client` is
/// a session on a database in which everything of `expected` is there.
///
/// # Errors
/// Those of the connection. A text that the server does not take is left as it is: then it does differ.
pub(crate) async fn settle(
    client: &Client,
    expected: &Facts,
    mut found: Facts,
) -> Result<Facts, tokio_postgres::Error> {
    for difference in expected.differences_to(&found) {
        let Difference { key, attribute: Some(attribute), before: Some(before), after: Some(after) } =
            difference
        else {
            continue;
        };
        let Some(pairs) = probes(expected, &key, &attribute, &before, &after) else { continue };
        if means_the_same(client, &pairs).await?
            && let Some(attributes) = found.get_mut(&key)
        {
            attributes.set(&attribute, before);
        }
    }
    Ok(found)
}

async fn means_the_same(client: &Client, pairs: &[(Probe, Probe)]) -> Result<bool, tokio_postgres::Error> {
    for (history, database) in pairs {
        let history = printed(client, history).await?;
        if history.is_none() || history != printed(client, database).await? {
            return Ok(false);
        }
    }
    Ok(!pairs.is_empty())
}

/// The texts of two values that differ in texts alone, each ready to be read. `None` when they differ in
/// something else, or when nothing is known to read such a text.
fn probes(
    expected: &Facts,
    key: &ObjectKey,
    attribute: &str,
    before: &Value,
    after: &Value,
) -> Option<Vec<(Probe, Probe)>> {
    let both = |probe: &dyn Fn(&str) -> Option<Probe>, (before, after): (&str, &str)| {
        Some((probe(before)?, probe(after)?))
    };
    let texts = || before.as_str().zip(after.as_str());
    let table = || expected.get(key).and_then(|known| known.text("table")).map(str::to_owned);
    let is_domain = || expected.get(&ObjectKey::new(ObjectKind::Type, key.owner())).is_some();
    match (&key.kind, attribute) {
        (ObjectKind::Constraint, "expression") if is_domain() => {
            Some(vec![both(&|text| of_domain(key.owner(), text), texts()?)?])
        }
        (ObjectKind::Constraint, "expression") => {
            Some(vec![both(&|text| of_row(key.owner(), text), texts()?)?])
        }
        (ObjectKind::Index, "predicate") => {
            let table = table()?;
            Some(vec![both(&|text| of_row(&table, text), texts()?)?])
        }
        (ObjectKind::Index, "keys") => {
            let table = table()?;
            differing(before, after, "expression")?
                .into_iter()
                .map(|texts| both(&|text| of_row(&table, text), texts))
                .collect()
        }
        (ObjectKind::Column, "generated") => {
            let texts = differing_within(before, after, "expression")?;
            texts.into_iter().map(|texts| both(&|text| of_row(key.owner(), text), texts)).collect()
        }
        _ => Some(vec![both(&|text| of_object(key, attribute, text), texts()?)?]),
    }
}

/// The texts of one field in which the objects of two lists differ; `None` when they differ in more.
fn differing<'a>(before: &'a Value, after: &'a Value, field: &str) -> Option<Vec<(&'a str, &'a str)>> {
    let (before, after) = (before.as_array()?, after.as_array()?);
    let pairs: Option<Vec<_>> =
        before.iter().zip(after).map(|(before, after)| differing_within(before, after, field)).collect();
    pairs.filter(|_| before.len() == after.len()).map(|pairs| pairs.into_iter().flatten().collect())
}

/// The texts of one field, when two objects differ in it; `None` when they differ in more.
fn differing_within<'a>(
    before: &'a Value,
    after: &'a Value,
    field: &str,
) -> Option<Option<(&'a str, &'a str)>> {
    let (before, after) = (before.as_object()?, after.as_object()?);
    let mut found = None;
    for (name, value) in before {
        let other = after.get(name)?;
        if value != other {
            found = Some(value.as_str().zip(other.as_str()).filter(|_| name == field)?);
        }
    }
    (before.len() == after.len()).then_some(found)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn values_that_differ_in_more_than_a_text_are_not_read() {
        let key = |expression: &str, order: &str| json!([{ "expression": expression, "order": order }, { "column": "a" }]);
        let found =
            |before: &Value, after: &Value| differing(before, after, "expression").map(|texts| texts.len());
        assert_eq!(found(&key("x", "ascending"), &key("y", "ascending")), Some(1));
        assert_eq!(found(&key("x", "ascending"), &key("y", "descending")), None);
        assert_eq!(
            found(&key("x", "ascending"), &json!([{ "expression": "y", "order": "ascending" }])),
            None
        );
        assert_eq!(found(&json!([{ "column": "a" }]), &json!([{ "column": "b" }])), None);
        assert_eq!(found(&json!([{ "column": "a" }]), &json!([{ "column": "a", "more": 1 }])), None);
    }
}
