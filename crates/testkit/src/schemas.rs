//! What Prisma's own parser and engine make of schemas: the truth for ours. No database is needed.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use crate::oracle::{home, said};
use crate::places::{shared, workspace_root};

/// What the engine makes of a schema.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Created {
    /// The script that makes an empty database into it.
    Sql(String),
    /// Why there is none.
    Error(String),
}

/// The schemas of the oracle's battery, each with a name: both sides of each pair.
///
/// # Panics
/// When the oracle cannot be run, here and below.
pub async fn battery() -> Vec<(String, String)> {
    ask::<(), _>("battery", Engine::Prisma7, &[]).await
}

/// A schema of Prisma 5 or 6 as Prisma 7 takes it: without URLs, and without preview features that are no
/// longer known.
pub fn for_prisma_7(text: &str) -> String {
    let is_url = |line: &&str| !line.contains("env(\"");
    let lines =
        text.lines().filter(is_url).map(|line| match line.trim_start().starts_with("previewFeatures") {
            true if !line.contains("partialIndexes") => {
                "previewFeatures = [\"views\", \"postgresqlExtensions\"]"
            }
            _ => line,
        });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

/// A pair of the oracle's battery.
#[derive(Clone, Debug, Deserialize)]
pub struct Pair(
    /// Its name.
    pub String,
    /// The schema before; `None` for the empty database.
    pub Option<String>,
    /// The schema after; `None` for the empty database.
    pub Option<String>,
);

/// A schema of files, each with its path and its text; `None` stands for the empty database.
pub type Side = Option<Vec<(String, String)>>;

/// The pairs of the oracle's battery.
pub async fn pairs() -> Vec<Pair> {
    ask::<(), _>("pairs", Engine::Prisma7, &[]).await
}

/// What the oracle's transcripts keep of a battery: `render_battery_7.10.0.txt`.
pub fn transcript(file: &str) -> String {
    let path = shared().join("oracle/transcripts").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

/// Whose engine is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// That of Prisma 7.
    Prisma7,
    /// That of Prisma 6; its datasources need a `url`.
    Prisma6,
}

/// What `prisma migrate diff --script` makes of each pair.
pub async fn diff(engine: Engine, pairs: &[(Side, Side)]) -> Vec<Created> {
    ask("diff", engine, pairs).await
}

/// A database, and the schema whose datasource and generators say what Prisma looks at in it.
#[derive(Clone, Debug, Serialize)]
pub struct Described(
    /// How it is connected to.
    pub String,
    /// The files of the schema.
    pub Vec<(String, String)>,
);

/// What `prisma migrate diff --script` makes of a database and a schema.
#[derive(Clone, Debug, Deserialize)]
pub struct Description {
    /// From nothing to the database: all that Prisma sees of it.
    pub made: Created,
    /// From the database to the schema.
    pub kept: Created,
    /// From the schema to the database.
    pub taken: Created,
}

/// What Prisma sees of each database.
pub async fn describe(engine: Engine, databases: &[Described]) -> Vec<Description> {
    ask("describe", engine, databases).await
}

/// What the parser of Prisma 7 complains about in each text, if it does.
pub async fn validate(texts: &[String]) -> Vec<Option<String>> {
    ask("validate", Engine::Prisma7, texts).await
}

/// An error of Prisma's validator, with its place.
#[derive(Clone, Debug, Deserialize)]
pub struct Refusal {
    /// The file's path, as it was given.
    pub file: String,
    /// The first byte.
    pub start: usize,
    /// The byte behind the last.
    pub end: usize,
    /// What is wrong.
    pub text: String,
}

/// What the validator of Prisma 7 refuses each schema for; nothing means that it takes it.
pub async fn lint(schemas: &[Vec<(String, String)>]) -> Vec<Vec<Refusal>> {
    ask("lint", Engine::Prisma7, schemas).await
}

/// What Prisma's engine makes of one schema, in a process of its own that does nothing else.
pub async fn script_of(schema: &Path) -> String {
    // Node does not wait for a pipe to be emptied when it ends; a file it writes at once.
    let written = tempfile::NamedTempFile::new().expect("the temporary folder can be written");
    let mut command = Command::new("sh");
    command.args(["-c", "exec node \"$@\" >\"$WRITTEN\"", "sh"]).env("WRITTEN", written.path());
    command.arg(home().await.join("oracle-diff.mjs")).args(["--from", "empty", "--to"]);
    command.arg(format!("schema:{}", schema.display()));
    let answer = said(&mut command).await;
    assert!(answer.code == 0, "the engine wrote no script: {}", answer.all());
    std::fs::read_to_string(written).expect("a script is text")
}

/// What `prisma migrate diff --from-empty` makes of each text.
pub async fn create(texts: &[String]) -> Vec<Created> {
    ask("create", Engine::Prisma7, texts).await
}

/// The `migration.sql` that `prisma migrate dev --create-only` writes for a schema, in a scratch database where
/// one migration is applied before.
pub async fn create_migration(url: &str, history: &str, schema: &str) -> String {
    let folder = tempfile::tempdir().expect("the temporary folder can be written");
    let migration = folder.path().join("migrations/20260101000000_before");
    let write = |path: PathBuf, text: &str| std::fs::write(path, text).expect("a new folder can be written");
    std::fs::create_dir_all(&migration).expect("a new folder can be written");
    write(migration.join("migration.sql"), history);
    write(folder.path().join("migrations/migration_lock.toml"), "provider = \"postgresql\"\n");
    write(folder.path().join("schema.prisma"), schema);
    // Node does not wait for a pipe to be emptied when it ends; a file it writes at once.
    let written = folder.path().join("created.sql");
    let mut command = Command::new("sh");
    command.args(["-c", "exec node \"$@\" >\"$WRITTEN\"", "sh"]).env("WRITTEN", &written);
    command.arg(home().await.join("oracle-create.mjs")).args(["--draft", "--url", url, "--migrations"]);
    command.arg(folder.path().join("migrations")).arg("--schema").arg(folder.path().join("schema.prisma"));
    let answer = said(&mut command).await;
    assert!(answer.code == 0, "the oracle made no migration: {}", answer.all());
    std::fs::read_to_string(written).expect("a migration is text")
}

async fn ask<Q: Serialize, T: DeserializeOwned>(mode: &str, engine: Engine, questions: &[Q]) -> Vec<T> {
    let file = tempfile::NamedTempFile::new().expect("the temporary folder can be written");
    serde_json::to_writer(&file, questions).expect("a list of texts is JSON");
    let script: PathBuf = workspace_root().join("crates/testkit/src/schemas.mjs");
    let home = home().await;
    let mut command = Command::new("node");
    command.arg(script).arg(home).arg(mode).arg(file.path());
    if engine == Engine::Prisma6 {
        let package = home.join("oracle6/node_modules/@prisma/schema-engine-wasm");
        command.env("PRISMA_ENGINE_PKG_DIR", package);
    }
    let answer = said(&mut command).await;
    match serde_json::from_str(&answer.stdout) {
        Ok(answers) if answer.code == 0 => answers,
        _ => panic!("the oracle did not answer {mode}: {}", answer.all()),
    }
}
