//! The parts that need a throwaway server: the replay, its end against the Prisma schema, the way back.

use std::path::Path;
use std::sync::Arc;

use underpin_catalog::ServerVersion;
use underpin_core::check::base::Base;
use underpin_core::check::replay::{self, Script};
use underpin_core::check::{Looked, Part, down};
use underpin_core::lint::finding::Finding;
use underpin_engine::Problem;
use underpin_engine::check::history::{self, Asked, Migration, Ran, Running};
use underpin_engine::state::Reading;
use underpin_prisma::{PrismaVersion, SchemaHead};

use super::{Around, Findings, schema, several};
use crate::gather::{File, Gathered, Sequence};
use crate::judging::Judging;

/// The way back from a migration, in its folder.
const DOWN: &str = "down.sql";

/// The parts that need the history on a server.
const PARTS: [Part; 3] = [Part::Replay, Part::Schema, Part::Down];

/// What is under way, and what is known without it.
pub(super) struct Replay {
    migrations: Arc<[Migration]>,
    /// Whether the way back of any is tried.
    tries: bool,
    /// What was found of the files alone.
    findings: Findings,
    reading: Reading,
    run: Option<Running>,
}

/// Begins to run the history on a server, unless nobody asks for it.
pub(super) fn begin(around: &Around<'_>, gathered: &Gathered, judging: &Judging) -> Result<Replay, Problem> {
    let reading = Reading {
        cwd: around.cwd.to_owned(),
        version: gathered.prisma.unwrap_or_else(|| PrismaVersion::assumed_for(&SchemaHead::default())),
        namespace: judging.namespace.clone(),
        shadow: around.settings.shadow.clone(),
        major: around
            .options
            .destination
            .pg_version
            .or(judging.stats.server_version.map(ServerVersion::major)),
    };
    let mut findings = Findings::default();
    if PARTS.iter().all(|part| around.is_skipped(*part)) {
        return Ok(Replay { migrations: Arc::new([]), tries: false, findings, reading, run: None });
    }
    let history = gathered.history();
    let mut migrations: Vec<Migration> = history.files.iter().map(of_file).collect();
    let tries = ways_back(around, history, &mut migrations, &mut findings)?;
    let migrations: Arc<[Migration]> = migrations.into();
    let asked = || Asked {
        migrations: Arc::clone(&migrations),
        version: reading.server(),
        namespace: reading.namespace.clone(),
        settings: around.settings.shadow.clone(),
        project: around.cwd.to_owned(),
    };
    let run = match history.without_script.is_empty() {
        true => Some(history::begin(asked())?),
        false => None,
    };
    Ok(Replay { migrations, tries, findings, reading, run })
}

impl Replay {
    /// Waits for its end, and tells what came of it.
    pub(super) fn end(
        self,
        around: &Around<'_>,
        gathered: &Gathered,
        base: Option<&Base>,
        findings: &mut Findings,
    ) {
        let Self { migrations, tries, findings: of_files, reading, run } = self;
        if PARTS.iter().all(|part| around.is_skipped(*part)) {
            return PARTS.iter().for_each(|part| findings.looked(*part, Looked::LeftOut));
        }
        findings.take(of_files);
        let version = reading.server();
        let wanted = schema::read(around, gathered, reading, findings);
        // What is said of a part whose turn does not come.
        let not_reached = |findings: &mut Findings, why: &str| {
            let parts = [wanted.is_some().then_some(Part::Schema), tries.then_some(Part::Down)];
            for part in parts.into_iter().flatten() {
                findings.looked(part, Looked::Not { why: why.to_owned(), hints: Vec::new() });
            }
        };
        let Some(run) = run else {
            let folders = gathered.history().without_script.iter();
            let looked = Looked::At("a folder has no migration.sql".to_owned());
            let found = folders.map(|folder| without_script(around, folder)).collect();
            tell(around, findings, Part::Replay, looked, found);
            return not_reached(findings, "the history is not whole");
        };
        let on_server = || {
            let migrations = several(migrations.len(), "migration");
            Looked::At(format!("{migrations} on PostgreSQL {}", version.major()))
        };
        match run.end() {
            Ran::Through { end, tried } => {
                findings.server = Some(version.major().to_string());
                tell(around, findings, Part::Replay, on_server(), Vec::new());
                if let Some(wanted) = wanted {
                    wanted.compare(&end, findings);
                }
                if tries {
                    tell_ways_back(around, &migrations, &tried, findings);
                }
            }
            Ran::Refused(at, refusal) => {
                let script = &migrations[at].script;
                let is_new = base.map(|base| base.is_new(&script.name));
                let fails = replay::fails(script, &refusal, is_new);
                match findings.has_told(&fails) {
                    true => tell(around, findings, Part::Replay, no_sql(&script.name), Vec::new()),
                    false => tell(around, findings, Part::Replay, on_server(), vec![fails]),
                }
                not_reached(findings, "the history does not run to its end");
            }
            Ran::NoServer { why, hints } => {
                tell(around, findings, Part::Replay, Looked::Not { why, hints }, Vec::new());
                not_reached(findings, "the history was not replayed");
            }
        }
    }
}

