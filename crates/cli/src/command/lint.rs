//! `underpin lint`
//!
//! Gathers what was asked for, lints, decides what counts, prints. A report is on stdout or in a file,
//! everything else on stderr.

mod fix;

use underpin_core::exit;
use underpin_core::lint::order::{self, Place};
use underpin_core::lint::report::Report;
use underpin_engine::Problem;

use crate::arguments::Lint;
use crate::gather::{Gathered, below_top, gather_since};
use crate::judging::Judging;
use crate::linting::{Rules, lint, rooted, weigh};
use crate::output::Output;
use crate::output::lint::Told;
use crate::{baseline, place, reporting};

pub(crate) async fn run(options: &Lint, output: &Output) -> Result<u8, Problem> {
    let cwd = place::working_folder()?;
    let (settings, settings_folder) =
        place::settings_near(options.migrations.files.settings.as_deref(), &cwd)?;
    reporting::check_names(&settings.lint)?;
    let rules = Rules::of(&settings.lint);
    let typed = options.reporting.baseline.as_deref();
    let baseline = baseline::find(typed, options.write_baseline, &cwd, &settings_folder)?;
    let revision = options.since.as_deref();
    let (mut gathered, mut since) = gather_since(&options.migrations, revision, &cwd)?;
    if options.fix && fix::settle(&gathered, options, output)? {
        (gathered, since) = gather_since(&options.migrations, revision, &cwd)?;
    }
    let Gathered { warnings, without_script, not_kept, .. } = &gathered;
    for warning in warnings.iter().chain(without_script).chain(not_kept) {
        output.remark(format!("warning: {warning}"));
    }
    if let Some(revision) = revision.filter(|_| !gathered.is_anything_asked()) {
        output.remark(format!("no migration was added or changed since {revision}"));
    }

    let together = since.is_some();
    let judging = Judging::prepare(&options.migrations, &gathered, &settings, together, &cwd).await?;
    let rooted = rooted(&cwd, &settings_folder);
    let weights = rules.weights(&settings.lint, &baseline.entries, gathered.scope, &rooted);
    if options.fix {
        let run = fix::Run {
            options,
            output,
            cwd: &cwd,
            settings: &settings,
            judging: &judging,
            weights: &weights,
            pages: &rules.pages,
            together,
        };
        return fix::run(&run, gathered).await;
    }
    let mut linted = lint(&options.migrations, since.as_ref(), &gathered, &judging, &settings.lint, &cwd);
    add_order(&mut linted.report, &gathered);
    let texts = gathered.texts();
    let sql_of = |path: &str| texts.get(path).copied();
    let weighed = weigh(&mut linted.report, &weights, &sql_of);
    if options.write_baseline {
        let renewed = baseline.entries.renewed(&linted.report, gathered.scope, &rooted);
        baseline.write(&renewed)?;
        output.remark(format!("{}: {}", baseline.path.display(), entries(renewed.len())));
        return Ok(exit::CLEAN);
    }

    let around = &linted.around;
    let text_of = |path: &str| {
        let elsewhere = || around.iter().find(|file| file.path == path).map(|file| file.text.as_str());
        sql_of(path).or_else(elsewhere)
    };
    let (width, styled) = options.reporting.surface();
    let told = Told {
        report: &linted.report,
        weighed: &weighed,
        pages: &rules.pages,
        text_of: &text_of,
        fail_on: options.reporting.fail_on(&settings.lint),
        below: &below_top(&cwd),
        width,
        styled,
        checked: None,
    };
    options.reporting.report(&told, output)
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
