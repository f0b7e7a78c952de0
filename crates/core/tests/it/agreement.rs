//! The cases that other linters test themselves with, given to ours.
//!
//! What a peer calls a case's subject is a concept; `concepts` says which of our rules speak of it, and of
//! which none does. Where a peer expects a finding and we have one of that concept, or it expects none and we
//! have none, we agree. `agreement.md` has the counts, and each disagreement under the reason that settles it;
//! one that stands under no reason fails. `UNDERPIN_BLESS=1` writes counts and lines; reasons are written by
//! hand, and the observation of PostgreSQL that each of them rests on.

mod cases;
mod concepts;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use underpin_catalog::{Name, ServerVersion};
use underpin_core::lint::cost::ASSUMED_ROWS;
use underpin_core::lint::finding::{Finding, Severity};
use underpin_core::lint::stats::Stats;
use underpin_core::lint::{Circumstances, Linter, Source};
use underpin_core::settings::Settings as TeamSettings;
use underpin_sql::in_force::Session;
use underpin_sql::read;
use underpin_testkit::CaseFile;

use self::cases::{Case, all};
use self::concepts::{Ours, of};

/// The least share of the cases with a concept of ours on which we agree.
const AGREEMENT_MIN: f64 = 0.97;

/// Where a disagreement goes that nobody has looked at.
const UNJUDGED: &str = "Not judged yet";

#[test]
fn every_disagreement_stands_under_its_reason() {
    let page = CaseFile::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/agreement.md"));
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    let mut disagreements: BTreeMap<String, String> = BTreeMap::new();
    for case in all(&page) {
        let count = counts.entry(case.source.clone()).or_default();
        let Ours::Rules { names, least } = of(&case) else {
            count.without += 1;
            continue;
        };
        let findings = judge(&case);
        let found = findings.iter().any(|one| {
            (names.contains(&one.rule.as_str()) && one.severity >= least) || (case.expects && is_refusal(one))
        });
        if found == case.expects {
            count.agreed += 1;
        } else {
            count.disagreed += 1;
            disagreements.insert(case.id.clone(), line(&case, &findings));
        }
    }

    let mut rewritten = Vec::new();
    let mut empty = Vec::new();
    for section in page.sections() {
        let Some(fence) = section.own("cases").filter(|_| section.title != UNJUDGED) else { continue };
        let listed: String = fence
            .text
            .lines()
            .filter_map(|line| disagreements.remove(line.split_once(" | ").map_or(line, |(id, _)| id)))
            .collect();
        if listed.is_empty() {
            empty.push(section.title.clone());
        }
        rewritten.push((fence, listed));
    }
    let unjudged: String = disagreements.into_values().collect();
    let counted = table(&counts);
    let counting = page.cases("counts").next().and_then(|section| section.own("counts"));
    let last = page.sections().iter().find(|section| section.title == UNJUDGED);
    let last = last.and_then(|section| section.own("cases"));
    rewritten.extend([(counting.unwrap(), counted), (last.unwrap(), unjudged.clone())]);
    rewritten.retain(|(fence, text)| fence.text != *text);
    #[expect(clippy::disallowed_methods, reason = "the test is told how to run")]
    if std::env::var_os("UNDERPIN_BLESS").is_some() {
        page.rewrite(&rewritten);
    } else {
        let wrong: Vec<_> = rewritten
            .iter()
            .map(|(fence, text)| format!("--- page\n{}--- found\n{text}", fence.text))
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
    assert_eq!(unjudged, "", "disagreements without a reason");
    assert!(empty.is_empty(), "reasons that no case needs any more: {empty:?}");
    let (agreed, disagreed) = counts
        .values()
        .fold((0, 0), |(agreed, disagreed), count| (agreed + count.agreed, disagreed + count.disagreed));
    let share = f64::from(agreed) / f64::from(agreed + disagreed);
    assert!(share >= AGREEMENT_MIN, "we agree on {share:.3}");
}

#[derive(Default)]
struct Count {
    agreed: u32,
    disagreed: u32,
    /// Cases of concepts that we do not have.
    without: u32,
}

fn table(counts: &BTreeMap<String, Count>) -> String {
    let mut table = String::new();
    let mut total = Count::default();
    for (source, count) in counts {
        writeln!(table, "{}", count.line(source)).unwrap();
        total.agreed += count.agreed;
        total.disagreed += count.disagreed;
        total.without += count.without;
    }
    writeln!(table, "{}", total.line("all")).unwrap();
    table
}

impl Count {
    fn line(&self, of: &str) -> String {
        let all = self.agreed + self.disagreed;
        let share = f64::from(self.agreed) / f64::from(all.max(1));
        format!(
            "{of:<24} agreed {:>3} of {all:>3} ({share:.3}), without a concept of ours {:>2}",
            self.agreed, self.without
        )
    }
}

/// What PostgreSQL certainly refuses locks, breaks and loses nothing: saying so is the finding, whatever the
/// peer warns of.
fn is_refusal(finding: &Finding) -> bool {
    finding.severity == Severity::Blocker && finding.sqlstate.is_some()
}

fn line(case: &Case, findings: &[Finding]) -> String {
    let mut told: Vec<&str> = findings.iter().map(|one| one.rule.as_str()).collect();
    told.dedup();
    let expects = if case.expects { "a finding" } else { "none" };
    let told = if told.is_empty() { "nothing".to_owned() } else { told.join(", ") };
    format!("{} | expects {expects} of {}; told: {told}\n", case.id, case.concept)
}

fn judge(case: &Case) -> Vec<Finding> {
    let mut settings = TeamSettings::default();
    settings.lint.groups = vec!["quality".to_owned()];
    let stats = Stats::none();
    let mut linter = Linter::new(Circumstances {
        server: ServerVersion::of_major(case.major.unwrap()),
        sender: case.sender,
        session: Session::new(case.connected_with.clone()),
        namespace: Name::new("public"),
        whole_history: !case.history.is_empty(),
        together: false,
        stats: &stats,
        assumed_rows: ASSUMED_ROWS,
        settings: &settings.lint,
        deployed: &[],
    });
    for text in &case.history {
        let statements = read(text);
        assert!(statements.is_ok(), "{}: {statements:?}", case.id);
        linter.pass(&statements);
    }
    let report = linter.judge(&Source { path: "case.sql", text: &case.sql, read: read(&case.sql) });
    report.findings
}
