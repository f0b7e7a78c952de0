//! `xtask generate`: files of ours that say what PostgreSQL says, written anew from real servers.

use std::path::Path;
use std::process::ExitCode;

use crate::Failure;

/// Which functions of PostgreSQL's own are volatile.
pub(crate) fn routines(root: &Path) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let file = root.join("crates/sql/src/expression/routines.txt");
    let routines = runtime.block_on(underpin_testkit::routines());
    std::fs::write(&file, &routines)?;
    println!("{}: {} lines", file.display(), routines.lines().count());
    Ok(ExitCode::SUCCESS)
}
