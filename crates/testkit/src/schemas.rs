//! What Prisma's own parser and engine make of schemas: the truth for ours. No database is needed.

use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::process::Command;

use crate::oracle::{home, said};
use crate::places::workspace_root;

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
    ask("battery", &[]).await
}

/// What the parser of Prisma 7 complains about in each text, if it does.
pub async fn validate(texts: &[String]) -> Vec<Option<String>> {
    ask("validate", texts).await
}

/// What `prisma migrate diff --from-empty` makes of each text.
pub async fn create(texts: &[String]) -> Vec<Created> {
    ask("create", texts).await
}

async fn ask<T: DeserializeOwned>(mode: &str, texts: &[String]) -> Vec<T> {
    let file = tempfile::NamedTempFile::new().expect("the temporary folder can be written");
    serde_json::to_writer(&file, texts).expect("a list of texts is JSON");
    let script: PathBuf = workspace_root().join("crates/testkit/src/schemas.mjs");
    let mut command = Command::new("node");
    command.arg(script).arg(home().await).arg(mode).arg(file.path());
    let answer = said(&mut command).await;
    match serde_json::from_str(&answer.stdout) {
        Ok(answers) if answer.code == 0 => answers,
        _ => panic!("the oracle did not answer {mode}: {}", answer.all()),
    }
}
