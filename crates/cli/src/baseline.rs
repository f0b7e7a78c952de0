//! The baseline's file: where it is, reading and writing it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use underpin_core::lint::baseline::{Baseline, FILE_NAME};
use underpin_engine::Problem;

use crate::reporting;

/// A baseline with its place.
#[derive(Debug)]
pub(crate) struct BaselineFile {
    pub(crate) path: PathBuf,
    pub(crate) entries: Baseline,
}

/// The file that was named, or the usual one beside the settings. A named one has to be there, unless it is
/// about to be written.
pub(crate) fn find(
    typed: Option<&Path>,
    is_written: bool,
    cwd: &Path,
    settings_folder: &Path,
) -> Result<BaselineFile, Problem> {
    let named = typed.map(|path| cwd.join(path));
    let may_be_missing = named.is_none() || is_written;
    let path = named.unwrap_or_else(|| settings_folder.join(FILE_NAME));
    let entries = match std::fs::read_to_string(&path) {
        Ok(text) => Baseline::from_json(&text).map_err(|error| {
            Problem::new(format!("the baseline cannot be used: {error}"))
                .at(path.display().to_string())
                .hint("write it anew with `underpin lint --write-baseline`, after moving this one away")
        })?,
        Err(error) if error.kind() == ErrorKind::NotFound && may_be_missing => Baseline::default(),
        Err(error) => {
            return Err(Problem::new(format!("the baseline cannot be read: {error}"))
                .at(path.display().to_string())
                .hint("write it with --write-baseline, or leave out --baseline"));
        }
    };
    Ok(BaselineFile { path, entries })
}

impl BaselineFile {
    pub(crate) fn write(&self, entries: &Baseline) -> Result<(), Problem> {
        reporting::write(&self.path, &entries.to_json())
    }
}
