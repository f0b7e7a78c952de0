//! `column-recreated` and `looks-like-a-rename`: what a file drops and adds, which takes the values along.
//!
//! Prisma does not know renames: a field with another name is a drop and an addition, and so is a type that it
//! cannot cast. What the application means is a guess, so it takes the same type, and names that are alike
//! or nothing else to choose from.

use underpin_catalog::{Name, RelationName};
use underpin_sql::effect::{AddColumn, ColumnDefault, TypeText};
use underpin_sql::{ConstraintFactsKind, Effect};

use super::super::case::{Case, Telling};
use super::super::effects::{EffectKind, Matching};
use super::super::finding::{Confidence, Finding, Severity};

/// From here on two names are alike. `userName` and `username` are, `createdAt` and `deletedAt` are not.
const LIKENESS_MIN: f64 = 0.86;

/// A file that adds more columns of one type to one table renames none of them.
const CANDIDATES_MAX: usize = 30;

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for act in case.acts {
        let Effect::DropColumn { table, column, .. } = act.effect else { continue };
        let table = case.world.facts().resolve(table);
        if !case.is_used(&table) || case.world.is_new_column(&table, column) {
            continue;
        }
        let again = addition(case, &table, column);
        if let Some(again) = again {
            found.push(tell_again(case, &table, again).locking(&act.locks).done());
        } else if let Some(copy) = copy_of(case, &table, column) {
            found.push(tell_copy(case, &table, column, copy).locking(&act.locks).done());
        } else if let Some(to) = renamed_to(case, &table, column) {
            found.push(tell_rename(case, &table, column, to).done());
        }
    }
}

/// Whether the dropped column comes back: then [`judge`] has told the whole of it.
pub(super) fn covers(case: &Case<'_>, effect: &Effect) -> bool {
    let named = match effect {
        Effect::DropColumn { table, column, .. } => Some((table, column)),
        // Dropped by an earlier statement of the file.
        Effect::AddColumn(added) => {
            let table = case.world.facts().resolve(&added.table);
            return was_dropped(case, &table, &added.column);
        }
        _ => None,
    };
    let Some((table, column)) = named else { return false };
    let table = case.world.facts().resolve(table);
    case.is_used(&table)
        && !case.world.is_new_column(&table, column)
        && (addition(case, &table, column).is_some() || copy_of(case, &table, column).is_some())
}

/// The column that the file adds and, before anybody sees the gap, calls as the dropped one was called.
fn copy_of<'a>(case: &Case<'a>, table: &RelationName, column: &Name) -> Option<&'a AddColumn> {
    let facts = case.world.facts();
    let transaction = case.file.sending.transaction_of(case.at);
    let renames = case.file.effects.with(EffectKind::RenameColumn, table.name.as_str(), column.as_str());
    let mut later = renames.since(case.at).before(transaction.statements.end).iter();
    let from = later.find_map(|effect| match effect {
        Effect::RenameColumn { table: other, column: from, .. } if facts.resolve(other) == *table => {
            Some(from)
        }
        _ => None,
    })?;
    addition(case, table, from)
}

/// The type that the copy has when its transaction commits.
fn type_in_the_end<'a>(
    case: &Case<'a>,
    table: &RelationName,
    column: &Name,
    copy: &'a AddColumn,
) -> &'a TypeText {
    let facts = case.world.facts();
    let transaction = &case.file.sending.transaction_of(case.at).statements;
    // Under either of its names.
    let last = [column, &copy.column].into_iter().filter_map(|name| {
        let changes =
            case.file.effects.with(EffectKind::ChangeColumnType, table.name.as_str(), name.as_str());
        let mut changes = changes.since(transaction.start).before(transaction.end).placed();
        changes.rfind(|one| one.effect.table().is_some_and(|other| facts.resolve(other) == *table))
    });
    match last.max_by_key(|one| one.place).map(|one| one.effect) {
        Some(Effect::ChangeColumnType { to, .. }) => to,
        _ => &copy.to,
    }
}

/// The column that the file adds to a table under this name.
fn addition<'a>(case: &Case<'a>, table: &RelationName, column: &Name) -> Option<&'a AddColumn> {
    let named = case.file.effects.with(EffectKind::AddColumn, table.name.as_str(), column.as_str());
    additions(case, table, named).next()
}

/// Additions, of those to tables of this name, that are to this table.
fn additions<'a>(
    case: &Case<'a>,
    table: &RelationName,
    among: Matching<'_, 'a>,
) -> impl Iterator<Item = &'a AddColumn> {
    let facts = case.world.facts();
    among.iter().filter_map(move |effect| match effect {
        Effect::AddColumn(added) if facts.resolve(&added.table) == *table => Some(added),
        _ => None,
    })
}

