//! `underpin lint --fix`: the safe form of what is applied nowhere yet, proven, then written.
//!
//! The order: which migrations may be changed; what lint says about them; their safe forms; what lint says
//! about those; the proof on a throwaway server; the files. Nothing is written before all of it is known, and
//! nothing without a proof.

mod files;

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use underpin_core::lint::Source;
use underpin_core::lint::cost::ASSUMED_ROWS;
use underpin_core::lint::fix::{SafeForm, Unapplied, safe_form};
use underpin_core::lint::page::RulePage;
use underpin_core::lint::report::{FileReport, Report};
use underpin_core::lint::weigh::{Weighed, Weights, weigh};
use underpin_core::settings::Settings;
use underpin_engine::applied::{Applied, Standing};
use underpin_engine::files::{history_of, normal, seen_from};
use underpin_engine::{FilesProver, Problem};
use underpin_prisma::{FolderOrder, Script};
use underpin_sql::{Statement, Surroundings};

use self::files::{Claim, Settled, folder_name, script_in};
use crate::arguments::Lint;
use crate::gather::{File, Gathered, Sequence, gather_since};
use crate::judging::{Judging, home};
use crate::output::Output;
use crate::output::lint::fix::{FixTold, MigrationTold, Proof};
use crate::output::lint::{Format, Told};
use crate::place;
use crate::reporting::columns;

/// What lint has prepared.
pub(super) struct Run<'a> {
    pub(super) options: &'a Lint,
    pub(super) output: &'a Output,
    pub(super) cwd: &'a Path,
    pub(super) settings: &'a Settings,
    pub(super) judging: &'a Judging,
    pub(super) weights: &'a Weights<'a>,
    pub(super) pages: &'a [RulePage],
    pub(super) together: bool,
}

/// A migration that may be changed, with its safe form.
struct Candidate {
    path: String,
    form: SafeForm,
}

pub(super) async fn run(run: &Run<'_>, mut gathered: Gathered) -> Result<u8, Problem> {
    if !matches!(run.options.reporting.format(), Format::Human | Format::Json) {
        return Err(Problem::new("--fix tells what it writes for people and as JSON only")
            .hint("leave out --format, or use --json; lint the written files for the other forms"));
    }
    let since = keep_unapplied(run, &mut gathered).await?;
    let mut candidates = candidates(run, &gathered);
    refuse_what_comes_back(run, &gathered, &mut candidates);
    let proof = prove(run, &gathered, &mut candidates).await?;
    let outcome = replaced(&gathered, &candidates, run.cwd);
    let (report, weighed) = judged(run, &outcome);
    let texts = outcome.texts();
    let text_of = |path: &str| texts.get(path).copied();
    let told = Told {
        report: &report,
        weighed: &weighed,
        pages: run.pages,
        text_of: &text_of,
        fail_on: run.options.reporting.fail_on(&run.settings.lint),
        below: "",
        width: 0,
        styled: false,
        checked: None,
    };
    if !run.options.dry_run {
        write(run, &gathered, &candidates)?;
    }
    let migrations = candidates
        .iter()
        .map(|candidate| {
            let path = |folder: &str| seen_from(run.cwd, &script_in(run.cwd, &candidate.path, folder));
            let before =
                gathered.texts().get(candidate.path.as_str()).copied().unwrap_or_default().to_owned();
            MigrationTold::of(&candidate.path, &before, &candidate.form, path)
        })
        .collect();
    let fix = FixTold::new(run.options.dry_run, since, proof, migrations, told.verdict(), told.exit_code());
    run.output.say(fix.human(columns(std::io::stdout().is_terminal())));
    run.output.object(&fix);
    if fix.has_written() {
        run.output.remark(
            "a development database that had the old file applied no longer fits: `prisma migrate dev` asks to reset it",
        );
    }
    Ok(told.exit_code())
}

/// Puts right what a killed run has left in the migrations folders; whether there was anything.
pub(super) fn settle(gathered: &Gathered, options: &Lint, output: &Output) -> Result<bool, Problem> {
    let mut was_left = false;
    for migrations in migrations_of(gathered) {
        if options.dry_run {
            // The warning of what is there tells to run it without.
            continue;
        }
        let _claim = Claim::on(&migrations)?;
        if let Some(settled) = files::settle(&migrations)? {
            was_left = true;
            output.remark(match settled {
                Settled::Finished => "finished what an interrupted `lint --fix` had begun to write",
                Settled::TakenBack => {
                    "took back what an interrupted `lint --fix` had begun to write: the migrations are as they were"
                }
            });
        }
    }
    Ok(was_left)
}

fn migrations_of(gathered: &Gathered) -> BTreeSet<PathBuf> {
    let histories = gathered.sequences.iter().filter(|sequence| sequence.from_empty);
    histories.flat_map(|sequence| &sequence.files).filter_map(|file| history_of(&file.at)).collect()
}

