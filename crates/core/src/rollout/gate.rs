//! The gates of a contract: what has to be so before something is taken away for good.
//!
//! A gate passes, is shut, or cannot be judged; what cannot be known never counts as good. A person can answer for what
//! nobody can measure (`--attest`), and can end the time for which both shapes are kept (`--now`). For rows that do
//! not agree, and for what is not as the phases made it any more, nobody can answer.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::quantity::{counted, there_are};
use crate::settings::RolloutSettings;

/// What a gate asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// Are the phases before it applied?
    Phases,
    /// Do its queries answer 0?
    Verified,
    /// Are the triggers there that keep both shapes equal?
    Sync,
    /// Is everything else as the phases before it made it?
    Intact,
    /// Have both shapes been kept for long enough?
    Window,
    /// Has everybody gone who needs what goes?
    Drained,
}

impl Asked {
    /// As it is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phases => "phases",
            Self::Verified => "verified",
            Self::Sync => "sync",
            Self::Intact => "intact",
            Self::Window => "window",
            Self::Drained => "drained",
        }
    }

    /// Whether it is asked once more right before the phase is executed: what nobody can answer for.
    pub fn is_asked_again(self) -> bool {
        matches!(self, Self::Verified | Self::Sync | Self::Intact)
    }
}

/// What a gate answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Yes.
    Passes,
    /// No.
    Shut,
    /// Nobody can tell.
    Unknown,
}

/// A gate, answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gate {
    /// What was asked.
    pub asked: Asked,
    /// What the answer is.
    pub verdict: Verdict,
    /// Why, for people.
    pub words: String,
}

/// What is known of a phase that is held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The phases before it that are not applied.
    pub missing_phases: Vec<String>,
    /// Its queries with their answers; `None` when they were not asked.
    pub verified: Option<Vec<Verified>>,
    /// What is wrong with the triggers that the phase takes away: each a sentence.
    pub sync: Vec<String>,
    /// What else is not as the phases before it made it: each a sentence.
    pub changed: Vec<String>,
    /// Since when both shapes are kept.
    pub window_began: Option<Timestamp>,
    /// Sessions of the release that needs what goes: the old one's began before the first phase was applied, and either
    /// one's may carry a mark.
    pub sessions: Vec<ReleaseSession>,
    /// How many sessions may not be looked at.
    pub hidden_sessions: usize,
    /// Statements that name what goes.
    pub statements: Statements,
}

/// A query of the phase with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The query.
    pub query: String,
    /// The number that it answered, or why it did not.
    pub answer: Result<i64, String>,
}

/// A session of a release that needs what goes, by its age or its mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReleaseSession {
    /// Backend pid.
    pub pid: i32,
    /// Its `application_name`.
    pub application: String,
    /// Its role.
    pub user: String,
    /// Since when it is connected.
    pub since: Timestamp,
}

/// What `pg_stat_statements` tells of statements that name what goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Statements {
    /// Nothing: the reason.
    Unseen(String),
    /// Nothing that goes has a name that a statement would say.
    #[default]
    Nameless,
    /// They were counted.
    Counted {
        /// Since when none of them has been executed.
        quiet_since: Timestamp,
        /// Those that were executed last, shortened.
        latest: Vec<String>,
    },
}

/// What a person says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// Do not wait for the end of the window.
    pub now: bool,
    /// Who answers for the old release being gone, and why.
    pub attested: Option<String>,
}

/// The gates of a contract, answered.
pub fn gates(evidence: &Evidence, settings: &RolloutSettings, word: &Word, now: Timestamp) -> Vec<Gate> {
    let asked = [
        (Asked::Phases, phases(evidence)),
        (Asked::Verified, verified(evidence)),
        (Asked::Sync, sync(evidence)),
        (Asked::Intact, intact(evidence)),
        (Asked::Window, window(evidence, settings, word, now)),
        (Asked::Drained, drained(evidence, settings, word, now)),
    ];
    asked.into_iter().map(|(asked, (verdict, words))| Gate { asked, verdict, words }).collect()
}

/// Before what the phases made is taken away again: whether the release that comes is gone. The evidence is about that
/// one, and no window has begun.
pub fn led_back(evidence: &Evidence, settings: &RolloutSettings, word: &Word, now: Timestamp) -> Gate {
    let (verdict, words) = drained(evidence, settings, word, now);
    Gate { asked: Asked::Drained, verdict, words }
}

fn phases(evidence: &Evidence) -> (Verdict, String) {
    match evidence.missing_phases.as_slice() {
        [] => (Verdict::Passes, "all phases before it are applied".to_owned()),
        missing => (Verdict::Shut, format!("not applied: {}", missing.join(", "))),
    }
}

