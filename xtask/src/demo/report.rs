//! The demonstration's numbers as a table, as JSON and as an exit code.

use std::fmt::Write;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use underpin_testkit::LockReport;
use underpin_testkit::load::{Bucket, Summary};

use super::rename::Act;

/// One of the two runs.
pub(super) struct Run {
    /// Who shipped, as a heading.
    pub(super) way: String,
    /// Whether the migration was applied; else the words with which it failed.
    pub(super) outcome: Result<(), String>,
    /// How long shipping took, in seconds.
    pub(super) deploy_s: f64,
    /// When shipping began, on the clock of the buckets.
    pub(super) begin_ms: f64,
    pub(super) summary: Summary,
    pub(super) buckets: Vec<Bucket>,
    pub(super) locks: LockReport,
    /// What the database is in the end.
    pub(super) catalog: Vec<String>,
}

/// A run in the JSON output.
#[derive(Serialize)]
struct Numbers {
    failed_requests: u64,
    worst_wait_ms: f64,
    p99_ms: f64,
    stalled_s: f64,
    longest_lock_ms: f64,
    requests: u64,
    deploy_s: f64,
}

impl Numbers {
    fn of(run: &Run) -> Self {
        Self {
            failed_requests: run.summary.failed,
            worst_wait_ms: tenth(run.summary.worst_wait_ms),
            p99_ms: tenth(run.summary.p99_ms),
            stalled_s: tenth(run.summary.stalled_s),
            longest_lock_ms: tenth(run.locks.longest_ms()),
            requests: run.summary.requests,
            deploy_s: tenth(run.deploy_s),
        }
    }
}

/// An act in the JSON output.
#[derive(Serialize)]
struct ActNumbers {
    #[serde(flatten)]
    run: Numbers,
    refused_of_the_old_release: u64,
    refused_of_the_new_release: u64,
    wrong_names: i64,
}

impl ActNumbers {
    fn of(act: &Act) -> Self {
        let [old, new] = act.refused;
        Self {
            run: Numbers::of(&act.run),
            refused_of_the_old_release: old,
            refused_of_the_new_release: new,
            wrong_names: act.wrong_names,
        }
    }
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// One object on one line.
pub(super) fn json(
    [as_written, online]: [&Run; 2],
    [at_once, in_phases]: [&Act; 2],
) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct All {
        as_written: Numbers,
        online: Numbers,
        renamed_at_once: ActNumbers,
        renamed_in_phases: ActNumbers,
    }
    serde_json::to_string(&All {
        as_written: Numbers::of(as_written),
        online: Numbers::of(online),
        renamed_at_once: ActNumbers::of(at_once),
        renamed_in_phases: ActNumbers::of(in_phases),
    })
}

/// A comparison: who, and line by line what.
pub(super) struct Comparison {
    ways: [String; 2],
    lines: Vec<(&'static str, [String; 2])>,
}

/// One migration, shipped in two ways.
pub(super) fn shipped(runs: [&Run; 2]) -> Comparison {
    Comparison {
        ways: runs.map(|run| run.way.clone()),
        lines: vec![
            ("failed requests", runs.map(|run| thousands(run.summary.failed))),
            ("worst wait", runs.map(worst_wait)),
            ("p99", runs.map(|run| ms(run.summary.p99_ms))),
            ("throughput stood still", runs.map(|run| format!("{:.1} s", run.summary.stalled_s))),
            ("longest lock held", runs.map(lock)),
            ("the deploy took", runs.map(|run| format!("{:.1} s", run.deploy_s))),
        ],
    }
}

/// A column renamed in two ways.
pub(super) fn renamed(acts: [&Act; 2]) -> Comparison {
    Comparison {
        ways: acts.map(|act| act.run.way.clone()),
        lines: vec![
            ("failed requests", acts.map(failed_of_all)),
            ("of the old release", acts.map(|act| thousands(act.refused[0]))),
            ("of the new release", acts.map(|act| thousands(act.refused[1]))),
            ("names that are wrong", acts.map(|act| thousands(act.wrong_names.unsigned_abs()))),
            ("worst wait", acts.map(|act| worst_wait(&act.run))),
            ("longest lock held", acts.map(|act| lock(&act.run))),
            ("the rollout took", acts.map(|act| format!("{:.1} s", act.run.deploy_s))),
        ],
    }
}

fn failed_of_all(act: &Act) -> String {
    format!("{} of {}", thousands(act.run.summary.failed), thousands(act.run.summary.requests))
}

fn worst_wait(run: &Run) -> String {
    ms(run.summary.worst_wait_ms)
}

fn lock(run: &Run) -> String {
    match run.locks.longest_ms() {
        // The locks are looked at every 15 ms; what was seen once was held for less than two looks.
        0.0 => "under 30 ms".to_owned(),
        longest => ms(longest),
    }
}

fn ms(value: f64) -> String {
    format!("{} ms", thousands(value.round() as u64))
}

impl Comparison {
    /// As Markdown, for the README.
    pub(super) fn markdown(&self) -> String {
        let mut table = format!("| | {} | {} |\n|---|---:|---:|\n", self.ways[0], self.ways[1]);
        for (name, [one, other]) in &self.lines {
            let _ = writeln!(table, "| {name} | {one} | {other} |");
        }
        table
    }

