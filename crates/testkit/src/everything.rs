//! Everything that real Prisma Clients do with their models, on a database as it is: which of it fails.
//!
//! For one client that goes on running while things change, see [`Client`](crate::Client).

use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::oracle::home;
use crate::places::workspace_root;
use crate::server::Database;

/// Beyond this an answer does not come any more.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// Clients of any schemas, of Prisma 6 and 7, in one process.
#[derive(Debug)]
pub struct Everything {
    /// Ends with this value.
    _program: Child,
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

impl Everything {
    /// Starts the process.
    ///
    /// # Panics
    /// When Node cannot be started.
    pub async fn start() -> Self {
        let mut command = Command::new("node");
        command
            .arg(workspace_root().join("crates/testkit/src/everything.mjs"))
            .arg(home().await)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut program = command.spawn().unwrap_or_else(|error| panic!("node: {error}"));
        let pipes = program.stdin.take().zip(program.stdout.take());
        let (asked, answers) = pipes.expect("both were asked for");
        Self { _program: program, asked, answers: BufReader::new(answers).lines() }
    }

    /// Reads, creates, updates, upserts and deletes with each model of a schema, each in a transaction of its own
    /// that is rolled back. Updates and deletes take a row that is there; without one they are left out.
    ///
    /// # Panics
    /// When the schema is none, or no answer comes.
    pub async fn done(&mut self, database: &Database<'_>, schema: &str, major: u32) -> Vec<Done> {
        let line = format!("{}\n", json!({ "url": database.url(), "schema": schema, "major": major }));
        let asked = self.asked.write_all(line.as_bytes()).await;
        asked.unwrap_or_else(|error| panic!("the clients are gone: {error}"));
        let answer = tokio::time::timeout(ANSWER_LIMIT, self.answers.next_line()).await;
        let Ok(Ok(Some(line))) = answer else { panic!("the clients do not answer: {answer:?}") };
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("the clients say {line}"))
    }
}
