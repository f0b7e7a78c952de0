//! `unpopulated-view`: a materialized view that the application reads is emptied and cannot be read from then on.

use underpin_sql::Effect;

use super::super::case::Case;
use super::super::effects::EffectKind;
use super::super::finding::{Finding, Severity};

pub(super) const NAME: &str = "unpopulated-view";

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for act in case.acts {
        let Effect::RefreshView { view, with_data: false, .. } = act.effect else { continue };
        let facts = case.world.facts();
        let view = facts.resolve(view);
        let filled = case.file.effects.with(EffectKind::RefreshView, view.name.as_str(), "");
        let comes_back = filled
            .since(case.at)
            .any(|effect| effect.table().is_some_and(|other| facts.resolve(other) == view));
        if comes_back || !case.is_used(&view) {
            continue;
        }
        let message = format!(
            "{} is emptied and marked as not populated: every query of it fails (55000) until somebody refreshes it \
             WITH DATA",
            case.shown(&view)
        );
        found.push(
            case.tell(NAME, Severity::Danger, message)
                .about(case.shown(&view))
                .sure(case.confidence(&view))
                .locking(&act.locks)
                .instead(
                    "REFRESH MATERIALIZED VIEW CONCURRENTLY, which keeps the old rows readable meanwhile",
                )
                .done(),
        );
    }
}