/// What a part looked at and found, unless it is left out.
fn tell(around: &Around<'_>, findings: &mut Findings, part: Part, looked: Looked, found: Vec<Finding>) {
    if around.is_skipped(part) {
        findings.looked(part, Looked::LeftOut);
    } else {
        findings.looked(part, looked);
        findings.add(found);
    }
}

/// Why there was nothing to run, when lint has told where a file is no SQL.
fn no_sql(name: &str) -> Looked {
    Looked::Not { why: format!("{name} is no SQL, as lint tells"), hints: Vec::new() }
}

fn of_file(file: &File) -> Migration {
    let name = file.at.parent().and_then(Path::file_name).unwrap_or_default();
    let script = Script {
        name: name.to_string_lossy().into_owned(),
        path: file.path.clone(),
        text: file.script.text().to_owned(),
    };
    Migration { script, down: None }
}

fn without_script(around: &Around<'_>, folder: &Path) -> Finding {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    replay::without_script(&name, &around.shown(&folder.join(underpin_engine::files::SCRIPT)))
}

/// Reads the ways back of the last migrations, tells which are missing, and answers whether any is to be tried.
fn ways_back(
    around: &Around<'_>,
    history: &Sequence,
    migrations: &mut [Migration],
    findings: &mut Findings,
) -> Result<bool, Problem> {
    if around.is_skipped(Part::Down) {
        findings.looked(Part::Down, Looked::LeftOut);
        return Ok(false);
    }
    let settings = &around.settings.check;
    let of = |file: &File| file.at.with_file_name(DOWN);
    let has: Vec<bool> = history.files.iter().map(|file| of(file).is_file()).collect();
    let first = migrations.len().saturating_sub(settings.down_last);
    for (at, migration) in migrations.iter_mut().enumerate().skip(first).filter(|(at, _)| has[*at]) {
        let path = of(&history.files[at]);
        let shown = around.shown(&path);
        let bytes = std::fs::read(&path).map_err(|error| {
            Problem::new(format!("cannot be read: {error}")).at(&*shown).hint("check its permissions")
        })?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        findings.texts.insert(shown.clone(), text.clone());
        migration.down = Some(Script { name: migration.script.name.clone(), path: shown, text });
    }
    let last: Vec<&Script> = migrations[first..].iter().map(|one| &one.script).collect();
    let (missing, instead) = down::missing(&last, &has, settings);
    findings.add(missing);
    let tries = instead.is_none();
    if let Some(looked) = instead {
        findings.looked(Part::Down, looked);
    }
    Ok(tries)
}

fn tell_ways_back(
    around: &Around<'_>,
    migrations: &[Migration],
    tried: &[(usize, down::Tried)],
    findings: &mut Findings,
) {
    let mut found = Vec::new();
    for (at, tried) in tried {
        let Migration { script, down } = &migrations[*at];
        found.extend(down.iter().flat_map(|down| down::judge(script, down, tried)));
    }
    let outcomes: Vec<&down::Tried> = tried.iter().map(|(_, tried)| tried).collect();
    let last = around.settings.check.down_last.min(migrations.len());
    tell(around, findings, Part::Down, Looked::At(down::about(&outcomes, last)), found);
}
