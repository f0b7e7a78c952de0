//! Who may see and do what from then on: `row-security-without-policy`, `grant-to-public`,
//! `security-definer-search-path`.

use underpin_catalog::RelationName;
use underpin_sql::Effect;
use underpin_sql::effect::{RunsAs, TableOption};

use super::super::case::Case;
use super::super::effects::EffectKind;
use super::super::finding::{Finding, Severity};

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for act in case.acts {
        match act.effect {
            Effect::AlterTable { table, what: TableOption::RowSecurity { enabled: true } } => {
                let facts = case.world.facts();
                let table = facts.resolve(table);
                let has_policy = facts.relation(&table).is_some_and(|known| !known.policies.is_empty());
                let policies = case.file.effects.with(EffectKind::CreatePolicy, table.name.as_str(), "");
                let gets_one =
                    policies.any(|effect| effect.table().is_some_and(|other| facts.resolve(other) == table));
                if has_policy || gets_one {
                    continue;
                }
                let severity = if case.is_used(&table) { Severity::Caution } else { Severity::Info };
                let message = format!(
                    "row security is on for {} and no policy lets anybody in: roles that do not own the table see no row, \
                     without an error",
                    case.shown(&table)
                );
                found.push(
                    case.tell("row-security-without-policy", severity, message)
                        .about(case.shown(&table))
                        .sure(case.confidence(&table))
                        .assuming("the application connects as a role that does not own the table")
                        .instead("create the policies first, in the same file")
                        .done(),
                );
            }
            // Whoever makes a function gives it to everybody.
            Effect::Grant { routines, to_public: true, .. }
                if !routines.is_empty() && routines.iter().all(|routine| is_new(case, routine)) => {}
            Effect::Grant { tables, to_public: true, .. } => {
                let what = match tables.as_slice() {
                    [] => "a privilege".to_owned(),
                    tables => {
                        format!(
                            "privileges on {}",
                            tables.iter().map(|table| case.shown(table)).collect::<Vec<_>>().join(", ")
                        )
                    }
                };
                let message = format!(
                    "{what} are given to PUBLIC: every role of the server, also one that is made later"
                );
                let message = if tables.is_empty() { message.replacen(" are ", " is ", 1) } else { message };
                let telling = case
                    .tell("grant-to-public", Severity::Caution, message)
                    .instead("grant to the role that the application has");
                found.push(match tables.first() {
                    Some(table) => telling.about(case.shown(table)).done(),
                    None => telling.done(),
                });
            }
            Effect::CreateRoutine { name, runs_as: RunsAs::Owner { has_search_path: false }, .. } => {
                let message = format!(
                    "function {} runs with the rights of its owner and looks for names in the search_path of its caller, who \
                     can put other tables and functions there",
                    case.shown(name)
                );
                found.push(
                    case.tell("security-definer-search-path", Severity::Caution, message)
                        .about(case.shown(name))
                        .instead("add SET search_path = '' and write every name with its namespace")
                        .done(),
                );
            }
            _ => {}
        }
    }
}

/// Whether the file has made the function before.
fn is_new(case: &Case<'_>, routine: &RelationName) -> bool {
    let named = case.file.effects.with(EffectKind::CreateOrDropRoutine, routine.name.as_str(), "");
    named.before(case.at).any(|effect| {
        matches!(effect, Effect::CreateRoutine { name, replace: false, .. }
            if case.world.facts().resolve(name) == case.world.facts().resolve(routine))
    })
}
