//! A whole history to an empty database, against `psql` with the same files in one session and against the
//! real Prisma CLI. `psql` does less (no ledger, no lock, no journal); it is how fast the server can be.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::json;
use tokio::process::Command;
use underpin_shadow::StartOptions;
use underpin_testkit::{Oracle, ProjectFolder, Server, corpus};

use super::{Finding, MAJOR, line, median, timed};
use crate::Failure;
use crate::underpin::{Underpin, words};

/// Ours to that of `psql`, at most.
const MARK: f64 = 1.3;

/// The disk's mood changes from second to second, so the two take turns, often.
const ROUNDS: usize = 7;

/// A matter of seconds each, and nowhere near the mark.
const PRISMA_ROUNDS: usize = 2;

pub(super) async fn measure() -> Result<Finding, Failure> {
    let underpin = Underpin::beside_us()?;
    let prisma = Oracle::prisma7().await;
    let psql = find_psql()?;
    let history = corpus::history("trigger.dev");
    let project = ProjectFolder::prisma7().migrations_of(&history.migrations);
    let files: Vec<PathBuf> =
        history.names.iter().map(|name| history.migrations.join(name).join("migration.sql")).collect();
    // Durable, as the servers are to which people deploy.
    let server = Server::start(MAJOR, StartOptions { durable: true, ..StartOptions::default() }).await?;

    let (mut ours, mut by_psql, mut by_prisma) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let database = server.database("psql").await;
        let ((), ms) = timed(run_files(&psql, &files, &database.url())).await?;
        by_psql.push(ms);
        let database = server.database("underpin").await;
        let (outcome, ms) = timed(underpin.deploy(project.path(), &database.url())).await?;
        outcome?;
        ours.push(ms);
    }
    for _ in 0..PRISMA_ROUNDS {
        let database = server.database("prisma").await;
        let url = database.url();
        let (said, ms) = timed(async { Ok(prisma.deploy(project.path(), &url).await) }).await?;
        if said.code != 0 {
            return Err(format!("prisma migrate deploy: {}", said.all()).into());
        }
        by_prisma.push(ms);
    }
    println!("{} migrations to an empty database", history.names.len());
    line("underpin deploy", &ours);
    line("psql, one session", &by_psql);
    line("prisma migrate deploy", &by_prisma);
    let ratio = median(&ours) / median(&by_psql);
    let below_prisma = median(&ours) < median(&by_prisma);
    Ok(Finding {
        value: median(&ours),
        unit: "ms",
        ratio,
        peer: "psql with the same files".to_owned(),
        met: ratio <= MARK && below_prisma,
        marks: format!("at most {MARK} of psql, below prisma migrate deploy"),
        raw: json!({ "underpin_ms": ours, "psql_ms": by_psql, "prisma_ms": by_prisma, "migrations": files.len() }),
    })
}

pub(super) async fn run_files(psql: &Path, files: &[PathBuf], url: &str) -> Result<(), Failure> {
    let mut command = Command::new(psql);
    command.args(["--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", url]).stdin(Stdio::null());
    // Notices would be printed one by one; the others do not print them either.
    command.env("PGOPTIONS", "-c client_min_messages=warning");
    for file in files {
        command.arg("-f").arg(file);
    }
    let output = command.output().await?;
    if output.status.success() { Ok(()) } else { Err(format!("psql: {}", words(&output)).into()) }
}

/// `psql` of the PATH, or of a folder of Debian's.
pub(super) fn find_psql() -> Result<PathBuf, Failure> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    std::env::split_paths(&path)
        .chain(debian.map(|major| major.path().join("bin")))
        .map(|folder| folder.join("psql"))
        .find(|program| program.is_file())
        .ok_or_else(|| "there is no psql; install the package postgresql-client".into())
}
