//! The built binary as a program, and what a database and its ledger say afterwards.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use underpin_testkit::{Database, Said, Server, majors};

/// Nothing that the tests ask for takes longer on a busy machine.
const LIMIT: Duration = Duration::from_secs(180);

/// The newest major that is tested; what holds for one only has a test of its own in the engine.
pub(crate) async fn server() -> &'static Server {
    Server::shared(majors().into_iter().max().unwrap()).await
}

/// `underpin ARGUMENTS` in a project's folder, with the database in `DATABASE_URL`; not run yet.
pub(crate) fn command(project: &Path, url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_underpin"));
    command
        .args(arguments)
        .current_dir(project)
        .env("DATABASE_URL", url)
        .env_remove("PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs `underpin ARGUMENTS` to its end.
pub(crate) async fn underpin(project: &Path, url: &str, arguments: &[&str]) -> Said {
    ended(start(project, url, arguments)).await
}

/// Starts `underpin ARGUMENTS`, to be interrupted or killed on its way.
pub(crate) fn start(project: &Path, url: &str, arguments: &[&str]) -> Child {
    command(project, url, arguments).spawn().unwrap()
}

/// What a started program said when it has ended.
pub(crate) async fn ended(mut child: Child) -> Said {
    let stdout = told(child.stdout.take());
    let stderr = told(child.stderr.take());
    let Ok(status) = tokio::time::timeout(LIMIT, child.wait()).await else {
        child.kill().await.unwrap();
        panic!("underpin hangs, and had said\n{}{}", stdout.await.unwrap(), stderr.await.unwrap());
    };
    let status = status.unwrap();
    let signal = std::os::unix::process::ExitStatusExt::signal(&status).unwrap_or(0);
    let code = status.code().unwrap_or(128 + signal);
    Said { code, stdout: stdout.await.unwrap(), stderr: stderr.await.unwrap() }
}

/// All that comes out of a pipe; nothing when somebody else reads it.
fn told(pipe: Option<impl AsyncRead + Unpin + Send + 'static>) -> JoinHandle<String> {
    tokio::spawn(async move {
        let mut text = String::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_string(&mut text).await.unwrap();
        }
        text
    })
}

/// Waits until a query answers true.
pub(crate) async fn until(client: &Client, what: &str, query: &str) {
    let begin = Instant::now();
    loop {
        if client.query_one(query, &[]).await.unwrap().get::<_, bool>(0) {
            return;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "this did not happen: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A row of the ledger without what differs from run to run: its id and its instants.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) checksum: String,
    pub(crate) finished: bool,
    pub(crate) rolled_back: bool,
    pub(crate) logs: Option<String>,
    pub(crate) steps: i32,
}

/// The ledger in namespace `public`, in the order of `started_at`. Every id is a version 4 UUID and no row ends before it
/// began, or this fails.
pub(crate) async fn ledger(database: &Database<'_>) -> Vec<Row> {
    let rows = database
        .client()
        .await
        .query(
            "SELECT migration_name, checksum, finished_at IS NOT NULL, rolled_back_at IS NOT NULL, logs, applied_steps_count, id,
                    coalesce(finished_at, started_at) >= started_at AND coalesce(rolled_back_at, started_at) >= started_at
             FROM _prisma_migrations ORDER BY started_at, id",
            &[],
        )
        .await
        .unwrap();
    rows.iter()
        .map(|row| {
            let id: &str = row.get(6);
            assert!(id.len() == 36 && id.as_bytes()[14] == b'4', "{id} is no version 4 UUID");
            assert!(row.get::<_, bool>(7), "a row ends before it began: {row:?}");
            Row {
                name: row.get(0),
                checksum: row.get(1),
                finished: row.get(2),
                rolled_back: row.get(3),
                logs: row.get(4),
                steps: row.get(5),
            }
        })
        .collect()
}
