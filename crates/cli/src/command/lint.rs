//! `underpin lint`
//!
//! Gathers what was asked for, lints, decides what counts, prints. A report is on stdout or in a file,
//! everything else on stderr.

mod baseline;
mod gather;

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::path::Path;

use underpin_catalog::{Name, ServerVersion};
use underpin_core::exit;
use underpin_core::lint::cost::ASSUMED_ROWS;
use underpin_core::lint::page::{RulePage, nearest};
use underpin_core::lint::report::Report;
use underpin_core::lint::stats::Stats;
use underpin_core::lint::suppress::Known;
use underpin_core::lint::weigh::{Weights, weigh};
use underpin_core::lint::{Circumstances, Group, Linter, Source, pages, rules};
use underpin_core::settings::LintSettings;
use underpin_engine::files::{normal, seen_from};
use underpin_engine::{Problem, read_each};
use underpin_sql::in_force::Session;
use underpin_sql::sending::Sender;

use self::gather::{Gathered, below_top, gather};
use crate::arguments::Lint;
use crate::output::lint::{Told, render};
use crate::output::{Output, may_colour, width};
use crate::place;

/// The width of a report that goes into a file or a pipe.
const WIDTH: usize = 100;

pub(crate) async fn run(options: &Lint, output: &Output) -> Result<u8, Problem> {
    let cwd = place::working_folder()?;
    let (settings, settings_folder) = place::settings_near(options.settings.as_deref(), &cwd)?;
    let pages: Vec<RulePage> = pages().collect();
    let names: Vec<&str> = pages.iter().map(|page| page.name).collect();
    check_names(&settings.lint, &names)?;
    let asked_for = |group: &str| settings.lint.groups.iter().any(|name| name == group);
    let idle: Vec<&str> = rules()
        .filter(|rule| rule.group.is_opt_in() && !asked_for(rule.group.as_str()))
        .map(|rule| rule.name())
        .collect();
    let baseline = baseline::find(options, &cwd, &settings_folder)?;
    let gathered = gather(options, &cwd)?;
    for warning in &gathered.warnings {
        output.remark(format!("warning: {warning}"));
    }

    let stats = sizes(options, &cwd).await?.with_declared(&settings.lint.tables, &home());
    let mut report = report(options, &gathered, &stats, &settings.lint);
    let texts = gathered.texts();
    let text_of = |path: &str| texts.get(path).copied();
    let rooted = |path: &str| seen_from(&settings_folder, &normal(&cwd.join(path)));
    let weights = Weights {
        settings: &settings.lint,
        known: Known { rules: &names, idle: &idle },
        baseline: &baseline.entries,
        scope: gathered.scope,
        today: jiff::Zoned::now().date(),
        rooted: &rooted,
    };
    let weighed = weigh(&mut report, &weights, &text_of);
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
        width: if on_terminal { width().unwrap_or(WIDTH) } else { WIDTH },
        styled: on_terminal && may_colour(),
    };
    let text = render(options.format(), &told);
    match &options.file {
        None => {
            // A reader that has gone away is not our failure.
            let _ = std::io::stdout().lock().write_all(text.as_bytes());
        }
        Some(path) => {
            write(path, &text)?;
            output.remark(format!("{}: {}", path.display(), told.verdict()));
        }
    }
    Ok(told.exit_code())
}

/// Each sequence is linted by itself; their files are told one behind the other.
fn report(options: &Lint, gathered: &Gathered, stats: &Stats, settings: &LintSettings) -> Report {
    let newest = ServerVersion::of_major(*ServerVersion::SUPPORTED.end());
    let server = options.pg_version.map(ServerVersion::of_major).or(stats.server_version).unwrap_or(newest);
    let sender = match gathered.prisma {
        Some(version) if version.splits_scripts() => Sender::PrismaSplit,
        // A version that nobody knows is taken for one that sends a file whole: locks of its statements are
        // then held together, which is the worse case.
        Some(_) | None => Sender::PrismaWhole,
    };
    let mut files = Vec::new();
    for sequence in &gathered.sequences {
        let mut linter = Linter::new(Circumstances {
            server,
            sender,
            session: Session::default(),
            namespace: home(),
            whole_history: sequence.from_empty,
            // What is new since a revision is deployed with it; a whole history was deployed over years.
            together: options.since.is_some(),
            stats,
            assumed_rows: ASSUMED_ROWS,
            settings,
            deployed: &[],
        });
        let texts: Vec<&str> = sequence.files.iter().map(|file| file.script.text()).collect();
        read_each(&texts, |at, read| {
            let file = &sequence.files[at];
            if file.asked {
                files.push(linter.judge(&Source { path: &file.path, text: texts[at], read }));
            } else {
                linter.pass(&read);
            }
        });
    }
    Report { files }
}

/// Where names go that say no namespace.
fn home() -> Name {
    Name::new("public")
}

/// How large tables are, from a file or from a database, when one is named.
async fn sizes(options: &Lint, cwd: &Path) -> Result<Stats, Problem> {
    if let Some(url) = &options.url {
        return underpin_engine::stats::read(&place::typed_url(url)?).await;
    }
    let Some(path) = options.stats.as_ref().map(|path| cwd.join(path)) else { return Ok(Stats::none()) };
    let hint = "`underpin stats --output FILE` writes such a file";
    let text = std::fs::read_to_string(&path).map_err(|error| {
        let problem = Problem::new(format!("the statistics cannot be read: {error}"));
        problem.at(path.display().to_string()).hint(hint)
    })?;
    Stats::from_json(&text).map_err(|error| {
        let problem = Problem::new(format!("the statistics cannot be used: {error}"));
        problem.at(path.display().to_string()).hint(hint)
    })
}

/// A rule that is misspelt in the settings would be a rule that is not set, and so with groups.
fn check_names(settings: &LintSettings, known: &[&str]) -> Result<(), Problem> {
    let unknown = |what: &str, name: &str, near: Option<&str>, list: String| {
        let problem = Problem::new(format!("the settings speak of a {what} `{name}`, and there is none"));
        Err(problem.hint(near.map_or(list, |near| format!("did you mean `{near}`?"))))
    };
    if let Some(name) = settings.rules_named().find(|name| !known.contains(name)) {
        let list = "`underpin explain` lists the rules".to_owned();
        return unknown("rule", name, nearest(name, known.iter().copied()), list);
    }
    let groups: BTreeSet<&str> =
        rules().map(|rule| rule.group).filter(|group| group.is_opt_in()).map(Group::as_str).collect();
    if let Some(name) = settings.groups.iter().find(|name| !groups.contains(name.as_str())) {
        let all = groups.iter().copied().collect::<Vec<_>>().join(", ");
        return unknown("group", name, nearest(name, groups), format!("groups that can be asked for: {all}"));
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Problem> {
    std::fs::write(path, text).map_err(|error| {
        Problem::new(format!("cannot be written: {error}"))
            .at(path.display().to_string())
            .hint("name a file in a folder that is there and may be written to")
    })
}

fn entries(count: usize) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}
