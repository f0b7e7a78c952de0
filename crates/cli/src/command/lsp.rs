//! `underpin lsp`
//!
//! Serves an editor over standard input and output until it says goodbye. It only reads: an edit is proposed,
//! and the editor makes it.

use std::path::PathBuf;

use underpin_engine::Problem;

use crate::arguments::{Destination, Files, Lsp, Migrations};
use crate::{lsp, place};

pub(crate) fn run(options: &Lsp) -> Result<u8, Problem> {
    let cwd = place::working_folder()?;
    let from_here = |path: &Option<PathBuf>| path.as_ref().map(|path| cwd.join(path));
    if let Some(typed) = &options.destination.prisma {
        place::typed_version(typed)?;
    }
    let typed = Migrations {
        destination: Destination {
            stats: from_here(&options.destination.stats),
            ..options.destination.clone()
        },
        files: Files { settings: from_here(&options.settings), ..Files::default() },
        ..Migrations::default()
    };
    lsp::serve(typed)
}
