//! Reading a catalog: what it costs the server, against the least that a reader of catalogs asks for and
//! against `pg_dump -s`; and what five times the tables cost.
//!
//! The cost is the processor time of the server's process. The kernel adds it to that of the server's first
//! process when the other ends, so each reader has a connection of its own and is alone on the server.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tokio::process::Command;
use underpin_shadow::StartOptions;
use underpin_testkit::{Database, Server};

use super::{Finding, median, usage};
use crate::Failure;
use crate::underpin::{Underpin, words};

/// Ours to that of the leanest queries, at most.
const LEAN_MARK: f64 = 1.3;
/// Ours to that of `pg_dump -s`, at most.
const DUMP_MARK: f64 = 0.5;
/// What five times the tables may cost at most, in times of the cost.
const GROWTH_MARK: f64 = 6.5;
/// Our own memory for all of them, at most.
const PEAK_MARK_MB: f64 = 400.0;

const FEW: u32 = 2_000;
const MANY: u32 = 10_000;
/// The tables of one transaction, so that it does not run out of locks.
const AT_ONCE: u32 = 50;

const ROUNDS: usize = 7;
const ROUNDS_OF_MANY: usize = 3;

/// How its name begins, by which the server's processes for its clients are known.
const DATABASE: &str = "bench_introspect";

