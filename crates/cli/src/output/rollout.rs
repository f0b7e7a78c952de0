//! Rollouts for people: where each stands, and what its gates say.

use jiff::Timestamp;
use underpin_core::rollout::Why;
use underpin_core::rollout::gate::{Asked, Gate, Verdict, span};
use underpin_engine::rollout::Review;

/// Why a migration is not executed.
pub(crate) fn why(why: &Why) -> String {
    match why {
        Why::Gates => "it takes away what running releases may need, and is not released".to_owned(),
        Why::Aborted => "its rollout was led back; take its folders back".to_owned(),
        Why::Behind { migration, relation } => {
            format!("it names {relation}, and so does {migration}, which is not executed")
        }
    }
}

/// A rollout in a few lines: its state, and what is missing.
pub(crate) fn brief(review: &Review, now: Timestamp) -> String {
    let mut text = format!("\n{}{}", heading(review, now), behind_abort(review));
    if review.state == "waiting" {
        return text;
    }
    // Rows are not counted for an overview.
    let is_told = |gate: &&Gate| {
        gate.verdict != Verdict::Passes && (gate.asked, gate.verdict) != (Asked::Verified, Verdict::Unknown)
    };
    for gate in review.gates.iter().filter(is_told) {
        text.push('\n');
        text.push_str(&shown(gate));
    }
    if review.held.is_some() && !matches!(review.state, "aborted" | "aborting") {
        text.push_str(&format!("\n  when nothing is missing: underpin rollout release {}", review.rollout));
    }
    text
}

/// A rollout with its phases and all its gates.
pub(crate) fn whole(review: &Review, now: Timestamp) -> String {
    let mut text = format!("{}{}", heading(review, now), behind_abort(review));
    for phase in &review.phases {
        let applied = match phase.applied_at {
            Some(at) => format!("applied {}", instant(at)),
            None if review.held.as_ref() == Some(&phase.migration) => "held".to_owned(),
            None => "pending".to_owned(),
        };
        text.push_str(&format!("\n  {:<9} {}, {applied}", phase.phase.as_str(), phase.migration));
    }
    if !review.gates.is_empty() {
        text.push_str("\n\nGates of the contract:");
    }
    text.push_str(&gates(&review.gates));
    text
}

/// Each gate on a line.
pub(crate) fn gates(gates: &[Gate]) -> String {
    gates.iter().map(|gate| format!("\n{}", shown(gate))).collect()
}

/// What a person can do about gates that do not pass: a line for each, with the flags behind `command`.
pub(crate) fn ways(gates: &[Gate], database: &str, command: &str) -> String {
    let is_open = |asked| gates.iter().any(|gate| gate.asked == asked && gate.verdict != Verdict::Passes);
    let mut ways = String::new();
    if is_open(Asked::Window) {
        ways.push_str(&format!(
            "\n  - to end the time for which both shapes are kept: {command}--now --database {database}"
        ));
    }
    if is_open(Asked::Drained) {
        ways.push_str(&format!(
            "\n  - when you know that the old release is gone: {command}--attest \"who: why\""
        ));
    }
    ways
}

/// Whom it would hurt to take what a rollout has made away again.
pub(crate) fn who_fails(goes: &[String]) -> String {
    match goes {
        [] => "A client of the new release that still runs may write what the old shape refuses.".to_owned(),
        goes => format!(
            "A client of the new release that still runs would fail from then on (42703, 42P01): {} would be gone.",
            goes.join(", ")
        ),
    }
}

fn heading(review: &Review, now: Timestamp) -> String {
    let name = &review.rollout;
    let since = match review.since {
        Some(since) => format!(" for {} (since {})", span(now.duration_since(since)), instant(since)),
        None => String::new(),
    };
    match (review.state, review.released_at) {
        ("waiting", _) => format!("Rollout {name} has not begun in this database."),
        ("aborted", _) => {
            let at = review.since.map(|since| format!(" at {}", instant(since))).unwrap_or_default();
            format!("Rollout {name} was led back{at}, and no underpin deploy executes anything of it here.")
        }
        ("aborting", _) => {
            format!(
                "Rollout {name} is on its way back{since}: underpin rollout abort {name} --database NAME goes on."
            )
        }
        (state, Some(_)) => {
            format!("Rollout {name} is {state}{since}, and released: underpin deploy finishes it.")
        }
        (state, None) => format!("Rollout {name} is {state}{since}."),
    }
}

/// What is left to do when a rollout was led back.
fn behind_abort(review: &Review) -> String {
    if review.state != "aborted" {
        return String::new();
    }
    let folders: Vec<&str> = review.phases.iter().map(|phase| phase.migration.as_str()).collect();
    let mut text = format!(
        "\n  - delete its folders, and take its change of the Prisma schema back: {}",
        folders.join(", ")
    );
    if review.phases.iter().any(|phase| !phase.phase.is_held()) {
        text.push_str("\n  - until then prisma migrate deploy would begin it again");
    }
    text
}

fn shown(gate: &Gate) -> String {
    let mark = match gate.verdict {
        Verdict::Passes => "passes",
        Verdict::Shut => "shut",
        Verdict::Unknown => "unknown",
    };
    format!("  {mark:<8} {:<9} {}", gate.asked.as_str(), gate.words)
}

fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
