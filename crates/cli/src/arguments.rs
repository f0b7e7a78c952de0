//! What can be typed: the commands, and the options of those that plan a rollout and lead it. Those of the others are
//! in the folder beside this file.

mod comparing;
mod database;
mod judging;
mod shared;

use clap::{Args, Parser, Subcommand};
use underpin_core::recipe::{FillAnswer, MoveAnswer, RenameAnswer, ReplaceAnswer, ReshapeAnswer};

pub(crate) use self::comparing::{Compat, Create, Diff, From, To};
pub(crate) use self::database::{Deploy, Doctor, Drift, Precheck, Recover, Resolve, Snapshot, Stats, Status};
pub(crate) use self::judging::{Audit, Check, Explain, ExplainTx, Lint, Lsp};
pub(crate) use self::shared::{
    Deciding, Destination, Files, Migrations, Printing, PrismaFiles, Project, Replay,
};
use crate::output::lint::Format;

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
    /// List what contracts have put away, or drop one of it for good
    Purge(Purge),
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
            Command::Purge(options) => options.output.json,
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
    /// Answer for the new release being gone, where nobody can measure it: "who: why"
    #[arg(long, value_name = "WHO: WHY", value_parser = attestation)]
    pub(crate) attest: Option<String>,
    /// Sessions whose application_name contains this are of the new release
    #[arg(long, value_name = "TEXT")]
    pub(crate) new_release: Option<String>,
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) deciding: Deciding,
    #[command(flatten)]
    pub(crate) output: Printing,
}

#[derive(Debug, Args)]
pub(crate) struct Purge {
    /// What is dropped for good, by its name in the list; without one, what is parked is listed
    #[arg(value_name = "NAME", requires = "database")]
    pub(crate) name: Option<String>,
    /// The name of the database in which it is dropped
    #[arg(long, value_name = "NAME", requires = "name")]
    pub(crate) database: Option<String>,
    /// Do not wait for the end of its time
    #[arg(long, requires = "name")]
    pub(crate) now: bool,
    #[command(flatten)]
    pub(crate) project: Project,
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
pub(crate) struct Plan {
    /// What the rollout is called; its migrations are NAME_1_expand, NAME_2_backfill, NAME_3_contract
    #[arg(long, short, value_name = "NAME")]
    pub(crate) name: String,
    /// What is the same under another name: User.fullName:displayName, User:Account (may be given several times)
    #[arg(long, value_name = "OLD:NEW")]
    pub(crate) rename: Vec<RenameAnswer>,
    /// What is in another table from now on: User.street,User.city:Address, Post.authorId:_PostToUser (may be given
    /// several times)
    #[arg(long = "move", value_name = "COLUMNS:TABLE")]
    pub(crate) moves: Vec<MoveAnswer>,
    /// What becomes several columns: User.name:firstName,lastName; how each is made of the other side, both ways,
    /// says --fill (may be given several times)
    #[arg(long, value_name = "OLD:NEW,NEW", value_parser = ReshapeAnswer::split)]
    pub(crate) split: Vec<ReshapeAnswer>,
    /// What become one column: User.firstName,lastName:name; likewise (may be given several times)
    #[arg(long, value_name = "OLD,OLD:NEW", value_parser = ReshapeAnswer::merge)]
    pub(crate) merge: Vec<ReshapeAnswer>,
    /// What goes for good and is not renamed: User.fullName, User (may be given several times)
    #[arg(long, value_name = "OLD")]
    pub(crate) drop: Vec<String>,
    /// What of it is put away when it goes, and kept until it is purged: User.fullName, User (may be given several
    /// times)
    #[arg(long, value_name = "OLD")]
    pub(crate) park: Vec<String>,
    /// What stands where there is no value, an SQL expression over the row: User.slug='lower("name")' (may be
    /// given several times)
    #[arg(long, value_name = "COLUMN=SQL")]
    pub(crate) fill: Vec<FillAnswer>,
    /// What rows get whose value of an enum goes: Status.OLD:NEW (may be given several times)
    #[arg(long, value_name = "OLD:NEW")]
    pub(crate) replace: Vec<ReplaceAnswer>,
    /// A column that gets another type under its name, by a swap in the last phase: Event.count (may be given
    /// several times)
    #[arg(long, value_name = "COLUMN")]
    pub(crate) swap: Vec<String>,
    /// The release that is out, by a Git revision (may be given several times) [default: what this branch has in
    /// common with the default branch, else one that fits the history]
    #[arg(long, value_name = "REVISION")]
    pub(crate) base: Vec<String>,
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
