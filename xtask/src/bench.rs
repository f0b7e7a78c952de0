//! `xtask bench`: how fast, compared with a peer in the same run.
//!
//! Absolute times belong to a machine; a ratio to a peer that has just run on it travels. Each benchmark
//! ends with one line, `NAME: VALUE UNIT, ratio R to WHAT`, and leaves its raw numbers in `bench/runs`. It
//! fails when the ratio misses its mark. Nothing here is a test.

mod audit;
mod check;
mod diff_render;
mod introspect;
mod lint;
mod plan;
mod rates;
mod replay;
mod replay_memory;
mod shadow;
mod stall;
mod status;
mod sync;
pub(crate) mod usage;

use std::future::Future;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use serde_json::{Value, json};

use crate::Failure;

/// The benchmarks, in the order in which all of them run.
pub(crate) const NAMES: [&str; 14] = [
    "status",
    "shadow",
    "replay",
    "stall",
    "rates",
    "lint",
    "audit",
    "introspect",
    "replay-memory",
    "diff-render",
    "sync",
    "plan",
    "check-cold",
    "check-warm",
];

/// The server of the benchmarks.
const MAJOR: u32 = 17;

/// What a benchmark found.
struct Finding {
    value: f64,
    unit: &'static str,
    /// Ours to the peer's; smaller is better.
    ratio: f64,
    peer: String,
    /// Whether every mark is met, and the marks in words.
    met: bool,
    marks: String,
    /// Everything that was measured.
    raw: Value,
}

/// Runs benchmarks one after the other.
pub(crate) fn run(root: &Path, names: &[&str]) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut all_met = true;
    for &name in names {
        let finding = runtime.block_on(async {
            match name {
                "status" => status::measure().await,
                "shadow" => shadow::measure().await,
                "replay" => replay::measure().await,
                "stall" => stall::measure().await,
                "rates" => rates::measure().await,
                "lint" => lint::measure_lint(),
                "audit" => audit::measure_audit(),
                "diff-render" => diff_render::measure().await,
                "introspect" => introspect::measure().await,
                "replay-memory" => replay_memory::measure().await,
                "sync" => sync::measure().await,
                "plan" => plan::measure().await,
                "check-cold" => check::measure_cold().await,
                "check-warm" => check::measure_warm().await,
                _ => Err(format!("there is no benchmark {name}").into()),
            }
        })?;
        keep(root, name, &finding)?;
        println!("mark: {}: {}", finding.marks, if finding.met { "met" } else { "MISSED" });
        println!(
            "{name}: {:.1} {}, ratio {:.3} to {}",
            finding.value, finding.unit, finding.ratio, finding.peer
        );
        all_met &= finding.met;
    }
    Ok(ExitCode::from(u8::from(!all_met)))
}

/// Leaves the raw numbers, with what is needed to judge them, in `bench/runs/NAME.json`.
fn keep(root: &Path, name: &str, finding: &Finding) -> Result<(), Failure> {
    let folder = root.join("bench/runs");
    std::fs::create_dir_all(&folder)?;
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let run = json!({
        "name": name,
        "value": finding.value,
        "unit": finding.unit,
        "ratio": finding.ratio,
        "peer": finding.peer,
        "marks": finding.marks,
        "met": finding.met,
        "processors": std::thread::available_parallelism().map_or(0, usize::from),
        "load_average": load.split(' ').next().unwrap_or_default(),
        "postgresql": MAJOR,
        "raw": finding.raw,
    });
    std::fs::write(folder.join(format!("{name}.json")), format!("{run:#}\n"))?;
    Ok(())
}

/// What something returns, and how long it took, in milliseconds.
async fn timed<T>(what: impl Future<Output = Result<T, Failure>>) -> Result<(T, f64), Failure> {
    let begin = Instant::now();
    let value = what.await?;
    Ok((value, begin.elapsed().as_secs_f64() * 1000.0))
}

/// The middle of some times: one slow run on a busy machine does not move it.
fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// A line of a table, for people.
fn line(name: &str, times: &[f64]) {
    let least = times.iter().copied().fold(f64::INFINITY, f64::min);
    println!("{name:44} median {:9.1} ms   least {least:9.1} ms   of {}", median(times), times.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_one_slow_run() {
        assert_eq!(median(&[3.0, 1000.0, 2.0]), 3.0);
        assert_eq!(median(&[]), 0.0);
    }
}