    /// For a terminal.
    fn plain(&self) -> String {
        let mut table = format!("\n{:24}{:>22}{:>22}\n", "", self.ways[0], self.ways[1]);
        for (name, [one, other]) in &self.lines {
            let _ = writeln!(table, "{name:24}{one:>22}{other:>22}");
        }
        table
    }
}

/// The tables with which the demonstration ends, and what their words mean.
pub(super) fn tables(runs: [&Run; 2], acts: [&Act; 2], rows: i64, rate: u32, patience: Duration) -> String {
    let mut text = format!("{}{}", shipped(runs).plain(), renamed(acts).plain());
    let _ = write!(
        text,
        "\n{} rows; {rate} requests due in each second. A wait runs from when a request was due; after {} s its\n\
         client gives up, and it has failed. \"Stood still\": fewer than a tenth of the requests due were answered.\n\
         \"Longest lock\": of those that make reads or writes of a table wait. \"Wrong\": other than what was stored\n\
         last, by either release. Measured from the deploy's first moment to two seconds after its last.\n",
        thousands(rows.unsigned_abs()),
        patience.as_secs(),
    );
    for run in runs.into_iter().chain(acts.map(|act| &act.run)) {
        if let Err(words) = &run.outcome {
            let _ = write!(text, "\nWhat was to be shipped {} FAILED: {words}\n", run.way);
        }
        if run.summary.failed > 0 {
            let reasons = run.summary.failures.iter().map(|(reason, count)| format!("{count} x {reason}"));
            let _ = write!(text, "\nFailures {}: {}\n", run.way, reasons.collect::<Vec<_>>().join(", "));
        }
    }
    for [one, other] in [runs, acts.map(|act| &act.run)] {
        if let Some(difference) = difference(one, other) {
            let _ = write!(text, "\nThe two databases differ: {difference}\n");
        }
    }
    text
}

/// Whether the second of each two kept the promises: it arrived at the same catalog, no request failed and no value
/// is lost. A wait is not judged here: on a machine that is busy with other things it is not ours alone.
pub(super) fn verdict(runs: [&Run; 2], acts: [&Act; 2]) -> ExitCode {
    let keeps = |one: &Run, ours: &Run| {
        let same = one.outcome.is_err() || difference(one, ours).is_none();
        ours.outcome.is_ok() && ours.summary.failed == 0 && same
    };
    let [one, ours] = acts;
    let kept = keeps(runs[0], runs[1]) && keeps(&one.run, &ours.run) && ours.wrong_names == 0;
    ExitCode::from(u8::from(!kept))
}

fn difference(as_written: &Run, online: &Run) -> Option<String> {
    if as_written.outcome.is_err() || online.outcome.is_err() {
        return None;
    }
    let only_in = |a: &Run, b: &Run| a.catalog.iter().find(|line| !b.catalog.contains(line)).cloned();
    only_in(as_written, online)
        .map(|line| format!("only {}: {line}", as_written.way))
        .or_else(|| only_in(online, as_written).map(|line| format!("only {}: {line}", online.way)))
}

/// 1,234,567.
fn thousands(value: u64) -> String {
    let digits = value.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(
            ["0", "999", "1,000", "1,620,000"],
            [0, 999, 1000, 1_620_000].map(thousands).map(|s| s.leak() as &str)
        );
    }
}
