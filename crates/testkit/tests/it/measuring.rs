//! A stall of known length is seen by the load and by the watch of locks, at its length.

use std::time::Duration;

use tokio_postgres::{Client, Error};
use underpin_catalog::LockMode;
use underpin_testkit::load::{Load, Traffic};
use underpin_testkit::{LockWatch, Server, majors};

struct Touch;

impl Traffic for Touch {
    async fn request(&self, client: &mut Client, number: u64) -> Result<(), Error> {
        if number == 3 {
            return client.batch_execute("SELECT 1/0").await;
        }
        client
            .execute("UPDATE t SET n = n + 1 WHERE id = 1 + $1::int8 % 10", &[&(number as i64)])
            .await
            .map(drop)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_of_one_second_is_a_stall_of_one_second() {
    let server = Server::shared(majors()[0]).await;
    let database = server.database("stall").await;
    database.run("CREATE TABLE t AS SELECT id, 0 AS n FROM generate_series(1, 10) id").await;

    let config = database.config();
    let watch = LockWatch::start(&config, "app").await.unwrap();
    let load = Load {
        rate: 100,
        connections: 4,
        timeout: Duration::from_secs(20),
        application_name: "app".to_owned(),
    };
    let running = load.start(&config, Touch).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    database.run("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(1); COMMIT").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let end_ms = running.begin().elapsed().as_secs_f64() * 1000.0;
    let recording = running.stop().await;
    let locks = watch.stop().await.unwrap();

    // Bounds from below are exact, bounds from above leave room for a machine that is busy.
    let summary = recording.summary(0.0..end_ms);
    assert!(summary.requests >= 190, "{summary:?}");
    assert_eq!(summary.failures.get("22012"), Some(&1), "{summary:?}");
    assert_eq!(summary.failed, 1, "{summary:?}");
    assert!(summary.worst_wait_ms >= 950.0, "{summary:?}");
    assert!(summary.waits_above_100_ms >= 30_000.0, "every request that was due waits: {summary:?}");
    assert!(summary.longest_stall_s >= 0.8, "{summary:?}");
    let hold = locks.holds.first().unwrap();
    assert_eq!((hold.table.as_str(), hold.mode), ("t", LockMode::AccessExclusive), "{locks:?}");
    assert!(locks.longest_ms() >= 900.0, "{locks:?}");
    assert!(locks.waiting_max >= 3 && locks.waiting_ms >= 800.0, "{locks:?}");
    assert!(locks.longest_wait_ms > 200.0, "{locks:?}");
}
