//! Clients of both releases write the same facts at once, while the triggers come, the rows are filled, and the
//! triggers go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_postgres::{Client, Error};
use underpin_core::sync_tables::Across;
use underpin_testkit::{Database, Server, major_by_turn};

use super::{ADDRESSES, addresses, all, on};

/// Clients of each release.
const CLIENTS: u64 = 8;
/// Users that there are; all clients change all of them.
const USERS: u64 = 400;
/// How long the clients work alone before and behind each change.
const BETWEEN: Duration = Duration::from_millis(300);

/// What a release sends for a user's street, and the same for the control table.
const OLD: &[&str] = &["UPDATE \"User\" SET street = $2 WHERE id = $1"];
const NEW: &[&str] = &[
    "INSERT INTO \"Address\" (street, \"userId\") VALUES ($2, $1) ON CONFLICT (\"userId\") DO UPDATE SET street = EXCLUDED.street",
    "UPDATE \"Address\" SET street = $2 WHERE \"userId\" = $1",
];
const CONTROL: &str = "UPDATE \"Control\" SET street = $2 WHERE id = $1";

/// Clients of a release, until told to stop.
struct Clients {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    /// Transactions that PostgreSQL ended because two waited for each other. They were run again.
    crossed: Arc<AtomicU64>,
    working: JoinSet<Result<(), Error>>,
}

impl Clients {
    async fn start(database: &Database<'_>, statements: &'static [&'static str]) -> Self {
        let (stop, written, crossed) = Default::default();
        let mut clients = Self { stop, written, crossed, working: JoinSet::new() };
        for number in 0..CLIENTS {
            let client = database.client().await;
            let seed = number * 2 + statements.len() as u64;
            let counts = (clients.stop.clone(), clients.written.clone(), clients.crossed.clone());
            clients.working.spawn(work(client, statements, seed, counts));
        }
        clients
    }

    async fn stop(mut self, when: &str) -> (u64, u64) {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(done) = self.working.join_next().await {
            done.unwrap().unwrap_or_else(|error| panic!("{when}: {error:?}"));
        }
        (self.written.load(Ordering::SeqCst), self.crossed.load(Ordering::SeqCst))
    }
}

async fn work(
    mut client: Client,
    statements: &[&str],
    seed: u64,
    (stop, written, crossed): (Arc<AtomicBool>, Arc<AtomicU64>, Arc<AtomicU64>),
) -> Result<(), Error> {
    let mut prepared = Vec::new();
    for statement in statements {
        prepared.push(client.prepare(statement).await?);
    }
    let control = client.prepare(CONTROL).await?;
    let mut random = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    while !stop.load(Ordering::SeqCst) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let statement = &prepared[(random >> 50) as usize % prepared.len()];
        let (user, street) = (((random >> 8) % USERS) as i32, format!("{seed} {random}"));
        loop {
            let transaction = client.transaction().await?;
            let done = match transaction.execute(statement, &[&user, &street]).await {
                // A plain update of a row that is not there writes nothing.
                Ok(0) => Ok(0),
                Ok(_) => transaction.execute(&control, &[&user, &street]).await,
                Err(error) => Err(error),
            };
            match done {
                Ok(_) => {
                    transaction.commit().await?;
                    written.fetch_add(1, Ordering::SeqCst);
                    break;
                }
                Err(error) if error.code().is_some_and(|code| code.code() == "40P01") => {
                    crossed.fetch_add(1, Ordering::SeqCst);
                    transaction.rollback().await?;
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// A transaction of ours that waits briefly for its locks, and asks again.
async fn change(database: &Database<'_>, transaction: &str) {
    let client = database.client().await;
    client.batch_execute("SET lock_timeout = '200ms'").await.unwrap();
    loop {
        match client.batch_execute(transaction).await {
            Ok(()) => return,
            Err(error) if error.code().is_some_and(|code| code.code() == "55P03") => {
                client.batch_execute("ROLLBACK").await.unwrap();
            }
            Err(error) => panic!("{error:?} in {transaction}"),
        }
    }
}

#[tokio::test]
async fn no_write_of_either_release_is_lost() {
    for major in major_by_turn(1) {
        let server = Server::shared(major).await;
        let database = server.database("across_load").await;
        database
            .run(&format!(
                "CREATE TABLE \"User\" (id int PRIMARY KEY, name text, street text, city text);
                 INSERT INTO \"User\" SELECT g, 'n', 's', CASE WHEN g % 2 = 0 THEN 'c' END FROM generate_series(0, {USERS} - 1) g;
                 CREATE TABLE \"Control\" (LIKE \"User\" INCLUDING ALL); INSERT INTO \"Control\" TABLE \"User\"; {ADDRESSES} ANALYZE"
            ))
            .await;
        let across = Across::OneToOne(addresses(false));
        let old = Clients::start(&database, OLD).await;
        tokio::time::sleep(BETWEEN).await;
        change(&database, &on(&across)).await;
        database.run(across.fill().as_str()).await;
        assert_eq!(database.rows(across.disagree().as_str()).await, ["0"], "{major}: beside the old release");
        let new = Clients::start(&database, NEW).await;
        tokio::time::sleep(BETWEEN * 3).await;
        assert_eq!(database.rows(across.disagree().as_str()).await, ["0"], "{major}: beside both");
        let (olds, crossed) = old.stop("old clients").await;
        change(
            &database,
            &format!("BEGIN; {} ALTER TABLE \"User\" DROP COLUMN street; COMMIT", all(&across.switch_off())),
        )
        .await;
        tokio::time::sleep(BETWEEN).await;
        let (news, crossed_too) = new.stop("new clients").await;
        let crossed = crossed + crossed_too;
        assert!(olds > 100 && news > 100, "{major}: {olds} and {news} transactions");
        assert!(crossed * 50 < olds + news, "{major}: {crossed} of {} crossed", olds + news);
        let ours = "SELECT u.id, a.street FROM \"User\" u LEFT JOIN \"Address\" a ON a.\"userId\" = u.id";
        let control = "SELECT id, street FROM \"Control\"";
        let different =
            format!("SELECT count(*) FROM (({ours} EXCEPT {control}) UNION ALL ({control} EXCEPT {ours})) d");
        assert_eq!(database.rows(&different).await, ["0"], "{major}");
    }
}
