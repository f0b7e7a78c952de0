//! The second act: a column gets another name, while a new release takes the place of the old one.
//!
//! Both ways begin with the database, because a pipeline has one order; then the instances are replaced one
//! after the other, as every rolling update does it.

use std::fmt;
use std::time::{Duration, Instant};

use underpin_testkit::{Database, LockWatch, ProjectFolder, Server};

use super::releases::{INSTANCES, Releases, prepare_control, wrong_names};
use super::report::Run;
use super::{AFTERMATH, APPLICATION, LEAD_IN, MAJOR, RATE, WARM_UP, load, say, ship, shop};
use crate::Failure;
use crate::underpin::Underpin;

const SCHEMA: &str = include_str!("../../demo/renamed.prisma");

/// As a person writes it who knows that Prisma would drop the column and add another.
const RENAME: &str = "ALTER TABLE \"Customer\" RENAME COLUMN \"name\" TO \"displayName\"";

/// What the rollout is called.
const NAME: &str = "display_name";

/// From one instance to the next.
const REPLACEMENT: Duration = Duration::from_secs(1);

/// How the column gets its name.
pub(super) enum Way {
    /// By one migration.
    AtOnce,
    /// In the phases of `underpin plan`.
    InPhases(Underpin),
}

/// One of the two runs.
pub(super) struct Act {
    pub(super) run: Run,
    /// Requests of the run that the server refused, by release: the old one's, the new one's.
    pub(super) refused: [u64; 2],
    /// Customers whose name is not the one that was stored last.
    pub(super) wrong_names: i64,
    /// When the first instance of the new release was there, and when the last: seconds since the begin.
    pub(super) replacing_s: (f64, f64),
}

/// Renames once, in a fresh copy of the shop, under load.
pub(super) async fn measure(server: &Server, original: &Database<'_>, way: Way) -> Result<Act, Failure> {
    let database = server.copy_of(original, "shop").await;
    let client = database.client().await;
    shop::warm(&client).await?;
    prepare_control(&client).await?;
    let project = way.project(&database).await?;
    say(&format!("the shop is open; a column is renamed {way}, and {INSTANCES} instances are replaced"));
    let releases = Releases::default();
    let running = load().start(&database.config(), releases.clone()).await?;
    tokio::time::sleep(WARM_UP + LEAD_IN).await;

    let watch = LockWatch::start(&database.config(), APPLICATION).await?;
    let since_load = |moment: Instant| moment.duration_since(running.begin()).as_secs_f64() * 1000.0;
    let begin_ms = since_load(Instant::now());
    let mut outcome = way.begin(&project, &database).await?;
    let mut replacing_s = (0.0, 0.0);
    if outcome.is_ok() {
        replacing_s.0 = (since_load(Instant::now()) - begin_ms) / 1000.0;
        for _ in 0..INSTANCES {
            tokio::time::sleep(REPLACEMENT).await;
            releases.replace_one();
        }
        replacing_s.1 = (since_load(Instant::now()) - begin_ms) / 1000.0;
        outcome = way.end(&project, &database).await?;
    }
    let end_ms = since_load(Instant::now());
    let locks = watch.stop().await?;
    tokio::time::sleep(AFTERMATH + Duration::from_secs(1)).await;
    let recording = running.stop().await;

    let measured = begin_ms..end_ms + AFTERMATH.as_secs_f64() * 1000.0;
    // The same requests as those of the summary: it counts by when they were due.
    let due = [measured.start, measured.end].map(|ms| (ms * f64::from(RATE) / 1000.0).ceil() as u64);
    let shown = begin_ms - LEAD_IN.as_secs_f64() * 1000.0..measured.end;
    Ok(Act {
        wrong_names: if outcome.is_ok() { wrong_names(&client).await? } else { 0 },
        run: Run {
            way: way.to_string(),
            outcome,
            deploy_s: (end_ms - begin_ms) / 1000.0,
            begin_ms,
            summary: recording.summary(measured),
            buckets: recording.buckets(shown),
            locks,
            catalog: shop::catalog(&client).await?,
        },
        refused: releases.refused(due[0]..due[1]),
        replacing_s,
    })
}

impl Way {
    /// What a pull request brings: the new schema, and for the phases their files.
    async fn project(&self, database: &Database<'_>) -> Result<ProjectFolder, Failure> {
        let project =
            ship::project().migration(ship::INIT.0, ship::INIT.1).file("prisma/schema.prisma", SCHEMA);
        if let Way::InPhases(underpin) = self {
            let major = MAJOR.to_string();
            let plan =
                ["plan", "--name", NAME, "--rename", "Customer.name:displayName", "--pg-version", &major];
            underpin.run(&plan, project.path(), &database.url()).await??;
        }
        Ok(project)
    }

    /// What is done before the new release comes.
    async fn begin(
        &self,
        project: &ProjectFolder,
        database: &Database<'_>,
    ) -> Result<Result<(), String>, Failure> {
        match self {
            Way::AtOnce => {
                let renamed = database.client().await.batch_execute(RENAME).await;
                Ok(renamed.map_err(|error| error.to_string()))
            }
            Way::InPhases(underpin) => underpin.deploy(project.path(), &database.url()).await,
        }
    }

    /// What is done when the old release is gone.
    async fn end(
        &self,
        project: &ProjectFolder,
        database: &Database<'_>,
    ) -> Result<Result<(), String>, Failure> {
        let Way::InPhases(underpin) = self else { return Ok(Ok(())) };
        let attested = "the demonstration: its last instance was replaced";
        let release =
            ["rollout", "release", NAME, "--now", "--database", database.name(), "--attest", attested];
        match underpin.run(&release, project.path(), &database.url()).await? {
            Ok(()) => underpin.deploy(project.path(), &database.url()).await,
            refused => Ok(refused),
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Way::AtOnce => "with RENAME COLUMN",
            Way::InPhases(_) => "with underpin plan",
        })
    }
}
