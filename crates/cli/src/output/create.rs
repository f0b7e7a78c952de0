//! A new migration: for a person, or as one object.

use serde::Serialize;
use underpin_core::consequences::Consequences;
use underpin_core::down::Tried;
use underpin_core::lint::finding::Finding;
use underpin_core::lint::fix::SafeForm;
use underpin_engine::create::earlier::WaysBack;
use underpin_engine::create::writing::NewMigration;
use underpin_engine::create::{Rehearsed, WayBack};

use super::consequences;
use super::lint::facts::{clean, wrapped};
use super::protected::{self, ProtectedTold};

/// Everything that is told.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Created {
    version: u32,
    exit_code: u8,
    /// Whether there is nothing to migrate, so that nothing is written.
    empty: bool,
    dry_run: bool,
    /// The migrations, in the order in which they are applied.
    migrations: Vec<MigrationTold>,
    groups: Vec<Consequences>,
    /// What the database has and no schema can say.
    protected: Vec<ProtectedTold>,
    /// What may be lost or fail, in Prisma's words.
    losses: Vec<String>,
    /// What the online form does away with, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    online: Option<Online>,
    rehearsal: Option<Rehearsal>,
}

/// The online form.
#[derive(Debug, Serialize)]
struct Online {
    /// Rules that find nothing any more.
    fixed: Vec<String>,
    /// Rules that do, and why.
    left: Vec<LeftTold>,
}

#[derive(Debug, PartialEq, Serialize)]
struct LeftTold {
    rule: String,
    why: String,
}

#[derive(Debug, Serialize)]
struct MigrationTold {
    folder: String,
    files: Vec<FileTold>,
}

#[derive(Debug, Serialize)]
struct FileTold {
    path: String,
    text: String,
}

/// What became of the files on the throwaway server.
#[derive(Debug, Serialize)]
struct Rehearsal {
    /// Its major version.
    server: u32,
    /// Why a file does not run there.
    #[serde(skip_serializing_if = "Option::is_none")]
    fails: Option<String>,
    /// What Prisma would find to do once more.
    #[serde(skip_serializing_if = "Option::is_none")]
    again: Option<String>,
    /// Whether each way back leads to what was before.
    down: Vec<Down>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
enum Down {
    /// All is as it was.
    Returns,
    /// These objects are not.
    Leaves { objects: Vec<String> },
    /// It does not run.
    Fails { why: String },
}

impl Created {
    /// Nothing lacks.
    pub(crate) fn nothing(protected: Vec<ProtectedTold>) -> Self {
        Self { version: 1, empty: true, protected, ..Self::default() }
    }

    /// The way back alone, from migrations that are there. `path_of` is where that of a folder stands.
    pub(crate) fn ways_back(dry_run: bool, ways: &WaysBack, path_of: impl Fn(&str) -> String) -> Self {
        let migration = |(folder, way): &(String, WayBack)| MigrationTold {
            folder: folder.clone(),
            files: vec![FileTold { path: path_of(folder), text: way.text.clone() }],
        };
        Self {
            version: 1,
            dry_run,
            migrations: ways.found.iter().map(migration).collect(),
            rehearsal: Some(Rehearsal {
                server: ways.major,
                fails: None,
                again: None,
                down: ways.found.iter().map(|(_, way)| Down::of(way)).collect(),
            }),
            ..Self::default()
        }
    }

