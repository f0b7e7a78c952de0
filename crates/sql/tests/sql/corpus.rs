//! Every migration of the corpus is read, and what it does is known.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use underpin_sql::{Effect, read};

fn corpus() -> PathBuf {
    let shared = std::env::var_os("UNDERPIN_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    shared.join("corpus")
}

/// The migrations, by their path below the corpus.
pub(crate) fn migrations() -> Vec<(String, String)> {
    let root = corpus();
    let mut found = Vec::new();
    let mut open = vec![root.clone()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.file_name().is_some_and(|name| name == "migration.sql") {
                let name = path.strip_prefix(&root).unwrap().display().to_string();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_migration_of_the_corpus_is_read() {
    let migrations = migrations();
    assert_eq!(migrations.len(), 2038);
    let refused: Vec<_> = migrations
        .iter()
        .filter_map(|(name, text)| read(text).err().map(|error| format!("{name}: {error}")))
        .collect();
    // A comma is missing before the column on line 27: that file runs on no server.
    assert_eq!(
        refused,
        ["civitai/prisma/migrations/20251123142214_model_metric_overhaul/migration.sql: \
          syntax error at or near \"\"mode\"\" (line 27, column 3)"]
    );
}

#[test]
fn every_statement_of_the_corpus_stands_where_it_says_and_does_something_known() {
    let mut unknown = BTreeMap::<String, usize>::new();
    for (name, text) in migrations() {
        let Ok(statements) = read(&text) else { continue };
        for statement in statements {
            assert_eq!(&text[statement.span.clone()], statement.text, "{name}");
            let line = text[..statement.span.start].matches('\n').count() + 1;
            assert_eq!(statement.line as usize, line, "{name}");
            assert!(!statement.effects.is_empty(), "{name}:{line}");
            for effect in statement.effects {
                if let Effect::Unknown { what } = effect {
                    *unknown.entry(what).or_default() += 1;
                }
            }
        }
    }
    assert_eq!(unknown, BTreeMap::new());
}
