//! Every kind of twin on tables with rows: it ends in the catalog, the ledger and the data of the file
//! as written, on every major, while nobody looks and while an application writes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio_postgres::{Client, Error};
use underpin_core::event::Event;
use underpin_core::plan::Mode;
use underpin_engine::deploy::{Ending, deploy};
use underpin_testkit::load::{Load, Summary, Traffic};
use underpin_testkit::{Database, LockReport, LockWatch, Server, major_by_turn, majors, workspace_root};

use crate::setting::{assert_same, catalog, collected, deployed, ledger, strict, target};
use crate::shop::{self, CHANGES, FINGERPRINTS};

#[tokio::test(flavor = "multi_thread")]
async fn a_twin_ends_where_the_file_as_written_ends() {
    for major in majors() {
        let server = Server::shared(major).await;
        let written = server.database("written").await;
        shop::open(&written).await;
        let online = server.copy_of(&written, "online").await;

        let outcome = deployed(&target(&written, &shop::history()), &strict(Mode::AsWritten)).await;
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {outcome:?}");

        let (events, seen) = collected();
        let outcome =
            deploy(&target(&online, &shop::history()), &strict(Mode::Online), &events).await.unwrap();
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {outcome:#?}");

        assert_same(&catalog(&written).await, &catalog(&online).await, &format!("PostgreSQL {major}"));
        assert_eq!(ledger(&written).await, ledger(&online).await, "{major}");
        assert_eq!(written.rows(FINGERPRINTS).await, online.rows(FINGERPRINTS).await, "{major}");

        let seen = seen.lock().unwrap();
        for change in CHANGES {
            let went_online = seen.iter().any(|event| {
                matches!(event, Event::MigrationStarted { migration, online: true, .. } if migration == change.name)
            });
            assert!(went_online, "{major}: {} was not executed as its twin", change.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_tells_the_steps_of_each_twin() {
    let major = *majors().last().unwrap();
    let server = Server::shared(major).await;
    let database = server.database("steps").await;
    shop::open(&database).await;
    let outcome = deployed(&target(&database, &shop::history()), &strict(Mode::Online)).await;
    assert!(matches!(outcome.ending, Ending::Applied), "{outcome:#?}");
    for change in CHANGES {
        let query = format!(
            "SELECT s.intent || ' / ' || s.state || ' / ' || s.attempts FROM underpin.step s
             JOIN underpin.migration m ON m.id = s.migration WHERE m.name = '{}' AND m.state = 'applied'
             ORDER BY s.ordinal",
            change.name
        );
        let steps = database.rows(&query).await;
        assert_eq!(steps.len(), change.steps.len(), "{}: {steps:#?}", change.name);
        for (step, wanted) in steps.iter().zip(change.steps) {
            assert!(step.contains(wanted), "{}: {step:?} does not say {wanted:?}", change.name);
            assert!(step.ends_with("/ applied / 1"), "{}: {step}", change.name);
        }
    }
}

/// A twin that is made somewhere is also executed here: each kind is a file of the crate that makes them.
#[test]
fn no_kind_of_twin_is_without_a_change_that_needs_it() {
    let folder = workspace_root().join("crates/sql/src/twin");
    let kinds: BTreeSet<String> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let needed = CHANGES.iter().flat_map(|change| change.twins).map(|kind| (*kind).to_owned()).collect();
    assert_eq!(kinds, needed);
}

/// What the application of the shop does, before, between and after all changes.
struct Customers {
    users: u64,
    /// Orders whose placing was acknowledged.
    placed: Arc<Mutex<Vec<String>>>,
    /// Visits whose counting was acknowledged.
    visits: Arc<Mutex<u64>>,
}

impl Traffic for Customers {
    async fn request(&self, client: &mut Client, number: u64) -> Result<(), Error> {
        let user = 1 + (number * 7_919 % self.users) as i32;
        match number % 5 {
            0 | 1 => {
                let id = format!("load {number}");
                // A total of its own: the shop makes it unique.
                let total = 10_000_000 + number as i32;
                let order = "INSERT INTO \"Order\" (\"id\", \"userId\", \"total\", \"note\") VALUES ($1, $2, $3, 'load')";
                client.execute(order, &[&id, &user, &total]).await?;
                self.placed.lock().unwrap().push(id);
            }
            2 => {
                let visit = "UPDATE \"User\" SET \"visits\" = \"visits\" + 1 WHERE \"id\" = $1";
                client.execute(visit, &[&user]).await?;
                *self.visits.lock().unwrap() += 1;
            }
            3 => {
                let transaction = client.transaction().await?;
                let read = "SELECT \"email\" FROM \"User\" WHERE \"id\" = $1";
                transaction.query_one(read, &[&user]).await?;
                let setting = "UPDATE \"Setting\" SET \"value\" = \"value\" WHERE \"key\" = 'key 7'";
                transaction.execute(setting, &[]).await?;
                transaction.commit().await?;
            }
            _ => {
                let orders = "SELECT \"id\", \"total\", \"note\" FROM \"Order\" WHERE \"id\" = md5($1::text)";
                client.query(orders, &[&user.to_string()]).await?;
            }
        }
        Ok(())
    }
}

/// Deploys all changes while customers are there. Answers what they noticed, and which locks were held.
async fn under_load(database: &Database<'_>, mode: Mode, times: u32) -> (Summary, LockReport) {
    let of = format!("{database:?}, {mode:?}");
    let (placed, visits) = (Arc::default(), Arc::default());
    let customers = Customers {
        users: u64::from(3_000 * times),
        placed: Arc::clone(&placed),
        visits: Arc::clone(&visits),
    };
    let load = Load {
        rate: 150,
        connections: 12,
        timeout: Duration::from_secs(20),
        application_name: "shop".to_owned(),
    };
    let begun = Instant::now();
    let running = load.start(&database.config(), customers).await.unwrap();
    let watch = LockWatch::start(&database.config(), "shop").await.unwrap();
    let outcome = deployed(&target(database, &shop::history()), &strict(mode)).await;
    assert!(matches!(outcome.ending, Ending::Applied), "{of}: {outcome:#?}");
    let locks = watch.stop().await.unwrap();
    let took_ms = begun.elapsed().as_secs_f64() * 1_000.0;
    let seen = running.stop().await.summary(0.0..took_ms);

    let there = "SELECT \"id\" FROM \"Order\" WHERE \"note\" = 'load'";
    let there: BTreeSet<String> = database.rows(there).await.into_iter().collect();
    let placed: BTreeSet<String> = placed.lock().unwrap().iter().cloned().collect();
    assert!(placed.len() > 100, "{of}: {} orders are hardly a load", placed.len());
    assert_eq!(placed.difference(&there).collect::<Vec<_>>(), [""; 0], "{of}: acknowledged, and not there");
    let counted = *visits.lock().unwrap();
    assert_eq!(database.rows("SELECT sum(\"visits\") FROM \"User\"").await, [counted.to_string()], "{of}");
    (seen, locks)
}

/// How long a lock that a read or a write waits for may be seen, in milliseconds.
const HELD_MAX_MS: f64 = 100.0;

/// The tables are so large that work under a lock is seen: the files as written hold theirs longer. A
/// machine that does not let us run for a moment lengthens a lock by that moment, but not twice.
#[tokio::test(flavor = "multi_thread")]
async fn the_application_notices_no_twin() {
    const TIMES: u32 = 20;
    let newest = *majors().last().unwrap();
    for major in major_by_turn(1) {
        let server = Server::shared(major).await;
        let seeded = server.database("seeded").await;
        shop::open_with(&seeded, TIMES).await;
        let mut longest_ms = f64::INFINITY;
        let mut holds = Vec::new();
        for _ in 0..2 {
            let online = server.copy_of(&seeded, "busy").await;
            let (summary, locks) = under_load(&online, Mode::Online, TIMES).await;
            assert_eq!(summary.failed, 0, "{major}: {summary:#?}");
            assert!(locks.samples > 100, "{major}: {} looks are hardly any", locks.samples);
            longest_ms = longest_ms.min(locks.longest_ms());
            if longest_ms <= HELD_MAX_MS {
                break;
            }
            holds.push(locks.holds);
        }
        assert!(longest_ms <= HELD_MAX_MS, "{major}: a lock was held for {longest_ms} ms, twice: {holds:#?}");
        if major == newest {
            let written = server.copy_of(&seeded, "busy_as_written").await;
            let (_, locks) = under_load(&written, Mode::AsWritten, TIMES).await;
            assert!(locks.longest_ms() > HELD_MAX_MS, "{major}: nothing to see: {:#?}", locks.holds);
        }
    }
}
