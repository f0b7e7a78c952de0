//! What the way from one database to another means for those who use it: the steps of Prisma Migrate, each
//! beside what lint says about its statements.
//!
//! Nothing is judged here a second time. The script that Prisma would write goes through the linter like
//! anybody's migration, behind the scripts that make the database before; the locks, the times and the
//! findings of its statements are told with the step that they belong to.

use serde::{Serialize, Serializer};
use underpin_catalog::Name;
use underpin_prisma::migrate::{Change, Migration, Subject};

use crate::lint::finding::{Finding, Severity};
use crate::lint::report::{FileReport, StatementReport};
use crate::lint::{Circumstances, Linter, Source};

/// What happens to one table, enum, or to the database as a whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Consequences {
    /// What it happens to: a table as people write it, `enum Status`; `None` for the database as a whole.
    pub subject: Option<String>,
    /// The steps, in their order.
    pub steps: Vec<Consequence>,
}

/// A step with what it means.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Consequence {
    /// Prisma's word for it: `AlterTable`.
    pub step: &'static str,
    /// What comes, goes and changes.
    #[serde(serialize_with = "changes")]
    pub changes: Vec<Change>,
    /// The statements, with what they lock and how long they work.
    pub statements: Vec<Executed>,
    /// What lint finds in them. What does not count is among it.
    pub findings: Vec<Finding>,
}

/// A statement of the script.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Executed {
    /// Without its semicolon.
    pub sql: String,
    /// What lint knows of it.
    #[serde(flatten)]
    pub report: StatementReport,
}

/// What lint says about the script of a migration. `history` are the scripts that make the database before,
/// `path` is what findings call the script.
pub fn judged<'a>(script: &str, path: &str, history: &[&str], around: Circumstances<'a>) -> FileReport {
    let mut linter: Linter<'a> = Linter::new(around);
    for text in history {
        linter.pass(&underpin_sql::read(text));
    }
    linter.judge(&Source { path, text: script, read: underpin_sql::read(script) })
}

/// The steps of a migration, those of one table together, in the order in which each is touched first. `report`
/// is what lint says about its script; names leave `namespace` out.
pub fn consequences(migration: &Migration<'_>, report: &FileReport, namespace: &Name) -> Vec<Consequences> {
    let script = migration.script();
    let mut told: Vec<Consequences> = Vec::new();
    for (step, place) in migration.steps.iter().zip(migration.places()) {
        let is_here = |at: usize| place.contains(&at);
        let statements = report.statements.iter().filter(|one| is_here(one.span.bytes.start));
        let statements = statements.map(|one| Executed {
            sql: script.get(one.span.bytes.clone()).unwrap_or_default().to_owned(),
            report: one.clone(),
        });
        let findings = report
            .findings
            .iter()
            .filter(|finding| finding.span.as_ref().is_some_and(|span| is_here(span.bytes.start)));
        let consequence = Consequence {
            step: step.title(),
            changes: migration.changes(step),
            statements: statements.collect(),
            findings: findings.cloned().collect(),
        };
        let subject = shown(step.subject(), namespace);
        match told.iter_mut().find(|known| known.subject == subject) {
            Some(known) => known.steps.push(consequence),
            None => told.push(Consequences { subject, steps: vec![consequence] }),
        }
    }
    told
}

impl Consequence {
    /// The findings that count, the worst first.
    pub fn counted(&self) -> Vec<&Finding> {
        let mut counted: Vec<&Finding> =
            self.findings.iter().filter(|finding| finding.suppressed.is_none()).collect();
        counted.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        counted
    }

    /// The worst of the findings that count.
    pub fn worst(&self) -> Option<Severity> {
        self.counted().first().map(|finding| finding.severity)
    }
}

fn shown(subject: Subject<'_>, namespace: &Name) -> Option<String> {
    let bare = |name: &underpin_catalog::RelationName| match &name.namespace {
        Some(own) if own == namespace => name.name.as_str().to_owned(),
        _ => name.shown(),
    };
    match subject {
        Subject::Database => None,
        Subject::Enum(name) => Some(format!("enum {}", bare(name))),
        Subject::Table(name) => Some(bare(name)),
    }
}

/// The form that JSON has of [`Change`].
#[derive(Serialize)]
struct ChangeTold<'a> {
    change: &'static str,
    object: &'static str,
    name: &'a str,
    detail: &'a str,
}

