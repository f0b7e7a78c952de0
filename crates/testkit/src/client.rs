//! Real Prisma Clients, made of a schema and running as those of a release do: which statements they send, and
//! what they notice while their database changes.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::node::Node;
use crate::oracle::{Oracle, home};
use crate::project::ProjectFolder;
use crate::server::Database;

/// The client of a release.
#[derive(Debug)]
pub struct Client(Made);

#[derive(Debug)]
enum Made {
    /// In a temporary folder.
    Generated(ProjectFolder),
    /// Of a whole schema, when it is opened.
    Assembled { schema: String, major: u32 },
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

/// A client with open connections, until its program ends or it is closed.
#[derive(Debug)]
pub struct RunningClient {
    node: Node,
    number: Value,
}

/// What came of a script.
#[derive(Clone, Debug, Deserialize)]
pub struct Ran {
    /// What it returned; big integers as strings.
    pub value: Value,
    /// The statements that the client sent, in order.
    pub sent: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Came {
    Failed { error: ClientError },
    Well(Ran),
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
    /// The client of these models by Prisma 7 or 6, without a generator: its runtime, and in it the schema.
    ///
    /// It sends what a generated one sends, and costs nothing, where that takes two seconds.
    pub fn of(major: u32, models: &str) -> Self {
        let schema = format!(
            "generator client {{\n  provider = \"prisma-client-js\"\n}}\n\ndatasource db {{\n  provider = \"postgresql\"\n}}\n\n{models}"
        );
        Self(Made::Assembled { schema, major })
    }

    /// Generates the client of these models with Prisma 7 or 6. That of 6 runs without its native engine, with
    /// the driver adapter of 7.
    ///
    /// # Panics
    /// When Prisma cannot generate it.
    pub async fn generate(major: u32, models: &str) -> Self {
        let (prisma, folder, modules, engine) = match major {
            7 => (Oracle::prisma7().await, ProjectFolder::prisma7(), "node_modules", ""),
            _ => {
                let modules = "oracle6/node_modules";
                let engine = "engineType = \"client\"";
                (Oracle::prisma6().await, ProjectFolder::prisma6(), modules, engine)
            }
        };
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
        Self(Made::Generated(folder))
    }

    /// Opens the client's connections to a database, in a program of its own.
    ///
    /// # Panics
    /// When Node cannot be started.
    pub async fn open(&self, database: &Database<'_>, prepared: Prepared) -> RunningClient {
        Node::start().await.open(self, &database.url(), prepared).await
    }

    /// Runs JavaScript in which `db` is the client, and returns the statements that it sent, in order.
    ///
    /// # Panics
    /// When the script fails.
    pub async fn statements(&self, database: &Database<'_>, script: &str) -> Vec<String> {
        let ran = self.open(database, Prepared::Anew).await.run(script).await;
        ran.unwrap_or_else(|error| panic!("the script failed: {error:?}")).sent
    }

    /// How a program is told which client it is.
    pub(crate) fn told(&self) -> Value {
        match &self.0 {
            Made::Generated(folder) => json!({ "folder": folder.path().join("client") }),
            Made::Assembled { schema, major } => json!({ "schema": schema, "major": major }),
        }
    }
}

impl RunningClient {
    pub(crate) fn new(node: Node, number: Value) -> Self {
        Self { node, number }
    }

    /// Runs JavaScript in which `db` is the client.
    ///
    /// # Errors
    /// What the application sees of it.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn run(&mut self, script: &str) -> Result<Ran, ClientError> {
        let asked = json!({ "do": "run", "client": self.number, "script": script });
        match self.node.ask(&asked).await {
            Came::Failed { error } => Err(error),
            Came::Well(ran) => Ok(ran),
        }
    }

    /// Lets workers run a script again and again, until [`Self::end`]. In it `turn` is a number that no other
    /// run of the script has.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn begin(&mut self, script: &str, workers: u32) {
        self.tell(json!({ "do": "begin", "script": script, "workers": workers })).await;
    }

    /// Waits until the workers have run their scripts so many times more, however slow the machine is.
    ///
    /// # Panics
    /// When they do not.
    pub async fn go_on(&mut self, runs: u32) {
        self.tell(json!({ "do": "wait", "runs": runs })).await;
    }

    /// Stops all workers, and tells what they noticed.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn end(&mut self) -> Noticed {
        self.node.ask(&json!({ "do": "end", "client": self.number })).await
    }

    /// Stops all workers, and closes the connections.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn close(mut self) {
        self.tell(json!({ "do": "close" })).await;
    }

    async fn tell(&mut self, mut what: Value) {
        what["client"] = self.number.clone();
        let _: Value = self.node.ask(&what).await;
    }
}
