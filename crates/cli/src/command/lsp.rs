//! `underpin lsp`
//!
//! Serves an editor over standard input and output until it says goodbye. It only reads: an edit is proposed,
//! and the editor makes it.

use std::path::PathBuf;

use underpin_engine::Problem;
use underpin_prisma::PrismaVersion;

use crate::arguments::{Lsp, Migrations};
use crate::{lsp, place};

pub(crate) fn run(options: &Lsp) -> Result<u8, Problem> {
    let cwd = place::working_folder()?;
    let from_here = |path: &Option<PathBuf>| path.as_ref().map(|path| cwd.join(path));
    if let Some(typed) = &options.prisma
        && PrismaVersion::parse(typed).is_none()
    {
        return Err(Problem::new(format!("`{typed}` is no version of Prisma"))
            .hint("write it as in --prisma 7.4.0, or leave it out for the installed one"));
    }
    let typed = Migrations {
        stats: from_here(&options.stats),
        settings: from_here(&options.settings),
        pg_version: options.pg_version,
        prisma: options.prisma.clone(),
        ..Migrations::default()
    };
    lsp::serve(typed)
}
