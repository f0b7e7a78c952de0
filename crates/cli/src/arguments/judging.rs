//! Commands about files: what is wrong with migrations, and what they do.

use std::path::PathBuf;

use clap::Args;
use underpin_core::check::Part;

use super::{Destination, Files, Migrations, Printing, PrismaFiles, Replay};
use crate::reporting::Reporting;

#[derive(Debug, Args)]
pub(crate) struct ExplainTx {
    /// `migration.sql` files or folders with one, in the order in which they are applied
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Ask about this version of Prisma [default: the installed one]
    #[arg(long, value_name = "VERSION")]
    pub(crate) prisma: Option<String>,
    #[command(flatten)]
    pub(crate) project: PrismaFiles,
    /// Database URL, instead of the project's: files begin with the settings in its options; nothing connects to it
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) output: Printing,
}

#[derive(Debug, Args)]
pub(crate) struct Lint {
    #[command(flatten)]
    pub(crate) migrations: Migrations,
    /// Only files that were added or changed since the last commit in common with this Git revision
    #[arg(long, value_name = "REVISION")]
    pub(crate) since: Option<String>,
    #[command(flatten)]
    pub(crate) reporting: Reporting,
    /// Write what is found now into the baseline, and fail for none of it
    #[arg(long)]
    pub(crate) write_baseline: bool,
    /// Write the safe form of migrations that are applied nowhere yet, when it is proven to end in the same
    /// catalog
    #[arg(long, conflicts_with_all = ["write_baseline", "file"])]
    pub(crate) fix: bool,
    /// With --fix: show what would be written, and write nothing
    #[arg(long, requires = "fix")]
    pub(crate) dry_run: bool,
    /// With --fix: the migrations that are named are applied nowhere, where neither Git nor --url can tell
    #[arg(long, requires_all = ["fix", "paths"])]
    pub(crate) not_applied: bool,
    /// With --fix: folder with `postgres` and `initdb` of the server's major version, for proofs
    #[arg(long, value_name = "PATH", requires = "fix")]
    pub(crate) postgres_bin: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The branch or commit that the change goes to; what it has counts as applied [default: the branch that
    /// a pipeline says a request goes to, else the default branch]
    #[arg(long, value_name = "REVISION")]
    pub(crate) base: Option<String>,
    /// Leave out a part, knowingly: base, lint, replay, schema or down (may be given several times)
    #[arg(long, value_name = "PART")]
    pub(crate) skip: Vec<Part>,
    #[command(flatten)]
    pub(crate) destination: Destination,
    #[command(flatten)]
    pub(crate) files: Files,
    #[command(flatten)]
    pub(crate) replay: Replay,
    #[command(flatten)]
    pub(crate) reporting: Reporting,
}

#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(flatten)]
    pub(crate) migrations: Migrations,
    /// Rows of each table of which nobody said how large it is
    #[arg(long, value_name = "ROWS", default_value_t = 10_000_000, value_parser = rows)]
    pub(crate) rows: u64,
    /// Also write the page as one HTML file, with a chart over time
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Printing,
}

/// `30000000`, `30_000_000`, `30M`, `500k`.
fn rows(text: &str) -> Result<u64, String> {
    let plain = text.replace(['_', ','], "");
    let (digits, factor) = match plain.char_indices().last() {
        Some((at, 'k' | 'K')) => (&plain[..at], 1_000),
        Some((at, 'm' | 'M')) => (&plain[..at], 1_000_000),
        Some((at, 'b' | 'B')) => (&plain[..at], 1_000_000_000),
        _ => (plain.as_str(), 1),
    };
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    number.filter(|number| *number > 0).ok_or_else(|| "a number of rows, as in 30000000 or 30M".to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The rule; without one, all are listed
    #[arg(value_name = "RULE")]
    pub(crate) rule: Option<String>,
    #[command(flatten)]
    pub(crate) output: Printing,
}

#[derive(Debug, Args)]
pub(crate) struct Lsp {
    #[command(flatten)]
    pub(crate) destination: Destination,
    /// Settings file [default: underpin.toml beside the project, if there is one]
    #[arg(long, value_name = "PATH")]
    pub(crate) settings: Option<PathBuf>,
    /// Speak over standard input and output, as it always does; editors say it
    #[arg(long)]
    stdio: bool,
}
