//! The rollouts of a migrations folder, and whether their phases fit together.
//!
//! What is wrong here is known before anything is executed: a phase that is there twice, missing or out of its order,
//! two rollouts that change one table at once.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use underpin_catalog::{Name, RelationName};
use underpin_sql::{Effect, Statement};

use super::directive::{Directives, Gone, Phase};
use super::guard::is_guard;
use super::made::{Act, names_made};

/// A migration that is a phase of a rollout.
#[derive(Clone, Debug, PartialEq)]
pub struct PhaseFile {
    /// The folder's name.
    pub folder: String,
    /// What it says about itself.
    pub directives: Directives,
    /// The tables that its statements change, as they name them.
    pub changes: BTreeSet<RelationName>,
    /// Whether it begins with its guard.
    pub is_guarded: bool,
    /// The triggers that it drops: those that keep both shapes equal up to then.
    pub drops_triggers: Vec<(RelationName, Name)>,
    /// What its statements do, for [`super::made()`].
    pub acts: Vec<Act>,
}

impl PhaseFile {
    /// A phase whose file has these statements.
    pub fn new(folder: &str, directives: Directives, statements: &[Statement]) -> Self {
        let effects =
            || statements.iter().flat_map(|statement| &statement.effects).flat_map(Effect::flattened);
        let trigger = |effect: &Effect| match effect {
            Effect::DropTrigger { table, trigger, .. } => Some((table.clone(), trigger.clone())),
            _ => None,
        };
        Self {
            folder: folder.to_owned(),
            directives,
            changes: effects().filter_map(Effect::table).cloned().collect(),
            is_guarded: statements.first().is_some_and(|first| is_guard(first, folder)),
            drops_triggers: effects().filter_map(trigger).collect(),
            acts: statements.iter().flat_map(Act::of).collect(),
        }
    }

    /// The statements by which it creates functions.
    pub fn routines(&self) -> impl Iterator<Item = &str> {
        self.acts.iter().filter_map(Act::routine)
    }
}

/// One change that goes in phases.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    /// Its name.
    pub name: String,
    /// Its phases in their order. Never empty.
    pub phases: Vec<PhaseFile>,
}

/// What the ledger has of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing.
    Ahead,
    /// This phase, and not all of them.
    Through(Phase),
    /// Everything.
    Finished,
}

/// Why a folder's rollouts cannot be executed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct WrongRollout {
    /// The folder in which it is to be seen.
    pub folder: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// The phases that a database was told of when a rollout began there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The rollout.
    pub rollout: String,
    /// The folders of its phases.
    pub folders: Vec<String>,
    /// When it was led back, if it was.
    pub aborted_at: Option<Timestamp>,
}

/// The rollouts of a folder, in the order in which they begin.
///
/// # Errors
/// A phase that is there twice, stands before an earlier one, or needs one that is missing.
pub fn rollouts(files: Vec<PhaseFile>) -> Result<Vec<Rollout>, WrongRollout> {
    let mut found: Vec<Rollout> = Vec::new();
    for file in files {
        let name = file.directives.rollout.clone();
        match found.iter_mut().find(|rollout| rollout.name == name) {
            Some(rollout) => {
                follows(rollout, &file)?;
                rollout.phases.push(file);
            }
            None => found.push(Rollout { name, phases: vec![file] }),
        }
    }
    for rollout in &found {
        for file in &rollout.phases {
            if let Some(before) = file.directives.after
                && rollout.phase(before).is_none()
            {
                return Err(WrongRollout {
                    folder: file.folder.clone(),
                    message: format!(
                        "rollout {} has no folder for its phase {before}, which {} comes after",
                        rollout.name, file.folder
                    ),
                    hint: "restore the folder from version control; a rollout is merged as a whole"
                        .to_owned(),
                });
            }
        }
    }
    Ok(found)
}

