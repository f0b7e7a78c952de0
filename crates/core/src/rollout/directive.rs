//! What a phase's file says about itself, in comments at its head.
//!
//! ```sql
//! -- underpin: rollout rename_full_name
//! -- underpin: phase contract after backfill
//! -- underpin: gone column "User"."fullName"
//! -- underpin: park column "User"."fullName"
//! -- underpin: verify SELECT count(*) FROM "User" WHERE "displayName" IS NULL
//! ```
//!
//! They are comments, so that the file stays one that Prisma and `psql` execute, and they stand in the file, so that
//! they go where it goes and its checksum covers them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use underpin_catalog::{Name, RelationName};
use underpin_sql::{Parking, comments};

use super::parse::{column, relation};
use super::query::Query;
use crate::plan::GivenUp;

/// What a comment for us begins with.
const MARK: &str = "underpin:";

/// A part of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// What the release that comes needs is put beside what the release that is out needs.
    Expand,
    /// What is there already gets its new shape.
    Backfill,
    /// What only the old release needs is taken away. It is held until nobody needs it.
    Contract,
}

impl Phase {
    /// All of them, in their order.
    pub const ALL: [Self; 3] = [Self::Expand, Self::Backfill, Self::Contract];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expand => "expand",
            Self::Backfill => "backfill",
            Self::Contract => "contract",
        }
    }

    /// How the folder's name ends: `1_expand`. A phase keeps its number where another one is left out.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Expand => "1_expand",
            Self::Backfill => "2_backfill",
            Self::Contract => "3_contract",
        }
    }

    /// What a rollout is behind it.
    pub fn done(self) -> &'static str {
        match self {
            Self::Expand => "expanded",
            Self::Backfill => "backfilled",
            Self::Contract => "contracted",
        }
    }

    /// Whether it waits for its gates.
    pub fn is_held(self) -> bool {
        match self {
            Self::Expand | Self::Backfill => false,
            Self::Contract => true,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Phase {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|phase| phase.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no phase; there are expand, backfill and contract"))
    }
}

/// Something that the release which is out names, and that a contract takes away.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gone {
    /// A column, under its name or with its type.
    Column {
        /// Its table.
        table: RelationName,
        /// Its name.
        column: Name,
    },
    /// A table, or a view that stands for one.
    Table(RelationName),
    /// A unique key, by the name of its index or constraint.
    Index(RelationName),
    /// A type, or values of it.
    Type(RelationName),
    /// A column whose name another column gets, so that its name does not tell who needs it.
    SwappedColumn {
        /// Its table.
        table: RelationName,
        /// Its name.
        column: Name,
        /// What the column was called that has the name then.
        by: Name,
    },
    /// A type whose name another type gets.
    SwappedType {
        /// The type.
        name: RelationName,
        /// What the type was called that has the name then.
        by: Name,
    },
}

impl Gone {
    /// Without quotes, for people: `User.fullName`.
    pub fn shown(&self) -> String {
        match self {
            Self::Column { table, column } | Self::SwappedColumn { table, column, .. } => {
                format!("{}.{}", table.shown(), column.as_str())
            }
            Self::Table(name) | Self::Index(name) | Self::Type(name) | Self::SwappedType { name, .. } => {
                name.shown()
            }
        }
    }
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column { table, column } => write!(f, "column {table}.{column}"),
            Self::Table(name) => write!(f, "table {name}"),
            Self::Index(name) => write!(f, "index {name}"),
            Self::Type(name) => write!(f, "type {name}"),
            Self::SwappedColumn { table, column, by } => write!(f, "column {table}.{column}{FOR}{by}"),
            Self::SwappedType { name, by } => write!(f, "type {name}{FOR}{by}"),
        }
    }
}

/// Between a name that goes and what gets it.
const FOR: &str = " for ";

impl FromStr for Gone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, name) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let name = name.trim();
        let named = match kind {
            "column" => swapped(name, column).map(|((table, column), by)| match by {
                Some(by) => Self::SwappedColumn { table, column, by },
                None => Self::Column { table, column },
            }),
            "table" => relation(name).map(Self::Table),
            "index" => relation(name).map(Self::Index),
            "type" => swapped(name, relation).map(|(name, by)| match by {
                Some(by) => Self::SwappedType { name, by },
                None => Self::Type(name),
            }),
            _ => {
                return Err(format!("`{kind}` is unknown here; there are column, table, index and type"));
            }
        };
        named.ok_or_else(|| {
            format!("`{name}` is no name; write it in quotes, as in `gone column \"User\".\"fullName\"`")
        })
    }
}

/// A name, and what gets it where that is said: `"User"."age" for "age_next"`.
fn swapped<T>(text: &str, name: impl Fn(&str) -> Option<T>) -> Option<(T, Option<Name>)> {
    // The separator may be a part of a name.
    let whole = name(text).map(|name| (name, None));
    whole.or_else(|| {
        text.match_indices(FOR).find_map(|(at, _)| {
            let by = relation(&text[at + FOR.len()..]).filter(|by| by.namespace.is_none())?;
            Some((name(&text[..at])?, Some(by.name)))
        })
    })
}

