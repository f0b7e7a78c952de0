//! Which column is which: what a person says, by the names of the schema or of the database, found among what
//! comes and goes. What is said of nothing, or of several things, is told; what is left open is asked.

use std::collections::{BTreeMap, BTreeSet};

use underpin_catalog::{Name, RelationName};
use underpin_prisma::PrismaCatalog;
use underpin_prisma::migrate::Table;
use underpin_prisma::schema::Arity;

use super::answers::FillAnswer;
use super::moves::{self, Move};
use super::reshape::Reshape;
use super::{Case, Question, RenameAnswer, Stop, WrongAnswer};

/// A column of a table, by the names of the database.
pub(super) type Place = (RelationName, Name);

/// The answers, by what they are about.
#[derive(Debug, Default)]
pub(super) struct Answered {
    /// The new column of each that is renamed.
    pub(super) renames: BTreeMap<Place, Name>,
    /// What is in another table.
    pub(super) moves: Vec<Move>,
    /// What is split or merged.
    pub(super) reshapes: Vec<Reshape>,
    /// What stands where there is no value, and what split and merged columns are made of.
    pub(super) fills: BTreeMap<Place, underpin_catalog::Sql>,
    /// The columns that get another type under their name.
    pub(super) swaps: BTreeSet<Place>,
}

impl Answered {
    /// Finds what the answers are about, `base` being the database with its tables renamed.
    ///
    /// # Errors
    /// Wrong answers; else, when a table loses columns and gets others, which of them are renames.
    pub(super) fn of(case: &Case<'_>, base: &PrismaCatalog) -> Result<Self, Stop> {
        let mut answered = Self::default();
        let mut wrong = Vec::new();
        let mut dropped: Vec<Place> = Vec::new();
        let pairs: Vec<(&Table, &Table)> = both(base, case.after).collect();
        // What is said of the values of enums is found where these are.
        let of_columns = case.answers.renames.iter().filter(|rename| !case.is_value(&rename.from, base));
        for rename in of_columns {
            match case.column_renamed(rename, &pairs) {
                Ok(Some((table, from, to))) => {
                    answered.renames.insert((table, from), to);
                }
                Ok(None) => {}
                Err(why) => {
                    wrong.push(WrongAnswer { answer: format!("--rename {}:{}", rename.from, rename.to), why })
                }
            }
        }
        for answer in &case.answers.reshapes {
            match Reshape::of(answer, case, &pairs) {
                Ok(reshape) => answered.reshapes.push(reshape),
                Err(why) => wrong.push(WrongAnswer { answer: answer.shown(), why }),
            }
        }
        for text in &case.answers.drops {
            match case.column_dropped(text, &pairs) {
                Ok(Some(place)) => dropped.push(place),
                Ok(None) => {}
                Err(why) => wrong.push(WrongAnswer { answer: format!("--drop {text}"), why }),
            }
        }
        answered.moves = moves::said(case, base, &mut wrong);
        for FillAnswer { column, value } in &case.answers.fills {
            match case.column_filled(column, &pairs, &answered.moves) {
                Ok(place) => {
                    answered.fills.insert(place, value.clone());
                }
                Err(why) => wrong.push(WrongAnswer { answer: format!("--fill {column}=…"), why }),
            }
        }
        for text in &case.answers.swaps {
            match case.column_swapped(text, &pairs) {
                Ok(place) => {
                    answered.swaps.insert(place);
                }
                Err(why) => wrong.push(WrongAnswer { answer: format!("--swap {text}"), why }),
            }
        }
        wrong.extend(answered.said_twice(case, &dropped));
        if !wrong.is_empty() {
            return Err(Stop::Wrong(wrong));
        }
        let is_answered = |place: &Place| {
            dropped.contains(place)
                || answered.renames.contains_key(place)
                || answered.moves.iter().any(|moved| moved.takes(&place.0, &place.1))
        };
        let mut questions = questions(case, &pairs, &answered, is_answered);
        questions.extend(moves::questions(case, base, is_answered));
        match questions.is_empty() {
            true => Ok(answered),
            false => Err(Stop::Asks(questions)),
        }
    }
}

