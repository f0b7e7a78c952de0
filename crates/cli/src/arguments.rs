//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use underpin_core::check::Part;
use underpin_core::plan::ReasonCode;
use underpin_core::recipe::{FillAnswer, RenameAnswer};

use crate::output::lint::Format;
use crate::reporting::Reporting;

const EXIT_CODES: &str = "\
Exit codes:
  0   everything asked for is true
  1   a bug of underpin
  2   could not run: a precondition, the connection, the configuration, or a statement failed and left nothing
  3   declined by a person
  10  findings: a statement was refused, or lint, check, status or doctor has something to say
  11  drift
  12  NO-GO: a gate said no
  13  stopped safely; running the command again continues
  14  something is half done: underpin recover
  130, 143  interrupted, terminated";

/// Ships schema changes to live Prisma databases with zero downtime
#[derive(Debug, Parser)]
#[command(name = "underpin", version, after_help = EXIT_CODES, max_term_width = 110)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Apply pending migrations, online
    Deploy(Deploy),
    /// Compare the migrations folder with the database, checksums included
    Status(Status),
    /// Tell the ledger that a migration is applied or rolled back; runs no SQL of it
    Resolve(Resolve),
    /// Look at everything that a deploy needs, and at who stands in the way right now
    Doctor(Doctor),
    /// Ask the rows of the database, read-only, whether pending migrations will be refused because of them
    Precheck(Precheck),
    /// Compare the database with the history of its applied migrations, replayed on a throwaway server
    Drift(Drift),
    /// The way from one database to another, told by schemas, migrations or themselves: what changes, who waits
    Diff(Diff),
    /// Tell which release may run on which state of the database, while a change is on its way
    Compat(Compat),
    /// Write the migration that schema.prisma lacks, with its way back, or the way back alone; needs no
    /// development database
    Create(Create),
    /// Write a change that breaks running clients as phases that break none: expand, backfill, contract
    Plan(Plan),
    /// Show what a stopped deploy has left, and finish it or undo it
    Recover(Recover),
    /// Changes that go in phases: what holds one, and letting it go on
    Rollout(Rollout),
    /// Say what migrations lock, for how long, and what is wrong with them, before anybody runs them
    Lint(Lint),
    /// Everything that a pipeline should ask of a change: history, lint, replay, schema, way back
    Check(Check),
    /// What a whole history of migrations would have done to a busy database, on one page
    Audit(Audit),
    /// Print the page of a rule of lint, or list the rules
    Explain(Explain),
    /// Read sizes and write rates from a database, for lint: no data, no lock that anybody waits for
    Stats(Stats),
    /// What a live database contains, object by object, with a hash of each and of the whole
    Snapshot(Snapshot),
    /// Show which transactions a file becomes under the installed Prisma, and what flips it
    ExplainTx(ExplainTx),
    /// Serve an editor: findings, locks and fixes while a migration is written (Language Server Protocol)
    Lsp(Lsp),
}

impl Arguments {
    pub(crate) fn json(&self) -> bool {
        match &self.command {
            Command::Deploy(options) => options.output.json,
            Command::Status(options) => options.output.json,
            Command::Resolve(options) => options.output.json,
            Command::Doctor(options) => options.output.json,
            Command::Precheck(options) => options.output.json,
            Command::Drift(options) => options.output.json,
            Command::Diff(options) => options.output.json,
            Command::Compat(options) => options.output.json,
            Command::Create(options) => options.output.json,
            Command::Plan(options) => options.output.json,
            Command::Recover(options) => options.output.json,
            Command::Rollout(options) => match &options.act {
                RolloutAct::Status(options) => options.output.json,
                RolloutAct::Release(options) => options.output.json,
                RolloutAct::Abort(options) => options.output.json,
            },
            Command::Audit(options) => options.output.json,
            Command::Stats(options) => options.output.json,
            Command::Snapshot(options) => options.output.json,
            Command::ExplainTx(options) => options.output.json,
            Command::Lint(options) => options.reporting.format() == Format::Json,
            Command::Check(options) => options.reporting.format() == Format::Json,
            Command::Explain(options) => options.output.json,
            // Its output is the protocol's.
            Command::Lsp(_) => false,
        }
    }
}

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
pub(crate) struct Rollout {
    #[command(subcommand)]
    pub(crate) act: RolloutAct,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RolloutAct {
    /// Show a rollout with all its gates, the rows counted; changes nothing
    Status(RolloutStatus),
    /// Let the phase that is held be executed by the next deploy, when all its gates pass
    Release(RolloutRelease),
    /// Lead a rollout back to where it began, online, with the down.sql of its phases
    Abort(RolloutAbort),
}

#[derive(Debug, Args)]
pub(crate) struct RolloutStatus {
    /// The rollout
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) output: Printing,
}

