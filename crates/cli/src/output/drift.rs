//! A comparison of a database with its history, for people: by relation, and what it means.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;
use underpin_core::drift::{Attribute, Change, Deviation};
use underpin_core::quantity::counted;
use underpin_engine::drift::Compared;

/// The page.
pub(crate) fn page(compared: &Compared) -> String {
    let drift = &compared.drift;
    let mut page = String::new();
    let history = match compared.applied.last() {
        Some(last) => format!("its history up to {last}"),
        None => "an empty history".to_owned(),
    };
    match drift.deviations.len() {
        0 => line(&mut page, &format!("The database is what {history} says it is.")),
        found => line(
            &mut page,
            &format!("{} between the database and {history}:", counted(found as u64, "difference")),
        ),
    }
    let mut under: Option<Option<&str>> = None;
    for deviation in &drift.deviations {
        let relation = deviation.relation.as_deref();
        if under != Some(relation) {
            line(&mut page, &format!("\n{}", relation.unwrap_or("outside of tables")));
            under = Some(relation);
        }
        told(&mut page, deviation);
    }
    if !drift.deviations.is_empty() {
        line(&mut page, &sight(&drift.deviations));
        line(&mut page, NEXT);
    }
    for ignored in &drift.ignored {
        let of = &ignored.deviation;
        line(&mut page, &format!("\nnot counted: {} {}, because {}", of.kind, of.identity, ignored.because));
    }
    for unused in &drift.unused_ignores {
        line(
            &mut page,
            &format!("\nnote: [drift] ignores \"{unused}\", and nothing of it differs: take it out"),
        );
    }
    for relation in &drift.reordered {
        line(
            &mut page,
            &format!(
                "\nnote: the columns of {relation} are in another order, which matters to SELECT * and to INSERT without a list of columns; it is not counted"
            ),
        );
    }
    for object in &drift.not_compared {
        line(&mut page, &format!("\nnote: {object} is there in both, and nothing else of it is compared"));
    }
    for name in &compared.edited {
        line(
            &mut page,
            &format!(
                "\nnote: {name} was edited after it was applied, so what differs may come from the edit"
            ),
        );
    }
    if !compared.pending.is_empty() {
        let pending = counted(compared.pending.len() as u64, "migration");
        line(&mut page, &format!("\n{pending} pending, which no difference comes from"));
    }
    page.trim_end().to_owned()
}

/// What to do about it.
const NEXT: &str = "\
\nTo keep a change, write it into a migration and mark that applied: underpin resolve --applied \"<migration>\"
To undo it, put the database back as the history has it
To let it be, say so with a reason in underpin.toml: [drift] ignore";

fn told(page: &mut String, deviation: &Deviation) {
    let what = format!("{} {}", deviation.kind, name(deviation));
    match &deviation.change {
        Change::OnlyInDatabase => {
            line(page, &format!("  + {what}: in the database, and no migration makes it"))
        }
        Change::OnlyInHistory => {
            line(page, &format!("  - {what}: the history makes it, and the database has it not"))
        }
        Change::Differs { attributes } => {
            line(page, &format!("  ~ {what}"));
            for attribute in attributes {
                told_attribute(page, attribute);
            }
        }
    }
}

fn told_attribute(page: &mut String, attribute: &Attribute) {
    let value = |value: &Option<Value>| {
        let shown = value.as_ref().map(|value| match attribute.name.as_str() {
            "privileges" | "grants" => privileges(value),
            _ => shown(value),
        });
        shown.filter(|text| !text.is_empty()).unwrap_or_else(|| "none".to_owned())
    };
    line(page, &format!("      {}", attribute.name.replace('_', " ")));
    line(page, &format!("        history   {}", value(&attribute.history)));
    line(page, &format!("        database  {}", value(&attribute.database)));
}

/// A value in words. Names of fields stand before their values, lists are separated.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let separator = if items.iter().any(Value::is_object) { "; " } else { ", " };
            items.iter().map(shown).collect::<Vec<_>>().join(separator)
        }
        Value::Object(fields) => {
            let fields =
                fields.iter().map(|(name, value)| format!("{} {}", name.replace('_', " "), shown(value)));
            fields.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// Rights by the role that has them. A list without any is nobody's.
fn privileges(value: &Value) -> String {
    let grants = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut of_roles: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for grant in grants {
        let role = grant["grantee"].as_str().unwrap_or("PUBLIC");
        let grantable = if grant["grantable"] == true { " (and grant it)" } else { "" };
        let privilege = grant["privilege"].as_str().unwrap_or_default();
        of_roles.entry(role).or_default().push(format!("{privilege}{grantable}"));
    }
    let told = of_roles.into_iter().map(|(role, rights)| format!("{role} may {}", rights.join(", ")));
    let told: Vec<String> = told.collect();
    if told.is_empty() { "nobody but the owner".to_owned() } else { told.join("; ") }
}

/// The name without that of the relation, which stands above.
fn name(deviation: &Deviation) -> &str {
    let within = deviation.relation.as_deref().and_then(|relation| deviation.identity.strip_prefix(relation));
    within.and_then(|rest| rest.strip_prefix('.')).unwrap_or(&deviation.identity)
}

/// How much of it Prisma's own comparison would have told.
fn sight(deviations: &[Deviation]) -> String {
    let seen = deviations.iter().filter(|deviation| deviation.prisma_sees).count();
    let sees = match seen {
        0 => "sees none of this".to_owned(),
        all if all == deviations.len() => "sees all of this too".to_owned(),
        some => format!("sees {some} of these {}", deviations.len()),
    };
    format!("\nPrisma's own comparison {sees}.")
}

fn line(page: &mut String, text: &str) {
    // Writing into a string does not fail.
    let _ = writeln!(page, "{text}");
}
