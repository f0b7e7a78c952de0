//! Every migration of the corpus is read, and what it does is known.

use std::collections::BTreeMap;

use underpin_sql::{Effect, read};
use underpin_testkit::corpus::histories;

/// The migrations, by project and folder.
fn migrations() -> Vec<(String, String)> {
    histories()
        .iter()
        .flat_map(|history| {
            history.names.iter().map(|name| (format!("{}/{name}", history.name), history.sql(name)))
        })
        .collect()
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
        ["civitai/20251123142214_model_metric_overhaul: \
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
