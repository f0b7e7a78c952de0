//! Safe forms of real migrations, taken for new ones: each is proven to end where the file ends, is free of
//! what it was to do away with, and stands right behind its predecessors.
//!
//! A sample of those that lint finds something in: a proof replays the history up to it.

use underpin_catalog::{Name, ServerVersion};
use underpin_core::lint::finding::Finding;
use underpin_core::lint::fix::{SafeForm, Unapplied, safe_form};
use underpin_core::lint::stats::Stats;
use underpin_core::lint::{Circumstances, Linter, Source};
use underpin_core::settings::{LintSettings, ShadowSettings};
use underpin_engine::FilesProver;
use underpin_prisma::FolderOrder;
use underpin_sql::sending::Sender;
use underpin_testkit::corpus::{History, histories};
use underpin_testkit::majors;

/// How many are proven, evenly from all of them.
const SAMPLE: usize = 60;

/// A trigger for updates of a column that no file makes: nothing behind it can be proven.
const REPLAYS_NO_FURTHER: &str = "20251117182613_post_metrics_denormalization";

/// A history in Prisma's order, as far as it replays on an empty database.
struct Real {
    name: String,
    folders: Vec<String>,
    texts: Vec<String>,
}

fn real(history: &History) -> Real {
    let mut folders = history.names.clone();
    FolderOrder::Collation.sort(&mut folders, String::as_str);
    if let Some(end) = folders.iter().position(|folder| folder == REPLAYS_NO_FURTHER) {
        folders.truncate(end);
    }
    let texts = folders.iter().map(|folder| history.sql(folder)).collect();
    Real { name: history.name.clone(), folders, texts }
}

fn linter<'a>(stats: &'a Stats, settings: &'a LintSettings, server: ServerVersion) -> Linter<'a> {
    Linter::new(Circumstances::of_history(server, Sender::PrismaWhole, stats, settings))
}

/// The safe form of each file, as if it were the newest.
fn forms(real: &Real, server: ServerVersion) -> Vec<Option<SafeForm>> {
    let (stats, settings) = (Stats::none(), LintSettings::default());
    let mut linter = linter(&stats, &settings, server);
    real.texts
        .iter()
        .enumerate()
        .map(|(at, text)| {
            let before = linter.before_next();
            let read = underpin_sql::read(text);
            let Ok(statements) = read.clone() else {
                linter.pass(&read);
                return None;
            };
            let report = linter.judge(&Source { path: &real.folders[at], text, read });
            let form = safe_form(&Unapplied {
                folder: &real.folders[at],
                folders: &real.folders[..=at],
                order: FolderOrder::Collation,
                text,
                statements: &statements,
                before: &before,
                report: &report,
            });
            (!form.files.is_empty()).then_some(form)
        })
        .collect()
}

/// What lint says about the safe form of one file.
fn again(real: &Real, at: usize, form: &SafeForm, server: ServerVersion) -> Vec<Finding> {
    let (stats, settings) = (Stats::none(), LintSettings::default());
    let mut linter = linter(&stats, &settings, server);
    for text in &real.texts[..at] {
        linter.pass(&underpin_sql::read(text));
    }
    form.files
        .iter()
        .flat_map(|file| {
            let source =
                Source { path: &file.folder, text: &file.text, read: underpin_sql::read(&file.text) };
            linter.judge(&source).findings
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn safe_forms_of_real_migrations_are_proven() {
    let server = ServerVersion::of_major(majors().into_iter().max().unwrap());
    let reals: Vec<Real> = histories().iter().map(real).collect();
    let forms: Vec<Vec<Option<SafeForm>>> = reals.iter().map(|real| forms(real, server)).collect();
    let all: usize = forms.iter().flatten().flatten().count();
    assert!(all > 300, "the corpus has {all} files with a safe form");
    let (mut seen, mut proven, mut wrong) = (0, 0, Vec::new());
    for (real, forms) in reals.iter().zip(&forms) {
        let mut prover = FilesProver::new(server, Name::new("public"), &ShadowSettings::default(), None);
        for (at, form) in forms.iter().enumerate() {
            let place = format!("{}/{}", real.name, real.folders[at]);
            seen += usize::from(form.is_some());
            let is_sampled = seen * SAMPLE / all > seen.saturating_sub(1) * SAMPLE / all;
            if let Some(form) = form.as_ref().filter(|_| is_sampled) {
                if let Some(finding) = form.comes_back(&again(real, at, form, server)) {
                    wrong.push(format!("{place}: again {}: {}", finding.rule, finding.message));
                }
                let texts: Vec<&str> = form.files.iter().map(|file| file.text.as_str()).collect();
                match prover.prove(&real.texts[at], &texts).await {
                    Ok(()) => proven += 1,
                    Err(unproven) => wrong.push(format!("{place}: {unproven}\n{}", texts.join("\n====\n"))),
                }
            }
            prover.advance(&real.folders[at], &real.texts[at]);
        }
        prover.finish().await;
    }
    assert!(wrong.is_empty(), "{proven} of {SAMPLE} proven, {} not:\n{}", wrong.len(), wrong.join("\n\n"));
    assert_eq!(proven, SAMPLE);
}
