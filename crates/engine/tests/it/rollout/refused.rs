//! What is wrong with a rollout is told, and nothing is changed.

use underpin_core::plan::Mode;
use underpin_engine::Events;
use underpin_engine::Problem;
use underpin_engine::deploy::{Request, Target, deploy};
use underpin_testkit::{Server, majors};

use super::{BACKFILL, BASE, CONTRACT, EXPAND, contract, in_use, migrations};
use crate::setting::{assert_same, catalog, deployed, strict, target};

async fn refused(target: &Target, request: &Request) -> Problem {
    match deploy(target, request, &Events::nowhere()).await {
        Err(problem) => problem,
        Ok(outcome) => panic!("{outcome:#?}"),
    }
}

/// Whatever is wrong with a rollout is told before anything is executed.
#[tokio::test(flavor = "multi_thread")]
async fn phases_that_do_not_fit_together_change_nothing() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = in_use(server, "unfit").await;
    let whole = contract();
    let request = strict(Mode::Online);
    let before = catalog(&database).await;
    let last = ("20260301000009_rename_full_name_2_backfill", BACKFILL.1);
    for (migrations, told) in [
        (vec![BASE, EXPAND, (CONTRACT, &whole), last], "would be applied before its phase backfill"),
        (vec![BASE, EXPAND, (CONTRACT, &whole)], "no folder for its phase backfill"),
        (vec![BASE, EXPAND, ("20260302000000_b", EXPAND.1)], "phase expand twice"),
        (vec![BASE, ("20260302000000_b", "-- underpin: phase shrink\n")], "no phase"),
    ] {
        let problem = refused(&target(&database, &migrations), &request).await;
        assert!(problem.message.contains(told), "{problem:?}");
        assert_same(&before, &catalog(&database).await, told);
    }

    deployed(&target(&database, &migrations(&whole, &[])), &request).await;
    let expanded = catalog(&database).await;
    let edited = whole.replace("DROP FUNCTION", "DROP FUNCTION IF EXISTS");
    let second = EXPAND.1.replace("rename_full_name", "another").replace("displayName", "shownName");
    for (migrations, told) in [
        (vec![BASE, EXPAND, BACKFILL], "its folder 20260301000002_rename_full_name_3_contract is gone"),
        (migrations(&edited, &[]), "was edited since rollout rename_full_name began"),
        (
            migrations(&whole, &[("20260501000000_another_1_expand", &second)]),
            "rollout another would begin on public.User while rollout rename_full_name is on its way there",
        ),
    ] {
        let problem = refused(&target(&database, &migrations), &request).await;
        assert!(problem.message.contains(told), "{problem:?}");
        assert_same(&expanded, &catalog(&database).await, told);
    }
    database.run("DELETE FROM _prisma_migrations WHERE migration_name LIKE '%backfill'").await;
    database.run(&format!("INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name) VALUES ('x', '', now(), '{CONTRACT}')")).await;
    let mut loose = strict(Mode::Online);
    loose.allow.insert(underpin_core::plan::ReasonCode::EditedMigration);
    let problem = refused(&target(&database, &migrations(&whole, &[])), &loose).await;
    assert!(
        problem
            .message
            .contains("is applied, and 20260301000001_rename_full_name_2_backfill before it is not"),
        "{problem:?}"
    );
}
