//! The same under load: eight clients of the release that is out and eight of the one that comes write all the time,
//! and whenever something is deployed or led back, somebody reads for longer than anybody could wait.
//!
//! The reader goes when underpin waits for it and the clients have gone on meanwhile. Nothing fails,
//! and no statement waits for us for longer than people notice. In the long suite this is so for all cases, else for
//! the usual one.

use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, BufReader};
use underpin_testkit::{Database, LockWatch, Node, RunningClient, Server, majors, outer_majors};

use super::case::{Case, End, Project, is_long, unnoticed};
use super::{USUAL, pages};
use crate::support::{ended, start};

/// Clients of each release.
const CLIENTS: u32 = 8;
/// How often a release does its work in each state.
const RUNS: u32 = 100;
/// What nobody notices.
const UNNOTICED_MS: f64 = 200.0;
/// How long it is listened before it is looked.
const MOMENT: Duration = Duration::from_millis(300);
/// The sessions of both releases.
const SHOP: &str = "shop";

/// So many that an index of them takes its time.
const MORE: &str =
    "INSERT INTO \"User\" (\"fullName\") SELECT 'more ' || n FROM generate_series(1, {rows}) AS n;
    INSERT INTO control.users SELECT \"id\", \"fullName\" FROM \"User\" ON CONFLICT DO NOTHING";

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_and_nothing_fails_while_sixteen_write_and_one_reads() {
    let pages = pages();
    let mut cases = Case::all(&pages).await;
    let mut majors = majors();
    if !is_long() {
        cases.retain(|case| case.is_of(USUAL));
        cases.truncate(1);
        majors = outer_majors();
    }
    assert!(!cases.is_empty(), "no page has a case");
    let node = Node::start().await;
    let mut wrong = Vec::new();
    // Rows are said for its first case alone.
    let usual = cases.iter().position(|case| case.is_of(USUAL));
    for (at, case) in cases.iter().enumerate() {
        for (of, end) in [End::Contract, End::Abort].into_iter().enumerate() {
            let (prisma, major) = ([7, 6][(at + of) % 2], majors[(at + of) % majors.len()]);
            let ride = format!("{}, Prisma {prisma}, PostgreSQL {major}, {end:?}", case.at());
            let begun = Instant::now();
            match under_load((case, usual == Some(at)), &node, Server::shared(major).await, prisma, end).await
            {
                // All of them take long enough that somebody looks on.
                Ok(longest) if is_long() => println!(
                    "{ride}: {:.0} s, the longest wait for us {longest:.0} ms",
                    begun.elapsed().as_secs_f64()
                ),
                Ok(_) => {}
                Err(why) => {
                    println!("{ride}: {why}");
                    wrong.push(format!("{ride}: {why}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Goes one way, and tells the longest wait for us, in milliseconds.
async fn under_load(
    (case, has_more): (&Case<'_>, bool),
    node: &Node,
    server: &Server,
    prisma: u32,
    end: End,
) -> Result<f64, String> {
    let project = case.project(prisma, server.major()).await?;
    let end = if project.has_contract() { end } else { End::Contract };
    let database = server.database("loaded").await;
    project.begun(&database.url()).await?;
    database.run(&case.fence("sql seed")).await;
    if has_more {
        database.run(&MORE.replace("{rows}", if is_long() { "300000" } else { "20000" })).await;
    }
    let [old, new] = case.clients(prisma).await;
    let watch = LockWatch::start(&database.config(), SHOP).await.unwrap();

    let url = format!("{}?application_name={SHOP}", database.url());
    let mut old = node.open(old, &url, case.prepared()).await;
    old.begin(&case.fence("js old"), CLIENTS).await;
    old.go_on(RUNS).await;
    beside_a_reader(&project, &database, &["deploy"], &mut old).await?;
    let mut new = node.open(new, &url, case.prepared()).await;
    new.begin(&case.fence("js new"), CLIENTS).await;
    old.go_on(RUNS).await;
    new.go_on(RUNS).await;
    let fence = match end {
        End::Contract => {
            unnoticed(old, "the release that is out").await?;
            project.released(&database).await?;
            beside_a_reader(&project, &database, &["deploy"], &mut new).await?;
            new.go_on(RUNS).await;
            unnoticed(new, "the release that comes").await?;
            "sql wrong after"
        }
        End::Abort => {
            unnoticed(new, "the release that comes").await?;
            beside_a_reader(&project, &database, &Project::abort(&database), &mut old).await?;
            old.go_on(RUNS).await;
            unnoticed(old, "the release that is out").await?;
            "sql wrong before"
        }
    };
    case.nothing_is_wrong(&database, fence).await?;
    let locks = watch.stop().await.unwrap();
    if locks.samples < 20 || locks.longest_wait_ms > UNNOTICED_MS {
        return Err(format!("somebody waited for us: {locks:#?}"));
    }
    Ok(locks.longest_wait_ms)
}

/// Runs a command while somebody reads all tables, until it waits for that and the clients have gone on; then the
/// reader goes, and the command succeeds. One that has nothing to wait for ends by itself.
async fn beside_a_reader(
    project: &Project,
    database: &Database<'_>,
    arguments: &[&str],
    clients: &mut RunningClient,
) -> Result<(), String> {
    let reader = database.client().await;
    let tables = "SELECT format('SELECT FROM %I', relname) FROM pg_class \
                  WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname !~ '^_prisma'";
    let reads = database.rows(tables).await.join("; ");
    reader.batch_execute(&format!("BEGIN ISOLATION LEVEL REPEATABLE READ; {reads}")).await.unwrap();
    let mut command = start(project.path(), &database.url(), arguments);
    let mut words = BufReader::new(command.stderr.take().expect("it was asked for")).lines();
    let mut said = Vec::new();
    let stands = "SELECT FROM pg_stat_activity WHERE application_name LIKE 'underpin/%' \
                  AND wait_event_type = 'Lock' AND datname = current_database()";
    loop {
        match tokio::time::timeout(MOMENT, words.next_line()).await {
            Ok(line) => match line.unwrap() {
                None => break,
                Some(line) if line.contains("waiting to ") => {
                    said.push(line);
                    break;
                }
                Some(line) => said.push(line),
            },
            // It is silent where nobody waits behind it, as for an index that goes.
            Err(_) if !database.rows(stands).await.is_empty() => break,
            Err(_) => {}
        }
    }
    clients.go_on(RUNS).await;
    reader.batch_execute("COMMIT").await.unwrap();
    while let Some(line) = words.next_line().await.unwrap() {
        said.push(line);
    }
    let ended = ended(command).await;
    match ended.code {
        0 => Ok(()),
        code => Err(format!("{arguments:?}: exit {code}\n{}\n{}", said.join("\n"), ended.stdout)),
    }
}
