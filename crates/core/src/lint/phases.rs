//! Phases of a rollout: what lint tells of a file that `underpin deploy` executes.
//!
//! A file that says of itself that it is a phase (see [`crate::rollout`]) is not sent by Prisma where it matters: deploy
//! holds its contract, works in the online forms, asks for locks in short tries, and takes what the contract gives up
//! for given up when its gates have passed. Findings about the other way would fail each plan that we write ourselves.
//! So deploy is asked: what it would refuse is told, and what it does otherwise than Prisma is not. What concerns rows,
//! values and other clients is told as of any file.

use std::collections::{BTreeMap, BTreeSet};

use underpin_catalog::{Name, RelationName};
use underpin_sql::{Effect, Statement, Surroundings};

use super::finding::Finding;
use crate::plan::{GivenUp, Policy, plan_released};
use crate::reason::ReasonCode;
use crate::rollout::Directives;

/// Rules about a queue behind a lock, and about transactions, as there are when Prisma sends the file.
const AS_PRISMA_SENDS_IT: [&str; 8] = [
    "batch-fallback",
    "index-drop",
    "index-leftover",
    "lock-held-during-work",
    "locks-pile-up",
    "not-atomic",
    "other-table-locked",
    "unbounded-lock-wait",
];

/// Columns, each with its table.
pub(crate) type Columns = BTreeSet<(RelationName, Name)>;

/// The columns that phases of rollouts have added to tables that got a trigger with them, by rollout.
#[derive(Clone, Debug, Default)]
pub(super) struct Added(BTreeMap<String, Columns>);

impl Added {
    /// Those that earlier phases of the rollout have added whose phase a file is: nobody has rows in them but by the
    /// phases, which say of themselves what they presuppose.
    pub(super) fn before(&self, text: &str) -> Columns {
        rollout(text).and_then(|rollout| self.0.get(&rollout)).cloned().unwrap_or_default()
    }

    /// Takes those of a file along, when it is a phase. `facts` are behind it.
    pub(super) fn note(&mut self, text: &str, statements: &[Statement], facts: &Surroundings) {
        let Some(rollout) = rollout(text) else { return };
        let of_rollout = self.0.entry(rollout).or_default();
        let effects = || statements.iter().flat_map(|statement| &statement.effects);
        let with_trigger = effects().filter_map(|effect| match effect {
            Effect::CreateTrigger(made) => Some(facts.resolve(&made.table)),
            _ => None,
        });
        let with_trigger: BTreeSet<RelationName> = with_trigger.collect();
        for effect in effects() {
            if let Effect::AddColumn(added) = effect
                && with_trigger.contains(&facts.resolve(&added.table))
            {
                of_rollout.insert((facts.resolve(&added.table), added.column.clone()));
            }
        }
    }
}

fn rollout(text: &str) -> Option<String> {
    Some(Directives::read(text).ok().flatten()?.rollout)
}

/// What deploy makes of a file that is a phase.
pub(super) struct Deployed {
    /// The statements that it refuses, from 1.
    refused: Vec<usize>,
}

impl Deployed {
    /// `None` when the file is no phase, or says of itself what cannot be read; then it is judged as any other.
    pub(super) fn of(text: &str, statements: &[Statement], before: &Surroundings) -> Option<Self> {
        let directives = Directives::read(text).ok().flatten()?;
        // How large tables are, a file does not know: none is taken for small.
        let policy = Policy { small_table_bytes: 0, ..Policy::default() };
        let given_up = GivenUp { gone: directives.gone, ..GivenUp::default() };
        let plan = plan_released(statements, &given_up, before, &policy);
        let is_refused =
            |statement: &Statement| plan.refusals.iter().any(|refusal| refusal.line == statement.line);
        let refused = (1..).zip(statements).filter(|(_, statement)| is_refused(statement));
        Some(Self { refused: refused.map(|(number, _)| number).collect() })
    }

    /// Whether a finding is about what happens when deploy executes the file.
    pub(super) fn concerns(&self, finding: &Finding) -> bool {
        if AS_PRISMA_SENDS_IT.contains(&finding.rule.as_str()) {
            return false;
        }
        let judged_by_deploy = finding.rule.parse::<ReasonCode>().is_ok();
        !judged_by_deploy || finding.statement.is_some_and(|number| self.refused.contains(&number))
    }
}

#[cfg(test)]
mod tests {
    use underpin_catalog::ServerVersion;
    use underpin_sql::sending::Sender;

    use crate::lint::stats::Stats;
    use crate::lint::{Circumstances, Linter, Source};
    use crate::settings::LintSettings;

    const HISTORY: &str = "CREATE TABLE \"User\" (\"id\" INT NOT NULL, \"name\" TEXT NOT NULL, CONSTRAINT \"User_pkey\" PRIMARY KEY (\"id\"));";
    const EXPAND: &str = "-- underpin: rollout keys\n-- underpin: phase expand\nALTER TABLE \"User\" ADD COLUMN \"id_next\" BIGINT;\n";
    const TRIGGER: &str =
        "CREATE TRIGGER \"both\" BEFORE INSERT ON \"User\" FOR EACH ROW EXECUTE FUNCTION \"both\"();\n";

    /// What is told of rows that may refuse the second phase of a rollout.
    fn rows_of(expand: &str, backfill: &str) -> Vec<String> {
        let (stats, settings) = (Stats::none(), LintSettings::default());
        let around =
            Circumstances::of_history(ServerVersion::of_major(17), Sender::PrismaWhole, &stats, &settings);
        let mut linter = Linter::new(around);
        let mut judge = |text: &str| linter.judge(&Source { path: "", text, read: underpin_sql::read(text) });
        judge(HISTORY);
        judge(expand);
        let found = judge(backfill).findings.into_iter().filter(|found| found.rule == "data-may-refuse");
        found.map(|found| found.sqlstate.unwrap_or_default().to_string()).collect()
    }

    #[test]
    fn rows_of_a_column_that_the_rollout_has_added_are_its_own_doing() {
        let phase = "-- underpin: rollout keys\n-- underpin: phase backfill after expand\n";
        let fill = "UPDATE \"User\" SET \"id_next\" = \"id\" WHERE \"id_next\" IS NULL;\n";
        let ends = "ALTER TABLE \"User\" ALTER COLUMN \"id_next\" SET NOT NULL;\nCREATE UNIQUE INDEX \"next\" ON \"User\"(\"id_next\");\n";
        assert_eq!(
            rows_of(EXPAND, &format!("{phase}{fill}{ends}")),
            ["23502", "23505"],
            "old clients leave it out"
        );
        let rows_of = |backfill: &str| rows_of(&[EXPAND, TRIGGER].concat(), backfill);
        assert_eq!(rows_of(&format!("{phase}{fill}{ends}")), [""; 0]);
        assert_eq!(rows_of(&format!("{phase}{ends}")), ["23502"], "nobody has filled it");
        let other = phase.replace("keys", "others");
        assert_eq!(rows_of(&format!("{other}{fill}{ends}")), ["23502", "23505"]);
        let of_old = "CREATE UNIQUE INDEX \"names\" ON \"User\"(\"name\");\n";
        assert_eq!(rows_of(&format!("{phase}{of_old}")), ["23505"]);
    }
}
