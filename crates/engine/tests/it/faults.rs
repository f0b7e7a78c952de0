//! A deploy that is cut anywhere: the next one reaches the same catalog, ledger and data, and does
//! nothing twice.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::task::AbortHandle;
use tokio_postgres::NoTls;
use underpin_catalog::Catalog;
use underpin_core::plan::Mode;
use underpin_engine::Events;
use underpin_engine::deploy::{Ending, Outcome, Request, Target, deploy};
use underpin_testkit::{Database, Server, major_by_turn, majors};

use crate::setting::{assert_same, catalog, deployed, ledger, strict, target};
use crate::shop::{self, FINGERPRINTS};

/// What happens to a run after one of its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// The program is gone: nothing of it runs any more, and its sessions find out by themselves.
    Killed,
    /// The server ends all sessions of the run; the program goes on.
    SessionsEnded,
}

/// Runs a deploy that is cut after its `at`th event, from 1. Answers how many events it told, and the
/// outcome of a run that came to an end.
async fn cut(
    target: &Target,
    request: &Request,
    database: &Database<'_>,
    cut: Cut,
    at: usize,
) -> (usize, Option<Outcome>) {
    let told = Arc::new(AtomicUsize::new(0));
    let own = Arc::new(OnceLock::<AbortHandle>::new());
    let events = {
        let (told, own, config) = (told.clone(), own.clone(), database.config());
        Events::to(move |_| {
            if told.fetch_add(1, Ordering::SeqCst) + 1 != at {
                return;
            }
            match cut {
                Cut::Killed => own.get().unwrap().abort(),
                Cut::SessionsEnded => drop(tokio::spawn(end_sessions(config.clone()))),
            }
        })
    };
    let (target, request) = (target.clone(), request.clone());
    let (begin, begun) = tokio::sync::oneshot::channel::<()>();
    // A program's sockets end with it; those of a task go on until the answer that is due.
    let program = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let running = program.spawn(async move {
        begun.await.unwrap();
        deploy(&target, &request, &events).await
    });
    own.set(running.abort_handle()).unwrap();
    begin.send(()).unwrap();
    let ended = running.await;
    program.shutdown_background();
    let outcome = match ended {
        Ok(outcome) => outcome.ok(),
        Err(aborted) => {
            assert!(aborted.is_cancelled(), "{aborted}");
            None
        }
    };
    (told.load(Ordering::SeqCst), outcome)
}

async fn end_sessions(config: tokio_postgres::Config) {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    let all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name LIKE 'underpin/%'";
    client.query(all, &[]).await.unwrap();
}

/// What a deploy that nobody disturbed comes to.
struct Expected {
    catalog: Catalog,
    ledger: Vec<String>,
    data: Vec<String>,
}

impl Expected {
    async fn of(database: &Database<'_>) -> Self {
        Self {
            catalog: catalog(database).await,
            ledger: ledger(database).await,
            data: database.rows(FINGERPRINTS).await,
        }
    }

    async fn is_met_by(&self, database: &Database<'_>, of: &str) {
        assert_same(&self.catalog, &catalog(database).await, of);
        assert_eq!(self.ledger, ledger(database).await, "{of}");
        assert_eq!(self.data, database.rows(FINGERPRINTS).await, "{of}");
        let twice = "SELECT intent, attempts FROM underpin.step
                     WHERE state <> 'applied' OR (attempts > 1 AND cursor IS NULL AND sql NOT LIKE '%CONCURRENTLY%')";
        assert_eq!(database.rows(twice).await, [""; 0], "{of}: not applied, or applied twice");
        let open = "SELECT name, state FROM underpin.migration WHERE state <> 'applied'";
        assert_eq!(database.rows(open).await, [""; 0], "{of}");
    }
}

fn remembering(proofs: &Path) -> Request {
    Request { proofs: Some(proofs.to_path_buf()), ..strict(Mode::Online) }
}

/// Each run is cut a little later than the one before it, so that every event of the history is the last
/// one of some run.
#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_in_slices_comes_to_the_same_end() {
    let proofs = tempfile::tempdir().unwrap();
    for major in major_by_turn(0) {
        let server = Server::shared(major).await;
        let sliced = server.database("sliced").await;
        shop::open(&sliced).await;
        let whole = server.copy_of(&sliced, "whole").await;
        let request = remembering(proofs.path());
        let outcome = deployed(&target(&whole, &shop::history()), &request).await;
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {outcome:?}");

        let target = target(&sliced, &shop::history());
        let mut slices = 0;
        loop {
            let how = if slices % 3 == 2 { Cut::SessionsEnded } else { Cut::Killed };
            let (_, outcome) = cut(&target, &request, &sliced, how, 1 + slices % 11).await;
            slices += 1;
            match outcome.map(|outcome| outcome.ending) {
                Some(Ending::Applied | Ending::UpToDate) => break,
                None | Some(Ending::Stopped { .. }) => {}
                Some(other) => panic!("{major}, slice {slices}: {other:?}"),
            }
            assert!(slices < 400, "{major}: it does not come to an end");
        }
        assert!(slices > 12, "{major}: {slices} slices are hardly any");
        Expected::of(&whole).await.is_met_by(&sliced, &format!("PostgreSQL {major}, {slices} slices")).await;
    }
}

/// Thirty deploys, each cut once, spread over the whole; the program is gone in every second one.
#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_that_is_cut_once_is_finished_by_the_next_one() {
    let major = majors()[majors().len() / 2];
    let server = Server::shared(major).await;
    let proofs = tempfile::tempdir().unwrap();
    let request = remembering(proofs.path());
    let seeded = server.database("seeded").await;
    shop::open(&seeded).await;
    let whole = server.copy_of(&seeded, "whole").await;
    let (events, outcome) = cut(&target(&whole, &shop::history()), &request, &whole, Cut::Killed, 0).await;
    assert!(matches!(outcome.unwrap().ending, Ending::Applied));
    let expected = Expected::of(&whole).await;

    let mut cuts = 0;
    for at in (1..events).step_by((events / 30).max(1)) {
        let how = if cuts % 2 == 0 { Cut::Killed } else { Cut::SessionsEnded };
        let of = format!("cut after event {at} of {events} ({how:?})");
        let copy = server.copy_of(&seeded, "cut").await;
        let target = target(&copy, &shop::history());
        cut(&target, &request, &copy, how, at).await;
        let outcome = deployed(&target, &request).await;
        assert!(matches!(outcome.ending, Ending::Applied | Ending::UpToDate), "{of}: {outcome:?}");
        expected.is_met_by(&copy, &of).await;
        cuts += 1;
    }
    assert!(cuts >= 30, "{cuts} cuts");
}
