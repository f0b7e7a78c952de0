//! Whether what the phases of a rollout have made is as they made it. One query; it reads the catalog alone.

use tokio_postgres::Client;
use underpin_catalog::Name;
use underpin_core::rollout::{Difference, Made, PhaseFile, Rollout, Thing, counted_on};

const LOOK: &str = include_str!("intact.sql");

/// What is wrong, in sentences.
#[derive(Clone, Debug, Default)]
pub(crate) struct Intact {
    /// With what keeps the two shapes equal.
    pub(crate) sync: Vec<String>,
    /// With the rest.
    pub(crate) changed: Vec<String>,
}

/// Looks at what the phases before a file have made, as far as `is_applied` says that they are.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn look(
    client: &Client,
    rollout: &Rollout,
    file: &PhaseFile,
    namespace: &Name,
    is_applied: impl Fn(&str) -> bool,
) -> Result<Intact, tokio_postgres::Error> {
    let applied = rollout.before(file).take_while(|phase| is_applied(&phase.folder));
    let (mut sync, rest) = counted_on(file, applied, namespace);
    if !rollout.before(file).all(|phase| is_applied(&phase.folder)) {
        // What a phase makes that is still to come is not missing.
        sync.retain(|made| made.by.is_some());
    }
    let count = sync.len();
    let all: Vec<Made> = sync.into_iter().chain(rest).collect();
    let mut found = Intact::default();
    for (at, difference) in differences(client, &all).await? {
        let Some(made) = all.get(at) else { continue };
        let whose = if at < count { &mut found.sync } else { &mut found.changed };
        whose.push(made.sentence(difference));
    }
    Ok(found)
}

/// The places of those that differ, from 0, and how.
async fn differences(
    client: &Client,
    all: &[Made],
) -> Result<Vec<(usize, Difference)>, tokio_postgres::Error> {
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let mut asked = Asked::default();
    all.iter().for_each(|made| asked.about(&made.what));
    let rows = client.query(LOOK, &[&asked.kinds, &asked.relations, &asked.parts, &asked.more]).await?;
    let differs = |row: &tokio_postgres::Row| {
        let at = usize::try_from(row.get::<_, i32>(0)).ok()?.checked_sub(1)?;
        let difference = match row.get::<_, &str>(1) {
            "gone" => Difference::Gone,
            "turned" => Difference::Turned,
            "another" => Difference::Another,
            _ => Difference::Idle,
        };
        Some((at, difference))
    };
    Ok(rows.iter().filter_map(differs).collect())
}

/// The arrays of the query.
#[derive(Debug, Default)]
struct Asked {
    kinds: Vec<&'static str>,
    relations: Vec<String>,
    parts: Vec<String>,
    more: Vec<Option<String>>,
}

impl Asked {
    fn about(&mut self, thing: &Thing) {
        let part = |name: &Name| name.as_str().to_owned();
        let (kind, relation, part, more) = match thing {
            Thing::Relation(name) => ("relation", name.to_string(), String::new(), None),
            Thing::Type(name) => ("type", name.to_string(), String::new(), None),
            Thing::Value { of, value } => ("value", of.to_string(), value.clone(), None),
            Thing::Column { table, column, data_type } => {
                ("column", table.to_string(), part(column), data_type.clone())
            }
            Thing::NotNull { table, column, refuses } => {
                ("not_null", table.to_string(), part(column), Some(refuses.to_string()))
            }
            Thing::Default { table, column, has } => {
                ("default", table.to_string(), part(column), Some(has.to_string()))
            }
            Thing::Constraint { table, name, validated } => {
                ("constraint", table.to_string(), part(name), Some(validated.to_string()))
            }
            Thing::Index { name, .. } => ("index", name.to_string(), String::new(), None),
            Thing::Trigger { table, trigger } => ("trigger", table.to_string(), part(trigger), None),
            Thing::Routine { name, text } => {
                let namespace = name.namespace.as_ref().map(part).unwrap_or_default();
                ("routine", namespace, part(&name.name), text.clone())
            }
        };
        self.kinds.push(kind);
        self.relations.push(relation);
        self.parts.push(part);
        self.more.push(more);
    }
}
