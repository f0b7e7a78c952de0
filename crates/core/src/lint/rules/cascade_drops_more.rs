//! `cascade-drops-more`: what `CASCADE` takes along, which the file does not say.

use underpin_sql::failure::{Dependent, taken_along};

use super::super::case::Case;
use super::super::finding::{Confidence, Finding, Severity};

pub(super) const NAME: &str = "cascade-drops-more";

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for at in 0..case.statement.effects.len() {
        let all = taken_along(case.statement, at, case.world.facts());
        let lost: Vec<_> = all.iter().filter(|dependent| concerns_others(case, dependent)).collect();
        let Some(first) = lost.first() else { continue };
        // A view can be made again, what is in a table cannot.
        let rows = lost.iter().any(|one| matches!(one, Dependent::Column(..) | Dependent::Table(_)));
        let severity = if rows { Severity::Blocker } else { Severity::Danger };
        let shown: Vec<_> = lost.iter().map(|one| one.shown()).collect();
        let message = format!("CASCADE drops more than the statement names: {}", shown.join(", "));
        let confidence = match case.world.facts().complete {
            true => Confidence::High,
            false => Confidence::Medium,
        };
        found.push(
            case.tell(NAME, severity, message)
                .about(first.shown())
                .sure(confidence)
                .instead("drop each of them by its name, so that a reader of the migration sees what goes")
                .done(),
        );
    }
}

fn concerns_others(case: &Case<'_>, dependent: &Dependent) -> bool {
    let relation = match dependent {
        Dependent::View(name)
        | Dependent::MaterializedView(name)
        | Dependent::Table(name)
        | Dependent::ForeignKey(name, _)
        | Dependent::Column(name, _)
        | Dependent::Trigger(name, _)
        | Dependent::Policy(name, _)
        | Dependent::Publication(name) => name,
    };
    case.world.concerns_others(relation)
}
