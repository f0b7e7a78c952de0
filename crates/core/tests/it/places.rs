//! Where findings point: at the statement that they are about, to the byte, also inside a DO block.

use underpin_core::lint::finding::{Finding, Severity};
use underpin_core::lint::{Linter, Source};
use underpin_sql::read;
use underpin_sql::sending::Sender;

use crate::histories::with_circumstances;

const BEFORE: &str = r#"
CREATE TABLE "Café" ("id" SERIAL PRIMARY KEY, "note" TEXT, "total" INTEGER);
CREATE TABLE "Order" ("id" SERIAL PRIMARY KEY, "note" TEXT);
"#;

/// Rule and text of each finding that is more than information.
fn pointed(sql: &str) -> Vec<String> {
    with_circumstances(Sender::PrismaWhole, |around| {
        let mut linter = Linter::new(around);
        linter.pass(&read(BEFORE));
        let report = linter.judge(&Source { path: "migration.sql", text: sql, read: read(sql) });
        let shown = |finding: &Finding| {
            let span = finding.span.as_ref().unwrap();
            let line = sql[..span.bytes.start].matches('\n').count() + 1;
            assert_eq!(span.line as usize, line, "{sql}");
            format!("{} [{}]", finding.rule, &sql[span.bytes.clone()])
        };
        let worse = report.findings.iter().filter(|finding| finding.severity > Severity::Info);
        worse.map(shown).collect()
    })
}

#[test]
fn inside_a_block_the_inner_statement_is_meant() {
    let found = pointed(
        "SELECT 1;\nDO $é$ BEGIN\n  ALTER TABLE \"Café\" DROP COLUMN \"note\";\n  IF 1 = 1 THEN\n    \
         CREATE INDEX i ON \"Order\" (\"note\");\n    CREATE INDEX j ON \"Café\" (\"total\");\n  END IF;\nEND $é$;",
    );
    assert_eq!(
        found,
        [
            "drop-column [ALTER TABLE \"Café\" DROP COLUMN \"note\"]",
            "index-build [CREATE INDEX i ON \"Order\" (\"note\")]",
            "index-build [CREATE INDEX j ON \"Café\" (\"total\")]",
        ]
    );
}

#[test]
fn a_block_in_a_block_is_looked_into() {
    let found = pointed("DO $a$ BEGIN DO $b$ BEGIN DROP TABLE \"Order\"; END $b$; END $a$;");
    assert_eq!(found, ["drop-table [DROP TABLE \"Order\"]"]);
}

#[test]
fn a_body_that_does_not_show_its_text_is_meant_as_a_whole() {
    let sql = "DO 'BEGIN UPDATE \"Order\" SET \"note\" = ''x''; END';";
    assert_eq!(pointed(sql), [format!("bulk-update [{}]", &sql[..sql.len() - 1])]);
}
