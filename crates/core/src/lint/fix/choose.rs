//! Which findings have a form that can be written, and which have not, and why.

use std::collections::{BTreeMap, BTreeSet};

use underpin_sql::sending::stands_alone;
use underpin_sql::{Action, Fills, Step, twin};

use super::super::finding::{Confidence, Finding};
use super::settings::{Settings, in_explicit_blocks};
use super::{Left, Unapplied};

/// The rules whose findings have a form that is no twin.
pub(super) const LOCK_HELD: &str = "lock-held-during-work";
pub(super) const LEAKS: &str = "setting-leaks";
pub(super) const WITHOUT_EFFECT: &str = "setting-without-effect";
/// The twin of an index build says no `IF NOT EXISTS`.
pub(super) const LEFTOVER: &str = "index-leftover";

/// What is to be done with a file.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// Statements that are replaced, by their number from 0.
    pub(super) twins: BTreeMap<usize, Vec<Step>>,
    /// Statements that begin a file: they need what stands before them to be committed.
    pub(super) begin_file: BTreeSet<usize>,
    /// What works for long goes into another file than the locks before it.
    pub(super) keeps_work_from_locks: bool,
    /// The findings that this does away with.
    pub(super) fixed: Vec<Finding>,
    /// The others.
    pub(super) left: Vec<Left>,
}

/// Chooses for each finding that counts.
pub(super) fn choose(file: &Unapplied<'_>) -> Chosen {
    let settings = Settings::of(file);
    let explicit = in_explicit_blocks(file.text, file.statements);
    let mut chosen = Chosen::default();
    let mut facts = file.before.clone();
    let mut filled = Fills::default();
    let counted = || file.report.findings.iter().filter(|finding| finding.suppressed.is_none());
    for finding in counted().filter(|finding| finding.statement.is_none()) {
        chosen.leave(finding, "it is about the file as a whole");
    }
    for (at, statement) in file.statements.iter().enumerate() {
        let here: Vec<&Finding> = counted().filter(|finding| finding.statement == Some(at + 1)).collect();
        let twin = twin(statement, at, &facts);
        let mut replaced = None;
        for finding in here {
            let wants_twin = has_twin(finding);
            let outcome = if explicit[at] && (wants_twin || finding.rule == LOCK_HELD) {
                Err("it stands between BEGIN and COMMIT, which ask for all or nothing".to_owned())
            } else if wants_twin {
                match &twin {
                    Ok(steps) if is_batches(steps) => {
                        Err("Prisma sends an UPDATE as one statement; `underpin deploy` runs it in batches"
                            .to_owned())
                    }
                    Ok(steps) => {
                        replaced = Some(steps);
                        Ok(())
                    }
                    Err(none) => Err(none.why.clone()),
                }
            } else if finding.rule == LOCK_HELD && finding.confidence == Confidence::Low {
                Err("how long a query takes its text does not say, so it stays where it is".to_owned())
            } else if finding.rule == LOCK_HELD {
                chosen.keeps_work_from_locks = true;
                Ok(())
            } else if finding.rule == LEAKS {
                Ok(())
            } else if finding.rule == WITHOUT_EFFECT {
                match settings.can_be_said(at) {
                    true => Ok(()),
                    false => {
                        Err("it can only be set for a transaction; put BEGIN and COMMIT around".to_owned())
                    }
                }
            } else if finding.sqlstate.as_deref() == Some("25001") && stands_alone(statement) && !explicit[at]
            {
                // Every statement that has to stands alone in what is written.
                Ok(())
            } else if finding.sqlstate.as_deref() == Some("55P04") && !explicit[at] {
                chosen.begin_file.insert(at);
                Ok(())
            } else {
                Err(match &twin {
                    Err(none) if is_work(finding) => none.why.clone(),
                    _ => "there is no other form of it to write".to_owned(),
                })
            };
            match outcome {
                Ok(()) => chosen.fixed.push(finding.clone()),
                Err(why) => chosen.leave(finding, why),
            }
        }
        if let Some(steps) = replaced {
            chosen.twins.insert(at, filled.again(steps.clone(), at, &facts));
        }
        filled.follow(statement, twin.as_deref().unwrap_or_default(), &facts);
        for effect in &statement.effects {
            facts.apply(effect);
        }
    }
    chosen
}

impl Chosen {
    fn leave(&mut self, finding: &Finding, why: impl Into<String>) {
        self.left.push(Left { finding: finding.clone(), why: why.into() });
    }
}

fn has_twin(finding: &Finding) -> bool {
    finding.rule == LEFTOVER || finding.fix.as_ref().is_some_and(|fix| !fix.statements.is_empty())
}

fn is_batches(steps: &[Step]) -> bool {
    matches!(steps, [Step { action: Action::Batches(_), .. }])
}

/// A finding about work on a table: `NoTwin` says why the work cannot be done otherwise.
fn is_work(finding: &Finding) -> bool {
    finding.estimate.is_some() && !finding.locks.is_empty()
}
