//! A comparison of a database with its history, for people: by relation, and what it means.

use std::fmt::Write as _;

use underpin_core::drift::{Attribute, Change, Deviation};
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
        found => {
            line(&mut page, &format!("{} between the database and {history}:", plural(found, "difference")))
        }
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
    for name in &compared.edited {
        line(
            &mut page,
            &format!(
                "\nnote: {name} was edited after it was applied, so what differs may come from the edit"
            ),
        );
    }
    if !compared.pending.is_empty() {
        let pending = plural(compared.pending.len(), "migration");
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
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    line(page, &format!("      {}", attribute.name.replace('_', " ")));
    line(page, &format!("        history   {}", value(&attribute.history)));
    line(page, &format!("        database  {}", value(&attribute.database)));
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

fn plural(number: usize, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}

fn line(page: &mut String, text: &str) {
    // Writing into a string does not fail.
    let _ = writeln!(page, "{text}");
}
