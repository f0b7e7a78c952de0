//! The demonstration's numbers as a table, as JSON and as an exit code.

use std::fmt::Write;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use underpin_testkit::LockReport;
use underpin_testkit::load::{Bucket, Summary};

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
        let tenth = |value: f64| (value * 10.0).round() / 10.0;
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

/// One object on one line.
pub(super) fn json(as_written: &Run, online: &Run) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Both {
        as_written: Numbers,
        online: Numbers,
    }
    serde_json::to_string(&Both { as_written: Numbers::of(as_written), online: Numbers::of(online) })
}

/// The comparison, line by line.
fn lines(runs: [&Run; 2]) -> [(&'static str, [String; 2]); 6] {
    let ms = |value: f64| format!("{} ms", thousands(value.round() as u64));
    let lock = |run: &Run| match run.locks.longest_ms() {
        // The locks are looked at every 15 ms; what was seen once was held for less than two looks.
        0.0 => "under 30 ms".to_owned(),
        longest => ms(longest),
    };
    [
        ("failed requests", runs.map(|run| thousands(run.summary.failed))),
        ("worst wait", runs.map(|run| ms(run.summary.worst_wait_ms))),
        ("p99", runs.map(|run| ms(run.summary.p99_ms))),
        ("throughput stood still", runs.map(|run| format!("{:.1} s", run.summary.stalled_s))),
        ("longest lock held", runs.map(lock)),
        ("the deploy took", runs.map(|run| format!("{:.1} s", run.deploy_s))),
    ]
}

/// The table as Markdown, for the README.
pub(super) fn markdown(runs: [&Run; 2]) -> String {
    let mut table = format!("| | {} | {} |\n|---|---:|---:|\n", runs[0].way, runs[1].way);
    for (name, [as_written, online]) in lines(runs) {
        let _ = writeln!(table, "| {name} | {as_written} | {online} |");
    }
    table
}

/// The table with which the demonstration ends, and what its words mean.
pub(super) fn table(runs: [&Run; 2], rows: i64, rate: u32, patience: Duration) -> String {
    let mut table = format!("\n{:24}{:>22}{:>22}\n", "", runs[0].way, runs[1].way);
    for (name, [as_written, online]) in lines(runs) {
        let _ = writeln!(table, "{name:24}{as_written:>22}{online:>22}");
    }
    let _ = write!(
        table,
        "\n{} rows; {rate} requests due in each second. A wait runs from when a request was due; after {} s its\n\
         client gives up, and it has failed. \"Stood still\": fewer than a tenth of the requests due were answered.\n\
         \"Longest lock\": of those that make reads or writes of a table wait. Measured from the deploy's first\n\
         moment to two seconds after its last.\n",
        thousands(rows.unsigned_abs()),
        patience.as_secs(),
    );
    for run in runs {
        if let Err(words) = &run.outcome {
            let _ = write!(table, "\nThe migration {} FAILED: {words}\n", run.way);
        }
        if run.summary.failed > 0 {
            let reasons = run.summary.failures.iter().map(|(reason, count)| format!("{count} x {reason}"));
            let _ = write!(table, "\nFailures {}: {}\n", run.way, reasons.collect::<Vec<_>>().join(", "));
        }
    }
    if let Some(difference) = difference(runs[0], runs[1]) {
        let _ = write!(table, "\nThe two databases differ: {difference}\n");
    }
    table
}

/// Whether the second run kept the promises: it arrived at the same catalog, and no request failed. A wait
/// is not judged here: on a machine that is busy with other things it is not ours alone.
pub(super) fn verdict(as_written: &Run, online: &Run) -> ExitCode {
    let same = as_written.outcome.is_err() || difference(as_written, online).is_none();
    ExitCode::from(u8::from(online.outcome.is_err() || online.summary.failed > 0 || !same))
}

fn difference(as_written: &Run, online: &Run) -> Option<String> {
    if as_written.outcome.is_err() || online.outcome.is_err() {
        return None;
    }
    let only_in = |a: &Run, b: &Run| a.catalog.iter().find(|line| !b.catalog.contains(line)).cloned();
    only_in(as_written, online)
        .map(|line| format!("only as written: {line}"))
        .or_else(|| only_in(online, as_written).map(|line| format!("only online: {line}")))
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
