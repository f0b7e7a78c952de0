//! `table-recreated`: a file drops a table and makes one like it, under the same name or another.
//!
//! When the same transaction makes it again, no client meets the gap: `drop-table` is silent then, and what is
//! left to tell is told here, whatever becomes of the rows. What a query or a program does to them is not
//! followed.

use std::collections::HashMap;

use underpin_catalog::RelationName;
use underpin_sql::effect::{AddColumn, ColumnDefault, CreateTable, Persistence};
use underpin_sql::{ColumnFacts, Effect, RelationFacts};

use super::super::case::{Case, Telling};
use super::super::effects::{EffectKind, Placed};
use super::super::finding::{Confidence, Finding, Severity};
use super::column_recreated::are_alike;

pub(super) const NAME: &str = "table-recreated";

/// Tables of names that are alike: so many columns of the smaller one must be in the other, by name and type.
const SHARE_MIN: f64 = 0.5;

/// Of names that are not alike: so many of the larger one. Most tables have `id`, `createdAt`, `updatedAt` and
/// `userId` in common.
const SHARE_OF_STRANGERS_MIN: f64 = 0.85;

/// Fewer columns than these in common say nothing about strangers.
const COMMON_OF_STRANGERS_MIN: usize = 6;

/// A file that makes more tables is no rename.
const CANDIDATES_MAX: usize = 50;

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for act in case.acts {
        let Effect::DropTable { table, .. } = act.effect else { continue };
        let table = case.world.facts().resolve(table);
        if !case.is_used(&table) {
            continue;
        }
        match again(case, &table) {
            Some(again) => found.push(tell_again(case, &table, again).locking(&act.locks).done()),
            None => found.extend(tell_like(case, &table)),
        }
    }
}

/// Whether clients that wait for the commit find a table of the same name, so that [`judge`] has told the whole
/// of it.
pub(super) fn covers(case: &Case<'_>, effect: &Effect) -> bool {
    let Effect::DropTable { table, .. } = effect else { return false };
    let table = case.world.facts().resolve(table);
    case.is_used(&table) && again(case, &table).is_some()
}

/// What has the name of the dropped table when its transaction commits.
#[derive(Clone, Copy)]
enum Again {
    /// A table that takes and gives whatever the old one did.
    Alike,
    /// A table whose columns are those of a query, which is not followed.
    OfQuery,
}

fn again(case: &Case<'_>, table: &RelationName) -> Option<Again> {
    let transaction = case.file.sending.transaction_of(case.at);
    let names = case.file.effects.with(EffectKind::NameTable, table.name.as_str(), "");
    let later = names.since(case.at + 1).before(transaction.statements.end).iter();
    later.fold(None, |again, effect| match effect {
        Effect::CreateTable(made) if is_same(&made.table, table) => kind_of(case, table, &made.table),
        Effect::CreateTableAs { table: made, .. } if is_same(made, table) => Some(Again::OfQuery),
        Effect::RenameTable { table: made, to } if *to == table.name && is_beside(made, table) => {
            kind_of(case, table, made)
        }
        Effect::DropTable { table: gone, .. } | Effect::RenameTable { table: gone, .. }
            if is_same(gone, table) =>
        {
            None
        }
        _ => again,
    })
}

/// Whether the table that the file makes under the name `made` can stand in for the dropped one.
fn kind_of(case: &Case<'_>, table: &RelationName, made: &RelationName) -> Option<Again> {
    let known = case.world.facts().relation(table)?;
    let names = case.file.effects.with(EffectKind::NameTable, made.name.as_str(), "");
    // Of several the last counts: an earlier one is the one that goes.
    let mut all = names.iter().filter_map(|effect| match effect {
        Effect::CreateTable(created) if is_same(&created.table, made) => {
            let lasts = created.persistence != Persistence::Temporary;
            Some((lasts && is_alike(known, created)).then_some(Again::Alike))
        }
        Effect::CreateTableAs { table: created, persistence, .. } if is_same(created, made) => {
            Some((*persistence != Persistence::Temporary).then_some(Again::OfQuery))
        }
        _ => None,
    });
    all.next_back()?
}

