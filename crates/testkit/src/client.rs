//! Real Prisma Clients, generated from a schema and running as those of a release do: which statements they
//! send, and what they notice while their database changes.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::oracle::{Oracle, home};
use crate::places::workspace_root;
use crate::project::ProjectFolder;
use crate::server::Database;

/// Beyond this an answer does not come any more.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// A client, generated in a temporary folder.
#[derive(Debug)]
pub struct Client {
    folder: ProjectFolder,
}

/// What becomes of the statements that a client prepares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prepared {
    /// Each stays with its connection, so that a statement whose result has other types now fails (0A000), and
    /// the connection is thrown away. Prisma 6 with its native engine keeps them too.
    Kept,
    /// Each is prepared anew, which is what the driver adapters do by themselves.
    Anew,
}

/// A client with open connections, until it is dropped.
#[derive(Debug)]
pub struct RunningClient {
    /// Ends with this value.
    _program: Child,
    asked: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

/// What came of a script.
#[derive(Clone, Debug, Deserialize)]
pub struct Ran {
    /// What it returned; big integers as strings.
    pub value: Value,
    /// The statements that the client sent, in order.
    pub sent: Vec<String>,
}

/// An error that the application saw.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ClientError {
    /// Prisma's code: `P2022`.
    pub code: Option<String>,
    /// The server's.
    pub sqlstate: Option<String>,
    /// The server's words, else the last line of the client's.
    pub message: String,
}

/// What the application noticed while scripts ran again and again.
#[derive(Clone, Debug, Deserialize)]
pub struct Noticed {
    /// How often a script ran.
    pub runs: u64,
    /// Those that failed.
    pub failures: Vec<ClientError>,
    /// The longest run, milliseconds.
    pub worst_ms: f64,
}

impl Client {
    /// Generates the client of these models with Prisma 7.
    ///
    /// # Panics
    /// When Prisma cannot generate it.
    pub async fn generate(models: &str) -> Self {
        Self::by(&Oracle::prisma7().await, ProjectFolder::prisma7(), "node_modules", "", models).await
    }

    /// Generates the client of these models with Prisma 6. It runs without its native engine, with the driver
    /// adapter of 7.
    ///
    /// # Panics
    /// When Prisma cannot generate it.
    pub async fn generate6(models: &str) -> Self {
        let engine = "engineType = \"client\"";
        let modules = "oracle6/node_modules";
        Self::by(&Oracle::prisma6().await, ProjectFolder::prisma6(), modules, engine, models).await
    }

    async fn by(prisma: &Oracle, folder: ProjectFolder, modules: &str, engine: &str, models: &str) -> Self {
        let generator = format!(
            "generator client {{\n  provider = \"prisma-client-js\"\n  output   = \"../client\"\n  {engine}\n}}\n"
        );
        let folder = folder.models(&format!("{generator}\n{models}"));
        // The generated code asks for the runtime beside it.
        let linked =
            std::os::unix::fs::symlink(home().await.join(modules), folder.path().join("node_modules"));
        linked.unwrap_or_else(|error| panic!("cannot link node_modules: {error}"));
        let url = "postgresql://nobody@127.0.0.1:1/nothing";
        let generated = prisma.run(folder.path(), url, &["generate"]).await;
        assert!(generated.code == 0, "no client: {}", generated.all());
        Self { folder }
    }

    /// Opens the client's connections to a database.
    ///
    /// # Panics
    /// When Node cannot be started.
    pub async fn open(&self, database: &Database<'_>, prepared: Prepared) -> RunningClient {
        self.open_at(&database.url(), prepared).await
    }

    /// As [`Self::open`], by a connection URL.
    ///
    /// # Panics
    /// When Node cannot be started.
    pub async fn open_at(&self, url: &str, prepared: Prepared) -> RunningClient {
        let program: PathBuf = workspace_root().join("crates/testkit/src/client.mjs");
        let mut command = Command::new("node");
        command
            .arg(program)
            .arg(home().await)
            .arg(self.folder.path().join("client"))
            .arg(match prepared {
                Prepared::Kept => "KEPT",
                Prepared::Anew => "UNNAMED",
            })
            .env("DATABASE_URL", url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut program = command.spawn().unwrap_or_else(|error| panic!("node: {error}"));
        let pipes = program.stdin.take().zip(program.stdout.take());
        let (asked, answers) = pipes.expect("both were asked for");
        RunningClient { _program: program, asked, answers: BufReader::new(answers).lines() }
    }

    /// Runs JavaScript in which `db` is the client, and returns the statements that it sent, in order.
    ///
    /// # Panics
    /// When the script fails.
    pub async fn statements(&self, database: &Database<'_>, script: &str) -> Vec<String> {
        let ran = self.open(database, Prepared::Anew).await.run(script).await;
        ran.unwrap_or_else(|error| panic!("the script failed: {error:?}")).sent
    }
}

impl RunningClient {
    /// Runs JavaScript in which `db` is the client.
    ///
    /// # Errors
    /// What the application sees of it.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn run(&mut self, script: &str) -> Result<Ran, ClientError> {
        let answer = self.ask(&json!({ "do": "run", "script": script })).await;
        match answer.get("error") {
            Some(error) => Err(understood(error.clone())),
            None => Ok(understood(answer)),
        }
    }

    /// Lets workers run a script again and again, until [`Self::end`]. In it `turn` is a number that no other
    /// run of the script has.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn begin(&mut self, script: &str, workers: u32) {
        self.ask(&json!({ "do": "begin", "script": script, "workers": workers })).await;
    }

    /// Waits until the workers have run their scripts so many times more, however slow the machine is.
    ///
    /// # Panics
    /// When they do not.
    pub async fn go_on(&mut self, runs: u32) {
        self.ask(&json!({ "do": "wait", "runs": runs })).await;
    }

    /// Stops all workers, and tells what they noticed.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn end(&mut self) -> Noticed {
        understood(self.ask(&json!({ "do": "end" })).await)
    }

    async fn ask(&mut self, what: &Value) -> Value {
        let line = format!("{what}\n");
        let asked = self.asked.write_all(line.as_bytes()).await;
        asked.unwrap_or_else(|error| panic!("the client is gone: {error}"));
        let answer = tokio::time::timeout(ANSWER_LIMIT, self.answers.next_line()).await;
        match answer {
            Ok(Ok(Some(line))) => serde_json::from_str(&line)
                .unwrap_or_else(|error| panic!("the client says {line}, which is no JSON: {error}")),
            Ok(Ok(None)) => panic!("the client has ended; its words are in the output of the test"),
            Ok(Err(error)) => panic!("the client cannot be heard: {error}"),
            Err(_) => panic!("the client has not answered for {} s", ANSWER_LIMIT.as_secs()),
        }
    }
}

fn understood<T: serde::de::DeserializeOwned>(answer: Value) -> T {
    serde_json::from_value(answer).unwrap_or_else(|error| panic!("not what a client answers: {error}"))
}