fn follows(rollout: &Rollout, file: &PhaseFile) -> Result<(), WrongRollout> {
    let phase = file.directives.phase;
    let Some(last) = rollout.phases.last() else { return Ok(()) };
    let wrong = |message: String, hint: &str| {
        Err(WrongRollout { folder: file.folder.clone(), message, hint: hint.to_owned() })
    };
    match last.directives.phase {
        earlier if earlier < phase => Ok(()),
        _ if rollout.phase(phase).is_some() => wrong(
            format!("rollout {} has its phase {phase} twice: {}", rollout.name, file.folder),
            "delete one of the folders; another rollout takes another name",
        ),
        later => wrong(
            format!("{} would be applied before its phase {phase}: {}", last.folder, file.folder),
            match later {
                Phase::Contract => "the contract comes last: give its folder the latest time of the rollout",
                Phase::Expand | Phase::Backfill => {
                    "give the folders times in the order expand, backfill, contract"
                }
            },
        ),
    }
}

impl Rollout {
    /// The phases before a file.
    pub fn before<'a>(&'a self, file: &'a PhaseFile) -> impl Iterator<Item = &'a PhaseFile> {
        self.phases.iter().take_while(|other| other.folder != file.folder)
    }

    /// What the phases before a file have made and clients of the release that comes name: not indexes, nor what
    /// triggers keep for themselves.
    pub fn made_before(&self, file: &PhaseFile) -> Vec<Gone> {
        let mut names = names_made(self.before(file).flat_map(|phase| &phase.acts).map(Act::effect));
        names.retain(|name| match name {
            Gone::Column { column, .. } => !column.as_str().starts_with("_underpin_"),
            Gone::Index(_) => false,
            _ => true,
        });
        names
    }

    /// The file of a phase.
    pub fn phase(&self, phase: Phase) -> Option<&PhaseFile> {
        self.phases.iter().find(|file| file.directives.phase == phase)
    }

    /// How far it is.
    ///
    /// # Errors
    /// A phase that is applied although one before it is not.
    pub fn progress(&self, applied: &BTreeMap<String, Timestamp>) -> Result<Progress, WrongRollout> {
        let is_applied = |file: &&PhaseFile| applied.contains_key(&file.folder);
        let done = self.phases.iter().take_while(is_applied).count();
        if let Some(early) = self.phases.iter().skip(done).find(is_applied) {
            let missing = &self.phases[done];
            return Err(WrongRollout {
                folder: early.folder.clone(),
                message: format!("{} is applied, and {} before it is not", early.folder, missing.folder),
                hint: format!(
                    "look at what the database has; when it has all of it: underpin resolve --applied \"{}\"",
                    missing.folder
                ),
            });
        }
        Ok(match done.checked_sub(1).map(|last| self.phases[last].directives.phase) {
            None => Progress::Ahead,
            Some(_) if done == self.phases.len() => Progress::Finished,
            Some(phase) => Progress::Through(phase),
        })
    }

    /// The tables that any of its phases changes, with their namespace.
    fn changes(&self, namespace: &Name) -> BTreeSet<RelationName> {
        let named = self.phases.iter().flat_map(|file| &file.changes);
        named
            .map(|table| RelationName {
                namespace: Some(table.namespace.clone().unwrap_or_else(|| namespace.clone())),
                name: table.name.clone(),
            })
            .collect()
    }
}

