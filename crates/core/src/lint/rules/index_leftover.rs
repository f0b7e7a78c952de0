//! `index-leftover`: `CREATE INDEX CONCURRENTLY IF NOT EXISTS` is content with the ruin of a failed build.

use underpin_sql::Effect;

use super::super::case::Case;
use super::super::finding::{Finding, Severity};

pub(super) const NAME: &str = "index-leftover";

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for act in case.acts {
        let Effect::CreateIndex(created) = act.effect else { continue };
        if !(created.concurrently && created.if_not_exists && case.is_used(&created.table)) {
            continue;
        }
        let name = created.name.as_ref().map(|name| name.as_str().to_owned()).unwrap_or_default();
        let message = format!(
            "when an earlier build of {name} failed, its INVALID index is there: IF NOT EXISTS then builds nothing, \
             queries do not use the index, and writes pay for it"
        );
        let check = format!(
            "SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid AND indexrelid = to_regclass('{}')",
            created.table.sibling(underpin_catalog::Name::new(name.clone())).to_string().replace('\'', "''")
        );
        found.push(
            case.tell(NAME, Severity::Caution, message)
                .about(case.shown(&created.table))
                .checked_by(check)
                .instead(
                    "leave IF NOT EXISTS out, and drop an INVALID index before the next try; `underpin deploy` does \
                     both by itself",
                )
                .done(),
        );
    }
}