/// Writes the safe forms, unless what they were made from is no longer what is there: a proof takes seconds, and
/// somebody may have gone on editing, or have started the same command.
fn write(run: &Run<'_>, gathered: &Gathered, candidates: &[Candidate]) -> Result<(), Problem> {
    let changed: Vec<&Candidate> =
        candidates.iter().filter(|candidate| !candidate.form.files.is_empty()).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let _claims: Vec<Claim> =
        migrations_of(gathered).iter().map(|migrations| Claim::on(migrations)).collect::<Result<_, _>>()?;
    let (now, _) = gather_since(&run.options.migrations, run.options.since.as_deref(), run.cwd)?;
    let (before, now) = (gathered.texts(), now.texts());
    let other = before.keys().chain(now.keys()).find(|path| before.get(**path) != now.get(**path));
    if let Some(path) = other {
        return Err(Problem::new("nothing is written, because a migration changed while the proof was made")
            .at((*path).to_owned())
            .hint("run the command again"));
    }
    changed
        .into_iter()
        .try_for_each(|candidate| files::write(&run.cwd.join(&candidate.path), &candidate.form.files))
}

/// Leaves only what may be changed asked for, and answers what that means.
async fn keep_unapplied(run: &Run<'_>, gathered: &mut Gathered) -> Result<Option<String>, Problem> {
    let typed = &run.options.migrations;
    let database = typed.url.as_deref().map(place::typed_url).transpose()?;
    let applied = Applied::look(run.cwd, run.options.since.as_deref(), database.as_ref()).await?;
    let named: Vec<_> = typed.paths.iter().map(|path| normal(&run.cwd.join(path))).collect();
    for sequence in &mut gathered.sequences {
        let from_empty = sequence.from_empty;
        for file in sequence.files.iter_mut().filter(|file| file.asked) {
            let is_named =
                named.iter().any(|path| *path == file.at || Some(path.as_path()) == file.at.parent());
            let refused =
                match may_be_changed(file, from_empty, &applied, run.options.not_applied && is_named) {
                    Ok(()) => continue,
                    Err(refused) => refused,
                };
            // What is applied is no news, unless somebody asks for just that.
            if is_named || !refused.is_usual {
                return Err(*refused.problem);
            }
            file.asked = false;
        }
    }
    Ok(applied.since())
}

struct Refused {
    problem: Box<Problem>,
    /// Most migrations of a history are applied.
    is_usual: bool,
}

fn may_be_changed(
    file: &File,
    from_empty: bool,
    applied: &Applied,
    on_their_word: bool,
) -> Result<(), Refused> {
    let refuse = |problem: Problem, is_usual| {
        Err(Refused { problem: Box::new(problem.at(file.path.clone())), is_usual })
    };
    if !from_empty {
        let problem = Problem::new("--fix changes migrations of Prisma, and this is none").hint(
            "name a migration.sql in a migrations folder: what comes before it is needed for the proof",
        );
        return refuse(problem, false);
    }
    match applied.standing(&folder_name(&file.at), &file.at, on_their_word) {
        Standing::New if file.script.is_lossy() => {
            refuse(Problem::new("the file is not UTF-8").hint("save it as UTF-8"), true)
        }
        Standing::New => Ok(()),
        Standing::Applied(why) => {
            let problem = Problem::new(format!("a migration that is applied is not changed: {why}"))
                .hint("what it still lacks goes into a new migration");
            refuse(problem, true)
        }
        Standing::Unknown(why) => {
            let problem = Problem::new(format!(
                "nobody can tell whether this migration is applied somewhere, and then it must not be changed: {why}"
            ))
            .hint("say since when migrations are new: --since REVISION")
            .hint("or ask the database: --url URL")
            .hint("or name it and say so: underpin lint --fix --not-applied FOLDER");
            refuse(problem, false)
        }
    }
}

/// The migrations that lint finds something in, with their safe forms.
fn candidates(run: &Run<'_>, gathered: &Gathered) -> Vec<Candidate> {
    let mut seen: Vec<(Surroundings, Vec<Statement>)> = Vec::new();
    let mut report = Report { files: Vec::new() };
    run.judging.each_before(
        gathered,
        &run.settings.lint,
        run.together,
        ASSUMED_ROWS,
        |linter, source: &Source<'_>| (linter.before_next(), source.read.clone().unwrap_or_default()),
        |before, file| {
            seen.push(before);
            report.files.push(file);
        },
    );
    let texts = gathered.texts();
    weigh(&mut report, run.weights, &|path| texts.get(path).copied());
    let of = |(file, (before, statements)): (&FileReport, &(Surroundings, Vec<Statement>))| {
        let (sequence, at) = find(gathered, &file.path)?;
        let folders: Vec<String> = sequence.files.iter().map(|file| folder_name(&file.at)).collect();
        let form = safe_form(&Unapplied {
            folder: &folders[at],
            folders: &folders,
            order: FolderOrder::of(gathered.prisma),
            text: sequence.files[at].script.text(),
            statements,
            before,
            report: file,
        });
        let is_told = !form.files.is_empty() || !form.left.is_empty();
        is_told.then(|| Candidate { path: file.path.clone(), form })
    };
    report.files.iter().zip(&seen).filter_map(of).collect()
}

