//! What is told to fail in histories that were deployed: nothing but what really fails.

use underpin_catalog::ServerVersion;
use underpin_core::lint::finding::Severity;
use underpin_core::lint::stats::Stats;
use underpin_core::lint::{Circumstances, Group, Linter, Source, rules};
use underpin_core::settings::Settings;
use underpin_sql::read;
use underpin_sql::sending::Sender;
use underpin_testkit::corpus::{History, histories};

use crate::histories::with_circumstances;

/// `project/migration:line rule SQLSTATE`, for each failure that does not depend on rows.
fn failing(history: &History) -> Vec<String> {
    let settings = Settings::default();
    let stats = Stats::none();
    let server = ServerVersion::of_major(17);
    let mut linter = Linter::new(Circumstances::of_history(server, Sender::Underpin, &stats, &settings.lint));
    let is_failure = |name: &str| rules().any(|rule| rule.group == Group::Failure && rule.name() == name);
    let mut all = Vec::new();
    for name in &history.names {
        let text = history.sql(name);
        let report = linter.judge(&Source { path: name, text: &text, read: read(&text) });
        for finding in report.findings {
            if finding.severity == Severity::Blocker && is_failure(&finding.rule) {
                let line = finding.span.map_or(0, |span| span.line);
                let state = finding.sqlstate.unwrap_or_default();
                all.push(format!("{}/{name}:{line} {} {state}", history.name, finding.rule));
            }
        }
    }
    all
}

/// Refusals that a server confirms: these files were executed in another way than a deploy does, or never.
const REAL: &[&str] = &[
    "civitai/20251123142214_model_metric_overhaul:27 syntax-error 42601",
    "civitai/20251123233705_userstats_shrink:1 drop-blocked 2BP01",
    "civitai/20260702130000_imagereport_imageid_fk:31 duplicate-object 42710",
];

#[test]
fn what_was_deployed_is_not_told_to_fail() {
    let all: Vec<String> = histories().iter().flat_map(failing).collect();
    assert_eq!(all, REAL);
}

/// The queries that are to be asked before a file runs.
fn asked_before(sql: &str) -> Vec<String> {
    let before = "CREATE TABLE \"User\" (\"id\" SERIAL PRIMARY KEY, \"total\" INTEGER);\nINSERT INTO \"User\" DEFAULT VALUES;";
    with_circumstances(Sender::PrismaWhole, |around| {
        let mut linter = Linter::new(around);
        linter.pass(&read(before));
        let report = linter.judge(&Source { path: "migration.sql", text: sql, read: read(sql) });
        report.findings.into_iter().filter_map(|finding| finding.check).collect()
    })
}

#[test]
fn no_query_names_a_column_that_the_migration_adds() {
    for sql in [
        "ALTER TABLE \"User\" ADD COLUMN \"level\" INTEGER DEFAULT 1, ADD CONSTRAINT low CHECK (\"level\" < \"total\");",
        "ALTER TABLE \"User\" ADD COLUMN \"level\" INTEGER DEFAULT 1;\nCREATE UNIQUE INDEX i ON \"User\" (\"level\");",
        "ALTER TABLE \"User\" ADD COLUMN \"level\" INTEGER;\nALTER TABLE \"User\" ALTER COLUMN \"level\" SET NOT NULL;",
    ] {
        assert!(!asked_before(sql).concat().contains("level"), "{sql}");
    }
    // What is there can be asked.
    let there = asked_before("ALTER TABLE \"User\" ADD COLUMN \"level\" INTEGER, ADD CHECK (\"total\" < 9);");
    assert!(there.concat().contains("total"), "{there:?}");
}
