//! `xtask demo`: one realistic migration, shipped twice to a shop that is open; then a column that gets another name,
//! twice as well, while a new release takes the old one's place.
//!
//! Both runs of each have the same server, the same rows (two copies of one database), the same requests at the
//! same rate, and the same patience of the clients. What differs is who ships: the statements as Prisma
//! sends them, or the `underpin` binary as a child process. The numbers are the application's, taken
//! outside of underpin: it does not mark its own work.

mod chart;
mod releases;
mod rename;
mod report;
mod ship;
mod shop;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use underpin_shadow::StartOptions;
use underpin_testkit::load::Load;
use underpin_testkit::{Database, LockWatch, Server};

use crate::Failure;
use crate::underpin::Underpin;
use report::Run;
use ship::Way;

/// The server of the demonstration.
const MAJOR: u32 = 17;

/// Requests in a second.
const RATE: u32 = 500;

/// What an ordinary application's pool has.
const CONNECTIONS: u32 = 20;

/// How long a client waits before it gives up, which counts as failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Requests before the measured time, for caches and connections.
const WARM_UP: Duration = Duration::from_secs(3);

/// Shown before the migration begins.
const LEAD_IN: Duration = Duration::from_secs(3);

/// Measured after the migration has ended: what queued up behind it is its doing too.
const AFTERMATH: Duration = Duration::from_secs(2);

/// The application's name in `pg_stat_activity`; everybody else is a migrator.
const APPLICATION: &str = "shop";

/// What happens with the numbers, besides the tables on standard error and the pictures in `docs`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// Nothing.
    Table,
    /// Standard output is one JSON object.
    Json,
    /// The tables of `README.md` are replaced.
    Readme,
}

/// Where the tables stand in `README.md`.
const SHIPPED: (&str, &str) = ("<!-- demo-table -->", "<!-- /demo-table -->");
const RENAMED: (&str, &str) = ("<!-- demo-rename-table -->", "<!-- /demo-rename-table -->");

/// Runs the demonstration.
pub(crate) fn run(root: &Path, output: Output) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(demonstrate(root, output))
}

async fn demonstrate(root: &Path, output: Output) -> Result<ExitCode, Failure> {
    let begin = Instant::now();
    say("starting PostgreSQL");
    let server = Server::start(MAJOR, options()).await?;
    let original = server.database("shop").await;
    ship::project_at_first(&Underpin::beside_us()?, &original).await?;
    say("filling the shop");
    let rows = shop::seed(&original.client().await).await?;
    say(&format!("{rows} rows after {:.0} s", begin.elapsed().as_secs_f64()));

    let as_written = measure(&server, &original, Way::AsWritten).await?;
    let online = measure(&server, &original, Way::Online(Underpin::beside_us()?)).await?;
    let at_once = rename::measure(&server, &original, rename::Way::AtOnce).await?;
    let in_phases = rename::Way::InPhases(Underpin::beside_us()?);
    let in_phases = rename::measure(&server, &original, in_phases).await?;

    let (runs, acts) = ([&as_written, &online], [&at_once, &in_phases]);
    std::fs::create_dir_all(root.join("docs"))?;
    std::fs::write(root.join("docs/demo.svg"), chart::shipped(runs, RATE))?;
    std::fs::write(root.join("docs/demo-rename.svg"), chart::renamed(acts, RATE))?;
    eprintln!("{}", report::tables(runs, acts, rows, RATE, PATIENCE));
    say(&format!(
        "wrote docs/demo.svg and docs/demo-rename.svg; {:.0} s in all",
        begin.elapsed().as_secs_f64()
    ));
    match output {
        Output::Table => {}
        Output::Json => println!("{}", report::json(runs, acts)?),
        Output::Readme => {
            let readme = root.join("README.md");
            let mut text = std::fs::read_to_string(&readme)?;
            for (marks, table) in [(SHIPPED, report::shipped(runs)), (RENAMED, report::renamed(acts))] {
                text = replace_between(&text, marks, &table.markdown())
                    .ok_or_else(|| format!("README.md has no place for the table: {}", marks.0))?;
            }
            std::fs::write(readme, text)?;
        }
    }
    Ok(report::verdict(runs, acts))
}

/// A server as in production: flushed to disk, autovacuum on, and sizes that fit the machine of a developer.
fn options() -> StartOptions {
    let settings = [("shared_buffers", "256MB"), ("maintenance_work_mem", "128MB"), ("max_wal_size", "2GB")];
    StartOptions {
        durable: true,
        settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        ..StartOptions::default()
    }
}

/// Ships the migration once, to a fresh copy of the shop, under load.
async fn measure(server: &Server, original: &Database<'_>, way: Way) -> Result<Run, Failure> {
    let database = server.copy_of(original, "shop").await;
    shop::warm(&database.client().await).await?;
    say(&format!("the shop is open, {RATE} requests in a second; shipping {way}"));
    let running = load().start(&database.config(), shop::Customers).await?;
    tokio::time::sleep(WARM_UP + LEAD_IN).await;

    let watch = LockWatch::start(&database.config(), APPLICATION).await?;
    let since_load = |moment: Instant| moment.duration_since(running.begin()).as_secs_f64() * 1000.0;
    let begin_ms = since_load(Instant::now());
    let outcome = way.ship(&database).await?;
    let end_ms = since_load(Instant::now());
    let locks = watch.stop().await?;
    tokio::time::sleep(AFTERMATH + Duration::from_secs(1)).await;
    let recording = running.stop().await;
    let catalog = shop::catalog(&database.client().await).await?;

    let measured = begin_ms..end_ms + AFTERMATH.as_secs_f64() * 1000.0;
    let shown = begin_ms - LEAD_IN.as_secs_f64() * 1000.0..measured.end;
    Ok(Run {
        way: way.to_string(),
        outcome,
        deploy_s: (end_ms - begin_ms) / 1000.0,
        begin_ms,
        summary: recording.summary(measured),
        buckets: recording.buckets(shown),
        locks,
        catalog,
    })
}

fn load() -> Load {
    Load { rate: RATE, connections: CONNECTIONS, timeout: PATIENCE, application_name: APPLICATION.to_owned() }
}

/// Puts lines between two marks; `None` when the marks are not there, in this order.
fn replace_between(text: &str, (from, to): (&str, &str), lines: &str) -> Option<String> {
    let (before, rest) = text.split_once(from)?;
    let (_, after) = rest.split_once(to)?;
    Some(format!("{before}{from}\n{lines}{to}{after}"))
}

/// A word to the person who waits, on standard error.
fn say(words: &str) {
    eprintln!("demo: {words}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_readme_is_replaced() {
        let text = format!("a\n{}\nold\n{}\nb\n", SHIPPED.0, SHIPPED.1);
        let expected = format!("a\n{}\nnew\n{}\nb\n", SHIPPED.0, SHIPPED.1);
        assert_eq!(replace_between(&text, SHIPPED, "new\n"), Some(expected));
        assert_eq!(replace_between("a", SHIPPED, ""), None);
    }
}