pub(super) async fn measure() -> Result<Finding, Failure> {
    let underpin = Underpin::beside_us()?;
    let (pg_dump, major) = find_pg_dump().await?;
    let settings = vec![("autovacuum".to_owned(), "off".to_owned())];
    let server = Server::start(major, StartOptions { settings, ..StartOptions::default() }).await?;
    let database = server.database(DATABASE).await;
    database.run(include_str!("introspect/types.sql")).await;
    grow(&database, 1, FEW).await;

    let psql = pg_dump.with_file_name("psql");
    let url = database.url();
    let lean = tempfile::NamedTempFile::new()?;
    std::fs::write(lean.path(), include_str!("introspect/lean.sql"))?;
    let of_psql = arguments(
        &["--no-psqlrc", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", "-f"],
        lean.path(),
        &url,
    );
    let of_dump: Vec<OsString> = ["--schema-only", &url].iter().map(OsString::from).collect();

    let (mut ours, mut by_lean, mut by_dump) = (Vec::new(), Vec::new(), Vec::new());
    let mut own = Vec::new();
    for _ in 0..ROUNDS {
        by_lean.push(alone(&server, &psql, &of_psql).await?.1);
        let (used, ms) = alone(&server, underpin.program(), &snapshot_of(&url)).await?;
        ours.push(ms);
        own.push(used);
        by_dump.push(alone(&server, &pg_dump, &of_dump).await?.1);
    }
    println!("{FEW} tables on PostgreSQL {major}, processor time of the server");
    super::line("underpin snapshot", &ours);
    super::line("the leanest queries, by psql", &by_lean);
    super::line("pg_dump --schema-only", &by_dump);

    grow(&database, FEW + 1, MANY).await;
    let (mut of_many, mut own_of_many) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS_OF_MANY {
        let (used, ms) = alone(&server, underpin.program(), &snapshot_of(&url)).await?;
        of_many.push(ms);
        own_of_many.push(used);
    }
    println!("{MANY} tables");
    super::line("underpin snapshot", &of_many);
    usage::line("underpin snapshot itself", &own_of_many);

    let ratio = median(&ours) / median(&by_lean);
    let of_the_dump = median(&ours) / median(&by_dump);
    let growth = median(&of_many) / median(&ours);
    let peak_mb = usage::median(&own_of_many).peak_mb;
    let met =
        ratio <= LEAN_MARK && of_the_dump <= DUMP_MARK && growth <= GROWTH_MARK && peak_mb <= PEAK_MARK_MB;
    Ok(Finding {
        value: median(&ours),
        unit: "ms of the server's processor",
        ratio,
        peer: "the leanest queries".to_owned(),
        met,
        marks: format!(
            "at most {LEAN_MARK} of the leanest queries, {DUMP_MARK} of pg_dump -s ({of_the_dump:.2}); \
             5 times the tables at most {GROWTH_MARK} times the cost ({growth:.1}) in {PEAK_MARK_MB} MB ({peak_mb:.0})"
        ),
        raw: json!({
            "postgresql": major,
            "underpin_ms": ours, "lean_ms": by_lean, "pg_dump_ms": by_dump,
            "underpin_itself": own,
            "many_ms": of_many, "many_itself": own_of_many,
        }),
    })
}

fn snapshot_of(url: &str) -> Vec<OsString> {
    ["snapshot", "--json", "--url", url].iter().map(OsString::from).collect()
}

fn arguments(first: &[&str], file: &Path, url: &str) -> Vec<OsString> {
    let first = first.iter().map(OsString::from);
    first.chain([file.as_os_str().to_owned(), OsString::from(url)]).collect()
}

async fn grow(database: &Database<'_>, first: u32, last: u32) {
    let template = include_str!("introspect/tables.sql");
    for from in (first..=last).step_by(AT_ONCE as usize) {
        let to = (from + AT_ONCE - 1).min(last);
        let made = template.replace("$FIRST", &from.to_string()).replace("$LAST", &to.to_string());
        database.run(&made).await;
    }
    // What autovacuum would have done by now, for the planner and for what the readers find in memory.
    database.run("VACUUM ANALYZE").await;
}

/// Runs a program that is the server's only client, and answers what it used itself and what the server
/// used for it, in milliseconds.
async fn alone(
    server: &Server,
    program: &Path,
    arguments: &[OsString],
) -> Result<(usage::Usage, f64), Failure> {
    let before = settled(server).await?;
    let used = usage::measure(program, arguments, Path::new("."), &[0])?;
    Ok((used, settled(server).await? - before))
}

/// The processor time of the server's processes that have ended, once no client is left.
async fn settled(server: &Server) -> Result<f64, Failure> {
    let pid = server.shadow().pid();
    let is_client = |child: &str| {
        let title = std::fs::read_to_string(format!("/proc/{child}/cmdline"));
        // One that has ended and was not asked for yet has no title, and its time is not told yet.
        title.is_ok_and(|title| title.is_empty() || title.contains(DATABASE))
    };
    let children = format!("/proc/{pid}/task/{pid}/children");
    while std::fs::read_to_string(&children)?.split_whitespace().any(is_client) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).map_err(|error| {
        format!("the processor time of the server is read from /proc, as Linux has it: {error}")
    })?;
    // The name, in parentheses, may have blanks; cutime and cstime are the 14th and 15th behind it.
    let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
    let ticks: Vec<f64> =
        behind.split_whitespace().skip(13).take(2).filter_map(|word| word.parse().ok()).collect();
    // A tick is 10 ms on every Linux that PostgreSQL runs on.
    Ok(ticks.iter().sum::<f64>() * 10.0)
}

/// `pg_dump` of the PATH, or of a folder of Debian's, with its major: it reads no server that is newer.
async fn find_pg_dump() -> Result<(PathBuf, u32), Failure> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let mut folders: Vec<PathBuf> = debian.map(|major| major.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders.extend(std::env::split_paths(&path));
    let program = folders
        .into_iter()
        .map(|folder| folder.join("pg_dump"))
        .find(|program| program.is_file() && program.with_file_name("psql").is_file())
        .ok_or("there is no pg_dump; install the package postgresql-client")?;
    let output = Command::new(&program).arg("--version").output().await?;
    let text = words(&output);
    let major = text.split_whitespace().find_map(|word| word.split('.').next()?.parse().ok());
    Ok((program, major.ok_or_else(|| format!("pg_dump does not say its version: {text}"))?))
}
