//! Containers of tables that go or get another name: `drop-schema`, `rename-schema`, `drop-database`.
//!
//! What is known to be in a schema is told by name elsewhere: `CASCADE` takes it along (`cascade-drops-more`), and
//! without it PostgreSQL refuses (`drop-blocked`). Here is what nobody has looked into.

use underpin_catalog::{Name, RelationName};
use underpin_sql::Effect;
use underpin_sql::effect::ObjectKind;

use super::super::case::Case;
use super::super::finding::{Confidence, Finding, Severity};

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for act in case.acts {
        match act.effect {
            Effect::Drop { kind: ObjectKind::Schema, name, cascade, .. } => {
                found.extend(dropped(case, &name.name, *cascade));
            }
            Effect::Rename { kind: ObjectKind::Schema, name, to } => {
                found.extend(renamed(case, &name.name, to));
            }
            Effect::Server { what } if what == "DROP DATABASE" => found.push(database(case)),
            _ => {}
        }
    }
}

/// A table of the schema that others use.
fn used<'a>(case: &'a Case<'_>, schema: &Name) -> Option<&'a RelationName> {
    let facts = case.world.facts();
    facts
        .relations
        .keys()
        .find(|table| table.namespace.as_ref() == Some(schema) && case.world.concerns_others(table))
}

fn dropped(case: &Case<'_>, schema: &Name, cascade: bool) -> Option<Finding> {
    if case.world.facts().complete || used(case, schema).is_some() {
        return None;
    }
    let name = schema.as_str();
    let (severity, message) = match cascade {
        true => (
            Severity::Danger,
            format!(
                "schema {name} goes, and with it whatever is in it: its tables and their rows, and everything that \
                 depends on them"
            ),
        ),
        false => (
            Severity::Caution,
            format!(
                "schema {name} goes: while a table is left in it PostgreSQL refuses the statement (2BP01)"
            ),
        ),
    };
    let finding = case
        .tell("drop-schema", severity, message)
        .about(name)
        .sure(Confidence::Low)
        .assuming("nobody has looked at what is in it")
        .instead(
            "drop each table by its name, a release after the last that uses it, and the empty schema then",
        );
    Some(finding.done())
}

fn renamed(case: &Case<'_>, schema: &Name, to: &Name) -> Option<Finding> {
    let known = used(case, schema);
    if known.is_none() && case.world.facts().complete {
        return None;
    }
    let (name, to) = (schema.as_str(), to.as_str());
    let message = format!(
        "schema {name} is called {to} from then on: every statement of the running release that names one of its tables \
         fails (42P01)"
    );
    let finding = case
        .tell("rename-schema", Severity::Danger, message)
        .about(name)
        .sure(if known.is_some() { Confidence::Medium } else { Confidence::Low })
        .instead(
            "keep the name; or make the new schema beside it and move the tables over one by one, each with a view in \
             its old place",
        );
    Some(finding.done())
}

fn database(case: &Case<'_>) -> Finding {
    let message = "a whole database goes, and every row in it: nothing but a backup brings it back, and the database that \
                   the session is connected to PostgreSQL refuses to drop (55006)";
    case.tell("drop-database", Severity::Blocker, message)
        .instead("leave it out of migrations, which run wherever they are deployed, and drop it by hand")
        .done()
}
