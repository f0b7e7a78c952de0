//! Migrations whose names do not say when they came: `out-of-order` and `same-timestamp`.
//!
//! Decided from the names of a folder, in the order of Prisma, and from what is new in it. A database that has a
//! later migration runs a new earlier one behind it, without a word; a database that is made anew runs them by
//! name. What the migrations do is not compared: where the earlier one needs the later, the replay finds that
//! something is missing.

use super::finding::{Finding, Fix, Severity};

/// Digits of the time in front of a name, to the second, UTC.
const DIGITS: usize = 14;

/// A migration, where it stands in its folder.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// The file, as findings name it, with `/`.
    pub path: &'a str,
    /// Whether a database can have it already.
    pub standing: Standing,
}

/// Whether a database can have a migration already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It was there before.
    Old,
    /// It came with what is judged.
    New,
    /// Nobody said since when.
    #[default]
    Unknown,
}

/// What there is to say about the order of a whole folder, which comes in Prisma's.
pub fn look(folder: &[Place<'_>]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, place) in folder.iter().enumerate() {
        let behind = &folder[at + 1..];
        let old: Vec<_> = behind.iter().filter(|other| other.standing == Standing::Old).collect();
        if let (Standing::New, Some(next)) = (place.standing, old.first()) {
            found.push(out_of_order(place, next, old.len()));
        }
        let twin = |other: &&Place<'_>| time(other).is_some() && time(other) == time(place);
        let before = at.checked_sub(1).map(|before| &folder[before]).filter(twin);
        let told = match place.standing {
            Standing::New => before.or_else(|| behind.first().filter(twin)),
            Standing::Unknown => before,
            Standing::Old => None,
        };
        // Of two new ones the second is told.
        if let Some(other) = told.filter(|other| before.is_some() || other.standing == Standing::Old) {
            found.push(same_timestamp(place, other));
        }
    }
    found
}

/// The migration's name: that of its folder.
fn name<'a>(place: &Place<'a>) -> &'a str {
    place.path.rsplit('/').nth(1).unwrap_or(place.path)
}

/// The time in front of a name.
fn time<'a>(place: &Place<'a>) -> Option<&'a str> {
    let time = name(place).get(..DIGITS)?;
    time.bytes().all(|byte| byte.is_ascii_digit()).then_some(time)
}

fn out_of_order(place: &Place<'_>, next: &Place<'_>, old: usize) -> Finding {
    let more = match old {
        1 => String::new(),
        more => format!(" and {} more", more - 1),
    };
    finding(
        "out-of-order",
        Severity::Caution,
        place,
        format!(
            "{} is new and sorts before {}{more}: a database that has those runs it behind them, without a word; a new \
             one, and the shadow database of `migrate dev`, runs it before them",
            name(place),
            name(next)
        ),
        "give its folder a name of now, while no database has it applied",
    )
}

fn same_timestamp(place: &Place<'_>, other: &Place<'_>) -> Finding {
    finding(
        "same-timestamp",
        Severity::Info,
        place,
        format!(
            "{} and {} have the same time in front: which one runs first, the rest of their names decides",
            name(place),
            name(other)
        ),
        "when one needs the other, give its folder a later time, while no database has it applied",
    )
}

fn finding(
    rule: &'static str,
    severity: Severity,
    place: &Place<'_>,
    message: String,
    advice: &str,
) -> Finding {
    Finding {
        object: Some(name(place).to_owned()),
        fix: Some(Fix { advice: advice.to_owned(), statements: Vec::new() }),
        ..Finding::new(rule, severity, place.path, message)
    }
}
