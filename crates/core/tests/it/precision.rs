//! Is what lint says true? A sample of its findings, and of statements of which it says nothing, judged one by
//! one by hand: the table is `docs/precision/sample.tsv`, what counts as true is in `docs/precision.md`.
//!
//! The sample is drawn anew here, so that the table is about the rules as they are: a row that is lacking has
//! to be judged and written, one that nobody draws any more goes. `UNDERPIN_BLESS=1` does the second and
//! leaves `?` for the first.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use underpin_core::lint::finding::Severity;
use underpin_core::lint::{Linter, Source};
use underpin_sql::read;
use underpin_sql::sending::Sender;
use underpin_testkit::corpus::histories;

use crate::histories::with_circumstances;

/// The order in which keys are drawn follows from this and the key alone: a rule that changes moves its own
/// rows and no others.
const SEED: &str = "underpin 2026-11-21";

/// How many are drawn of each kind.
const DRAWN: usize = 200;

/// The least share of findings that are true.
const PRECISION_MIN: f64 = 0.98;

/// The least share of what there is to find that is found.
const RECALL_MIN: f64 = 0.95;

/// What a row is about: history, migration, line, rule (or `clean`) and object.
type Key = [String; 5];

/// All findings of caution or worse, and all statements without one.
#[derive(Default)]
struct Population {
    findings: BTreeSet<Key>,
    clean: BTreeSet<Key>,
}

fn population() -> Population {
    let mut all = Population::default();
    for history in histories() {
        with_circumstances(Sender::PrismaWhole, |around| {
            let mut linter = Linter::new(around);
            for name in &history.names {
                let text = history.sql(name);
                let report = linter.judge(&Source { path: name, text: &text, read: read(&text) });
                let key = |line: u32, rule: &str, object: &str| {
                    [history.name.clone(), name.clone(), line.to_string(), rule.to_owned(), object.to_owned()]
                };
                let told: Vec<_> = report
                    .findings
                    .iter()
                    .filter(|finding| finding.severity >= Severity::Caution && finding.suppressed.is_none())
                    .collect();
                for finding in &told {
                    let line = finding.span.as_ref().map_or(1, |span| span.line);
                    let object = finding.object.clone().unwrap_or_default();
                    all.findings.insert(key(line, &finding.rule, &object));
                }
                for statement in &report.statements {
                    let is_of = |bytes: &std::ops::Range<usize>| statement.span.bytes.contains(&bytes.start);
                    if !told
                        .iter()
                        .any(|finding| finding.span.as_ref().is_some_and(|span| is_of(&span.bytes)))
                    {
                        all.clean.insert(key(statement.span.line, "clean", &statement.title));
                    }
                }
            }
        });
    }
    all
}

fn drawn(from: &BTreeSet<Key>) -> BTreeSet<Key> {
    let rank = |key: &Key| -> [u8; 32] { Sha256::digest(format!("{SEED}\t{}", key.join("\t"))).into() };
    let mut ranked: Vec<_> = from.iter().map(|key| (rank(key), key.clone())).collect();
    ranked.sort();
    ranked.into_iter().take(DRAWN).map(|(_, key)| key).collect()
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/precision/sample.tsv")
}

/// The verdict and its reason for each key.
fn judged() -> BTreeMap<Key, (String, String)> {
    #[expect(clippy::disallowed_methods, reason = "the table is this test's own")]
    let text = std::fs::read_to_string(file()).unwrap_or_default();
    let rows = text.lines().skip(1).map(|line| {
        let cells: Vec<String> = line.split('\t').map(str::to_owned).collect();
        let [history, migration, at, rule, object, verdict, reason]: [String; 7] =
            cells.try_into().unwrap_or_else(|cells| panic!("not seven cells: {cells:?}"));
        ([history, migration, at, rule, object], (verdict, reason))
    });
    rows.collect()
}

#[test]
fn the_judged_sample_is_the_one_that_is_drawn() {
    let all = population();
    let sample: BTreeSet<Key> = drawn(&all.findings).union(&drawn(&all.clean)).cloned().collect();
    let judged = judged();
    #[expect(clippy::disallowed_methods, reason = "the test is told how to run")]
    if std::env::var_os("UNDERPIN_BLESS").is_some() {
        let mut table = "history\tmigration\tline\trule\tobject\tverdict\treason\n".to_owned();
        for key in &sample {
            let (verdict, reason) =
                judged.get(key).cloned().unwrap_or_else(|| ("?".to_owned(), String::new()));
            writeln!(table, "{}\t{verdict}\t{reason}", key.join("\t")).unwrap();
        }
        std::fs::write(file(), table).unwrap();
        return;
    }
    let lacking: Vec<_> = sample.iter().filter(|key| !judged.contains_key(*key)).collect();
    assert!(lacking.is_empty(), "to be judged: {lacking:#?}");
    let stale: Vec<_> = judged.keys().filter(|key| !sample.contains(*key)).collect();
    assert!(stale.is_empty(), "not drawn any more: {stale:#?}");

    let count = |clean: bool, wanted: &str| {
        let of_kind = judged.iter().filter(|(key, _)| (key[3] == "clean") == clean);
        of_kind.filter(|(_, (verdict, _))| verdict == wanted).count() as f64
    };
    assert_eq!(count(false, "true") + count(false, "false"), DRAWN as f64, "a finding is true or false");
    assert_eq!(count(true, "clean") + count(true, "missed"), DRAWN as f64, "a statement is clean or missed");
    let precision = count(false, "true") / DRAWN as f64;
    let found = precision * all.findings.len() as f64;
    let missed = count(true, "missed") / DRAWN as f64 * all.clean.len() as f64;
    let recall = found / (found + missed);
    let page = include_str!("../../../../docs/precision.md");
    // Of how many they were drawn changes with every rule, and the page says the day of its numbers.
    for words in [format!("precision {precision:.3}"), format!("recall {recall:.2}")] {
        assert!(page.contains(&words), "docs/precision.md does not say: {words}");
    }
    assert!(precision >= PRECISION_MIN && recall >= RECALL_MIN, "precision {precision}, recall {recall}");
}
