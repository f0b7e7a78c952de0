//! `cascade-deletes-rows`: a foreign key that was there is made again, and deletes rows from then on.

use underpin_sql::Effect;
use underpin_sql::effect::{ConstraintKind, OnDelete};

use super::super::case::Case;
use super::super::effects::EffectKind;
use super::super::finding::{Confidence, Finding, Severity};

pub(super) const NAME: &str = "cascade-deletes-rows";

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for act in case.acts {
        let Effect::AddConstraint(added) = act.effect else { continue };
        let ConstraintKind::ForeignKey { references, on_delete: OnDelete::Cascade, .. } = &added.kind else {
            continue;
        };
        let facts = case.world.facts();
        let table = facts.resolve(&added.table);
        let is_again = added.name.as_ref().is_some_and(|name| {
            let drops =
                case.file.effects.with(EffectKind::DropConstraint, table.name.as_str(), name.as_str());
            drops
                .up_to(case.at)
                .any(|earlier| earlier.table().is_some_and(|other| facts.resolve(other) == table))
        });
        // A key on a column that was made anew is made anew for that.
        let is_of_new = added.columns.iter().any(|column| case.world.is_new_column(&table, column));
        if !is_again || is_of_new || !case.is_used(&table) {
            continue;
        }
        let references = facts.resolve(references);
        let message = format!(
            "{} is made again with ON DELETE CASCADE: when the running release deletes a row of {}, the rows of {} that \
             belong to it go too",
            added.name.as_ref().map_or("the foreign key", |name| name.as_str()),
            case.shown(&references),
            case.shown(&table),
        );
        found.push(
            case.tell(NAME, Severity::Caution, message)
                .about(case.shown(&table))
                .sure(Confidence::Medium)
                .assuming("it did something else before, as Prisma makes a foreign key again when its actions change")
                .instead("see that no running release counts on the delete being refused (P2003)")
                .done(),
        );
    }
}
