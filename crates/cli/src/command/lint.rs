//! `underpin lint`
//!
//! Gathers what was asked for, lints, decides what counts, prints. A report is on stdout or in a file,
//! everything else on stderr.

mod baseline;
mod fix;

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use underpin_core::exit;
use underpin_core::lint::cost::ASSUMED_ROWS;
use underpin_core::lint::order::{self, Place};
use underpin_core::lint::page::RulePage;
use underpin_core::lint::report::Report;
use underpin_core::lint::suppress::Known;
use underpin_core::lint::weigh::{Weights, weigh_file, weigh_together};
use underpin_core::lint::{pages, repository as surroundings, rules, unknown_names};
use underpin_core::settings::LintSettings;
use underpin_engine::files::{normal, seen_from};
use underpin_engine::{Problem, on_each};

use crate::arguments::Lint;
use crate::gather::{Gathered, below_top, gather, repository};
use crate::judging::Judging;
use crate::output::lint::{Format, Told, write_to};
use crate::output::{Output, may_colour, width};
use crate::place;

/// The width of a report that goes into a file or a pipe.
const WIDTH: usize = 100;

/// Below this many files a thread takes longer to start than it saves: weighing one takes 10 µs, and writing as
/// long.
const FILES_A_THREAD: usize = 50;

/// A pipe takes so much at once.
const BYTES_AT_A_TIME: usize = 64 << 10;

pub(crate) async fn run(options: &Lint, output: &Output) -> Result<u8, Problem> {
    let cwd = place::working_folder()?;
    let (settings, settings_folder) =
        place::settings_near(options.migrations.files.settings.as_deref(), &cwd)?;
    let pages: Vec<RulePage> = pages().collect();
    let names: Vec<&str> = pages.iter().map(|page| page.name).collect();
    check_names(&settings.lint)?;
    let asked_for = |group: &str| settings.lint.groups.iter().any(|name| name == group);
    let idle: Vec<&str> = rules()
        .filter(|rule| rule.group.is_opt_in() && !asked_for(rule.group.as_str()))
        .map(|rule| rule.name())
        .collect();
    let baseline = baseline::find(options, &cwd, &settings_folder)?;
    let mut gathered = gather(&options.migrations, options.since.as_deref(), &cwd)?;
    if options.fix && fix::settle(&gathered, options, output)? {
        gathered = gather(&options.migrations, options.since.as_deref(), &cwd)?;
    }
    for warning in &gathered.warnings {
        output.remark(format!("warning: {warning}"));
    }

    let is_anything_asked =
        gathered.sequences.iter().flat_map(|sequence| &sequence.files).any(|file| file.asked);
    if let Some(revision) = options.since.as_deref().filter(|_| !is_anything_asked) {
        output.remark(format!("no migration was added or changed since {revision}"));
    }

    // What is new since a revision is deployed with it; a whole history was deployed over years.
    let together = options.since.is_some();
    let judging = Judging::prepare(&options.migrations, &gathered, &settings, together, &cwd).await?;
    let rooted = |path: &str| seen_from(&settings_folder, &normal(&cwd.join(path)));
    let weights = Weights {
        settings: &settings.lint,
        known: Known { rules: &names, idle: &idle },
        baseline: &baseline.entries,
        scope: gathered.scope,
        today: jiff::Zoned::now().date(),
        rooted: &rooted,
    };
    if options.fix {
        let run = fix::Run {
            options,
            output,
            cwd: &cwd,
            settings: &settings,
            judging: &judging,
            weights: &weights,
            pages: &pages,
            together,
        };
        return fix::run(&run, gathered).await;
    }
    let mut report = Report { files: Vec::new() };
    judging.each(&gathered, &settings.lint, together, ASSUMED_ROWS, |file| report.files.push(file));
    add_order(&mut report, &gathered);
    let around = repository(&options.migrations, options.since.as_deref(), &cwd)?;
    report.files.extend(surroundings::look(&around).into_iter().filter(|file| !file.findings.is_empty()));
    let texts = gathered.texts();
    // Comments that ignore a finding are those of SQL.
    let sql_of = |path: &str| texts.get(path).copied();
    let text_of = |path: &str| {
        let elsewhere = || around.iter().find(|file| file.path == path).map(|file| file.text.as_str());
        sql_of(path).or_else(elsewhere)
    };
    on_each(&mut report.files, FILES_A_THREAD, |file| {
        let text = sql_of(&file.path).unwrap_or_default();
        weigh_file(file, &weights, text);
    });
    let weighed = weigh_together(&mut report, &weights);
    if options.write_baseline {
        let renewed = baseline.entries.renewed(&report, gathered.scope, &rooted);
        baseline.write(&renewed)?;
        output.remark(format!("{}: {}", baseline.path.display(), entries(renewed.len())));
        return Ok(exit::CLEAN);
    }

    let on_terminal = options.file.is_none() && std::io::stdout().is_terminal();
    let below = below_top(&cwd);
    let told = Told {
        report: &report,
        weighed: &weighed,
        pages: &pages,
        text_of: &text_of,
        fail_on: options.fail_on.unwrap_or(settings.lint.fail_on),
        below: &below,
        width: columns(on_terminal),
        styled: on_terminal && may_colour(),
    };
    match &options.file {
        None => {
            // A reader that has gone away is not our failure.
            let _ = print(options.format(), &told, std::io::stdout().lock());
            if let Some(step) = told.next_step().filter(|_| on_terminal && options.format() == Format::Human)
            {
                output.remark(step);
            }
        }
        Some(path) => {
            let file = std::fs::File::create(path);
            file.and_then(|file| print(options.format(), &told, file))
                .map_err(|error| unwritable(path, &error))?;
            output.remark(format!("{}: {}", path.display(), told.verdict()));
        }
    }
    Ok(told.exit_code())
}

/// A rule that is misspelt in the settings would be a rule that is not set, and so with groups.
fn check_names(settings: &LintSettings) -> Result<(), Problem> {
    match unknown_names(settings).first() {
        Some(unknown) => Err(Problem::new(unknown.message()).hint(unknown.hint())),
        None => Ok(()),
    }
}

fn columns(on_terminal: bool) -> usize {
    if on_terminal { width().unwrap_or(WIDTH) } else { WIDTH }
}

fn print(format: Format, told: &Told<'_>, to: impl Write) -> io::Result<()> {
    let mut to = BufWriter::with_capacity(BYTES_AT_A_TIME, to);
    write_to(format, told, &mut to)?;
    to.flush()
}

fn write(path: &Path, text: &str) -> Result<(), Problem> {
    std::fs::write(path, text).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &io::Error) -> Problem {
    Problem::new(format!("cannot be written: {error}"))
        .at(path.display().to_string())
        .hint("name a file in a folder that is there and may be written to")
}

fn entries(count: usize) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}

/// What the names of whole folders say, beside what their files do.
fn add_order(report: &mut Report, gathered: &Gathered) {
    for sequence in gathered.sequences.iter().filter(|sequence| sequence.from_empty) {
        let files = sequence.files.iter();
        let folder: Vec<_> = files.map(|file| Place { path: &file.path, standing: file.standing }).collect();
        for finding in order::look(&folder) {
            if let Some(file) = report.files.iter_mut().find(|file| file.path == finding.path) {
                file.findings.push(finding);
            }
        }
    }
}
