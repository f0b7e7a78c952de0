//! `audit` of a history of 820 migrations, whole process, against pgfence over the same files. Both print
//! JSON.

use serde_json::json;

use super::Finding;
use super::lint::{Copied, arguments, copy_history};
use super::usage::{line, measure, median};
use crate::Failure;
use crate::peers::installed::{self, Installed};
use crate::underpin::Underpin;

/// Ours to pgfence's, at most.
const MARK: f64 = 0.2;

/// The longest history of the corpus.
const HISTORY: &str = "trigger.dev";

const ROUNDS: usize = 7;

pub(super) fn measure_audit() -> Result<Finding, Failure> {
    let underpin = Underpin::beside_us()?;
    if !underpin.has("audit") {
        return Err("this underpin has no audit to be measured".into());
    }
    let pgfence = Installed::ensure()?.pgfence()?;
    let folder = tempfile::tempdir()?;
    let mut copied = Copied { histories: Vec::new(), files: Vec::new() };
    copy_history(HISTORY, folder.path(), usize::MAX, &mut copied)?;

    let mut theirs = vec![pgfence.into_os_string()];
    theirs.extend(arguments(&["analyze", "--format", "prisma", "--output", "json"], &copied.files));
    let ours = arguments(&["audit", "--json"], &copied.histories);
    let (mut by_us, mut by_pgfence) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        by_us.push(measure(underpin.program(), &ours, folder.path(), &[0, 10])?);
        by_pgfence.push(measure("node".as_ref(), &theirs, folder.path(), &[0, 1])?);
    }
    println!("{} migrations", copied.files.len());
    line("underpin audit", &by_us);
    line("pgfence analyze", &by_pgfence);
    let ratio = median(&by_us).wall_ms / median(&by_pgfence).wall_ms;
    Ok(Finding {
        value: median(&by_us).wall_ms,
        unit: "ms",
        ratio,
        peer: format!("pgfence {}", installed::PGFENCE),
        met: ratio <= MARK,
        marks: format!("at most {MARK} of pgfence"),
        raw: json!({ "migrations": copied.files.len(), "underpin": by_us, "pgfence": by_pgfence }),
    })
}