/// Whether this statement or an earlier one drops the column.
fn was_dropped(case: &Case<'_>, table: &RelationName, column: &Name) -> bool {
    let drops = case.file.effects.with(EffectKind::DropColumn, table.name.as_str(), column.as_str());
    drops
        .up_to(case.at)
        .any(|effect| effect.table().is_some_and(|other| case.world.facts().resolve(other) == *table))
}

/// The added column that the dropped one seems to be called now.
fn renamed_to<'a>(case: &Case<'a>, table: &RelationName, column: &Name) -> Option<&'a AddColumn> {
    let facts = case.world.facts();
    let all = case.file.effects.with(EffectKind::AddColumnTo, table.name.as_str(), "");
    let looked_at = facts.relation(table).filter(|known| known.whole || facts.complete);
    let of_type = match looked_at {
        Some(known) => {
            let type_before = &known.column(column)?.type_sql;
            case.file.effects.with(EffectKind::AddColumnOfType, table.name.as_str(), type_before)
        }
        None => all,
    };
    let is_like = |added: &&AddColumn| matches!(added.default, ColumnDefault::None | ColumnDefault::Constant);
    let like: Vec<_> = additions(case, table, of_type).filter(is_like).take(CANDIDATES_MAX + 1).collect();
    if like.len() > CANDIDATES_MAX {
        return None;
    }
    // Nothing else goes and nothing else comes, and what comes is no reference where none was.
    let is_only_choice = like.len() == 1
        && drops_one(case, table)
        && additions(case, table, all).nth(1).is_none()
        && (references(case, table, &like[0].column) == was_reference(case, table, column));
    like.into_iter()
        .map(|added| (likeness(column.as_str(), added.column.as_str()), added))
        .filter(|(likeness, added)| {
            (is_only_choice || *likeness >= LIKENESS_MIN) && !fills(case, table, &added.column)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, added)| added)
}

/// Whether the file makes the column a foreign key.
fn references(case: &Case<'_>, table: &RelationName, column: &Name) -> bool {
    let keys = case.file.effects.with(EffectKind::AddForeignKey, table.name.as_str(), "");
    keys.any(|effect| {
        matches!(effect, Effect::AddConstraint(added)
            if added.columns.contains(column) && case.world.facts().resolve(&added.table) == *table)
    })
}

/// Whether it is a foreign key, or was one until the file dropped that by the name that Prisma gives it.
fn was_reference(case: &Case<'_>, table: &RelationName, column: &Name) -> bool {
    let facts = case.world.facts();
    let is_one = facts.relation(table).is_some_and(|known| {
        known.constraints.iter().any(|constraint| {
            constraint.kind == ConstraintFactsKind::ForeignKey && constraint.columns.contains(column)
        })
    });
    let name = format!("{}_{}_fkey", table.name.as_str(), column.as_str());
    let dropped = case.file.effects.with(EffectKind::DropConstraint, table.name.as_str(), &name);
    is_one
        || dropped
            .before(case.at)
            .any(|effect| effect.table().is_some_and(|other| facts.resolve(other) == *table))
}

/// Whether the statement drops one column of the table and adds one, as Prisma writes a field with another name.
fn drops_one(case: &Case<'_>, table: &RelationName) -> bool {
    let of_table = |other: &RelationName| case.world.facts().resolve(other) == *table;
    let count = |wanted: &dyn Fn(&Effect) -> bool| {
        case.statement.effects.iter().filter(|effect| wanted(effect)).count()
    };
    count(&|effect| matches!(effect, Effect::DropColumn { table: other, .. } if of_table(other))) == 1
        && count(&|effect| matches!(effect, Effect::AddColumn(added) if of_table(&added.table))) == 1
}

/// The file itself gives the new column its values.
fn fills(case: &Case<'_>, table: &RelationName, column: &Name) -> bool {
    let updates = case.file.effects.with(EffectKind::Update, table.name.as_str(), column.as_str());
    updates.any(|effect| effect.table().is_some_and(|other| case.world.facts().resolve(other) == *table))
}

/// Whether a person would take one name for the other.
pub(super) fn are_alike(one: &str, other: &str) -> bool {
    likeness(one, other) >= LIKENESS_MIN
}

