//! The real Prisma Client 7, generated from a schema: which statements it sends.

use std::path::PathBuf;

use tokio::process::Command;

use crate::oracle::{Oracle, home, said};
use crate::places::workspace_root;
use crate::project::ProjectFolder;
use crate::server::Database;

/// A client, generated in a temporary folder.
#[derive(Debug)]
pub struct Client {
    folder: ProjectFolder,
}

impl Client {
    /// Generates the client of these models.
    ///
    /// # Panics
    /// When Prisma cannot generate it.
    pub async fn generate(models: &str) -> Self {
        let generator =
            "generator client {\n  provider = \"prisma-client-js\"\n  output   = \"../client\"\n}\n";
        let folder = ProjectFolder::prisma7().models(&format!("{generator}\n{models}"));
        // The generated code asks for the runtime beside it.
        let modules = home().await.join("node_modules");
        let linked = std::os::unix::fs::symlink(modules, folder.path().join("node_modules"));
        linked.unwrap_or_else(|error| panic!("cannot link node_modules: {error}"));
        let url = "postgresql://nobody@127.0.0.1:1/nothing";
        let generated = Oracle::prisma7().await.run(folder.path(), url, &["generate"]).await;
        assert!(generated.code == 0, "no client: {}", generated.all());
        Self { folder }
    }

    /// Runs JavaScript in which `db` is the client, and returns the statements that it sent, in order.
    ///
    /// # Panics
    /// When the script fails.
    pub async fn statements(&self, database: &Database<'_>, script: &str) -> Vec<String> {
        let program: PathBuf = workspace_root().join("crates/testkit/src/client.mjs");
        let mut command = Command::new("node");
        command
            .arg(program)
            .arg(home().await)
            .arg(self.folder.path().join("client"))
            .arg(script)
            .env("DATABASE_URL", database.url());
        let answer = said(&mut command).await;
        match serde_json::from_str(&answer.stdout) {
            Ok(statements) if answer.code == 0 => statements,
            _ => panic!("the script failed: {}", answer.all()),
        }
    }
}