/// A rollout that would begin on a table where another one is on its way: each was planned for a table that the other
/// one changes. Of two that have not begun, the later one waits behind the earlier one's contract by itself.
///
/// # Errors
/// The first such pair.
pub fn refuse_two_on_a_table(
    rollouts: &[(&Rollout, Progress)],
    namespace: &Name,
) -> Result<(), WrongRollout> {
    let open = rollouts.iter().filter(|(_, progress)| *progress != Progress::Finished);
    let open: Vec<_> =
        open.map(|(rollout, progress)| (*rollout, *progress, rollout.changes(namespace))).collect();
    for (later, progress, tables) in &open {
        if *progress != Progress::Ahead {
            continue;
        }
        let on_its_way = open.iter().filter(|(_, progress, _)| *progress != Progress::Ahead);
        let shared = on_its_way
            .filter_map(|(other, _, others)| Some((*other, tables.intersection(others).next()?.clone())))
            .next();
        if let Some((other, table)) = shared {
            let folder = later.phases.first().map(|file| file.folder.clone()).unwrap_or_default();
            return Err(WrongRollout {
                folder,
                message: format!(
                    "rollout {} would begin on {} while rollout {} is on its way there",
                    later.name,
                    table.shown(),
                    other.name
                ),
                hint: format!(
                    "finish {0} first (underpin rollout release {0}, then underpin deploy), or lead it back: underpin rollout abort {0} --database NAME",
                    other.name
                ),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use underpin_sql::read;

    use super::*;

    fn file(folder: &str, head: &str, sql: &str) -> PhaseFile {
        let (rollout, phase) = head.split_once(' ').unwrap();
        let text = format!("-- underpin: rollout {rollout}\n-- underpin: phase {phase}\n{sql}");
        PhaseFile::new(folder, Directives::read(&text).unwrap().unwrap(), &read(&text).unwrap())
    }

    fn wrong(files: &[(&str, &str)]) -> String {
        let files = files.iter().map(|(folder, head)| file(folder, head, "")).collect();
        rollouts(files).unwrap_err().message
    }

    #[test]
    fn phases_are_there_once_and_in_their_order() {
        assert!(wrong(&[("1", "a expand"), ("2", "a expand")]).contains("twice"));
        assert!(wrong(&[("1", "a contract"), ("2", "a backfill")]).contains("before its phase backfill"));
        assert!(
            wrong(&[("1", "a expand"), ("3", "a contract after backfill")])
                .contains("no folder for its phase backfill")
        );
        let files = vec![
            file("1", "a expand", ""),
            file("2", "b contract", ""),
            file("3", "a contract after expand", ""),
        ];
        let found = rollouts(files).unwrap();
        assert_eq!(found.iter().map(|rollout| rollout.phases.len()).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn progress_is_what_the_ledger_has() {
        let files = vec![file("1", "a expand", ""), file("2", "a backfill", ""), file("3", "a contract", "")];
        let rollout = rollouts(files).unwrap().remove(0);
        let applied = |names: &[&str]| {
            rollout.progress(&names.iter().map(|name| ((*name).to_owned(), Timestamp::UNIX_EPOCH)).collect())
        };
        assert_eq!(applied(&[]), Ok(Progress::Ahead));
        assert_eq!(applied(&["1", "2"]), Ok(Progress::Through(Phase::Backfill)));
        assert_eq!(applied(&["1", "2", "3"]), Ok(Progress::Finished));
        assert!(applied(&["1", "3"]).unwrap_err().message.contains("2 before it is not"));
    }

    #[test]
    fn a_table_takes_one_rollout_at_a_time() {
        let files = vec![
            file("1", "a expand", "ALTER TABLE \"User\" ADD COLUMN x int"),
            file("2", "a contract", "ALTER TABLE \"User\" DROP COLUMN y"),
            file("3", "b expand", "ALTER TABLE public.\"User\" ADD COLUMN z int"),
            file("4", "c expand", "ALTER TABLE \"Other\" ADD COLUMN z int"),
        ];
        let found = rollouts(files).unwrap();
        let namespace = Name::new("public");
        let judged = |states: [Progress; 3]| {
            refuse_two_on_a_table(&found.iter().zip(states).collect::<Vec<_>>(), &namespace)
        };
        let on_its_way = Progress::Through(Phase::Expand);
        assert_eq!(judged([Progress::Finished, Progress::Ahead, Progress::Ahead]), Ok(()));
        assert_eq!(judged([on_its_way, on_its_way, Progress::Ahead]), Ok(()), "it is too late to refuse");
        assert_eq!(judged([Progress::Ahead; 3]), Ok(()), "the second waits behind the first one's contract");
        let wrong = judged([on_its_way, Progress::Ahead, Progress::Ahead]).unwrap_err();
        assert!(wrong.message.contains("rollout b would begin on public.User while rollout a"), "{wrong}");
    }
}
