//! Where a live database is not what its history says, and which of that counts.
//!
//! Both catalogs come from servers of the same major version. What a throwaway server cannot have in
//! common with a live one (roles, tablespaces, minor versions of extensions) is made comparable first
//! ([`comparable`]); what is left is a [`Deviation`], told once for the object that it is about: the columns
//! of a table that somebody made by hand are not told beside it.

mod comparable;
mod sight;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use underpin_catalog::flat::{Catalog, Difference, Object, ObjectKey, differences};

pub use self::comparable::{Owner, comparable};
pub use self::sight::split_last;

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
    fn covers(&self, key: &ObjectKey) -> bool {
        matches(&self.object, &format!("{} {}", key.kind, key.identity))
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
    /// In the history; `None` where it has none.
    pub history: Option<String>,
    /// In the database; `None` where it has none.
    pub database: Option<String>,
}

/// An object that is not as the history leaves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deviation {
    /// `table`, `column`, `index` …
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
}

impl Drift {
    /// Whether the database is what the history says, as far as it has to be.
    pub fn is_clean(&self) -> bool {
        self.deviations.is_empty()
    }
}

/// Compares. `history` is what a replay of the applied migrations left, `database` what is there.
pub fn drift(history: &Catalog, database: &Catalog, settings: &DriftSettings) -> Drift {
    let mut found: BTreeMap<ObjectKey, Vec<Difference>> = BTreeMap::new();
    for difference in differences(history, database) {
        found.entry(difference.key.clone()).or_default().push(difference);
    }
    let one_sided: Vec<ObjectKey> = found
        .iter()
        .filter(|(_, differences)| differences.iter().any(|difference| difference.attribute.is_empty()))
        .map(|(key, _)| key.clone())
        .collect();
    let mut drift = Drift::default();
    let mut used = vec![false; settings.ignore.len()];
    for (key, differences) in &found {
        let of = |catalog: &Catalog| catalog.object(key).cloned();
        let (before, after) = (of(history), of(database));
        let known = after.as_ref().or(before.as_ref());
        let relation = known.and_then(|object| sight::relation_of(key, object));
        let of_column = known.and_then(|object| sight::column_of_not_null(key, object));
        if is_part_of(key, relation.as_deref(), &one_sided)
            || of_column.is_some_and(|column| found.contains_key(&column))
        {
            continue;
        }
        let deviation = Deviation {
            kind: key.kind.clone(),
            identity: key.identity.clone(),
            relation,
            prisma_sees: sight::prisma_sees(key, before.as_ref(), after.as_ref(), differences),
            change: change(before.as_ref(), after.as_ref(), differences),
        };
        match settings.ignore.iter().position(|ignore| ignore.covers(key)) {
            Some(at) => {
                used[at] = true;
                drift.ignored.push(Ignored { deviation, because: settings.ignore[at].because.clone() });
            }
            None => drift.deviations.push(deviation),
        }
    }
    // What belongs to no relation comes last.
    let place = |one: &Deviation| {
        (one.relation.is_none(), one.relation.clone(), sight::rank(&one.kind), one.identity.clone())
    };
    drift.deviations.sort_by_cached_key(place);
    let unused = settings.ignore.iter().zip(used).filter(|(_, used)| !used);
    drift.unused_ignores = unused.map(|(ignore, _)| ignore.object.clone()).collect();
    drift
}

fn change(before: Option<&Object>, after: Option<&Object>, differences: &[Difference]) -> Change {
    match (before, after) {
        (None, _) => Change::OnlyInDatabase,
        (_, None) => Change::OnlyInHistory,
        (Some(_), Some(_)) => Change::Differs {
            attributes: differences
                .iter()
                .map(|difference| Attribute {
                    name: difference.attribute.clone(),
                    history: difference.before.clone(),
                    database: difference.after.clone(),
                })
                .collect(),
        },
    }
}

/// Whether an object comes and goes with another one that is told already: everything of a table with the
/// table, the index of a constraint with the constraint.
fn is_part_of(key: &ObjectKey, relation: Option<&str>, one_sided: &[ObjectKey]) -> bool {
    one_sided.iter().filter(|other| *other != key).any(|other| {
        let whole = sight::is_relation(&other.kind) && relation == Some(other.identity.as_str());
        let own_index = key.kind == "index" && other.kind == "constraint" && {
            let (table, constraint) = split_last(&other.identity);
            relation == Some(table) && split_last(&key.identity).1 == constraint
        };
        whole || own_index
    })
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