#[derive(Debug, Args)]
pub(crate) struct RolloutRelease {
    /// The rollout
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Do not wait for the end of the time for which both shapes are kept; names the database as well
    #[arg(long, requires = "database")]
    pub(crate) now: bool,
    /// The name of the database whose time is ended
    #[arg(long, value_name = "NAME", requires = "now")]
    pub(crate) database: Option<String>,
    /// Answer for the old release being gone, where nobody can measure it: "who: why"
    #[arg(long, value_name = "WHO: WHY", value_parser = attestation)]
    pub(crate) attest: Option<String>,
    /// Sessions whose application_name contains this are of the old release
    #[arg(long, value_name = "TEXT")]
    pub(crate) old_release: Option<String>,
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) output: Printing,
}

#[derive(Debug, Args)]
pub(crate) struct RolloutAbort {
    /// The rollout
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The name of the database in which it is led back
    #[arg(long, value_name = "NAME")]
    pub(crate) database: String,
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) deciding: Deciding,
    #[command(flatten)]
    pub(crate) output: Printing,
}

/// Somebody, and a reason.
fn attestation(text: &str) -> Result<String, String> {
    let is_said = |part: &str| part.chars().any(char::is_alphanumeric);
    match text.split_once(':') {
        Some((who, why)) if is_said(who) && is_said(why) => Ok(text.trim().to_owned()),
        _ => Err("who answers for it, and why, as in \"Ada: release 41 was taken down at noon\"".to_owned()),
    }
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
    /// Folder with `postgres` and `initdb`, for the replay
    #[arg(long, value_name = "PATH")]
    pub(crate) postgres_bin: Option<PathBuf>,
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
    /// Folder with `postgres` and `initdb`, for the replay
    #[arg(long, value_name = "PATH")]
    pub(crate) postgres_bin: Option<PathBuf>,
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
    /// Folder with `postgres` and `initdb`, for the replay
    #[arg(long, value_name = "PATH")]
    pub(crate) postgres_bin: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) files: Files,
    #[command(flatten)]
    pub(crate) output: Printing,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// What the rollout is called; its migrations are NAME_1_expand, NAME_2_backfill, NAME_3_contract
    #[arg(long, short, value_name = "NAME")]
    pub(crate) name: String,
    /// What is the same under another name: User.fullName:displayName, User:Account (may be given several times)
    #[arg(long, value_name = "OLD:NEW")]
    pub(crate) rename: Vec<RenameAnswer>,
    /// What goes for good and is not renamed: User.fullName, User (may be given several times)
    #[arg(long, value_name = "OLD")]
    pub(crate) drop: Vec<String>,
    /// What stands where there is no value, an SQL expression over the row: User.slug='lower("name")' (may be
    /// given several times)
    #[arg(long, value_name = "COLUMN=SQL")]
    pub(crate) fill: Vec<FillAnswer>,
    /// Show what would be written, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) destination: Destination,
    /// Folder with `postgres` and `initdb`, for the replay
    #[arg(long, value_name = "PATH")]
    pub(crate) postgres_bin: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) files: Files,
    #[command(flatten)]
    pub(crate) output: Printing,
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
    /// Folder with `postgres` and `initdb`, for the replay
    #[arg(long, value_name = "PATH")]
    pub(crate) postgres_bin: Option<PathBuf>,
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
