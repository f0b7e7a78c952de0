//! `function-left-behind`: a function's body names what a statement drops or renames.
//!
//! PostgreSQL looks most bodies up when they run, so the statement succeeds and the next call fails; for a
//! trigger's function that is the next write of the application. Bodies that are bound when the function is
//! made hold the drop up instead, which is another rule's.

use underpin_catalog::{Name, RelationName};
use underpin_sql::Effect;
use underpin_sql::effect::{Binding, ObjectKind};

use super::super::case::Case;
use super::super::effects::EffectKind;
use super::super::finding::{Confidence, Finding, Severity};

pub(super) const NAME: &str = "function-left-behind";

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for act in case.acts {
        let (table, column, what) = match act.effect {
            Effect::DropTable { table, .. } => (table, None, "is dropped"),
            Effect::RenameTable { table, .. } => (table, None, "has another name from then on"),
            Effect::MoveTable { table, .. } => (table, None, "is in another namespace from then on"),
            Effect::DropColumn { table, column, .. } => (table, Some(column), "is dropped"),
            Effect::RenameColumn { table, column, .. } => {
                (table, Some(column), "has another name from then on")
            }
            _ => continue,
        };
        let facts = case.world.facts();
        let table = facts.resolve(table);
        if !case.is_used(&table) || facts.relation(&table).is_none() {
            continue;
        }
        for (name, routine) in facts.routines_naming(&table, column) {
            if routine.body.binding == Binding::Bound || is_made_anew(case, name) {
                continue;
            }
            found.push(tell(case, &table, column, what, name, !routine.trigger_of.is_empty()));
        }
    }
}

/// The file replaces or drops the function, before or after.
fn is_made_anew(case: &Case<'_>, routine: &RelationName) -> bool {
    let facts = case.world.facts();
    let routines = case.file.effects.with(EffectKind::CreateOrDropRoutine, routine.name.as_str(), "");
    routines.any(|effect| match effect {
        Effect::CreateRoutine { name, .. } | Effect::Drop { kind: ObjectKind::Routine, name, .. } => {
            facts.new_name(name) == *routine
        }
        _ => false,
    })
}

fn tell(
    case: &Case<'_>,
    table: &RelationName,
    column: Option<&Name>,
    what: &str,
    routine: &RelationName,
    is_of_trigger: bool,
) -> Finding {
    let (object, state) = match column {
        Some(column) => (format!("column {} of {}", column.as_str(), case.shown(table)), "42703"),
        None => (case.shown(table), "42P01"),
    };
    let when = match is_of_trigger {
        true => "the next write that fires its trigger fails",
        false => "its next call fails",
    };
    let message = format!("{object} {what}, and function {} names it: {when} ({state})", case.shown(routine));
    case.tell(NAME, if is_of_trigger { Severity::Danger } else { Severity::Caution }, message)
        .about(case.shown(routine))
        .sure(case.confidence(table).min(Confidence::Medium))
        .instead("replace the function in the same file, before what it names goes")
        .done()
}
