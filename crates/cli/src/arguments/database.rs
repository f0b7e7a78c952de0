//! Commands about one database: what a deploy does to it, and what is found in it.

use std::path::PathBuf;

use clap::Args;

use super::{Deciding, Printing, Project};

#[derive(Debug, Args)]
pub(crate) struct Deploy {
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) deciding: Deciding,
    #[command(flatten)]
    pub(crate) output: Printing,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) output: Printing,
}

#[derive(Debug, Args)]
#[group(id = "claim", required = true, multiple = false, args = ["applied", "rolled_back"])]
pub(crate) struct Resolve {
    /// The database has all of this migration
    #[arg(long, value_name = "MIGRATION")]
    pub(crate) applied: Option<String>,
    /// The database has none of this migration
    #[arg(long, value_name = "MIGRATION")]
    pub(crate) rolled_back: Option<String>,
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) output: Printing,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) output: Printing,
}

#[derive(Debug, Args)]
pub(crate) struct Precheck {
    #[command(flatten)]
    pub(crate) project: Project,
    /// How long to look, in seconds, for all questions together
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) budget: u64,
    /// Show the values that stand against a migration too, and not the keys of their rows alone
    #[arg(long)]
    pub(crate) values: bool,
    #[command(flatten)]
    pub(crate) output: Printing,
}

#[derive(Debug, Args)]
pub(crate) struct Drift {
    #[command(flatten)]
    pub(crate) project: Project,
    /// Folder with `postgres` and `initdb` of the server's major version, for the replay
    #[arg(long, value_name = "PATH")]
    pub(crate) postgres_bin: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Printing,
}

#[derive(Debug, Args)]
#[group(id = "way", multiple = false, args = ["finish", "revert"])]
pub(crate) struct Recover {
    /// Execute the steps that are left
    #[arg(long)]
    pub(crate) finish: bool,
    /// Undo the steps that have taken effect, and mark the migration rolled back
    #[arg(long)]
    pub(crate) revert: bool,
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) deciding: Deciding,
    #[command(flatten)]
    pub(crate) output: Printing,
}

#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// Write the statistics here instead of on stdout
    #[arg(long = "output", short = 'o', value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) output: Printing,
}

#[derive(Debug, Args)]
pub(crate) struct Snapshot {
    /// Write the snapshot here as JSON, and the summary on stderr
    #[arg(long = "output", short, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) output: Printing,
}