fn find<'g>(gathered: &'g Gathered, path: &str) -> Option<(&'g Sequence, usize)> {
    let at = |sequence: &'g Sequence| {
        let at = sequence.files.iter().position(|file| file.path == path)?;
        Some((sequence, at))
    };
    gathered.sequences.iter().find_map(at)
}

/// A safe form in which lint finds again what it was to do away with is none.
fn refuse_what_comes_back(run: &Run<'_>, gathered: &Gathered, candidates: &mut [Candidate]) {
    // What is refused changes what later files meet, so all are looked at again.
    for _ in 0..=candidates.len() {
        let outcome = replaced(gathered, candidates, run.cwd);
        let (report, _) = judged(run, &outcome);
        let mut refused = false;
        for candidate in candidates.iter_mut().filter(|candidate| !candidate.form.files.is_empty()) {
            let own: Vec<String> = candidate
                .form
                .files
                .iter()
                .map(|file| seen_from(run.cwd, &script_in(run.cwd, &candidate.path, &file.folder)))
                .collect();
            let again =
                report.files.iter().filter(|file| own.contains(&file.path)).flat_map(|file| &file.findings);
            if let Some(finding) = candidate.form.comes_back(again) {
                let why = format!(
                    "its other form would not be free of {} either: {}",
                    finding.rule, finding.message
                );
                candidate.form.leave_all(&why);
                refused = true;
            }
        }
        if !refused {
            return;
        }
    }
}

/// Proves every safe form behind the history before it. What is not proven is not written.
async fn prove(run: &Run<'_>, gathered: &Gathered, candidates: &mut [Candidate]) -> Result<Proof, Problem> {
    if candidates.iter().all(|candidate| candidate.form.files.is_empty()) {
        return Ok(Proof::NothingToProve);
    }
    let mut shadow = run.settings.shadow.clone();
    if let Some(bin) = &run.options.postgres_bin {
        shadow.postgres_bin = Some(bin.clone());
    }
    let server = run.judging.server;
    for sequence in &gathered.sequences {
        let mut prover = FilesProver::new(server, home(), &shadow, Some(run.cwd.to_owned()));
        let mut outcome = Ok(());
        for file in &sequence.files {
            let candidate = candidates
                .iter_mut()
                .find(|candidate| candidate.path == file.path && !candidate.form.files.is_empty());
            if let Some(candidate) = candidate {
                let texts: Vec<&str> = candidate.form.files.iter().map(|file| file.text.as_str()).collect();
                match prover.prove(file.script.text(), &texts).await {
                    Ok(()) => {}
                    Err(unproven) if unproven.is_without_server() => {
                        outcome = Err(unproven);
                        break;
                    }
                    Err(unproven) => candidate.form.leave_all(&unproven.to_string()),
                }
            }
            prover.advance(&folder_name(&file.at), file.script.text());
        }
        prover.finish().await;
        match outcome {
            Ok(()) => {}
            Err(unproven) if run.options.dry_run => {
                return Ok(Proof::NotProven { why: unproven.to_string() });
            }
            Err(unproven) => {
                let mut problem = Problem::new(format!("nothing is written without a proof: {unproven}"));
                problem.hints.extend(unproven.hint());
                return Err(problem
                    .hint("name the major version of your server with --pg-version, and its programs with --postgres-bin")
                    .hint("--fix --dry-run shows what would be written"));
            }
        }
    }
    Ok(Proof::Proven { server: server.major() })
}

/// What there is when the safe forms are written.
fn replaced(gathered: &Gathered, candidates: &[Candidate], cwd: &Path) -> Gathered {
    let mut outcome = gathered.clone();
    for sequence in &mut outcome.sequences {
        let files = std::mem::take(&mut sequence.files);
        for file in files {
            let form = candidates.iter().find(|candidate| candidate.path == file.path);
            match form.map(|candidate| candidate.form.files.as_slice()) {
                None | Some([]) => sequence.files.push(file),
                Some(written) => sequence.files.extend(written.iter().map(|new| {
                    let at = script_in(cwd, &file.path, &new.folder);
                    File {
                        path: seen_from(cwd, &at),
                        at,
                        script: Script::from_bytes(new.text.as_bytes()),
                        asked: true,
                        standing: file.standing,
                    }
                })),
            }
        }
    }
    outcome
}

fn judged(run: &Run<'_>, gathered: &Gathered) -> (Report, Weighed) {
    let mut report = Report { files: Vec::new() };
    run.judging
        .each(gathered, &run.settings.lint, run.together, ASSUMED_ROWS, |file| report.files.push(file));
    let texts = gathered.texts();
    let weighed = weigh(&mut report, run.weights, &|path| texts.get(path).copied());
    (report, weighed)
}
