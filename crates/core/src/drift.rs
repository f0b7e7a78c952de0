//! Where a live database is not what its history says, and which of that counts.
//!
//! Both catalogs come from servers of the same major version. What a throwaway server cannot have in
//! common with a live one (roles, tablespaces) is made comparable first ([`comparable`]); what is left is a
//! [`Deviation`], told once for the object that it is about: the columns of a table that somebody made by
//! hand are not told beside it.
//!
//! Two things are told that do not count. Where columns stand among each other depends on the order in which
//! branches were merged. And of a kind that the model does not describe, only the name was compared.

mod comparable;
mod sight;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use underpin_catalog::object::{ObjectKey, ObjectKind};
use underpin_catalog::{Attributes, Difference, Facts, not_compared};

pub use self::comparable::comparable;

/// `[drift]` of `underpin.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DriftSettings {
    /// What may differ, with the reason.
    pub ignore: Vec<Ignore>,
}

/// Objects that may differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Ignore {
    /// Kind and identity as a report says them, `*` for any text: `extension pg_stat_statements`,
    /// `* audit.*`.
    pub object: String,
    /// Why.
    pub because: String,
}

/// As it stands in the file, before it is judged.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    object: String,
    because: String,
}

impl TryFrom<Written> for Ignore {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        if written.object.trim().is_empty() {
            return Err(
                "`object` is empty: say kind and name, as in \"extension pg_stat_statements\"".to_owned()
            );
        }
        if written.because.trim().is_empty() {
            return Err(format!("the reason for ignoring {} is empty", written.object));
        }
        Ok(Self { object: written.object, because: written.because })
    }
}

impl Ignore {
    fn covers(&self, kind: &str, identity: &str) -> bool {
        matches(&self.object, &format!("{kind} {identity}"))
    }
}

/// What is different about an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// Somebody made it.
    OnlyInDatabase,
    /// Somebody dropped it.
    OnlyInHistory,
    /// Somebody changed it.
    Differs {
        /// What of it, with the value in the history and in the database.
        attributes: Vec<Attribute>,
    },
}

/// A fact on which the two disagree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// In the history, as a snapshot says it; `None` where it has none.
    pub history: Option<Value>,
    /// In the database; `None` where it has none.
    pub database: Option<Value>,
}

/// An object that is not as the history leaves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deviation {
    /// `table`, `column`, `index`, `enum`, `function` …
    pub kind: String,
    /// Unique within the kind, quoted where SQL would quote it.
    pub identity: String,
    /// The relation that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relation: Option<String>,
    /// What is different.
    #[serde(flatten)]
    pub change: Change,
    /// `prisma migrate diff` and `migrate dev` would see it too.
    pub prisma_sees: bool,
}

/// A deviation that somebody has said may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ignored {
    /// What differs.
    #[serde(flatten)]
    pub deviation: Deviation,
    /// Why it may.
    pub because: String,
}

/// How a database compares with its history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// What counts, by relation and kind.
    pub deviations: Vec<Deviation>,
    /// What does not.
    pub ignored: Vec<Ignored>,
    /// Entries of the settings that nothing was found for.
    pub unused_ignores: Vec<String>,
    /// Tables and views whose columns are in another order. It does not count.
    pub reordered: Vec<String>,
    /// Objects that both have, of kinds of which nothing but the name is compared.
    pub not_compared: Vec<ObjectKey>,
}

impl Drift {
    /// Whether the database is what the history says, as far as it has to be.
    pub fn is_clean(&self) -> bool {
        self.deviations.is_empty()
    }
}

/// Compares. `history` is what a replay of the applied migrations left, `database` what is there; both come
/// from [`comparable`] catalogs.
pub fn drift(history: &Facts, database: &Facts, settings: &DriftSettings) -> Drift {
    let mut found: BTreeMap<ObjectKey, Vec<Difference>> = BTreeMap::new();
    let mut moved = BTreeSet::new();
    for difference in history.differences_to(database) {
        if !difference.is_note() {
            found.entry(difference.key.clone()).or_default().push(difference);
        } else if difference.key.kind == ObjectKind::Column {
            moved.insert(difference.key.owner().to_owned());
        }
    }
    let told = Told::of(&found, history, database);
    let mut ignoring = Ignoring { settings, used: vec![false; settings.ignore.len()] };
    let mut drift = Drift::default();
    // What belongs to no relation comes last.
    let mut in_order = BTreeMap::new();
    for (key, differences) in &found {
        let (before, after) = (history.get(key), database.get(key));
        let Some(known) = after.or(before) else { continue };
        let relation = sight::relation_of(key, known);
        if told.covers(key, relation.as_deref(), known, differences) {
            continue;
        }
        let place = (relation.is_none(), relation.clone(), sight::rank(&key.kind), key);
        let deviation = Deviation {
            kind: sight::word(key, known),
            identity: key.identity.clone(),
            relation,
            prisma_sees: sight::prisma_sees(key, differences, history, database),
            change: change(before, after, differences),
        };
        match ignoring.reason(&deviation.kind, &key.identity) {
            Some(because) => drift.ignored.push(Ignored { deviation, because }),
            None => {
                in_order.insert(place, deviation);
            }
        }
    }
    drift.deviations = in_order.into_values().collect();
    drift.reordered = moved.into_iter().filter(|owner| is_reordered(owner, history, database)).collect();
    let of_both = not_compared(history).filter(|key| database.get(key).is_some());
    drift.not_compared = of_both
        .filter(|key| ignoring.reason(&key.kind.to_string(), &key.identity).is_none())
        .cloned()
        .collect();
    drift.unused_ignores = ignoring.unused();
    drift
}

