//! What a killed deploy has left is shown by `recover`, and `recover --revert` takes it back: to the catalog before the
//! migration that was cut, or, when a step has no way back, to nothing at all being changed.

use std::time::Duration;

use underpin_catalog::{Catalog, differences};
use underpin_engine::introspect;
use underpin_testkit::{Database, Oracle, ProjectFolder, Server, corpus};

use super::{End, SETTINGS, Stage, cut};
use crate::support::{ledger, server, underpin};

/// Points that are tried; a third of them leaves a migration half done.
const POINTS: usize = 24;

/// The catalog behind each migration, by how many are finished: of a deploy in as many runs, as the files are written.
async fn catalogs(server: &Server, stage: &Stage<'_>) -> Vec<Catalog> {
    let history = corpus::history("umami");
    let copy = server.copy_of(&stage.seeded, "stepwise").await;
    let mut project = ProjectFolder::prisma7().file("underpin.toml", SETTINGS);
    let mut found = vec![Catalog::default()];
    for name in &history.names {
        project = project.migration(name, &history.sql(name));
        let deployed = underpin(project.path(), &copy.url(), &["deploy", "--as-written"]).await;
        assert_eq!(deployed.code, 0, "{}", deployed.all());
        found.push(catalog(&copy).await);
    }
    found
}

async fn catalog(database: &Database<'_>) -> Catalog {
    introspect(&database.client().await).await.unwrap()
}

#[track_caller]
fn assert_same(expected: &Catalog, found: &Catalog, of: &str) {
    let differences = differences(expected, found);
    assert!(
        differences.is_empty(),
        "{of}: {} differences, such as {:#?}",
        differences.len(),
        &differences[..1]
    );
}

#[derive(Debug, PartialEq)]
enum Came {
    /// Nothing was half done.
    Clean,
    /// Back to before the migration.
    Back,
    /// A step has no way back, so nothing was undone.
    Stayed,
}

async fn point(server: &Server, stage: &Stage<'_>, catalogs: &[Catalog], at: usize) -> Came {
    let copy = server.copy_of(&stage.seeded, "reverted").await;
    let url = copy.url();
    cut(&stage.seven, &url, at, Duration::from_millis(3)).await;
    // The first `recover` may still see the killed run's last statement end; the revert waits for that.
    let shown = underpin(stage.seven.path(), &url, &["recover"]).await;
    let of = format!("killed after event {at}: {}", shown.all());
    let reverted = underpin(stage.seven.path(), &url, &["recover", "--revert"]).await;
    let rows = ledger(&copy).await;
    let finished = rows.iter().filter(|row| row.finished).count();
    let came = match reverted.code {
        2 => {
            assert!(reverted.stderr.contains("nothing half done"), "{of}{}", reverted.all());
            assert_eq!(rows.len(), finished, "{of}");
            Came::Clean
        }
        0 => {
            assert_eq!(shown.code, 14, "{of}");
            let last = rows.last().unwrap();
            assert!(last.rolled_back && !last.finished && shown.stdout.contains(&last.name), "{of}{last:?}");
            assert_same(&catalogs[finished], &catalog(&copy).await, &of);
            let nothing = underpin(stage.seven.path(), &url, &["recover"]).await;
            assert_eq!(nothing.code, 0, "{of}{}", nothing.all());
            Came::Back
        }
        _ => {
            assert_eq!(reverted.code, 14, "{of}{}", reverted.all());
            for words in ["no way back", "nothing was undone", "underpin deploy", "resolve --rolled-back"] {
                assert!(reverted.stderr.contains(words), "{words}: {of}{}", reverted.all());
            }
            assert!(rows.last().is_some_and(|row| !row.finished && !row.rolled_back), "{of}");
            Came::Stayed
        }
    };
    let again = underpin(stage.seven.path(), &url, &["deploy"]).await;
    assert_eq!(again.code, 0, "{of}{}", again.all());
    let mut end = End::of(&copy).await;
    end.ledger.retain(|row| !row.rolled_back);
    end.assert_is(&stage.right, &of);
    if came == Came::Back {
        let status = Oracle::prisma7().await.status(stage.seven.path(), &url).await;
        assert!(status.stdout.contains("Database schema is up to date!"), "{of}{}", status.all());
    }
    came
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_deploy_has_left_is_taken_back_or_left_alone() {
    let server = server().await;
    let stage = Stage::set(server).await;
    let catalogs = catalogs(server, &stage).await;
    let mut came = Vec::new();
    for at in 0..POINTS {
        came.push(point(server, &stage, &catalogs, 2 + at * (stage.events - 2) / POINTS).await);
    }
    let back = came.iter().filter(|came| **came == Came::Back).count();
    assert!(back >= 3 && came.contains(&Came::Stayed) && came.contains(&Came::Clean), "{came:?}");
}
