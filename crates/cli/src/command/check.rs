//! `underpin check`
//!
//! The parts, each with what it needs, then one report of all that they found. A part that cannot look stops no
//! other.

mod history;
mod schema;

use std::collections::BTreeMap;
use std::path::Path;

use underpin_core::check::base::Base;
use underpin_core::check::{Looked, Part, conclude};
use underpin_core::lint::baseline::Scope;
use underpin_core::lint::finding::Finding;
use underpin_core::lint::report::{FileReport, Report};
use underpin_core::settings::Settings;
use underpin_engine::Problem;
use underpin_engine::check::base::{Branch, Destination, Found, find};
use underpin_engine::files::seen_from;
use underpin_prisma::FolderOrder;

use crate::arguments::{Check, Migrations};
use crate::gather::{Gathered, Since, below_top, gather};
use crate::judging::Judging;
use crate::linting::{Rules, lint, rooted, weigh};
use crate::output::Output;
use crate::output::lint::Told;
use crate::output::lint::checked::{BaseTold, Checked};
use crate::output::protected::ProtectedTold;
use crate::{baseline, place, reporting};

/// What the parts have found so far.
#[derive(Debug, Default)]
struct Findings {
    looked: Vec<(Part, Looked)>,
    report: Vec<FileReport>,
    /// The texts of files that are no migrations, by their paths in findings.
    texts: BTreeMap<String, String>,
    server: Option<String>,
    missing_sql: Option<String>,
    protected: Vec<ProtectedTold>,
}

/// What every part is given.
struct Around<'a> {
    options: &'a Check,
    /// The options of lint that stand for these.
    migrations: &'a Migrations,
    settings: &'a Settings,
    cwd: &'a Path,
}

pub(crate) async fn run(options: &Check, output: &Output) -> Result<u8, Problem> {
    let cwd = place::working_folder()?;
    let (mut settings, settings_folder) = place::settings_near(options.files.settings.as_deref(), &cwd)?;
    settings.shadow = options.replay.over(&settings.shadow);
    reporting::check_names(&settings.lint)?;
    let rules = Rules::of(&settings.lint);
    let baseline =
        baseline::find(options.reporting.baseline.as_deref(), false, &cwd, &settings_folder)?.entries;
    let migrations = Migrations {
        destination: options.destination.clone(),
        files: options.files.clone(),
        ..Migrations::default()
    };
    let around = Around { options, migrations: &migrations, settings: &settings, cwd: &cwd };
    let mut gathered = gather(&migrations, &cwd)?;
    for warning in &gathered.warnings {
        output.remark(format!("warning: {warning}"));
    }
    let judging = Judging::without_releases(&migrations, &gathered, &settings, &cwd).await?;
    // The server takes its time, in which there is much else to look at.
    let replay = history::begin(&around, &gathered, &judging)?;
    let branch = branch(&around)?;
    let since = match &branch {
        Found::Branch(branch) => Some(Since::from(branch.common.as_str(), &branch.changes)),
        Found::NothingCommitted | Found::Unknown { .. } => None,
    };
    if let Some(since) = &since {
        gathered.only_since(since, &cwd);
    }
    let mut findings = Findings::default();
    let base = base(&around, &branch, &gathered, &mut findings)?;
    if let Some(base) = base.as_ref().filter(|base| base.moved_from.is_some()) {
        gathered.moved(base);
    }
    let judging = judging.with_releases(&migrations, &gathered, &settings, since.is_some(), &cwd)?;
    linted(&around, &branch, since.as_ref(), &gathered, &judging, &mut findings);
    replay.end(&around, &gathered, base.as_ref(), &mut findings);

    let mut report = Report { files: std::mem::take(&mut findings.report) };
    let texts = gathered.texts();
    let text_of =
        |path: &str| texts.get(path).copied().or_else(|| findings.texts.get(path).map(String::as_str));
    // Comments that ignore a finding are those of SQL.
    let sql_of = |path: &str| text_of(path).filter(|_| path.ends_with(".sql"));
    let rooted = rooted(&cwd, &settings_folder);
    let weighed =
        weigh(&mut report, &rules.weights(&settings.lint, &baseline, Scope::Part, &rooted), &sql_of);
    let fail_on = options.reporting.fail_on(&settings.lint);
    let checked = Checked {
        base: match &branch {
            Found::Branch(Branch { revision, common, .. }) => {
                Some(BaseTold { revision: revision.clone(), commit: common.as_str().to_owned() })
            }
            Found::NothingCommitted | Found::Unknown { .. } => None,
        },
        server: findings.server,
        parts: conclude(findings.looked, &report, fail_on),
        missing_sql: findings.missing_sql,
        protected: findings.protected,
    };
    let (width, styled) = options.reporting.surface();
    let told = Told {
        report: &report,
        weighed: &weighed,
        pages: &rules.pages,
        text_of: &text_of,
        fail_on,
        below: &below_top(&cwd),
        width,
        styled,
        checked: Some(&checked),
    };
    options.reporting.report(&told, output)
}

