//! What a program uses: time, processor and memory, of its whole process.
//!
//! The kernel tells the peak memory of the largest child so far, so each program is run by a process that
//! has no other: this program again, as `xtask measured PROGRAM ARGUMENT...`.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::underpin::words;

/// One run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Usage {
    pub(super) wall_ms: f64,
    /// User and system, of all threads.
    pub(super) cpu_ms: f64,
    pub(super) peak_mb: f64,
    code: Option<i32>,
}

/// Runs a program in a folder, with its output thrown away. Linters end with an error when they find
/// something: `may_end` says which codes are fine.
pub(super) fn measure(
    program: &Path,
    arguments: &[OsString],
    folder: &Path,
    may_end: &[i32],
) -> Result<Usage, Failure> {
    measure_with(&[], program, arguments, folder, may_end)
}

/// The same, with these variables in its environment.
pub(super) fn measure_with(
    environment: &[(&str, &Path)],
    program: &Path,
    arguments: &[OsString],
    folder: &Path,
    may_end: &[i32],
) -> Result<Usage, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("measured").arg(program).args(arguments).envs(environment.iter().copied());
    let output = command.current_dir(folder).output()?;
    let usage: Usage = serde_json::from_slice(&output.stdout).map_err(|_| words(&output))?;
    if usage.code.is_some_and(|code| may_end.contains(&code)) {
        return Ok(usage);
    }
    Err(format!("{} ended with {:?}: {}", program.display(), usage.code, words(&output)).into())
}

/// The other side of [`measure`].
pub(crate) fn measure_child(program: &str, arguments: &[&str]) -> Result<ExitCode, Failure> {
    let begin = Instant::now();
    let mut child = Command::new(program);
    let status = child.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    let wall_ms = begin.elapsed().as_secs_f64() * 1000.0;
    let used = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let (user, system) = (used.user_time(), used.system_time());
    let ms = |seconds: i64, micros: i64| seconds as f64 * 1000.0 + micros as f64 / 1000.0;
    let usage = Usage {
        wall_ms,
        cpu_ms: ms(user.tv_sec(), user.tv_usec()) + ms(system.tv_sec(), system.tv_usec()),
        // Linux counts in kB, macOS in bytes.
        peak_mb: used.max_rss() as f64 / if cfg!(target_os = "macos") { 1e6 } else { 1e3 },
        code: status.code(),
    };
    println!("{}", serde_json::to_string(&usage)?);
    Ok(ExitCode::SUCCESS)
}

/// The middle of each.
pub(super) fn median(runs: &[Usage]) -> Usage {
    let middle = |of: fn(&Usage) -> f64| super::median(&runs.iter().map(of).collect::<Vec<_>>());
    Usage {
        wall_ms: middle(|run| run.wall_ms),
        cpu_ms: middle(|run| run.cpu_ms),
        peak_mb: middle(|run| run.peak_mb),
        code: None,
    }
}

/// A line of a table, for people.
pub(super) fn line(name: &str, runs: &[Usage]) {
    let Usage { wall_ms, cpu_ms, peak_mb, .. } = median(runs);
    println!(
        "{name:38} wall {wall_ms:8.1} ms   cpu {cpu_ms:8.1} ms   peak {peak_mb:6.1} MB   of {}",
        runs.len()
    );
}