/// Every column of the old one with its type, and none that must be given where it need not be before.
fn is_alike(known: &RelationFacts, made: &CreateTable) -> bool {
    let old = |new: &AddColumn| known.columns.iter().find(|old| old.name == new.column);
    let is_demanding = |new: &AddColumn| {
        new.not_null
            && new.default == ColumnDefault::None
            && old(new).is_none_or(|old| !old.not_null || old.has_default)
    };
    known.columns.iter().all(|old| made.columns.iter().any(|new| is_same_column(new, old)))
        && !made.columns.iter().any(is_demanding)
}

fn is_same_column(new: &AddColumn, old: &ColumnFacts) -> bool {
    new.column == old.name && (new.to.text == old.type_sql || new.to.text.contains("serial"))
}

/// Names of one table, as far as they say: Prisma writes the namespace in some statements only.
fn is_same(one: &RelationName, other: &RelationName) -> bool {
    one.name == other.name && is_beside(one, other)
}

fn is_beside(one: &RelationName, other: &RelationName) -> bool {
    one.namespace.is_none() || other.namespace.is_none() || one.namespace == other.namespace
}

/// What the file does with the rows of a table that it drops and makes again.
enum RowsThen {
    Lost,
    /// It has a program that may have done anything.
    Unknown,
    /// Statements carry them, or some of them, to the new one.
    Carried,
}

fn rows_then(case: &Case<'_>, table: &RelationName) -> RowsThen {
    let effects = &case.file.effects;
    let reading = |holder: &RelationName| effects.with(EffectKind::Read, holder.name.as_str(), "");
    // Relations that hold rows of it, and where they got them. The table itself does to the drop.
    let mut holders: HashMap<&RelationName, Placed<'_>> = HashMap::new();
    let mut next = vec![(table, reading(table).up_to(case.at))];
    while let Some((holder, reads)) = next.pop() {
        for one in reads.placed() {
            let Some(to) = fills_from(one.effect, holder) else { continue };
            if is_same(to, table) {
                if one.place.0 > case.at {
                    return RowsThen::Carried;
                }
                continue;
            }
            // Who had them earlier hands them on as much as who got them again.
            if holders.get(to).is_none_or(|known| one.place < known.place) {
                holders.insert(to, one);
                next.push((to, reading(to).behind(one)));
            }
        }
    }
    let takes_the_name = |(holder, got): (&&RelationName, &Placed<'_>)| {
        let names = effects.with(EffectKind::NameTable, holder.name.as_str(), "");
        names.since(case.at + 1).behind(*got).any(|effect| {
            matches!(effect, Effect::RenameTable { table: from, to } if is_same(holder, from) && *to == table.name)
        })
    };
    let is_unknown = |kind| !effects.with(kind, "", "").is_empty();
    if holders.iter().any(takes_the_name) {
        RowsThen::Carried
    } else if is_unknown(EffectKind::Run) || is_unknown(EffectKind::Unknown) {
        RowsThen::Unknown
    } else {
        RowsThen::Lost
    }
}

/// The table into which an effect puts rows of another.
fn fills_from<'a>(effect: &'a Effect, holder: &RelationName) -> Option<&'a RelationName> {
    let (to, reads) = match effect {
        Effect::Insert { table, reads, .. }
        | Effect::CreateTableAs { table, reads, with_data: true, .. }
        | Effect::Merge { table, reads } => (table, reads),
        Effect::Update(changed) => (&changed.table, &changed.reads),
        _ => return None,
    };
    reads.iter().any(|read| is_same(holder, read)).then_some(to)
}

fn tell_again(case: &Case<'_>, table: &RelationName, again: Again) -> Telling {
    let shown = case.shown(table);
    let rows = case.rows(table);
    let sure = case.confidence(table);
    let then = rows_then(case, table);
    let (severity, sure, becomes) = match (&then, again) {
        (RowsThen::Lost, _) if !case.may_have_rows(table) => {
            (Severity::Info, sure, "it had no rows".to_owned())
        }
        (RowsThen::Lost, Again::Alike) => (Severity::Danger, sure, format!("its rows are lost{rows}")),
        (RowsThen::Lost, Again::OfQuery) => (
            Severity::Caution,
            sure.min(Confidence::Medium),
            format!("its rows{rows} and columns are those of a query from then on"),
        ),
        (RowsThen::Unknown, _) => (
            Severity::Caution,
            Confidence::Low,
            format!("its rows{rows} are lost, unless the file's own program keeps them"),
        ),
        (RowsThen::Carried, Again::Alike) => {
            (Severity::Info, sure, "the file carries its rows over".to_owned())
        }
        (RowsThen::Carried, Again::OfQuery) => (
            Severity::Caution,
            sure.min(Confidence::Medium),
            "the file carries its rows over, and its columns are those of a query from then on".to_owned(),
        ),
    };
    let message = format!(
        "{shown} is dropped and made again in one transaction: {becomes}; indexes, triggers, policies and rights \
         of the old one go with it"
    );
    let advice = match then {
        RowsThen::Carried => {
            "make what is needed of them anew in the same file, or change the table in place"
        }
        RowsThen::Lost | RowsThen::Unknown => {
            "change the table in place with ALTER TABLE; or copy the rows before the drop"
        }
    };
    case.tell(NAME, severity, message).about(shown).sure(sure).instead(advice)
}