fn verified(evidence: &Evidence) -> (Verdict, String) {
    let Some(answers) = &evidence.verified else {
        return (Verdict::Unknown, "the rows are counted when it is released".to_owned());
    };
    let wrong = |verified: &&Verified| verified.answer != Ok(0);
    match answers.iter().find(wrong) {
        None if answers.is_empty() => (Verdict::Passes, "the phase has no query to verify it by".to_owned()),
        None => (
            Verdict::Passes,
            match answers.len() {
                1 => "its query answers 0".to_owned(),
                count => format!("its {count} queries answer 0"),
            },
        ),
        Some(Verified { query, answer: Ok(count) }) => (Verdict::Shut, left_by(*count, query)),
        Some(Verified { query, answer: Err(why) }) => (Verdict::Unknown, format!("{why}: {query}")),
    }
}

/// How many rows a query has counted that should count none.
pub fn left_by(count: i64, query: &str) -> String {
    format!("{} left by: {query}", there_are(count.unsigned_abs(), "row"))
}

fn sync(evidence: &Evidence) -> (Verdict, String) {
    match evidence.sync.as_slice() {
        [] => (Verdict::Passes, "everything that keeps the two shapes equal is in force".to_owned()),
        wrong => (Verdict::Shut, one_shape_alone(wrong)),
    }
}

/// What it means that triggers are not in force.
pub fn one_shape_alone(wrong: &[String]) -> String {
    format!("writes since then may be in one shape alone: {}", wrong.join("; "))
}

fn intact(evidence: &Evidence) -> (Verdict, String) {
    match evidence.changed.as_slice() {
        [] => (Verdict::Passes, "what the phases before it made is as they made it".to_owned()),
        changed => (Verdict::Shut, changed.join("; ")),
    }
}

fn window(evidence: &Evidence, settings: &RolloutSettings, word: &Word, now: Timestamp) -> (Verdict, String) {
    let Some(began) = evidence.window_began else {
        return (Verdict::Shut, "it has not begun".to_owned());
    };
    let kept = now.duration_since(began);
    let wanted = SignedDuration::from_hours(i64::from(settings.dual_write_hours));
    let since = format!("both shapes have been kept for {}", span(kept));
    match wanted - kept {
        left if left <= SignedDuration::ZERO => (Verdict::Passes, since),
        left if word.now => (Verdict::Passes, format!("{since}; ended by --now, {} early", rest(left))),
        left => (Verdict::Shut, format!("{since}, {} left", rest_is(left))),
    }
}

fn drained(
    evidence: &Evidence,
    settings: &RolloutSettings,
    word: &Word,
    now: Timestamp,
) -> (Verdict, String) {
    let (verdict, words) = measured(evidence, settings, now);
    match &word.attested {
        Some(who) if verdict != Verdict::Passes => (Verdict::Passes, format!("attested by {who} ({words})")),
        _ => (verdict, words),
    }
}

fn measured(evidence: &Evidence, settings: &RolloutSettings, now: Timestamp) -> (Verdict, String) {
    if let Some(first) = evidence.sessions.first() {
        let application = match first.application.as_str() {
            "" => "without a name",
            named => named,
        };
        let others = match evidence.sessions.len() - 1 {
            0 => String::new(),
            1 => ", and another one".to_owned(),
            more => format!(", and {more} others"),
        };
        let words = format!(
            "session {} ({application}, role {}) is connected since {}{others}",
            first.pid,
            first.user,
            first.since.strftime("%Y-%m-%d %H:%M:%S UTC")
        );
        return (Verdict::Shut, words);
    }
    if evidence.hidden_sessions > 0 {
        let words = format!(
            "the age of {} is not shown to this role (GRANT pg_read_all_stats)",
            counted(evidence.hidden_sessions as u64, "session")
        );
        return (Verdict::Unknown, words);
    }
    match &evidence.statements {
        Statements::Unseen(why) => (Verdict::Unknown, why.clone()),
        Statements::Nameless => {
            (Verdict::Unknown, "nothing that goes has a name by which statements could be told".to_owned())
        }
        Statements::Counted { quiet_since, latest } => {
            let quiet = now.duration_since(*quiet_since);
            let wanted = SignedDuration::from_mins(i64::from(settings.quiet_minutes));
            match wanted - quiet {
                left if left <= SignedDuration::ZERO => (
                    Verdict::Passes,
                    match evidence.window_began {
                        Some(_) => format!(
                            "no session is older than the rollout, and no statement has named what goes for {}",
                            span(quiet)
                        ),
                        None => format!("no statement has named what goes for {}", span(quiet)),
                    },
                ),
                left => {
                    let latest = match latest.first() {
                        Some(latest) => format!(", the last one: {latest}"),
                        None => String::new(),
                    };
                    let words = format!(
                        "statements that name what goes have been counted as quiet for {}, {} left{latest}",
                        span(quiet),
                        rest_is(left)
                    );
                    (Verdict::Shut, words)
                }
            }
        }
    }
}

