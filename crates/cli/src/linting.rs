//! A run of lint as `lint` and `check` make it: from what was gathered to a report that is weighed.

use std::path::Path;

use underpin_core::lint::baseline::{Baseline, Scope};
use underpin_core::lint::cost::ASSUMED_ROWS;
use underpin_core::lint::page::RulePage;
use underpin_core::lint::report::Report;
use underpin_core::lint::repository::RepositoryFile;
use underpin_core::lint::suppress::Known;
use underpin_core::lint::weigh::{Weighed, Weights, weigh_file, weigh_together};
use underpin_core::lint::{idle_rules, pages, repository as surroundings};
use underpin_core::settings::LintSettings;
use underpin_engine::files::{normal, seen_from};
use underpin_engine::on_each;

use crate::arguments::Migrations;
use crate::gather::{Gathered, Since, repository};
use crate::judging::Judging;

/// Below this many files a thread takes longer to start than it saves: weighing one takes 10 µs, and writing as
/// long.
const FILES_A_THREAD: usize = 50;

/// The rules, by page and by name.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) pages: Vec<RulePage>,
    names: Vec<&'static str>,
    idle: Vec<&'static str>,
}

/// What was found, and the files around the migrations.
#[derive(Debug)]
pub(crate) struct Linted {
    pub(crate) report: Report,
    pub(crate) around: Vec<RepositoryFile>,
}

impl Rules {
    pub(crate) fn of(settings: &LintSettings) -> Self {
        let pages: Vec<RulePage> = pages().collect();
        let names = pages.iter().map(|page| page.name).collect();
        Self { pages, names, idle: idle_rules(&settings.groups).collect() }
    }

    /// What a report is weighed with. `rooted` as [`rooted`] makes it.
    pub(crate) fn weights<'a>(
        &'a self,
        settings: &'a LintSettings,
        baseline: &'a Baseline,
        scope: Scope,
        rooted: &'a (dyn Fn(&str) -> String + Sync),
    ) -> Weights<'a> {
        Weights {
            settings,
            known: Known { rules: &self.names, idle: &self.idle },
            baseline,
            scope,
            today: jiff::Zoned::now().date(),
            rooted,
        }
    }
}

/// From a path of a report, which is from the working folder, to one from that of the settings.
pub(crate) fn rooted(cwd: &Path, settings_folder: &Path) -> impl Fn(&str) -> String + Sync {
    |path| seen_from(settings_folder, &normal(&cwd.join(path)))
}

/// Judges the files, and those around them.
pub(crate) fn lint(
    options: &Migrations,
    since: Option<&Since>,
    gathered: &Gathered,
    judging: &Judging,
    settings: &LintSettings,
    cwd: &Path,
) -> Linted {
    let mut report = Report { files: Vec::new() };
    // What is new since a revision is deployed with it; a whole history was deployed over years.
    judging.each(gathered, settings, since.is_some(), ASSUMED_ROWS, |file| report.files.push(file));
    let around = repository(options, since, cwd);
    report.files.extend(surroundings::look(&around).into_iter().filter(|file| !file.findings.is_empty()));
    Linted { report, around }
}

/// Weighs a report; `sql_of` answers the text of a file of SQL, whose comments may ignore a finding.
pub(crate) fn weigh<'t>(
    report: &mut Report,
    weights: &Weights<'_>,
    sql_of: &(dyn Fn(&str) -> Option<&'t str> + Sync),
) -> Weighed {
    on_each(&mut report.files, FILES_A_THREAD, |file| {
        let text = sql_of(&file.path).unwrap_or_default();
        weigh_file(file, weights, text);
    });
    weigh_together(report, weights)
}