impl Answered {
    /// Whether something was said of a column that comes, by its new name.
    pub(super) fn is_said_of_new(&self, table: &RelationName, column: &Name) -> bool {
        let renamed = || self.renames.iter().any(|((of, _), to)| of == table && to == column);
        self.reshapes.iter().any(|one| one.table == *table && one.to.contains(column)) || renamed()
    }

    /// What a column that goes is split or merged into.
    pub(super) fn reshape_of(&self, table: &RelationName, column: &Name) -> Option<&Reshape> {
        self.reshapes.iter().find(|one| one.table == *table && one.from.contains(column))
    }

    /// Columns of which two things were said.
    fn said_twice(&self, case: &Case<'_>, dropped: &[Place]) -> Vec<WrongAnswer> {
        let mut wrong = Vec::new();
        for (at, one) in self.reshapes.iter().enumerate() {
            let own = |column: &Name| (one.table.clone(), column.clone());
            let of_others = |column: &&Name| {
                let earlier = self.reshapes[..at].iter().filter(|other| other.table == one.table);
                let mut named = earlier.flat_map(|other| other.from.iter().chain(&other.to));
                let is_renamed = self.renames.contains_key(&own(column))
                    || self.renames.iter().any(|((of, _), to)| *of == one.table && to == *column);
                is_renamed || dropped.contains(&own(column)) || named.any(|other| other == *column)
            };
            wrong.extend(one.from.iter().chain(&one.to).filter(of_others).map(|column| WrongAnswer {
                answer: case.shown(&one.table, column),
                why: "two answers speak of it".to_owned(),
            }));
        }
        wrong
    }
}

/// The tables that both databases have.
pub(super) fn both<'a>(
    before: &'a PrismaCatalog,
    after: &'a PrismaCatalog,
) -> impl Iterator<Item = (&'a Table, &'a Table)> {
    before.tables.iter().filter_map(|table| Some((table, after.table(&table.name)?)))
}

/// The columns of one table that another one lacks.
fn lacking<'a>(one: &'a Table, other: &'a Table) -> impl Iterator<Item = &'a Name> {
    one.columns.iter().map(|column| &column.name).filter(|name| other.column(name).is_none())
}

/// A table that loses columns and gets others may have renamed any of them to any other.
fn questions(
    case: &Case<'_>,
    pairs: &[(&Table, &Table)],
    answered: &Answered,
    is_answered: impl Fn(&Place) -> bool,
) -> Vec<Question> {
    let mut questions = Vec::new();
    for (before, after) in pairs {
        let table = &before.name;
        let comes: Vec<&Name> = lacking(after, before)
            .filter(|name| !answered.is_said_of_new(table, name))
            .filter(|name| !answered.moves.iter().any(|moved| moved.brings(table, name)))
            .collect();
        let goes = lacking(before, after).filter(|name| {
            answered.reshape_of(table, name).is_none() && !is_answered(&(table.clone(), (*name).clone()))
        });
        let goes: Vec<&Name> = goes.filter(|_| !comes.is_empty()).collect();
        let reshape = reshape_flag(case, table, &goes, &comes);
        for name in &goes {
            let about = format!("{}.{}", case.table_shown(table), name.as_str());
            let mut flags: Vec<String> = comes
                .iter()
                .map(|new| {
                    format!("--rename {}", quoted(&format!("{about}:{}", case.field_shown(table, new))))
                })
                .collect();
            flags.extend(reshape.clone());
            flags.push(format!("--drop {}", quoted(&about)));
            let news: Vec<&str> = comes.iter().map(|new| case.field_shown(table, new)).collect();
            let parts = match (&reshape, goes.len()) {
                (None, _) => "",
                (Some(_), 1) => ", is it split",
                (Some(_), _) => ", is it a part of it",
            };
            questions.push(Question {
                asks: format!("is it {} under its old name{parts}, or does it go?", news.join(" or ")),
                about,
                flags,
            });
        }
    }
    questions
}

