//! Runs that are cut, and runs at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::task::AbortHandle;
use underpin_core::plan::Mode;
use underpin_core::settings::Settings;
use underpin_engine::Events;
use underpin_engine::deploy::{Request, abort, deploy};
use underpin_engine::rollout::release;
use underpin_testkit::{Server, majors};

use super::back::{BACKFILL_DOWN, EXPAND_DOWN, answered, with_downs};
use super::{BACKFILL, BASE, CONTRACT, EXPAND, attested, contract, in_use, migrations};
use crate::setting::{assert_same, catalog, deployed, strict, target};

/// Runs something that is gone after its `at`th event, as a program that is killed. Answers whether it came to its end
/// before.
pub(crate) async fn killed<F>(at: usize, run: impl FnOnce(Events) -> F) -> bool
where
    F: Future<Output = ()> + Send + 'static,
{
    let told = Arc::new(AtomicUsize::new(0));
    let own = Arc::new(OnceLock::<AbortHandle>::new());
    let events = {
        let own = own.clone();
        Events::to(move |_| {
            if told.fetch_add(1, Ordering::SeqCst) + 1 == at {
                own.get().unwrap().abort();
            }
        })
    };
    let program = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (begin, begun) = tokio::sync::oneshot::channel::<()>();
    let run = run(events);
    let running = program.spawn(async move {
        begun.await.unwrap();
        run.await;
    });
    own.set(running.abort_handle()).unwrap();
    begin.send(()).unwrap();
    let ended = running.await.is_ok();
    program.shutdown_background();
    ended
}

/// Whatever is cut, wherever: from the first phase on the contract is held, and everything comes to the same end.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_in_slices_is_never_without_its_hold_and_comes_to_the_same_end() {
    let major = majors()[majors().len() / 2];
    let server = Server::shared(major).await;
    let database = in_use(server, "sliced").await;
    let before = catalog(&database).await;
    let proofs = tempfile::tempdir().unwrap();
    let whole = contract();
    let (target, _root) = with_downs(
        target(&database, &migrations(&whole, &[])),
        &[(EXPAND.0, EXPAND_DOWN), (BACKFILL.0, BACKFILL_DOWN)],
    );
    let request = || Request { proofs: Some(proofs.path().to_path_buf()), ..strict(Mode::Online) };
    let unguarded = format!(
        "SELECT FROM _prisma_migrations WHERE migration_name = '{}' AND NOT EXISTS
           (SELECT FROM underpin.hold WHERE migration = '{CONTRACT}' AND released_at IS NULL)",
        EXPAND.0
    );
    let name = target.url.database.clone();
    // There and back, then there to the end; each run is cut a little later than the one before it.
    for goal in ["held", "back"] {
        for slice in 0.. {
            let (target, request, name) = (target.clone(), request(), name.clone());
            let ended = killed(2 + slice % 9, async move |events| match goal {
                "back" => drop(
                    abort(&target, &request, "rename_full_name", &name, &answered(), &events).await.unwrap(),
                ),
                _ => drop(deploy(&target, &request, &events).await.unwrap()),
            })
            .await;
            assert_eq!(database.rows(&unguarded).await, [""; 0], "slice {slice} of {goal}");
            let aborted = database.rows("SELECT FROM underpin.rollout WHERE aborted_at IS NOT NULL").await;
            if goal == "back" && !aborted.is_empty() {
                // A deploy that comes in between leaves it alone.
                let outcome = deployed(
                    &crate::setting::target(&database, &migrations(&whole, &[])),
                    &strict(Mode::Online),
                )
                .await;
                assert!(outcome.applied.is_empty(), "{outcome:#?}");
            }
            if ended {
                break;
            }
            assert!(slice < 60, "{goal} does not come to an end");
        }
        if goal == "back" {
            assert_same(&before, &catalog(&database).await, "led back in slices");
            assert_eq!(database.rows("SELECT migration_name FROM _prisma_migrations").await, [BASE.0]);
            let open =
                "SELECT name, state FROM underpin.migration WHERE state NOT IN ('applied', 'reverted')";
            assert_eq!(database.rows(open).await, [""; 0]);
        }
    }
}

/// Two that release, deploy or lead back at once: one after the other, and nothing half done.
#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_take_turns() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = in_use(server, "turns").await;
    let whole = contract();
    let target = target(&database, &migrations(&whole, &[]));
    let request = strict(Mode::Online);
    let (one, other) =
        tokio::join!(Box::pin(deployed(&target, &request)), Box::pin(deployed(&target, &request)));
    assert_eq!(one.applied.len() + other.applied.len(), 2, "{one:#?}\n{other:#?}");
    let (settings, word) = (Settings::default(), attested(&target));
    let (one, other) = tokio::join!(
        Box::pin(release(&target, &settings, "rename_full_name", &word)),
        Box::pin(release(&target, &settings, "rename_full_name", &word))
    );
    let (one, other) = (one.unwrap(), other.unwrap());
    assert!(one.released && other.released, "{one:#?}\n{other:#?}");
    assert!(one.before.is_some() != other.before.is_some(), "one of them came first");
    let (one, other) =
        tokio::join!(Box::pin(deployed(&target, &request)), Box::pin(deployed(&target, &request)));
    assert_eq!(one.applied.len() + other.applied.len(), 1, "{one:#?}\n{other:#?}");
}