impl Around<'_> {
    fn is_skipped(&self, part: Part) -> bool {
        self.options.skip.contains(&part)
    }

    fn shown(&self, path: &Path) -> String {
        seen_from(self.cwd, path)
    }
}

impl Findings {
    fn looked(&mut self, part: Part, looked: Looked) {
        self.looked.push((part, looked));
    }

    /// Whether lint has told the same error of the same file's syntax.
    fn has_told(&self, other: &Finding) -> bool {
        let told = self.report.iter().flat_map(|file| &file.findings);
        other.sqlstate.as_deref() == Some("42601")
            && told.filter(|one| one.rule == "syntax-error").any(|one| one.path == other.path)
    }

    /// Takes over what a part has found by itself.
    fn take(&mut self, other: Self) {
        self.looked.extend(other.looked);
        self.texts.extend(other.texts);
        other.report.into_iter().for_each(|file| self.add(file.findings));
    }

    /// Puts findings to those of their files.
    fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            match self.report.iter_mut().find(|file| file.path == finding.path) {
                Some(file) => file.findings.push(finding),
                None => self.report.push(FileReport {
                    path: finding.path.clone(),
                    statements: Vec::new(),
                    findings: vec![finding],
                }),
            }
        }
    }
}

fn branch(around: &Around<'_>) -> Result<Found, Problem> {
    let Around { options, settings, cwd, .. } = around;
    if around.is_skipped(Part::Base) && around.is_skipped(Part::Lint) {
        return Ok(Found::Unknown { why: String::new(), hints: Vec::new() });
    }
    let named = options.base.clone().or_else(|| settings.check.base.clone());
    find(cwd, &Destination { named, requested: place::requested_branch() })
}

/// The history against the branch that it goes to.
fn base(
    around: &Around<'_>,
    branch: &Found,
    gathered: &Gathered,
    findings: &mut Findings,
) -> Result<Option<Base>, Problem> {
    if around.is_skipped(Part::Base) {
        findings.looked(Part::Base, Looked::LeftOut);
        return Ok(None);
    }
    let branch = match branch {
        Found::Branch(branch) => branch,
        Found::NothingCommitted => {
            let nothing = "nothing is committed yet, so no branch has a migration".to_owned();
            findings.looked(Part::Base, Looked::Nothing(nothing));
            return Ok(None);
        }
        Found::Unknown { why, hints } => {
            findings.looked(Part::Base, Looked::Not { why: why.clone(), hints: hints.clone() });
            return Ok(None);
        }
    };
    let folder = gathered.folder.as_deref().expect("without paths a history is gathered, from its folder");
    let base = branch.compare(folder, FolderOrder::of(gathered.prisma), &|path| around.shown(path))?;
    if let Some(lock) = &base.lock_file {
        findings.texts.extend(lock.text.clone().map(|text| (lock.path.clone(), text)));
    }
    findings.looked(Part::Base, Looked::At(base.about()));
    findings.add(base.judge());
    Ok(Some(base))
}

/// What is new, judged by lint.
fn linted(
    around: &Around<'_>,
    branch: &Found,
    since: Option<&Since>,
    gathered: &Gathered,
    judging: &Judging,
    findings: &mut Findings,
) {
    if around.is_skipped(Part::Lint) {
        return findings.looked(Part::Lint, Looked::LeftOut);
    }
    if let Found::Unknown { .. } = branch {
        let why = "without a base nobody knows what is new".to_owned();
        let hints = vec!["`underpin lint` judges all migrations".to_owned()];
        return findings.looked(Part::Lint, Looked::Not { why, hints });
    }
    let linted = lint(around.migrations, since, gathered, judging, &around.settings.lint, around.cwd);
    let (files, statements) = linted
        .report
        .files
        .iter()
        .fold((0, 0), |(files, all), file| (files + 1, all + file.statements.len()));
    findings.looked(
        Part::Lint,
        match gathered.is_anything_asked() || files > 0 {
            true => Looked::At(format!("{}, {}", several(files, "file"), several(statements, "statement"))),
            false => Looked::Nothing("no migration is new".to_owned()),
        },
    );
    findings.texts.extend(linted.around.into_iter().map(|file| (file.path, file.text)));
    for file in linted.report.files {
        match findings.report.iter_mut().find(|known| known.path == file.path) {
            Some(known) => {
                known.statements = file.statements;
                known.findings.extend(file.findings);
            }
            None => findings.report.push(file),
        }
    }
}

fn several(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}
