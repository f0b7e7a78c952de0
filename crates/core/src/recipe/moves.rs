//! Which column is which of another table: what a person says, found among what comes and goes; and what looks like
//! it, asked.
//!
//! A column can move along a unique foreign key, to the table that leads there or to the one that is led to; a foreign
//! key can become a table of pairs, which leads to both of its ends.

use std::collections::BTreeMap;

use underpin_catalog::{Name, RelationName};
use underpin_prisma::PrismaCatalog;
use underpin_prisma::migrate::{Column, ForeignKey, Table};

use super::names::{Place, quoted};
use super::{Case, MoveAnswer, Question, WrongAnswer};

/// Columns of a table that are another one's from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    /// The table that loses them.
    pub(super) from: RelationName,
    /// The table that has them then.
    pub(super) to: RelationName,
    /// Each by its name before and behind.
    pub(super) columns: Vec<(Name, Name)>,
    /// How one leads to the other.
    pub(super) path: Path,
}

/// How one table leads to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// By a unique foreign key of the one that has the columns then.
    ToOther(ForeignKey),
    /// By a unique foreign key of the one that loses them.
    ToOwner(ForeignKey),
    /// The column is a foreign key, and the table is one of pairs that leads to both ends.
    Pairs {
        /// The foreign key that goes.
        old: Box<ForeignKey>,
        /// The one of the pairs that leads to the table that loses it.
        near: Box<ForeignKey>,
        /// The one of the pairs that leads where it led.
        far: Box<ForeignKey>,
    },
}

impl Move {
    /// Whether a column is one of those that go.
    pub(super) fn takes(&self, table: &RelationName, column: &Name) -> bool {
        self.from == *table && self.columns.iter().any(|(from, _)| from == column)
    }

    /// Whether a column is one of those that come. A foreign key becomes no column.
    pub(super) fn brings(&self, table: &RelationName, column: &Name) -> bool {
        let is_column = !matches!(self.path, Path::Pairs { .. });
        is_column && self.to == *table && self.columns.iter().any(|(_, to)| to == column)
    }
}

/// Finds what the answers are about.
pub(super) fn said(case: &Case<'_>, base: &PrismaCatalog, wrong: &mut Vec<WrongAnswer>) -> Vec<Move> {
    let found = case.answers.moves.iter().map(|answer| (answer, one(case, base, answer)));
    let mut moves = Vec::new();
    for (answer, found) in found {
        match found {
            Ok(found) => moves.push(found),
            Err(why) => wrong.push(WrongAnswer { answer: format!("--move {answer}"), why }),
        }
    }
    moves
}

fn one(case: &Case<'_>, base: &PrismaCatalog, answer: &MoveAnswer) -> Result<Move, String> {
    let going: Vec<(&RelationName, &Name)> =
        going(case, base).map(|(table, column)| (&table.name, &column.name)).collect();
    let mut places = Vec::new();
    for text in &answer.from {
        let place = case.find(text, &going)?.ok_or_else(|| {
            let all =
                going.iter().map(|(table, name)| format!("{}.{}", case.table_shown(table), name.as_str()));
            format!("no column {text} goes{}", super::names::listed(all))
        })?;
        places.push(place);
    }
    let from = places.first().map(|(table, _)| table.clone()).ok_or("it names no column")?;
    if places.iter().any(|(table, _)| *table != from) {
        return Err("all columns of one answer are of one table: give the others in an answer of their own"
            .to_owned());
    }
    let (table, column) = match answer.to.split_once('.') {
        Some((table, column)) if target(case, &answer.to).is_none() => (table, Some(column)),
        _ => (answer.to.as_str(), None),
    };
    let to = target(case, table).ok_or_else(|| format!("there is no table {table} in the schema"))?;
    let before = base.table(&from).ok_or("its table is not there before")?;
    let after = case.after.table(&from).ok_or("its table goes with it")?;
    let old: Vec<&Column> = places.iter().filter_map(|(_, name)| before.column(name)).collect();
    if column.is_none()
        && let [only] = old.as_slice()
        && let Some(path) = pairs(base, before, only, to)
    {
        return Ok(Move {
            from,
            to: to.name.clone(),
            columns: vec![(only.name.clone(), only.name.clone())],
            path,
        });
    }
    let path = linked(before, after, to).ok_or_else(|| {
        format!(
            "{} has no unique foreign key to {}, nor the reverse: a column moves along such a key alone, and a foreign key into a new table that leads to both of its ends",
            case.table_shown(&to.name),
            case.table_shown(&from)
        )
    })?;
    if column.is_some() && old.len() > 1 {
        return Err("several columns go to those of the same names: name the table alone".to_owned());
    }
    let mut columns = Vec::new();
    for own in old {
        let wanted = column.unwrap_or(own.name.as_str());
        let is_it = |new: &&Column| {
            let shown = case.field_shown(&to.name, &new.name);
            new.name.as_str() == wanted || shown == wanted || shown == case.field_shown(&from, &own.name)
        };
        let is_new = |new: &&Column| base.table(&to.name).is_none_or(|was| was.column(&new.name).is_none());
        let new = to
            .columns
            .iter()
            .find(|new| is_it(new) && is_new(new))
            .ok_or_else(|| format!("no column {wanted} comes to {}", case.table_shown(&to.name)))?;
        columns.push((own.name.clone(), new.name.clone()));
    }
    Ok(Move { from, to: to.name.clone(), columns, path })
}