/// The exceptions of the settings, and which of them something was found for.
struct Ignoring<'a> {
    settings: &'a DriftSettings,
    used: Vec<bool>,
}

impl Ignoring<'_> {
    /// Why an object may differ.
    fn reason(&mut self, kind: &str, identity: &str) -> Option<String> {
        let at = self.settings.ignore.iter().position(|ignore| ignore.covers(kind, identity))?;
        self.used[at] = true;
        Some(self.settings.ignore[at].because.clone())
    }

    fn unused(self) -> Vec<String> {
        let unused = self.settings.ignore.iter().zip(self.used).filter(|(_, used)| !used);
        unused.map(|(ignore, _)| ignore.object.clone()).collect()
    }
}

fn change(before: Option<&Attributes>, after: Option<&Attributes>, differences: &[Difference]) -> Change {
    match (before, after) {
        (None, _) => Change::OnlyInDatabase,
        (_, None) => Change::OnlyInHistory,
        (Some(_), Some(_)) => Change::Differs {
            attributes: differences
                .iter()
                .map(|difference| Attribute {
                    name: difference.attribute.clone().unwrap_or_default(),
                    history: difference.before.clone(),
                    database: difference.after.clone(),
                })
                .collect(),
        },
    }
}

/// What is told already, with which other objects come and go.
struct Told {
    /// Relations and domains that one side alone has.
    owners: HashSet<String>,
    /// Constraints that differ or are missing, by table and own name.
    constraints: HashSet<(String, String)>,
    /// Columns that differ or are missing, by table and own name.
    columns: HashSet<(String, String)>,
}

impl Told {
    fn of(found: &BTreeMap<ObjectKey, Vec<Difference>>, history: &Facts, database: &Facts) -> Self {
        let mut told = Self { owners: HashSet::new(), constraints: HashSet::new(), columns: HashSet::new() };
        let is_one_sided = |key: &ObjectKey| history.get(key).is_none() || database.get(key).is_none();
        for key in found.keys() {
            let own = || key.names().pop().map(|name| (key.owner().to_owned(), name.as_str().to_owned()));
            match key.kind {
                ObjectKind::Constraint => told.constraints.extend(own()),
                ObjectKind::Column => told.columns.extend(own()),
                ref kind if sight::owns_others(kind) && is_one_sided(key) => {
                    told.owners.insert(key.identity.clone());
                }
                _ => {}
            }
        }
        told
    }

    /// Whether an object comes and goes with another one that is told: everything of a table with the table,
    /// the index of a constraint with the constraint, the constraint that a column is not null with the column.
    fn covers(
        &self,
        key: &ObjectKey,
        relation: Option<&str>,
        known: &Attributes,
        differences: &[Difference],
    ) -> bool {
        let of_owner =
            !sight::owns_others(&key.kind) && relation.is_some_and(|relation| self.owners.contains(relation));
        let of_column =
            sight::column_of_not_null(key, known).is_some_and(|column| self.columns.contains(&column));
        let of_constraint = || {
            let constraint = known.text("constraint").filter(|_| key.kind == ObjectKind::Index)?;
            let constraint = (relation?.to_owned(), constraint.to_owned());
            let only_keys = |one: &Difference| one.attribute.as_deref().is_none_or(|name| name == "keys");
            Some(self.constraints.contains(&constraint) && differences.iter().all(only_keys))
        };
        of_owner || of_column || of_constraint() == Some(true)
    }
}

/// Whether the columns that both have of a relation are in another order.
fn is_reordered(owner: &str, history: &Facts, database: &Facts) -> bool {
    let position = |facts: &Facts, key: &ObjectKey| facts.get(key)?.get("position")?.as_u64();
    let mut places: Vec<(u64, u64)> = history
        .within(&ObjectKind::Column, owner)
        .filter_map(|(key, _)| Some((position(history, key)?, position(database, key)?)))
        .collect();
    places.sort_unstable();
    !places.is_sorted_by_key(|(_, after)| *after)
}

/// Whether a text fits a pattern in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
