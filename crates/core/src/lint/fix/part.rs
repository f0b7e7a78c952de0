//! What a file consists of when it is taken apart: statements that stay as they are, and those that replace
//! others, each with what it demands of the file that it is put into.

use std::ops::Range;

use underpin_catalog::Name;
use underpin_sql::sending::{Block, Sender, sending, stands_alone};
use underpin_sql::{Action, Step, Transaction, in_file};

use super::super::case::shown;
use super::super::finding::{Blocks, LockFact};
use super::Unapplied;
use super::choose::Chosen;
use super::order::Touches;
use super::settings::Settings;

/// A part, which is never divided between files.
#[derive(Debug)]
pub(super) struct Part {
    /// The statements of the file that it is, or that it comes from.
    pub(super) from: Range<usize>,
    /// What is written instead of them; `None` when they stay as they are.
    pub(super) made: Option<Made>,
    /// How it shares a file.
    pub(super) manner: Manner,
    /// What stands before it must be in earlier files.
    pub(super) begins_file: bool,
    /// The part before it, of the same statement, must be in an earlier file.
    pub(super) later: bool,
    /// What it has to do with others.
    pub(super) touches: Touches,
    /// Its locks that the application waits for.
    pub(super) locks: Vec<LockFact>,
    /// It works for longer than an instant.
    pub(super) works: bool,
}

/// Statements that replace one of the file, or a part of it.
#[derive(Debug)]
pub(super) struct Made {
    /// Whether they are the first that replace it: they get its comments.
    pub(super) is_first: bool,
    /// Without semicolons. Several were one statement, and stand between `BEGIN` and `COMMIT`.
    pub(super) statements: Vec<String>,
    /// What they are for.
    pub(super) intent: String,
}

/// How a part shares a file with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// As statements of a file do.
    Shares,
    /// A file has nothing else.
    Alone,
    /// It works, and holds nothing that the application waits for: only others like it may stand before it.
    Works,
    /// It is the last of its file: nothing is done while its locks are held.
    Closes,
}

/// The parts of a file, in its order.
pub(super) fn parts(file: &Unapplied<'_>, chosen: &Chosen, settings: &Settings) -> Result<Vec<Part>, String> {
    let mut facts = file.before.clone();
    // Findings call relations as the linter does, and it began with this path.
    let home = facts.search_path.first().cloned().unwrap_or_else(|| Name::new("public"));
    let mut parts = Vec::new();
    for unit in units(file) {
        let statements = &file.statements[unit.clone()];
        let touches = Touches::of(statements, &facts);
        if !settings.is_for_others(unit.start) {
            match chosen.twins.get(&unit.start) {
                Some(steps) => parts.extend(made(&unit, steps, &touches, &home)),
                None => parts.push(kept(file, &unit, touches)),
            }
        }
        for part in parts.iter_mut().filter(|part| part.from == unit) {
            part.begins_file |= chosen.begin_file.contains(&unit.start);
            if let (Manner::Alone, Some(missed)) = (part.manner, settings.missed_alone(unit.start)) {
                return Err(format!(
                    "line {}: {missed} is set before the statement, which has to stand alone in its file and would \
                     run without",
                    file.statements[unit.start].line
                ));
            }
        }
        for effect in statements.iter().flat_map(|statement| &statement.effects) {
            facts.apply(effect);
        }
    }
    if parts.is_empty() {
        return Err("the file does nothing but set it; remove the file, or what it sets".to_owned());
    }
    Ok(parts)
}

/// The file's statements, with `BEGIN … COMMIT` in one.
fn units(file: &Unapplied<'_>) -> Vec<Range<usize>> {
    let each = sending(file.text, file.statements, Sender::Autocommit);
    let mut units: Vec<Range<usize>> = Vec::new();
    for transaction in &each.transactions {
        match transaction.kind {
            Block::Explicit => units.push(transaction.statements.clone()),
            Block::None | Block::Implicit => {
                units.extend(transaction.statements.clone().map(|at| at..at + 1));
            }
        }
    }
    units
}

fn kept(file: &Unapplied<'_>, unit: &Range<usize>, touches: Touches) -> Part {
    let told = file.report.statements.get(unit.clone()).unwrap_or_default();
    let alone = matches!(&file.statements[unit.clone()], [only] if stands_alone(only));
    Part {
        from: unit.clone(),
        made: None,
        manner: if alone { Manner::Alone } else { Manner::Shares },
        begins_file: false,
        later: false,
        touches,
        locks: told
            .iter()
            .flat_map(|one| &one.locks)
            .filter(|lock| lock.blocks > Blocks::Maintenance)
            .cloned()
            .collect(),
        works: told.iter().any(|one| one.estimate.is_some() && one.work != "instant"),
    }
}

/// The parts of a twin. What runs in one transaction when `underpin deploy` executes it is one part.
fn made(unit: &Range<usize>, steps: &[Step], touches: &Touches, home: &Name) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut at = 0;
    while at < steps.len() {
        let shared = steps[at..].iter().take_while(|step| step.transaction == Transaction::Shared).count();
        let ends = steps.get(at + shared).is_some_and(|step| step.transaction == Transaction::EndsHere);
        let end = at + (shared + usize::from(ends)).max(1);
        let group = &steps[at..end];
        let batches = matches!(group, [Step { action: Action::Batches(_), .. }]);
        let (texts, intents): (Vec<String>, Vec<String>) = group.iter().map(in_file).unzip();
        let manner = match group.last().map(|step| step.transaction) {
            Some(Transaction::Alone) => Manner::Alone,
            // Its rows are locked until the file ends.
            Some(Transaction::Own) if batches => Manner::Alone,
            Some(Transaction::Own) => Manner::Works,
            Some(Transaction::Shared) if group.len() == 1 => Manner::Shares,
            _ => Manner::Closes,
        };
        parts.push(Part {
            from: unit.clone(),
            made: Some(Made { is_first: at == 0, statements: texts, intent: intents.join("; ") }),
            manner,
            begins_file: false,
            later: at > 0 && steps[at - 1].transaction != Transaction::Shared,
            touches: touches.clone(),
            locks: group
                .iter()
                .flat_map(|step| &step.locks)
                .filter(|claim| claim.mode.blocks_application())
                .map(|claim| LockFact::new(shown(&claim.relation, home), claim.mode))
                .collect(),
            works: manner == Manner::Works || batches,
        });
        at = end;
    }
    parts
}
