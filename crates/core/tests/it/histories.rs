//! Every history of the corpus, linted and audited, its findings counted.
//!
//! A change of a count is a change of what teams are told: look at the files before blessing the page
//! (`UNDERPIN_BLESS=1`).

use std::fmt::Write;
use std::path::Path;

use underpin_catalog::{RelationName, ServerVersion};
use underpin_core::audit::{Audit, Auditor};
use underpin_core::lint::cost::ASSUMED_ROWS;
use underpin_core::lint::finding::Severity;
use underpin_core::lint::stats::Stats;
use underpin_core::lint::{Circumstances, Linter, Source};
use underpin_core::settings::Settings as TeamSettings;
use underpin_sql::effect::ColumnDefault;
use underpin_sql::in_force::{Session, Settings};
use underpin_sql::sending::Sender;
use underpin_sql::{Effect, Statement, read};
use underpin_testkit::corpus::{History, histories};

/// The circumstances of the counts and of the judged sample: the settings that a team begins with, a server of
/// version 17 and a session that does not wait for ever.
pub(crate) fn with_circumstances<T>(sender: Sender, ask: impl FnOnce(Circumstances<'_>) -> T) -> T {
    let settings = TeamSettings::default();
    let stats = Stats::none();
    ask(Circumstances {
        session: Session::new(Settings::default().with("lock_timeout", "500ms")),
        ..Circumstances::of_history(ServerVersion::of_major(17), sender, &stats, &settings.lint)
    })
}

fn audited(history: &History, sender: Sender) -> Audit {
    with_circumstances(sender, |around| audited_in(history, Linter::new(around)))
}

fn audited_in(history: &History, mut linter: Linter<'_>) -> Audit {
    let mut auditor = Auditor::new(ASSUMED_ROWS, "Prisma");
    for name in &history.names {
        let text = history.sql(name);
        let report = linter.judge(&Source { path: name, text: &text, read: read(&text) });
        auditor.add(name, &report);
    }
    auditor.finish()
}

#[test]
fn findings_are_counted_by_rule() {
    let mut page = String::new();
    for history in histories() {
        for (sender, word) in
            [(Sender::PrismaWhole, "sent whole"), (Sender::PrismaSplit, "sent statement by statement")]
        {
            let audit = audited(&history, sender);
            writeln!(
                page,
                "# {}, {word}\n\n{} migrations, {} statements: {} block, {} break clients, {} are not atomic, {} fail, {} lose \
                 data, {} do none of this, {} cannot be read\n",
                history.name,
                audit.migrations,
                audit.statements,
                audit.blocking.migrations,
                audit.breaking.migrations,
                audit.not_atomic.migrations,
                audit.failing.migrations,
                audit.losing.migrations,
                audit.harmless,
                audit.unreadable,
            )
            .unwrap();
            for count in &audit.rules {
                writeln!(
                    page,
                    "- {} {}: {} in {} migrations",
                    count.rule, count.severity, count.findings, count.migrations
                )
                .unwrap();
            }
            page.push('\n');
        }
    }
    let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/histories.md"));
    #[expect(clippy::disallowed_methods, reason = "the page is this test's own")]
    let pinned = std::fs::read_to_string(file).unwrap_or_default();
    #[expect(clippy::disallowed_methods, reason = "the test is told how to run")]
    let bless = std::env::var_os("UNDERPIN_BLESS").is_some();
    if bless {
        #[expect(clippy::disallowed_methods, reason = "the page is this test's own")]
        std::fs::write(file, &page).unwrap();
    } else {
        assert!(pinned == page, "the counts are others than those of {}", file.display());
    }
}

/// What Prisma writes for new models and optional fields, and nobody has to think about.
fn is_harmless(statements: &[Statement]) -> bool {
    let effects = || statements.iter().flat_map(|statement| &statement.effects);
    let is_made = |table: &RelationName| {
        effects().any(|effect| matches!(effect, Effect::CreateTable(made) if made.table == *table))
    };
    effects().all(|effect| match effect {
        Effect::CreateTable(made) => made.partition_of.is_none() && !made.if_not_exists,
        Effect::CreateType { .. } => true,
        Effect::CreateIndex(created) => is_made(&created.table),
        Effect::AddConstraint(added) => is_made(&added.table),
        Effect::AddColumn(added) => {
            !added.not_null && added.constraints.is_empty() && added.default == ColumnDefault::None
        }
        _ => false,
    })
}

#[test]
fn new_tables_and_optional_columns_are_no_reason_to_worry() {
    let mut harmless = 0;
    for history in histories() {
        for name in &history.names {
            let text = history.sql(name);
            let Ok(statements) = read(&text) else { continue };
            if !is_harmless(&statements) {
                continue;
            }
            harmless += 1;
            // What was there before, nobody knows: the least that a linter can know.
            let report = with_circumstances(Sender::PrismaWhole, |around| {
                let mut linter = Linter::new(Circumstances { whole_history: false, ..around });
                linter.judge(&Source { path: name, text: &text, read: Ok(statements) })
            });
            let worse: Vec<_> =
                report.findings.iter().filter(|finding| finding.severity > Severity::Info).collect();
            assert!(worse.is_empty(), "{}/{name}: {worse:#?}", history.name);
        }
    }
    assert!(harmless > 300, "{harmless}");
}
