//! Options that several commands have.

use std::path::PathBuf;

use clap::Args;
use underpin_core::plan::ReasonCode;
use underpin_core::settings::ShadowSettings;

/// By which files Prisma knows its project.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct PrismaFiles {
    /// Prisma schema: a file or a folder
    #[arg(long, value_name = "PATH")]
    pub(crate) schema: Option<PathBuf>,
    /// Prisma configuration file
    #[arg(long, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
}

/// Where a project's files are.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Files {
    #[command(flatten)]
    pub(crate) prisma: PrismaFiles,
    /// Migrations folder
    #[arg(long, value_name = "PATH")]
    pub(crate) migrations: Option<PathBuf>,
    /// Settings file [default: underpin.toml beside the project, if there is one]
    #[arg(long, value_name = "PATH")]
    pub(crate) settings: Option<PathBuf>,
}

/// Which project and which database.
#[derive(Debug, Args)]
pub(crate) struct Project {
    #[command(flatten)]
    pub(crate) files: Files,
    /// Database URL, instead of the project's
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
}

/// How to print.
#[derive(Debug, Args)]
pub(crate) struct Printing {
    /// Print one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// How a deploy decides.
#[derive(Debug, Args)]
pub(crate) struct Deciding {
    /// Execute the files as they are written: no online forms, no refusals
    #[arg(long)]
    pub(crate) as_written: bool,
    /// Allow what was refused for this reason, knowingly (may be given several times)
    #[arg(long, value_name = "REASON")]
    pub(crate) allow: Vec<ReasonCode>,
    /// Folder with `postgres` and `initdb` of the server's major version, for proofs
    #[arg(long, value_name = "PATH")]
    pub(crate) postgres_bin: Option<PathBuf>,
    /// Write events as lines of JSON to a file, or to stderr with `-`
    #[arg(long, value_name = "FILE")]
    pub(crate) events: Option<PathBuf>,
}

/// What the files meet where they are applied.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Destination {
    /// Sizes and write rates of the production database, as `underpin stats` wrote them
    #[arg(long, value_name = "FILE")]
    pub(crate) stats: Option<PathBuf>,
    /// The major version of the server that the files are for [default: that of the statistics, else 18]
    #[arg(long, value_name = "MAJOR", value_parser = clap::value_parser!(u32).range(13..=18))]
    pub(crate) pg_version: Option<u32>,
    /// The version of Prisma that applies them [default: the installed one]
    #[arg(long, value_name = "VERSION")]
    pub(crate) prisma: Option<String>,
}

/// Which migrations are judged, and for which server and which Prisma.
#[derive(Debug, Default, Args)]
pub(crate) struct Migrations {
    /// Files, folders, migrations or migrations folders; `-` is standard input [default: the project's migrations]
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) destination: Destination,
    /// Read sizes and write rates from this database; nothing is changed there
    #[arg(long, value_name = "URL", conflicts_with = "stats")]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) files: Files,
}

/// Where the throwaway server comes from on which a history is replayed.
#[derive(Debug, Default, Args)]
pub(crate) struct Replay {
    /// Folder with `postgres` and `initdb`, for the replay
    #[arg(long, value_name = "PATH")]
    postgres_bin: Option<PathBuf>,
}

impl Replay {
    /// The settings with what was typed, which wins.
    pub(crate) fn over(&self, settings: &ShadowSettings) -> ShadowSettings {
        let mut settings = settings.clone();
        if let Some(bin) = &self.postgres_bin {
            settings.postgres_bin = Some(bin.clone());
        }
        settings
    }
}