/// What a phase's file says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directives {
    /// The rollout that it belongs to.
    pub rollout: String,
    /// Which part of it.
    pub phase: Phase,
    /// The phase that has to be applied before; `None` for the first one.
    pub after: Option<Phase>,
    /// What the release that is out names and this file takes away.
    pub gone: Vec<Gone>,
    /// What of it is put away before it is dropped, and kept for a while.
    pub park: Vec<Gone>,
    /// Queries that have to answer 0 before this file is executed.
    pub verify: Vec<Query>,
}

/// What is wrong with a file's directives.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct WrongDirective {
    /// From 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl Directives {
    /// Reads the head of a file: `None` when it says nothing of a rollout.
    ///
    /// # Errors
    /// A directive that cannot be understood, stands behind a statement, is there twice or is missing.
    pub fn read(text: &str) -> Result<Option<Self>, WrongDirective> {
        // Scanning costs a good part of what parsing does, and most files have no such comment.
        if !text.contains(MARK) {
            return Ok(None);
        }
        let mut reading = Reading::default();
        let (mut end, mut is_head) = (0, true);
        for comment in comments(text) {
            let between = text.get(end..comment.span.start).unwrap_or_default();
            is_head &= between.trim_start_matches('\u{feff}').trim().is_empty();
            end = comment.span.end;
            let line = 1 + text[..comment.span.start].matches('\n').count();
            if let Some((verb, rest)) = directive(&comment.text) {
                let wrong = |message| WrongDirective { line, message };
                if !is_head {
                    return Err(wrong(format!(
                        "`underpin: {verb}` stands before the first statement of its file"
                    )));
                }
                reading.take(verb, rest, line).map_err(wrong)?;
            }
        }
        reading.done()
    }

    /// The comments that [`Self::read`] reads, each on a line of its own.
    pub fn head(&self) -> String {
        let mut lines = vec![format!("rollout {}", self.rollout)];
        lines.push(match self.after {
            Some(after) => format!("phase {} after {after}", self.phase),
            None => format!("phase {}", self.phase),
        });
        lines.extend(self.gone.iter().map(|gone| format!("gone {gone}")));
        lines.extend(self.park.iter().map(|park| format!("park {park}")));
        lines.extend(self.verify.iter().map(|query| format!("verify {query}")));
        lines.iter().map(|line| format!("-- {MARK} {line}\n")).collect()
    }
}

impl Directives {
    /// What the file may take away when its gates have passed; `migration` is its folder's name.
    pub fn given_up(&self, migration: &str) -> GivenUp {
        let mut parking = Parking { migration: migration.to_owned(), ..Parking::default() };
        for park in &self.park {
            match park.clone() {
                Gone::Column { table, column } => drop(parking.columns.insert((table, column))),
                Gone::Table(name) => drop(parking.tables.insert(name)),
                Gone::Type(name) => drop(parking.types.insert(name)),
                Gone::Index(_) | Gone::SwappedColumn { .. } | Gone::SwappedType { .. } => {}
            }
        }
        GivenUp { gone: self.gone.clone(), parking }
    }
}

/// Whether a comment is one of those that a phase's file says about itself.
pub(crate) fn is_directive(comment: &str) -> bool {
    directive(comment).is_some()
}

/// The words with which a directive of a phase begins.
const VERBS: [&str; 5] = ["rollout", "phase", "gone", "park", "verify"];

/// A comment's verb and what it says, when it is a directive of a phase.
fn directive(comment: &str) -> Option<(&'static str, &str)> {
    let says = comment.strip_prefix(MARK)?.trim();
    let (verb, rest) = says.split_once(char::is_whitespace).unwrap_or((says, ""));
    VERBS.into_iter().find(|known| *known == verb).map(|verb| (verb, rest.trim()))
}

#[derive(Default)]
struct Reading {
    line: usize,
    rollout: Option<String>,
    phase: Option<(Phase, Option<Phase>)>,
    gone: Vec<Gone>,
    park: Vec<Gone>,
    verify: Vec<Query>,
}

impl Reading {
    fn take(&mut self, verb: &str, rest: &str, line: usize) -> Result<(), String> {
        if self.line == 0 {
            self.line = line;
        }
        match verb {
            "rollout" if self.rollout.is_some() => Err("`rollout` is said twice".to_owned()),
            "rollout" => {
                self.rollout = Some(name(rest)?);
                Ok(())
            }
            "phase" if self.phase.is_some() => Err("`phase` is said twice".to_owned()),
            "phase" => {
                self.phase = Some(phase(rest)?);
                Ok(())
            }
            "gone" => {
                self.gone.push(rest.parse()?);
                Ok(())
            }
            "park" => match rest.parse()? {
                Gone::Index(_) => Err("an index has no rows; there are column, table and type".to_owned()),
                Gone::SwappedColumn { .. } | Gone::SwappedType { .. } => {
                    Err("what gets another one's place is not parked; say it without `for`".to_owned())
                }
                park => {
                    self.park.push(park);
                    Ok(())
                }
            },
            _ => {
                self.verify.push(rest.parse::<Query>().map_err(|wrong| wrong.to_string())?);
                Ok(())
            }
        }
    }