    #[expect(clippy::too_many_arguments, reason = "each is told once, and by its own name")]
    pub(crate) fn of(
        exit_code: u8,
        dry_run: bool,
        groups: Vec<Consequences>,
        protected: Vec<ProtectedTold>,
        losses: Vec<String>,
        new: &[NewMigration],
        path_of: impl Fn(&str, &str) -> String,
        rehearsed: &Rehearsed,
        online: Option<&SafeForm>,
        server: u32,
    ) -> Self {
        let migration = |new: &NewMigration| MigrationTold {
            folder: new.folder.clone(),
            files: new
                .files
                .iter()
                .map(|(name, text)| FileTold { path: path_of(&new.folder, name), text: text.clone() })
                .collect(),
        };
        let down = rehearsed.ways_back.iter().map(Down::of);
        Self {
            version: 1,
            exit_code,
            empty: false,
            dry_run,
            migrations: new.iter().map(migration).collect(),
            groups,
            protected,
            losses,
            online: online.map(Online::of),
            rehearsal: Some(Rehearsal {
                server,
                fails: rehearsed.fails.clone(),
                again: rehearsed.again.clone(),
                down: down.collect(),
            }),
        }
    }
}

impl Down {
    fn of(way: &WayBack) -> Self {
        match &way.tried {
            Tried::Ran(left) if left.is_empty() => Self::Returns,
            Tried::Ran(left) => Self::Leaves { objects: left.clone() },
            Tried::Failed(why) => Self::Fails { why: why.clone() },
        }
    }
}

/// The page, in lines of at most `columns` characters where words allow it.
pub(crate) fn page(created: &Created, columns: usize) -> String {
    let mut page = consequences::page(&created.groups, columns);
    page.push_str(&protected::part(&created.protected, true, columns));
    let mut say = |words: &str| page.push_str(&format!("{}\n", wrapped(&clean(words), columns)));
    if !created.groups.is_empty() {
        say(&consequences::summary(&created.groups));
    }
    for sentence in created.online.iter().flat_map(Online::sentences) {
        say(&sentence);
    }
    if let Some(rehearsal) = &created.rehearsal {
        let folders: Vec<&str> = created.migrations.iter().map(|one| one.folder.as_str()).collect();
        say(&rehearsal.sentence(&folders));
        if let Some(again) = &rehearsal.again {
            page.push_str(&format!(
                "Prisma will find this to do once more, because it does not recognise what it wrote:\n{}\n",
                again.trim_end()
            ));
        }
    }
    page.push('\n');
    for file in created.migrations.iter().flat_map(|migration| &migration.files) {
        match created.dry_run {
            true => page.push_str(&format!("would write {}:\n{}\n", file.path, indented(&file.text))),
            false => page.push_str(&format!("wrote {}\n", file.path)),
        }
    }
    page.trim_end().to_owned()
}

fn indented(text: &str) -> String {
    let line = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") };
    text.lines().map(line).collect()
}

impl Online {
    fn of(form: &SafeForm) -> Self {
        let rule = |finding: &Finding| finding.rule.clone();
        let mut left: Vec<LeftTold> = Vec::new();
        for one in &form.left {
            let told = LeftTold { rule: rule(&one.finding), why: one.why.clone() };
            if !left.contains(&told) {
                left.push(told);
            }
        }
        let mut fixed: Vec<String> = form.fixed.iter().map(rule).collect();
        fixed.sort();
        fixed.dedup();
        Self { fixed, left }
    }

    fn sentences(&self) -> Vec<String> {
        let fixed = match self.fixed.is_empty() {
            true => "There is no online form: what is written is what Prisma writes.".to_owned(),
            false => format!(
                "The online form does away with {}; it ends in the same catalog, sent by Prisma before 7.4 and since.",
                self.fixed.join(", ")
            ),
        };
        let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
        for left in &self.left {
            match by_reason.iter_mut().find(|(why, _)| *why == left.why) {
                Some((_, rules)) => rules.push(&left.rule),
                None => by_reason.push((&left.why, vec![&left.rule])),
            }
        }
        let left = by_reason.into_iter().map(|(why, rules)| format!("Left {}: {why}.", rules.join(", ")));
        std::iter::once(fixed).chain(left).collect()
    }
}

impl Rehearsal {
    /// `folders` are those of the migrations, in their order.
    fn sentence(&self, folders: &[&str]) -> String {
        let begin = format!("On PostgreSQL {}, behind the history", self.server);
        if let Some(why) = &self.fails {
            // The type that Prisma gives to a number that counts is none for a column that is there.
            let instead = match why.contains("serial\" does not exist") {
                true => ", or remove it and run underpin plan, which changes the type of keys in phases",
                false => "",
            };
            return format!(
                "{begin}, it fails as Prisma writes it: {why}. Edit it before you commit it{instead}."
            );
        }
        if self.down.iter().all(|down| matches!(down, Down::Returns)) {
            return match folders {
                [_] => format!("{begin}: migration.sql runs, and down.sql leads back to the same catalog."),
                _ => format!(
                    "{begin}: each migration.sql runs, and each down.sql leads back to the same catalog."
                ),
            };
        }
        let told = self.down.iter().zip(folders).filter_map(|(down, folder)| {
            let words = match down {
                Down::Returns => return None,
                Down::Leaves { objects } => format!("leaves {} other than before", objects.join(", ")),
                Down::Fails { why } => format!("fails: {why}"),
            };
            Some(match folders {
                [_] => format!("down.sql {words}"),
                _ => format!("down.sql of {folder} {words}"),
            })
        });
        format!("{begin}, it runs, and {}.", told.collect::<Vec<_>>().join("; "))
    }
}
