//! A Node program in which Prisma Clients run, as many as are asked for: see `client.mjs`.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use crate::client::{Client, Prepared, RunningClient};
use crate::oracle::home;
use crate::places::workspace_root;
use crate::server::Database;

/// Beyond this an answer does not come any more.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// A Node program. To start it takes as long as hundreds of queries, so the clients of many cases share one.
#[derive(Clone, Debug)]
pub struct Node(Arc<Mutex<Program>>);

#[derive(Debug)]
struct Program {
    /// Ends with this value.
    _process: Child,
    asked: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

/// What came of one thing that a client did.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Done {
    /// The model's name in the schema.
    pub model: String,
    /// `read`, `create`, `update`, `upsert`, `delete`.
    pub operation: String,
    /// The SQLSTATE; Prisma's code where the database did not refuse it; P2032 for a NULL in a required field,
    /// also where the client hands it through; `None` where it went well.
    pub code: Option<String>,
    /// The last line of the client's words.
    pub message: String,
}

impl Node {
    /// Starts it.
    ///
    /// # Panics
    /// When Node cannot be started.
    pub async fn start() -> Self {
        let mut command = Command::new("node");
        command
            .arg(workspace_root().join("crates/testkit/src/client.mjs"))
            .arg(home().await)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut process = command.spawn().unwrap_or_else(|error| panic!("node: {error}"));
        let pipes = process.stdin.take().zip(process.stdout.take());
        let (asked, answers) = pipes.expect("both were asked for");
        let answers = BufReader::new(answers).lines();
        Self(Arc::new(Mutex::new(Program { _process: process, asked, answers })))
    }

    /// A client of a release, with connections of its own to the database at this URL.
    ///
    /// # Panics
    /// When the client's schema is none.
    pub async fn open(&self, client: &Client, url: &str, prepared: Prepared) -> RunningClient {
        let statements = match prepared {
            Prepared::Kept => "KEPT",
            Prepared::Anew => "UNNAMED",
        };
        let mut asked = client.told();
        asked["do"] = json!("open");
        asked["url"] = json!(url);
        asked["statements"] = json!(statements);
        let opened: Value = self.ask(&asked).await;
        RunningClient::new(self.clone(), opened["client"].clone())
    }

    /// Reads, creates, updates, upserts and deletes with each model of a schema, each in a transaction of its own
    /// that is rolled back. Updates and deletes take a row that is there; without one they are left out.
    ///
    /// # Panics
    /// When the schema is none, or no answer comes.
    pub async fn everything(&self, database: &Database<'_>, schema: &str, major: u32) -> Vec<Done> {
        let asked = json!({ "do": "everything", "url": database.url(), "schema": schema, "major": major });
        self.ask(&asked).await
    }

    pub(crate) async fn ask<T: DeserializeOwned>(&self, what: &Value) -> T {
        let Program { asked, answers, .. } = &mut *self.0.lock().await;
        let line = format!("{what}\n");
        let written = asked.write_all(line.as_bytes()).await;
        written.unwrap_or_else(|error| panic!("the clients are gone: {error}"));
        let answer = tokio::time::timeout(ANSWER_LIMIT, answers.next_line()).await;
        match answer {
            Ok(Ok(Some(line))) => serde_json::from_str(&line)
                .unwrap_or_else(|error| panic!("the clients say {line}, which is not expected: {error}")),
            Ok(Ok(None)) => panic!("the clients have ended; their words are in the output of the test"),
            Ok(Err(error)) => panic!("the clients cannot be heard: {error}"),
            Err(_) => panic!("the clients have not answered for {} s", ANSWER_LIMIT.as_secs()),
        }
    }
}
