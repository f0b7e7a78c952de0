//! `xtask demo`: one realistic migration, shipped twice to a shop that is open.
//!
//! Both runs have the same server, the same rows (two copies of one database), the same requests at the
//! same rate, and the same patience of the clients. What differs is who ships: the statements as Prisma
//! sends them, or the `underpin` binary as a child process. The numbers are the application's, taken
//! outside of underpin: it does not mark its own work.

mod chart;
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

/// Runs the demonstration. With `json`, standard output is one object and nothing else.
pub(crate) fn run(root: &Path, json: bool) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(demonstrate(root, json))
}

async fn demonstrate(root: &Path, json: bool) -> Result<ExitCode, Failure> {
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

    let runs = [&as_written, &online];
    let picture = root.join("docs/demo.svg");
    std::fs::create_dir_all(root.join("docs"))?;
    std::fs::write(&picture, chart::draw(runs, RATE))?;
    eprintln!("{}", report::table(runs, rows, RATE, PATIENCE));
    say(&format!("wrote docs/demo.svg; {:.0} s in all", begin.elapsed().as_secs_f64()));
    if json {
        println!("{}", report::json(&as_written, &online)?);
    }
    Ok(report::verdict(&as_written, &online))
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
    let load = Load {
        rate: RATE,
        connections: CONNECTIONS,
        timeout: PATIENCE,
        application_name: APPLICATION.to_owned(),
    };
    say(&format!("the shop is open, {RATE} requests in a second; shipping {way}"));
    let running = load.start(&database.config(), shop::Customers).await?;
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

/// A word to the person who waits, on standard error.
fn say(words: &str) {
    eprintln!("demo: {words}");
}
