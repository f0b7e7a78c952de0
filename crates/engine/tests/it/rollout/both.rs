//! Both releases write while a rollout goes through its phases.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_postgres::Client;
use underpin_core::plan::Mode;
use underpin_core::settings::Settings;
use underpin_engine::deploy::Ending;
use underpin_engine::rollout::release;
use underpin_testkit::{Server, majors};

use super::{BASE, EXPAND, attested, contract, in_use, migrations};
use crate::setting::{deployed, strict, target};

/// Writes names as one of the releases does, each to a user of its own, until it is told to end. Answers what it wrote
/// last to whom.
async fn writing(
    client: Client,
    column: &'static str,
    users: Range<i32>,
    end: Arc<AtomicBool>,
) -> Vec<(i32, String)> {
    let mut last = BTreeMap::new();
    for turn in 0.. {
        let id = users.start + turn % (users.end - users.start);
        let name = format!("{column} {id} {turn}");
        let update =
            format!("UPDATE \"User\" SET \"{column}\" = '{name}' WHERE \"id\" = {id} RETURNING \"{column}\"");
        client.simple_query(&update).await.unwrap();
        last.insert(id, name);
        let insert =
            format!("INSERT INTO \"User\" (\"{column}\") VALUES ('another {column} {turn} {}')", users.start);
        client.simple_query(&insert).await.unwrap();
        if end.load(Ordering::SeqCst) && turn > 20 {
            break;
        }
    }
    last.into_iter().collect()
}

/// Clients of both releases write all the time. None of their statements fails, and what they wrote last is there.
#[tokio::test(flavor = "multi_thread")]
async fn both_releases_write_through_all_phases() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = in_use(server, "load").await;
    let whole = contract();
    let target = target(&database, &migrations(&whole, &[]));
    let request = strict(Mode::Online);
    let (old_end, new_end) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let mut old = Vec::new();
    for part in 0..3 {
        let client = database.client().await;
        old.push(tokio::spawn(writing(
            client,
            "fullName",
            part * 100 + 1..part * 100 + 101,
            old_end.clone(),
        )));
    }
    let expand = crate::setting::target(&database, &[BASE, EXPAND]);
    let outcome = deployed(&expand, &request).await;
    assert!(matches!(outcome.ending, Ending::Applied), "{outcome:#?}");
    let mut new = Vec::new();
    for part in 3..6 {
        let client = database.client().await;
        new.push(tokio::spawn(writing(
            client,
            "displayName",
            part * 100 + 1..part * 100 + 101,
            new_end.clone(),
        )));
    }
    let outcome = deployed(&target, &request).await;
    assert!(matches!(outcome.ending, Ending::Applied), "{outcome:#?}");
    old_end.store(true, Ordering::SeqCst);
    let mut wrote = Vec::new();
    for client in old {
        wrote.extend(client.await.unwrap());
    }
    release(&target, &Settings::default(), "rename_full_name", &attested(&target)).await.unwrap();
    let outcome = deployed(&target, &request).await;
    assert!(matches!(outcome.ending, Ending::Applied), "{outcome:#?}");
    new_end.store(true, Ordering::SeqCst);
    for client in new {
        wrote.extend(client.await.unwrap());
    }
    assert!(wrote.len() > 400, "{} rows are hardly a load", wrote.len());
    let there: BTreeSet<String> = database
        .rows("SELECT \"id\", \"displayName\" FROM \"User\" WHERE \"id\" <= 600")
        .await
        .into_iter()
        .collect();
    let lost: Vec<_> =
        wrote.iter().map(|(id, name)| format!("{id}|{name}")).filter(|row| !there.contains(row)).collect();
    assert_eq!(lost, [""; 0]);
}