fn target<'a>(case: &'a Case<'_>, text: &str) -> Option<&'a Table> {
    case.after.tables.iter().find(|table| case.names_of_table(&table.name).iter().any(|name| name == text))
}

/// The columns that go, with their tables as they were.
fn going<'a>(case: &'a Case<'_>, base: &'a PrismaCatalog) -> impl Iterator<Item = (&'a Table, &'a Column)> {
    super::names::both(base, case.after).flat_map(|(before, after)| {
        let goes = |column: &&Column| after.column(&column.name).is_none();
        before.columns.iter().filter(goes).map(move |column| (before, column))
    })
}

/// The unique foreign key between two tables.
fn linked(before: &Table, after: &Table, to: &Table) -> Option<Path> {
    let from = &after.name;
    let comes = to.foreign_keys.iter().find(|key| key.references == *from && is_unique(to, &key.columns));
    if let Some(key) = comes.filter(|_| to.name != *from) {
        return Some(Path::ToOther(key.clone()));
    }
    let stays = |key: &&ForeignKey| {
        before.foreign_keys.iter().any(|was| was.columns == key.columns && was.references == key.references)
    };
    let goes = after.foreign_keys.iter().filter(stays);
    let mut goes = goes.filter(|key| key.references == to.name && is_unique(after, &key.columns));
    goes.next().filter(|_| to.name != *from).map(|key| Path::ToOwner(key.clone()))
}

/// The way of a foreign key into a new table that leads to both of its ends.
fn pairs(base: &PrismaCatalog, before: &Table, column: &Column, to: &Table) -> Option<Path> {
    let old = before.foreign_keys.iter().find(|key| key.columns == [column.name.clone()])?;
    if base.table(&to.name).is_some() || old.references == before.name {
        return None;
    }
    let key_to = |table: &RelationName| {
        let mut keys =
            to.foreign_keys.iter().filter(|key| key.references == *table && key.columns.len() == 1);
        keys.next().filter(|_| keys.next().is_none())
    };
    let (near, far) = (key_to(&before.name)?, key_to(&old.references)?);
    let [old, near, far] = [old, near, far].map(|key| Box::new(key.clone()));
    Some(Path::Pairs { old, near, far })
}

/// Whether no two rows have the same there.
pub(super) fn is_unique(table: &Table, columns: &[Name]) -> bool {
    let same = |own: &mut dyn Iterator<Item = &Name>| {
        let own: Vec<&Name> = own.collect();
        own.len() == columns.len() && columns.iter().all(|column| own.contains(&column))
    };
    let primary = table.primary_key.as_ref().is_some_and(|key| same(&mut key.columns.iter()));
    let mut unique = table.indexes.iter().filter(|index| index.is_unique && index.predicate.is_none());
    primary || unique.any(|index| same(&mut index.columns.iter().map(|column| &column.name)))
}

/// What goes from one table and comes to another that is linked to it may be the same.
pub(super) fn questions(
    case: &Case<'_>,
    base: &PrismaCatalog,
    is_answered: impl Fn(&Place) -> bool,
) -> Vec<Question> {
    let mut groups: BTreeMap<(RelationName, RelationName), Vec<Name>> = BTreeMap::new();
    for (before, column) in going(case, base) {
        if is_answered(&(before.name.clone(), column.name.clone())) {
            continue;
        }
        let Some(after) = case.after.table(&before.name) else { continue };
        for to in &case.after.tables {
            let is_new =
                |new: &Column| base.table(&to.name).is_none_or(|was| was.column(&new.name).is_none());
            let is_it = |new: &&Column| {
                new.name == column.name && new.column_type == column.column_type && is_new(new)
            };
            let moves = to.columns.iter().any(|new| is_it(&new)) && linked(before, after, to).is_some();
            if moves || pairs(base, before, column, to).is_some() {
                groups.entry((before.name.clone(), to.name.clone())).or_default().push(column.name.clone());
            }
        }
    }
    let mut questions = Vec::new();
    for ((from, to), columns) in groups {
        let shown: Vec<String> =
            columns.iter().map(|column| format!("{}.{}", case.table_shown(&from), column.as_str())).collect();
        let table = to.name.as_str();
        let table = if table.starts_with('_') { table } else { case.table_shown(&to) };
        let drops: Vec<String> = shown.iter().map(|column| format!("--drop {}", quoted(column))).collect();
        questions.push(Question {
            asks: format!("is it in {table} from now on, or does it go?"),
            flags: vec![
                format!("--move {}", quoted(&format!("{}:{table}", shown.join(",")))),
                drops.join(" "),
            ],
            about: shown.join(", "),
        });
    }
    questions
}
