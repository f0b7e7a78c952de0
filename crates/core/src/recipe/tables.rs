//! Tables that come, go or get another name.

use underpin_catalog::RelationName;
use underpin_prisma::migrate::Table;

use super::draft::Draft;
use crate::rollout::Gone;

/// `add-table`: nobody knows it yet.
pub(super) fn created(draft: &mut Draft<'_>, table: &Table) {
    draft.uses("add-table", format!("{} comes", draft.case.table_shown(&table.name)));
    draft.in_both(|catalog| catalog.tables.push(table.clone()));
}

/// `drop-table`: it stays to the end.
pub(super) fn dropped(draft: &mut Draft<'_>, table: &Table) {
    let about = draft.case.table_shown(&table.name).to_owned();
    draft.uses("drop-table", format!("{about} goes"));
    draft.gone.push(Gone::Table(table.name.clone()));
    for key in &table.foreign_keys {
        if draft.case.after.table(&key.references).is_some() {
            let other = draft.case.table_shown(&key.references).to_owned();
            draft.note(format!(
                "until the last phase rows of {about} keep their row in {other}, by {}: the new release deletes there as the old one does",
                key.name.as_str()
            ));
        }
    }
}

/// `rename-table`: its new name holds from the first phase on.
pub(super) fn renamed(draft: &mut Draft<'_>, from: &RelationName, to: &RelationName) {
    let shown = draft.case.table_shown(to).to_owned();
    draft.uses("rename-table", format!("{} becomes {shown}", from.name.as_str()));
    draft.gone.push(Gone::Table(from.clone()));
}
