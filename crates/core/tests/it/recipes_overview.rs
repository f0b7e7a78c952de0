//! `docs/recipes.md`: a row for each recipe. What a person wants stands there in words of our own; what
//! has to be said, which phases there are and when the new release comes is read off the recipe's page.
//!
//! `UNDERPIN_BLESS=1` writes the rows; one that is new begins with the first sentence of its page.

use std::collections::BTreeSet;

use underpin_core::rollout::Phase;
use underpin_testkit::{CaseFile, Section, workspace_root};

const PAGE: &str = "docs/recipes.md";
const MARKS: (&str, &str) = ("<!-- recipes -->\n", "<!-- /recipes -->");
const HEAD: &str =
    "| I want to | recipe | what you say | phases | deploy the new release |\n|---|---|---|---|---|\n";

#[test]
#[expect(clippy::disallowed_methods, reason = "the table is this test's own, which is told how to run")]
fn every_recipe_has_its_row_in_the_overview() {
    let path = workspace_root().join(PAGE);
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(MARKS.0).unwrap();
    let (rows, after) = rest.split_once(MARKS.1).unwrap();
    let pages = CaseFile::all_in(&workspace_root().join("crates/core/recipes"));
    let mut shown: Vec<(usize, String)> = pages
        .iter()
        .map(|page| {
            let link = format!("[{0}](../crates/core/recipes/{0}.md)", page.name());
            let place = rows.lines().position(|row| row.contains(&link));
            let wanted = match place.and_then(|at| rows.lines().nth(at)?.split(" | ").next()) {
                Some(first) => first.trim_start_matches("| ").to_owned(),
                None => first_sentence(page),
            };
            (place.unwrap_or(usize::MAX), format!("| {wanted} | {link} | {} |\n", Seen::on(page).told()))
        })
        .collect();
    // Rows stay where somebody has put them.
    shown.sort_by_key(|(place, _)| *place);
    let shown: String = shown.into_iter().map(|(_, row)| row).collect();
    let wanted = format!("{before}{}{HEAD}{shown}{}{after}", MARKS.0, MARKS.1);
    if std::env::var_os("UNDERPIN_BLESS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), wanted, "UNDERPIN_BLESS=1 writes the rows of {PAGE}");
}

/// What the cases of a page show of its recipe.
#[derive(Default)]
struct Seen {
    /// Flags that answer.
    flags: BTreeSet<String>,
    /// Whether a case does without any.
    without: bool,
    /// The phases of each case.
    phases: BTreeSet<Vec<Phase>>,
}

impl Seen {
    /// Where other recipes do something too, phases may be theirs, so such cases count only when there is no other.
    fn on(page: &CaseFile) -> Self {
        let mut seen = Self::default();
        let planned =
            || page.cases("plan").filter(|section| uses(section).any(|recipe| recipe == page.name()));
        for section in planned() {
            let given = page.inherited(section, "given");
            let said: BTreeSet<String> = given
                .iter()
                .flat_map(|fence| fence.text.lines())
                .filter_map(|line| Some(line.split_once(' ')?.0.to_owned()))
                .collect();
            // It may be said in the schema as well.
            let schema = page.nearest(section, "prisma after").map_or("", |fence| fence.text.as_str());
            seen.without |= said.is_empty() && !schema.contains("underpin: renamed from");
            seen.flags.extend(said);
        }
        let alone = |section: &&Section| uses(section).all(|recipe| recipe == page.name());
        let cases: Vec<&Section> = planned().filter(alone).collect();
        let cases = if cases.is_empty() { planned().collect() } else { cases };
        assert!(!cases.is_empty(), "{}: no case is planned", page.name());
        for section in cases {
            let text = &section.own("plan").unwrap().text;
            let is_there = |phase: &Phase| text.contains(&format!("\n=== {}\n", phase.suffix()));
            seen.phases.insert(Phase::ALL.into_iter().filter(is_there).collect());
        }
        seen
    }

    /// The last three cells of its row.
    fn told(&self) -> String {
        let flags: Vec<String> = self.flags.iter().map(|flag| format!("`{flag}`")).collect();
        let said = match (flags.as_slice(), self.without) {
            ([], _) => "nothing".to_owned(),
            (flags, false) => flags.join(", "),
            (flags, true) => format!("nothing, or {}", flags.join(", ")),
        };
        let listed =
            |phases: &Vec<Phase>| phases.iter().map(|phase| phase.as_str()).collect::<Vec<_>>().join(", ");
        let phases: Vec<String> = self.phases.iter().rev().map(listed).collect();
        let when: BTreeSet<&str> = self.phases.iter().map(|phases| release(phases)).collect();
        format!("{said} | {} | {}", phases.join("; or "), when.into_iter().collect::<Vec<_>>().join("; or "))
    }
}

/// When the release that comes can run, as the command tells it.
fn release(phases: &[Phase]) -> &'static str {
    match (phases.contains(&Phase::Backfill), phases.contains(&Phase::Expand)) {
        (true, _) => "behind backfill",
        (false, true) => "behind expand",
        (false, false) => "before contract",
    }
}

/// The recipes that a case's plan names.
fn uses(section: &Section) -> impl Iterator<Item = &str> {
    let text = section.own("plan").map_or("", |fence| fence.text.as_str());
    let head = text.split("\n=== ").next().unwrap_or_default();
    let has_phases = text.contains("\n=== ");
    head.lines()
        .filter(move |_| has_phases)
        .filter_map(|line| line.split_once(": "))
        .map(|(recipe, _)| recipe)
        .filter(|recipe| *recipe != "note")
}

fn first_sentence(page: &CaseFile) -> String {
    let prose =
        page.sections().iter().find(|section| section.level == 1).map(|section| section.prose.as_str());
    let line = prose.and_then(|prose| prose.lines().next()).unwrap_or_default();
    line.split_once(". ").map_or(line, |(first, _)| first).trim_end_matches('.').to_owned()
}