/// The answer that all of them are one fact, where there is only one such answer.
fn reshape_flag(case: &Case<'_>, table: &RelationName, goes: &[&Name], comes: &[&Name]) -> Option<String> {
    let flag = match (goes, comes) {
        ([_], [_, _, ..]) => "--split",
        ([_, _, ..], [_]) => "--merge",
        _ => return None,
    };
    let from: Vec<&str> = goes.iter().map(|name| name.as_str()).collect();
    let to: Vec<&str> = comes.iter().map(|name| case.field_shown(table, name)).collect();
    Some(format!(
        "{flag} {}",
        quoted(&format!("{}.{}:{}", case.table_shown(table), from.join(","), to.join(",")))
    ))
}

/// As a shell takes it.
pub(super) fn quoted(text: &str) -> String {
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || "._:-/@%+,".contains(sign);
    match text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

impl Case<'_> {
    /// A table as the schema calls it, else as the database does.
    pub(super) fn table_shown<'a>(&'a self, table: &'a RelationName) -> &'a str {
        match self.client.table(table).map(|found| &found.origin) {
            Some(underpin_prisma::client::Origin::Model { name, .. }) => name,
            _ => table.name.as_str(),
        }
    }

    /// A column as the schema calls it, else as the database does.
    pub(super) fn field_shown<'a>(&'a self, table: &RelationName, column: &'a Name) -> &'a str {
        let known = self.client.table(table).and_then(|found| found.column(column));
        known.map_or(column.as_str(), |found| &found.field)
    }

    /// `User.fullName`
    pub(super) fn shown(&self, table: &RelationName, column: &Name) -> String {
        format!("{}.{}", self.table_shown(table), self.field_shown(table, column))
    }

    /// All names of a table that a person may use.
    pub(super) fn names_of_table(&self, table: &RelationName) -> Vec<String> {
        vec![self.table_shown(table).to_owned(), table.name.as_str().to_owned(), table.shown()]
    }

    /// Whether a text is one of the names of a column: `User.fullName`.
    fn is_column(&self, text: &str, table: &RelationName, column: &Name, matches: Matching) -> bool {
        let own = [column.as_str(), self.field_shown(table, column)];
        self.names_of_table(table).iter().any(|name| {
            let rest = text.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix('.'));
            rest.is_some_and(|rest| own.iter().any(|own| matches(rest, own)))
        })
    }

    pub(super) fn find(&self, text: &str, among: &[(&RelationName, &Name)]) -> Result<Option<Place>, String> {
        for matches in [exactly as Matching, by_letters] {
            let mut found = among.iter().filter(|(table, name)| self.is_column(text, table, name, matches));
            match (found.next(), found.next()) {
                (Some((table, name)), None) => return Ok(Some(((*table).clone(), (*name).clone()))),
                (Some((one, name)), Some((other, _))) => {
                    return Err(format!(
                        "it may be {}.{} and a column of {}; write the namespace and the table's name in the database in front",
                        one.shown(),
                        name.as_str(),
                        other.shown()
                    ));
                }
                (None, _) => {}
            }
        }
        Ok(None)
    }

    fn column_renamed(
        &self,
        rename: &RenameAnswer,
        pairs: &[(&Table, &Table)],
    ) -> Result<Option<(RelationName, Name, Name)>, String> {
        if !rename.from.contains('.') {
            // A table; it was found before, or is told there.
            return Ok(None);
        }
        let (table, from) = match self.column_that_goes(&rename.from, pairs) {
            Ok(found) => found,
            Err(_) if rename.is_comment => return Ok(None),
            Err(why) => return Err(why),
        };
        let to = self.column_that_comes(&table, &rename.to, pairs)?;
        Ok(Some((table, from, to)))
    }

    /// The column of this name that the change takes away.
    pub(super) fn column_that_goes(&self, text: &str, pairs: &[(&Table, &Table)]) -> Result<Place, String> {
        let gone: Vec<_> = pairs
            .iter()
            .flat_map(|(before, after)| lacking(before, after).map(|name| (&before.name, name)))
            .collect();
        let shown =
            || gone.iter().map(|(table, name)| format!("{}.{}", self.table_shown(table), name.as_str()));
        self.find(text, &gone)?.ok_or_else(|| format!("no column of this name goes{}", listed(shown())))
    }

    /// The column of this name that the change brings to a table.
    pub(super) fn column_that_comes(
        &self,
        table: &RelationName,
        text: &str,
        pairs: &[(&Table, &Table)],
    ) -> Result<Name, String> {
        let new: Vec<_> = pairs
            .iter()
            .filter(|(before, _)| before.name == *table)
            .flat_map(|(before, after)| lacking(after, before))
            .collect();
        for matches in [exactly as Matching, by_letters] {
            let is_it =
                |name: &&&Name| matches(text, name.as_str()) || matches(text, self.field_shown(table, name));
            if let Some(to) = new.iter().find(is_it) {
                return Ok((**to).clone());
            }
        }
        Err(format!(
            "no column of this name comes to {}{}",
            self.table_shown(table),
            listed(new.iter().map(|name| self.field_shown(table, name).to_owned()))
        ))
    }

    fn column_dropped(&self, text: &str, pairs: &[(&Table, &Table)]) -> Result<Option<Place>, String> {
        if !text.contains('.') {
            return Ok(None);
        }
        self.column_that_goes(text, pairs).map(Some)
    }

    fn column_swapped(&self, text: &str, pairs: &[(&Table, &Table)]) -> Result<Place, String> {
        let stays = pairs.iter().flat_map(|(before, after)| {
            let changed = before.columns.iter().filter(|old| {
                after.column(&old.name).is_some_and(|new| {
                    old.column_type != new.column_type
                        || (old.arity == Arity::List) != (new.arity == Arity::List)
                })
            });
            changed.map(|column| (&before.name, &column.name))
        });
        let stays: Vec<_> = stays.collect();
        let shown = || stays.iter().map(|(table, name)| self.shown(table, name));
        self.find(text, &stays)?
            .ok_or_else(|| format!("no column of this name gets another type{}", listed(shown())))
    }

    fn column_filled(&self, text: &str, pairs: &[(&Table, &Table)], moves: &[Move]) -> Result<Place, String> {
        let columns = pairs.iter().flat_map(|(before, after)| {
            let old = before.columns.iter().map(|column| (&before.name, &column.name));
            old.chain(lacking(after, before).map(|name| (&after.name, name)))
        });
        // A new table's own, where rows are made of another one's.
        let made = moves.iter().filter(|moved| !pairs.iter().any(|(before, _)| before.name == moved.to));
        let made = made.filter_map(|moved| self.after.table(&moved.to));
        let made = made.flat_map(|table| table.columns.iter().map(|column| (&table.name, &column.name)));
        let columns: Vec<_> = columns.chain(made).collect();
        self.find(text, &columns)?
            .ok_or_else(|| "there is no such column before or behind the change".to_owned())
    }
}

type Matching = fn(&str, &str) -> bool;

fn exactly(said: &str, own: &str) -> bool {
    said == own
}

/// `fullName` is how a schema calls the column `full_name`: the schema of the release that is out is not known.
fn by_letters(said: &str, own: &str) -> bool {
    let letters = |text: &str| {
        text.chars().filter(|sign| *sign != '_').flat_map(char::to_lowercase).collect::<String>()
    };
    letters(said) == letters(own)
}

/// `; there are a, b`, or nothing.
pub(super) fn listed(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    match names.is_empty() {
        true => String::new(),
        false => format!("; there are {}", names.join(", ")),
    }
}
