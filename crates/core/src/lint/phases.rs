//! Phases of a rollout: what lint tells of a file that `underpin deploy` executes.
//!
//! A file that says of itself that it is a phase (see [`crate::rollout`]) is not sent by Prisma where it matters: deploy
//! holds its contract, works in the online forms, asks for locks in short tries, and takes what the contract gives up
//! for given up when its gates have passed. Findings about the other way would fail each plan that we write ourselves.
//! So deploy is asked: what it would refuse is told, and what it does otherwise than Prisma is not. What concerns rows,
//! values and other clients is told as of any file.

use underpin_sql::{Statement, Surroundings};

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
