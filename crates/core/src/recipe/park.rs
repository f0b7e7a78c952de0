//! What of a plan is parked: somebody wants it kept for a while when it goes.

use underpin_catalog::{Name, RelationName};
use underpin_prisma::migrate::ColumnType;

use super::draft::Draft;
use super::in_the_way::columns;
use super::names::listed;
use super::{Stop, WrongAnswer};
use crate::rollout::Gone;

/// Finds it among what goes, with the types that only a parked table has.
///
/// # Errors
/// Answers that name nothing that can be parked.
pub(super) fn parked(draft: &Draft<'_>) -> Result<Vec<Gone>, Stop> {
    let (mut park, mut wrong) = (Vec::new(), Vec::new());
    for text in &draft.case.answers.parks {
        match found(draft, text) {
            Ok(found) => park.extend(found.into_iter().filter(|one| !park.contains(one)).collect::<Vec<_>>()),
            Err(why) => wrong.push(WrongAnswer { answer: format!("--park {text}"), why }),
        }
    }
    match wrong.is_empty() {
        true => Ok(park),
        false => Err(Stop::Wrong(wrong)),
    }
}

fn found(draft: &Draft<'_>, text: &str) -> Result<Vec<Gone>, String> {
    let tables = || {
        draft.gone.iter().filter_map(|gone| match gone {
            Gone::Table(name) if !draft.base.renamed.iter().any(|(from, _)| from == name) => Some(name),
            _ => None,
        })
    };
    if let Some(table) =
        tables().find(|table| draft.case.names_of_table(table).iter().any(|name| name == text))
    {
        let types = types(draft, table).into_iter().map(Gone::Type);
        return Ok([Gone::Table(table.clone())].into_iter().chain(types).collect());
    }
    let dropped: Vec<(&RelationName, &Name)> = columns(draft).collect();
    let Some((table, column)) = draft.case.find(text, &dropped)? else {
        let names = tables().map(|table| draft.case.table_shown(table).to_owned());
        let names = names.chain(dropped.iter().map(|(table, column)| draft.case.shown(table, column)));
        return Err(format!("nothing of this name goes{}", listed(names)));
    };
    if draft.answered.renames.contains_key(&(table.clone(), column.clone())) {
        return Err("it gets another name, and its values stay under that".to_owned());
    }
    let own = draft.bare(&table);
    let has_triggers =
        draft.pairs.iter().any(|(of, _)| *of == table) || draft.keeps.iter().any(|keep| keep.table == own);
    if has_triggers {
        return Err(format!(
            "triggers of this rollout go in one transaction with the columns of {}, and values are copied before: let it go in a rollout of its own",
            draft.case.table_shown(&table)
        ));
    }
    Ok(vec![Gone::Column { table, column }])
}

/// The enums that go with a table.
fn types(draft: &Draft<'_>, table: &RelationName) -> Vec<RelationName> {
    let columns = draft.case.before.table(table).into_iter().flat_map(|table| &table.columns);
    let mut types: Vec<RelationName> = columns
        .filter_map(|column| match &column.column_type {
            ColumnType::Enum(name) => Some(name.clone()),
            ColumnType::Native(_) | ColumnType::Unsupported(_) | ColumnType::OfExtension { .. } => None,
        })
        .filter(|name| draft.case.after.enums.iter().all(|other| other.name != *name))
        .collect();
    types.sort();
    types.dedup();
    types
}