/// How alike two names are, without regard to case and underscores. One that contains the other is alike.
fn likeness(one: &str, other: &str) -> f64 {
    let plain = |name: &str| name.chars().filter(|letter| *letter != '_').collect::<String>().to_lowercase();
    let (one, other) = (plain(one), plain(other));
    let (short, long) = if one.len() < other.len() { (&one, &other) } else { (&other, &one) };
    if short.len() >= 4 && (long.starts_with(short.as_str()) || long.ends_with(short.as_str())) {
        return 1.0;
    }
    strsim::normalized_damerau_levenshtein(&one, &other).max(strsim::jaro_winkler(&one, &other) - 0.05)
}

fn tell_again(case: &Case<'_>, table: &RelationName, again: &AddColumn) -> Telling {
    let column = again.column.as_str();
    let was = case.world.facts().relation(table).and_then(|facts| facts.column(&again.column));
    let from = was.map(|was| format!(", which was of type {},", was.type_sql)).unwrap_or_default();
    let rows = case.rows(table);
    let then = match again.not_null && again.default == ColumnDefault::None {
        true => "; it is NOT NULL and has no default, so the statement fails when there is a row (23502)",
        false => "",
    };
    let client = match was.is_some_and(|was| was.type_sql == again.to.text) {
        true => "",
        false => ", and what the running release writes and reads there is of another type",
    };
    let message = format!(
        "column {column} of {}{from} is dropped and added as {}: its values are lost{rows}{then}{client}",
        case.shown(table),
        again.to.text,
    );
    let severity = if then.is_empty() { Severity::Danger } else { Severity::Blocker };
    let telling = case
        .tell("column-recreated", severity, message)
        .about(case.shown(table))
        .sure(case.confidence(table))
        .instead(
            "add a column of another name beside it, write both, fill it from the old one, and drop that a release later",
        );
    if then.is_empty() { telling } else { telling.failing("23502") }
}

fn tell_copy(case: &Case<'_>, table: &RelationName, column: &Name, copy: &AddColumn) -> Telling {
    let was = case.world.facts().relation(table).and_then(|facts| facts.column(column));
    let becomes = type_in_the_end(case, table, column, copy);
    let is_same_type = was.is_some_and(|was| was.type_sql == becomes.text);
    let is_filled = fills(case, table, &copy.column);
    let client = match was {
        Some(_) if is_same_type => String::new(),
        Some(was) => format!(
            ", which is of type {} and not of {}: what the running release writes and reads there does not fit, and \
             prepared statements that return it fail until their connection is replaced (0A000)",
            becomes.text, was.type_sql
        ),
        None => format!(", which is of type {}", becomes.text),
    };
    let values = match is_filled {
        true => String::new(),
        false => format!("; nothing in the file fills it, so the values are lost{}", case.rows(table)),
    };
    let message = format!(
        "column {} of {} is dropped and {} takes its name{client}{values}; default, indexes and constraints of the \
         old one go with it",
        column.as_str(),
        case.shown(table),
        copy.column.as_str(),
    );
    // What the release reads and writes under the name is what it was.
    let severity = if is_same_type && is_filled { Severity::Info } else { Severity::Danger };
    case.tell("column-recreated", severity, message)
        .about(case.shown(table))
        .sure(case.confidence(table))
        .instead("keep the new name, write both columns, and drop the old one a release later")
}

fn tell_rename(case: &Case<'_>, table: &RelationName, column: &Name, to: &AddColumn) -> Telling {
    let (from, to) = (column.as_str(), to.column.as_str());
    let known = case.world.facts().relation(table).and_then(|known| known.column(column));
    let type_ = if known.is_some() { "of the same type" } else { "perhaps of the same type" };
    let message = format!(
        "column {from} of {} is dropped and {to} is added, {type_}: if this is one field with another name, \
         what is in {from} is lost{}",
        case.shown(table),
        case.rows(table),
    );
    case.tell("looks-like-a-rename", Severity::Caution, message)
        .about(case.shown(table))
        .sure(case.confidence(table).min(Confidence::Medium))
        .instead(format!(
            "keep the column and map the new name: `{to} … @map(\"{from}\")` needs no migration; or add {to}, write both, \
             copy, and drop {from} a release later"
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_alike_when_a_person_would_take_one_for_the_other() {
        for (one, other) in [
            ("userName", "user_name"),
            ("name", "fullName"),
            ("organisationId", "organizationId"),
            ("colour", "color"),
        ] {
            assert!(likeness(one, other) >= LIKENESS_MIN, "{one} {other} {}", likeness(one, other));
        }
        for (one, other) in
            [("createdAt", "deletedAt"), ("name", "email"), ("startsAt", "endsAt"), ("userId", "teamId")]
        {
            assert!(likeness(one, other) < LIKENESS_MIN, "{one} {other} {}", likeness(one, other));
        }
    }
}