/// `5 days`, `30 h`, `12 min`, `40 s`: rounded down.
pub fn span(duration: SignedDuration) -> String {
    let (unit, seconds) = unit_of(duration);
    format!("{} {}", duration.as_secs().max(0) / seconds, unit)
}

/// What is left, rounded up: `72 h`.
fn rest(duration: SignedDuration) -> String {
    let (unit, seconds) = unit_of(duration);
    format!("{} {}", (duration.as_secs().max(0) + seconds - 1) / seconds, unit)
}

/// The same with its verb: `72 h are`, `1 h is`.
fn rest_is(duration: SignedDuration) -> String {
    let rest = rest(duration);
    let verb = if rest.starts_with("1 ") { "is" } else { "are" };
    format!("{rest} {verb}")
}

fn unit_of(duration: SignedDuration) -> (&'static str, i64) {
    match duration.as_secs() {
        345_600.. => ("days", 86_400),
        3_600.. => ("h", 3_600),
        60.. => ("min", 60),
        _ => ("s", 1),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-03-{text}Z").parse().unwrap()
    }

    /// Everything is as it should be, after four days.
    fn good() -> Evidence {
        Evidence {
            verified: Some(vec![Verified { query: "q".to_owned(), answer: Ok(0) }]),
            window_began: Some(at("01T00:00:00")),
            statements: Statements::Counted { quiet_since: at("04T20:00:00"), latest: Vec::new() },
            ..Evidence::default()
        }
    }

    fn judged(evidence: &Evidence, word: &Word) -> Vec<(&'static str, Verdict, String)> {
        gates(evidence, &RolloutSettings::default(), word, at("05T00:00:00"))
            .into_iter()
            .filter(|gate| gate.verdict != Verdict::Passes)
            .map(|gate| (gate.asked.as_str(), gate.verdict, gate.words))
            .collect()
    }

    #[test]
    fn each_gate_is_shut_by_what_it_asks_about() {
        assert_eq!(judged(&good(), &Word::default()), []);
        let missing = Evidence { missing_phases: vec!["2".to_owned()], ..good() };
        let rows =
            Evidence { verified: Some(vec![Verified { query: "q".to_owned(), answer: Ok(3) }]), ..good() };
        let trigger = Evidence { sync: vec!["t is not there".to_owned()], ..good() };
        let hurt = Evidence { changed: vec!["c lets NULL in".to_owned()], ..good() };
        let early = Evidence { window_began: Some(at("03T00:00:00")), ..good() };
        let session = ReleaseSession {
            pid: 7,
            application: "shop".to_owned(),
            user: "app".to_owned(),
            since: at("01T00:00:00"),
        };
        let old = Evidence { sessions: vec![session], ..good() };
        let loud = Evidence {
            statements: Statements::Counted {
                quiet_since: at("04T23:30:00"),
                latest: vec!["SELECT".to_owned()],
            },
            ..good()
        };
        for (evidence, gate, words) in [
            (missing, "phases", "not applied: 2"),
            (rows, "verified", "3 rows are left by: q"),
            (trigger, "sync", "writes since then may be in one shape alone: t is not there"),
            (hurt, "intact", "c lets NULL in"),
            (early, "window", "both shapes have been kept for 48 h, 24 h are left"),
            (old, "drained", "session 7 (shop, role app) is connected since 2026-03-01 00:00:00 UTC"),
            (
                loud,
                "drained",
                "statements that name what goes have been counted as quiet for 30 min, 30 min are left, the last one: SELECT",
            ),
        ] {
            assert_eq!(judged(&evidence, &Word::default()), [(gate, Verdict::Shut, words.to_owned())]);
        }
    }

    #[test]
    fn a_person_answers_for_time_and_clients_and_for_nothing_else() {
        let word = Word { now: true, attested: Some("Ada: they are gone".to_owned()) };
        let unseen = Evidence { statements: Statements::Unseen("not there".to_owned()), ..good() };
        assert_eq!(
            judged(&unseen, &Word::default()),
            [("drained", Verdict::Unknown, "not there".to_owned())]
        );
        let early = Evidence { window_began: Some(at("04T23:59:00")), ..unseen };
        assert_eq!(judged(&early, &word), []);
        let nothing = Evidence::default();
        let left: Vec<_> = judged(&nothing, &word).into_iter().map(|(gate, ..)| gate).collect();
        assert_eq!(left, ["verified", "window"]);
    }
}