/// A file makes a table that looks like the dropped one, or the same one when others have seen that it is gone.
fn tell_like(case: &Case<'_>, table: &RelationName) -> Option<Finding> {
    if is_copied(case, table) {
        return None;
    }
    let made = successor(case, table)?;
    let like = match case.world.facts().new_name(made) == *table {
        true => "made again".to_owned(),
        false => format!("{} is made with the same columns", case.shown(made)),
    };
    let message = format!(
        "{} is dropped and {like}: if the rows should live on, they are lost{}",
        case.shown(table),
        case.rows(table)
    );
    let telling = case
        .tell(NAME, Severity::Caution, message)
        .about(case.shown(table))
        .sure(case.confidence(table).min(Confidence::Medium))
        .instead("keep the table and map the model to it with @@map; or copy the rows before the drop");
    Some(telling.done())
}

/// The new table that is like the dropped one, or is called so: the first of both.
fn successor<'a>(case: &Case<'a>, table: &RelationName) -> Option<&'a RelationName> {
    let facts = case.world.facts();
    let named = case.file.effects.with(EffectKind::NameTable, table.name.as_str(), "");
    let namesake = named.placed().find_map(|one| match one.effect {
        Effect::CreateTable(CreateTable { table: made, .. }) | Effect::CreateTableAs { table: made, .. } => {
            (made.name == table.name && facts.new_name(made) == *table).then_some((one.place, made))
        }
        _ => None,
    });
    let known = facts.relation(table);
    let candidates = case.file.effects.tables().iter().take(CANDIDATES_MAX);
    let mut strangers =
        candidates.take_while(|(place, _)| namesake.is_none_or(|(namesake, _)| *place < namesake));
    let like = strangers.find(|(_, made)| known.is_some_and(|known| is_like(table, known, made)));
    like.map(|(_, made)| &made.table).or(namesake.map(|(_, made)| made))
}

fn is_like(table: &RelationName, known: &RelationFacts, made: &CreateTable) -> bool {
    let is_kept = |old: &&ColumnFacts| made.columns.iter().any(|new| is_same_column(new, old));
    let common = known.columns.iter().filter(is_kept).count();
    let (few, many) =
        (known.columns.len().min(made.columns.len()), known.columns.len().max(made.columns.len()));
    let share = |of: usize| common as f64 / of.max(1) as f64;
    match are_alike(table.name.as_str(), made.table.name.as_str()) {
        true => share(few) >= SHARE_MIN,
        false => common >= COMMON_OF_STRANGERS_MIN && share(many) >= SHARE_OF_STRANGERS_MIN,
    }
}

/// The file reads the table before it drops it, so its rows are where they should be.
fn is_copied(case: &Case<'_>, table: &RelationName) -> bool {
    let facts = case.world.facts();
    let reads = |effect: &Effect| match effect {
        Effect::Insert { reads, .. } | Effect::CreateTableAs { reads, .. } | Effect::Merge { reads, .. } => {
            reads.iter().any(|read| facts.resolve(read) == *table)
        }
        Effect::Update(changed) => changed.reads.iter().any(|read| facts.resolve(read) == *table),
        _ => false,
    };
    let effects = &case.file.effects;
    effects.with(EffectKind::Read, table.name.as_str(), "").before(case.at).any(reads)
        || effects.with(EffectKind::Run, "", "").before(case.at).any(|effect| matches!(effect, Effect::Do(_)))
}
