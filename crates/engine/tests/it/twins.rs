//! Every kind of twin on tables with rows: it ends in the catalog, the ledger and the data of the file
//! as written, on every major.

use underpin_core::event::Event;
use underpin_core::plan::Mode;
use underpin_engine::deploy::{Ending, deploy};
use underpin_testkit::{Server, majors};

use crate::setting::{assert_same, catalog, collected, deployed, ledger, left_alone, rows, strict, target};
use crate::shop::{self, CHANGES, FINGERPRINTS};

#[tokio::test(flavor = "multi_thread")]
async fn a_twin_ends_where_the_file_as_written_ends() {
    for major in majors() {
        let server = Server::shared(major).await;
        let written = server.database("written").await;
        shop::open(&written).await;
        left_alone(&written).await;
        let online = server.copy_of(&written, "online").await;

        let outcome = deployed(&target(&written, &shop::history()), &strict(Mode::AsWritten)).await;
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {outcome:?}");

        let (events, seen) = collected();
        let outcome =
            deploy(&target(&online, &shop::history()), &strict(Mode::Online), &events).await.unwrap();
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {outcome:#?}");

        assert_same(&catalog(&written).await, &catalog(&online).await, &format!("PostgreSQL {major}"));
        assert_eq!(ledger(&written).await, ledger(&online).await, "{major}");
        assert_eq!(rows(&written, FINGERPRINTS).await, rows(&online, FINGERPRINTS).await, "{major}");

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
        let steps = rows(&database, &query).await;
        assert_eq!(steps.len(), change.steps.len(), "{}: {steps:#?}", change.name);
        for (step, wanted) in steps.iter().zip(change.steps) {
            assert!(step.contains(wanted), "{}: {step:?} does not say {wanted:?}", change.name);
            assert!(step.ends_with("/ applied / 1"), "{}: {step}", change.name);
        }
    }
}
