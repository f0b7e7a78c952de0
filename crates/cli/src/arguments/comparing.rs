//! Commands about two states, and the migration between them.

use std::path::PathBuf;

use clap::Args;

use super::{Destination, Files, Printing, Replay};

/// The database as it is.
#[derive(Debug, Args)]
#[group(id = "from", multiple = false)]
pub(crate) struct From {
    /// From nothing
    #[arg(long)]
    pub(crate) from_empty: bool,
    /// From the database that this Prisma schema means: a file or a folder
    #[arg(long, value_name = "PATH", visible_alias = "from-schema-datamodel")]
    pub(crate) from_schema: Option<PathBuf>,
    /// From what the migrations of this folder end in, replayed on a throwaway server
    #[arg(long, value_name = "PATH")]
    pub(crate) from_migrations: Option<PathBuf>,
    /// From this live database
    #[arg(long, value_name = "URL")]
    pub(crate) from_url: Option<String>,
    /// From the live database of this Prisma schema's datasource
    #[arg(long, value_name = "PATH")]
    pub(crate) from_schema_datasource: Option<PathBuf>,
    /// From the live database of the Prisma configuration
    #[arg(long)]
    pub(crate) from_config_datasource: bool,
}

/// The database as it shall be.
#[derive(Debug, Args)]
#[group(id = "to", multiple = false)]
pub(crate) struct To {
    /// To nothing
    #[arg(long)]
    pub(crate) to_empty: bool,
    /// To the database that this Prisma schema means: a file or a folder
    #[arg(long, value_name = "PATH", visible_alias = "to-schema-datamodel")]
    pub(crate) to_schema: Option<PathBuf>,
    /// To what the migrations of this folder end in, replayed on a throwaway server
    #[arg(long, value_name = "PATH")]
    pub(crate) to_migrations: Option<PathBuf>,
    /// To this live database
    #[arg(long, value_name = "URL")]
    pub(crate) to_url: Option<String>,
    /// To the live database of this Prisma schema's datasource
    #[arg(long, value_name = "PATH")]
    pub(crate) to_schema_datasource: Option<PathBuf>,
    /// To the live database of the Prisma configuration
    #[arg(long)]
    pub(crate) to_config_datasource: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    #[command(flatten)]
    pub(crate) from: From,
    #[command(flatten)]
    pub(crate) to: To,
    /// Print the SQL that Prisma would write, and nothing else
    #[arg(long, conflicts_with = "json")]
    pub(crate) script: bool,
    /// End with Prisma's own codes: 0 no difference, 2 a difference, 1 an error
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// Write the result here instead of on stdout
    #[arg(long = "output", short = 'o', value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Not needed, and not connected to: migrations are replayed on a throwaway server
    #[arg(long, value_name = "URL", hide = true)]
    pub(crate) shadow_database_url: Option<String>,
    #[command(flatten)]
    pub(crate) destination: Destination,
    #[command(flatten)]
    pub(crate) replay: Replay,
    #[command(flatten)]
    pub(crate) files: Files,
    #[command(flatten)]
    pub(crate) output: Printing,
}

#[derive(Debug, Args)]
pub(crate) struct Compat {
    /// The release that runs, by a Git revision (may be given several times) [default: what this branch has in
    /// common with the default branch]
    #[arg(long, value_name = "REVISION")]
    pub(crate) base: Vec<String>,
    /// The major version of the server [default: the newest on this machine]
    #[arg(long, value_name = "MAJOR", value_parser = clap::value_parser!(u32).range(13..=18))]
    pub(crate) pg_version: Option<u32>,
    /// The version of Prisma that writes migrations [default: the installed one]
    #[arg(long, value_name = "VERSION")]
    pub(crate) prisma: Option<String>,
    #[command(flatten)]
    pub(crate) replay: Replay,
    #[command(flatten)]
    pub(crate) files: Files,
    #[command(flatten)]
    pub(crate) output: Printing,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// What the migration is called, behind the time of its folder
    #[arg(long, short, value_name = "NAME", required_unless_present = "down")]
    pub(crate) name: Option<String>,
    /// Write the online form of the migration, when it is proven to end in the same catalog
    #[arg(long)]
    pub(crate) online: bool,
    /// Write no migration, but the way back beside those that are there and have none: beside these, or
    /// beside the last ones, for which `check` tries it
    #[arg(long, value_name = "MIGRATION", num_args = 0.., conflicts_with_all = ["name", "online"])]
    pub(crate) down: Option<Vec<String>>,
    /// Show what would be written, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) destination: Destination,
    #[command(flatten)]
    pub(crate) replay: Replay,
    #[command(flatten)]
    pub(crate) files: Files,
    #[command(flatten)]
    pub(crate) output: Printing,
}