    fn done(self) -> Result<Option<Directives>, WrongDirective> {
        let missing = |what: &str| WrongDirective {
            line: self.line,
            message: format!("the file says that it belongs to a rollout and not {what}"),
        };
        match (self.rollout, self.phase) {
            (None, None) if self.gone.is_empty() && self.park.is_empty() && self.verify.is_empty() => {
                Ok(None)
            }
            (None, _) => Err(missing("to which: `-- underpin: rollout NAME`")),
            (_, None) => Err(missing("which phase it is: `-- underpin: phase contract`")),
            (Some(_), Some((phase, _))) if !self.park.is_empty() && !phase.is_held() => Err(WrongDirective {
                line: self.line,
                message: "`park` belongs to a contract, which is executed when nobody needs what goes"
                    .to_owned(),
            }),
            (Some(rollout), Some((phase, after))) => {
                let Self { gone, park, verify, .. } = self;
                Ok(Some(Directives { rollout, phase, after, gone, park, verify }))
            }
        }
    }
}

/// A rollout's name is said on command lines, so it needs no quotes there.
fn name(text: &str) -> Result<String, String> {
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-');
    match !text.is_empty() && text.len() <= 200 && text.chars().all(is_plain) && !text.starts_with('-') {
        true => Ok(text.to_owned()),
        false => Err(format!("`{text}` is no name of a rollout: it is made of letters, digits, _ and -")),
    }
}

/// `contract`, `contract after backfill`.
fn phase(text: &str) -> Result<(Phase, Option<Phase>), String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        [phase] => Ok((phase.parse()?, None)),
        [phase, "after", before] => {
            let (phase, before): (Phase, Phase) = (phase.parse()?, before.parse()?);
            match before < phase {
                true => Ok((phase, Some(before))),
                false => Err(format!("{phase} does not come after {before}")),
            }
        }
        _ => Err(format!("`{text}` is no phase; write it as in `phase contract after backfill`")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const CONTRACT: &str = "-- underpin: rollout rename_full_name\n\
        -- underpin: phase contract after backfill\n\
        -- underpin: gone column \"public\".\"User\".\"full\"\"Name\"\n\
        -- underpin: gone table \"Old\"\n\
        -- underpin: gone column \"User\".\"is for \"\"x\" for \"next\"\n\
        -- underpin: gone type \"public\".\"Role\" for \"Role_next\"\n\
        -- underpin: park table \"Old\"\n\
        -- underpin: verify SELECT count(*) FROM \"User\" WHERE \"displayName\" IS DISTINCT FROM \"fullName\"\n";

    #[test]
    fn a_head_says_what_it_read() {
        let read = Directives::read(&format!("{CONTRACT}\n-- DropColumn\nDROP TABLE x;")).unwrap().unwrap();
        assert_eq!((read.phase, read.after), (Phase::Contract, Some(Phase::Backfill)));
        assert_eq!(read.gone[0].shown(), "public.User.full\"Name");
        assert!(matches!(&read.gone[2], Gone::SwappedColumn { by, .. } if by.as_str() == "next"));
        assert!(matches!(&read.gone[3], Gone::SwappedType { by, .. } if by.as_str() == "Role_next"));
        assert_eq!(read.head(), CONTRACT);
    }

    #[test]
    fn other_comments_may_stand_in_between_and_most_files_say_nothing() {
        let text = "\u{feff}-- Rename\n\n/* by hand */\n-- underpin: phase expand\n-- underpin: ignore x because y\n-- underpin: rollout a\nSELECT 1";
        assert_eq!(Directives::read(text).unwrap().unwrap().phase, Phase::Expand);
        for text in [
            "",
            "SELECT '-- underpin: phase expand'",
            "-- underpin: ignore drop-table because old\nDROP TABLE x",
        ] {
            assert_eq!(Directives::read(text).unwrap(), None, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, line, told) in [
            ("-- underpin: rollout a", 1, "which phase"),
            ("\n-- underpin: phase expand", 2, "to which"),
            ("-- underpin: rollout a\n-- underpin: phase shrink", 2, "no phase"),
            ("-- underpin: rollout a\n-- underpin: phase backfill after contract", 2, "does not come after"),
            ("-- underpin: rollout a b", 1, "no name"),
            ("-- underpin: rollout a\n-- underpin: rollout b", 2, "twice"),
            ("-- underpin: gone column fullName", 1, "in quotes"),
            ("-- underpin: gone \"User\"", 1, "there are column"),
            ("-- underpin: park index \"User_key\"", 1, "no rows"),
            (
                "-- underpin: rollout a\n-- underpin: phase expand\n-- underpin: park table \"x\"",
                1,
                "to a contract",
            ),
            ("-- underpin: verify DELETE FROM x", 1, "query"),
            ("SELECT 1;\n-- underpin: rollout a", 2, "before the first statement"),
        ] {
            let wrong = Directives::read(text).unwrap_err();
            assert!(wrong.line == line && wrong.message.contains(told), "{text}: {wrong}");
        }
    }
}
