//! `lint` over a thousand migrations and over one, whole process, against squawk's native program (not the
//! script of Node that npm puts before it). Both print JSON.
//!
//! The thousand are whole histories of the corpus with 3,500 statements, and as much of one more as is missing:
//! half a megabyte. Ours replays each history; squawk judges each file by itself. The one stands in a folder of
//! its own. Within its history ours reads the files before it, which nobody else does; that is told, without
//! a mark.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use underpin_testkit::corpus;

use super::Finding;
use super::usage::{Usage, line, measure, median};
use crate::Failure;
use crate::peers::installed::{self, Installed};
use crate::underpin::Underpin;

/// Ours to squawk's, at most: for all, and for one, which is a matter of a few milliseconds.
const MARK: f64 = 1.0;
const MARK_OF_ONE: f64 = 2.0;
const PEAK_MB_MAX: f64 = 60.0;

const FILES: usize = 1000;
/// In this order until there are enough. The other two are as large as all of these.
const HISTORIES: [&str; 5] = ["trigger.dev", "affine", "hoppscotch", "umami", "langfuse"];

const ROUNDS: usize = 9;
/// One is short; more runs cost nothing.
const OF_ONE_A_ROUND: usize = 3;

/// Codes of linters that found something.
const OURS_MAY_END: [i32; 2] = [0, 10];
const SQUAWK_MAY_END: [i32; 2] = [0, 1];

pub(super) fn measure_lint() -> Result<Finding, Failure> {
    let underpin = Underpin::beside_us()?;
    if !underpin.has("lint") {
        return Err("this underpin has no lint to be measured".into());
    }
    let squawk = Installed::ensure()?.squawk()?;
    let folder = tempfile::tempdir()?;
    let copied = copy(folder.path())?;
    let bytes: u64 = copied.files.iter().filter_map(|file| Some(fs::metadata(file).ok()?.len())).sum();
    let in_history = typical(&copied.files)?;
    let one = folder.path().join("one.sql");
    fs::copy(&in_history, &one)?;

    let ours = |what: &[PathBuf]| arguments(&["lint", "--format", "json"], what);
    let theirs = |what: &[PathBuf]| arguments(&["--reporter", "json"], what);
    let place = folder.path();
    let (mut all, mut by_squawk, mut of_one, mut of_one_by_squawk) = Default::default();
    let mut of_one_in_history = Vec::new();
    let run = |program: &Path, arguments: Vec<OsString>, may_end: &[i32], runs: &mut Vec<Usage>| {
        measure(program, &arguments, place, may_end).map(|usage| runs.push(usage))
    };
    for _ in 0..ROUNDS {
        // In turns, so that a busy moment of the machine hits both.
        run(underpin.program(), ours(&copied.histories), &OURS_MAY_END, &mut all)?;
        run(&squawk, theirs(&copied.files), &SQUAWK_MAY_END, &mut by_squawk)?;
        for _ in 0..OF_ONE_A_ROUND {
            run(underpin.program(), ours(std::slice::from_ref(&one)), &OURS_MAY_END, &mut of_one)?;
            run(&squawk, theirs(std::slice::from_ref(&one)), &SQUAWK_MAY_END, &mut of_one_by_squawk)?;
        }
        let behind_its_history = ours(std::slice::from_ref(&in_history));
        run(underpin.program(), behind_its_history, &OURS_MAY_END, &mut of_one_in_history)?;
    }
    println!("{} migrations, {bytes} bytes", copied.files.len());
    line("underpin lint", &all);
    line("squawk", &by_squawk);
    line("underpin lint, one file", &of_one);
    line("squawk, one file", &of_one_by_squawk);
    line("underpin lint, one file of a history", &of_one_in_history);
    let ratio = median(&all).wall_ms / median(&by_squawk).wall_ms;
    let ratio_of_one = median(&of_one).wall_ms / median(&of_one_by_squawk).wall_ms;
    let peak_mb = median(&all).peak_mb;
    println!("one file: ratio {ratio_of_one:.2}");
    Ok(Finding {
        value: median(&all).wall_ms,
        unit: "ms",
        ratio,
        peer: format!("squawk {}", installed::SQUAWK),
        met: ratio <= MARK && ratio_of_one <= MARK_OF_ONE && peak_mb <= PEAK_MB_MAX,
        marks: format!(
            "at most {MARK:.1} of squawk for {FILES} files, {MARK_OF_ONE:.1} for one, {PEAK_MB_MAX:.0} MB"
        ),
        raw: json!({
            "files": copied.files.len(),
            "bytes": bytes,
            "underpin": all,
            "squawk": by_squawk,
            "underpin_one_file": of_one,
            "squawk_one_file": of_one_by_squawk,
            "underpin_one_file_of_a_history": of_one_in_history,
        }),
    })
}

/// What was copied for the linters.
pub(super) struct Copied {
    /// Migrations folders.
    pub(super) histories: Vec<PathBuf>,
    pub(super) files: Vec<PathBuf>,
}

fn copy(to: &Path) -> Result<Copied, Failure> {
    let mut copied = Copied { histories: Vec::new(), files: Vec::new() };
    for name in HISTORIES {
        copy_history(name, to, FILES - copied.files.len(), &mut copied)?;
    }
    match copied.files.len() {
        FILES => Ok(copied),
        files => Err(format!("the histories have {files} migrations and not {FILES}").into()),
    }
}

/// The first `most` migrations of a history.
pub(super) fn copy_history(name: &str, to: &Path, most: usize, copied: &mut Copied) -> Result<(), Failure> {
    let history = corpus::history(name);
    let folder = to.join(name).join("prisma/migrations");
    for migration in history.names.iter().take(most) {
        fs::create_dir_all(folder.join(migration))?;
        let file = folder.join(migration).join("migration.sql");
        fs::copy(history.migrations.join(migration).join("migration.sql"), &file)?;
        copied.files.push(file);
    }
    copied.histories.push(folder);
    Ok(())
}

/// The one of the middle size.
fn typical(files: &[PathBuf]) -> Result<PathBuf, Failure> {
    let mut sizes = Vec::new();
    for file in files {
        sizes.push((fs::metadata(file)?.len(), file));
    }
    sizes.sort();
    sizes.get(sizes.len() / 2).map(|(_, file)| (*file).clone()).ok_or_else(|| "there are no files".into())
}

/// Options, and then paths.
pub(super) fn arguments(options: &[&str], paths: &[PathBuf]) -> Vec<OsString> {
    options.iter().map(OsString::from).chain(paths.iter().map(OsString::from)).collect()
}
