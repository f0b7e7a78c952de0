//! Bad input: one clear error with its place and what to do, exit 2, and nothing is changed.

mod disk_full;
mod files;
mod history;
mod limits;
mod server;

use serde_json::Value;
use underpin_catalog::Catalog;
use underpin_engine::introspect;
use underpin_testkit::{Database, ProjectFolder, Said};

use crate::support::underpin;

const INIT: &str = "20260101000000_init";
const SECOND: &str = "20260102000000_second";
const SHOP: &str = "CREATE TABLE \"Shop\" (\"id\" SERIAL PRIMARY KEY, \"name\" TEXT);\n";

/// A project with one migration that is fine.
fn project() -> ProjectFolder {
    ProjectFolder::prisma7().migration(INIT, SHOP)
}

/// `deploy` is refused with exit 2, for a person and for a program: one error, these words, a hint.
async fn refused(project: &ProjectFolder, url: &str, words: &[&str]) -> Said {
    refused_by(&["deploy"], project, url, words).await
}

/// The same of any command.
async fn refused_by(arguments: &[&str], project: &ProjectFolder, url: &str, words: &[&str]) -> Said {
    let said = underpin(project.path(), url, arguments).await;
    assert_eq!(said.code, 2, "{arguments:?}: {}", said.all());
    assert_eq!(said.stderr.matches("Error: ").count(), 1, "{arguments:?}: {}", said.all());
    assert!(said.stderr.contains("\n  - "), "{arguments:?} does not say what to do: {}", said.all());
    for word in words {
        assert!(said.stderr.contains(word), "{arguments:?} does not say {word:?}: {}", said.all());
    }
    let with_json: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    let json = underpin(project.path(), url, &with_json).await;
    assert_eq!(json.code, 2, "{arguments:?}: {}", json.all());
    let object: Value = serde_json::from_str(&json.stdout).unwrap_or_else(|_| panic!("{}", json.all()));
    let error = &object["error"];
    assert!(said.stderr.contains(error["message"].as_str().unwrap()), "{}{}", said.all(), json.all());
    assert!(!error["hints"].as_array().unwrap().is_empty(), "{}", json.all());
    assert_eq!(json.stderr, "", "{arguments:?}");
    said
}

/// Everything that a deploy could have changed: the application's catalog, every relation of any namespace with its
/// file (the ledger's and the journal's too), and the rows of the ledger.
#[derive(Debug, PartialEq)]
struct State {
    catalog: Catalog,
    relations: Vec<String>,
    ledger: Vec<String>,
}

impl State {
    async fn of(database: &Database<'_>) -> Self {
        let relations =
            "SELECT oid::regclass::text, relkind, relfilenode, relnatts FROM pg_class WHERE oid >= 16384
                         UNION ALL SELECT nspname::text, 'n', 0, 0 FROM pg_namespace WHERE oid >= 16384 ORDER BY 1";
        let there =
            database.rows("SELECT to_regclass('public._prisma_migrations') IS NOT NULL").await == ["t"];
        let rows = "SELECT one::text FROM public._prisma_migrations AS one ORDER BY 1";
        Self {
            catalog: introspect(&database.client().await).await.unwrap(),
            relations: database.rows(relations).await,
            ledger: if there { database.rows(rows).await } else { Vec::new() },
        }
    }
}