fn changes<S: Serializer>(changes: &[Change], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(changes.iter().map(|change| ChangeTold {
        change: change.kind.as_str(),
        object: change.object,
        name: &change.name,
        detail: &change.detail,
    }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use underpin_catalog::ServerVersion;
    use underpin_prisma::schema::{Schema, Source};
    use underpin_prisma::{PrismaCatalog, PrismaVersion};
    use underpin_sql::sending::Sender;

    use super::*;
    use crate::lint::stats::Stats;
    use crate::settings::LintSettings;

    const VERSION: PrismaVersion = PrismaVersion::new(7, 10, 0);

    fn catalog(models: &str) -> PrismaCatalog {
        let text = format!("datasource db {{\n  provider = \"postgresql\"\n}}\n{models}");
        let schema = Schema::parse(vec![Source::new("schema.prisma", text)]);
        PrismaCatalog::of_schema(&schema, &Name::new("public"), VERSION).unwrap()
    }

    fn told(before: &str, after: &str) -> Vec<Consequences> {
        let (nothing, before, after) = (PrismaCatalog::default(), catalog(before), catalog(after));
        let history = Migration::between(&nothing, &before, VERSION).script();
        let migration = Migration::between(&before, &after, VERSION);
        let (stats, settings) = (Stats::none(), LintSettings::default());
        let around =
            Circumstances::of_history(ServerVersion::of_major(17), Sender::PrismaWhole, &stats, &settings);
        let report = judged(&migration.script(), "script", &[&history], around);
        consequences(&migration, &report, &Name::new("public"))
    }

    fn lines(told: &[Consequences]) -> Vec<String> {
        let mut lines = Vec::new();
        for group in told {
            lines.push(group.subject.clone().unwrap_or_else(|| "database".to_owned()));
            for step in &group.steps {
                lines.extend(step.changes.iter().map(|change| format!("  {change}")));
                for statement in &step.statements {
                    let locks: Vec<String> =
                        statement.report.locks.iter().map(|lock| lock.mode.to_string()).collect();
                    lines.push(format!("    {} [{}]", statement.report.title, locks.join(", ")));
                }
                lines.extend(step.counted().iter().map(|finding| format!("    ! {}", finding.rule)));
            }
        }
        lines
    }

    #[test]
    fn what_happens_to_a_table_stands_together_with_what_it_means() {
        let before =
            "model A {\n  id Int @id\n  x Int?\n  y Int\n}\nmodel B {\n  id Int @id\n}\nenum E {\n  P\n}\n";
        let after = "model A {\n  id Int @id\n  x Int\n  bId Int\n  b B @relation(fields: [bId], references: [id])\n  @@index([x])\n}\nmodel B {\n  id Int @id\n  a A[]\n}\nenum E {\n  P\n  Q\n}\n";
        let told = told(before, after);
        let lines = lines(&told);
        let expected = [
            "enum E",
            "  ~ enum E: Q added",
            "    ALTER TYPE \"E\" ADD VALUE 'Q' []",
            "A",
            "  - column y: INTEGER NOT NULL",
            "  + column bId: INTEGER NOT NULL",
            "  ~ column x: becomes required",
        ];
        assert_eq!(lines[..expected.len()], expected);
        let has = |text: &str| assert!(lines.iter().any(|line| line.contains(text)), "{text}: {lines:#?}");
        has("  + index A_x_idx: (x)");
        has("  + foreign key A_bId_fkey: (bId) to B(id), ON DELETE RESTRICT");
        has("! drop-column");
        has("[ACCESS EXCLUSIVE]");
        // Every statement and every finding with a place is told once.
        let findings: usize =
            told.iter().flat_map(|group| &group.steps).map(|step| step.findings.len()).sum();
        assert!(findings >= 3, "{lines:#?}");
    }

    #[test]
    fn what_is_new_hurts_nobody() {
        let told = told("", "model A {\n  id Int @id\n  x Int\n  @@index([x])\n}\n");
        assert_eq!(
            lines(&told),
            [
                "A",
                "  + table A: 2 columns",
                "    CREATE TABLE \"A\" ( \"id\" INTEGER NOT NULL, \"x\" INTEGER NOT NULL, CONSTRAINT… []",
                "  + index A_x_idx: (x)",
                "    CREATE INDEX \"A_x_idx\" ON \"A\"(\"x\") []",
            ]
        );
    }
}
