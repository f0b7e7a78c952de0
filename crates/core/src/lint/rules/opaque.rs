//! `unknown-effect`: what a statement does cannot be read from it.

use underpin_sql::{Duration, Effect};

use super::super::case::Case;
use super::super::finding::{Confidence, Finding, Severity};

pub(super) const NAME: &str = "unknown-effect";

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for act in case.acts {
        let what = match act.effect {
            Effect::Unknown { what } => format!("underpin does not read {what}"),
            Effect::Call { procedure } => {
                format!("what procedure {} does is not in the file", case.shown(procedure))
            }
            Effect::Do(program) => match program.opaque.first() {
                Some(what) => format!("the DO block does what its text does not tell: {what}"),
                None => continue,
            },
            Effect::Select { calls, .. } if act.duration == Duration::Unknown && !calls.is_empty() => {
                format!("what {} does is not in the file", calls.join(", "))
            }
            _ => continue,
        };
        let message = format!("{what}: it may lock or change anything, and later findings are less sure");
        found.push(
            case.tell(NAME, Severity::Info, message)
                .sure(Confidence::Low)
                .instead("write statements as statements; run the file on a copy of production and watch its locks")
                .done(),
        );
    }
}
