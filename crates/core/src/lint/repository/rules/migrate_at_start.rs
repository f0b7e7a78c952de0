//! `migrate-at-start`: every copy of the application applies migrations when it starts.

use super::super::super::finding::{Confidence, Severity};
use super::super::place::Stage;
use super::super::{Said, Site};

pub(super) fn judge(site: &Site<'_>) -> Option<Said> {
    let place = site.place();
    if site.call.verb != "migrate deploy" || place.stage != Stage::Start || site.is_kept_from_production() {
        return None;
    }
    let (severity, confidence, copies) = match place.replicas {
        Some(0 | 1) => return None,
        Some(copies) => {
            (Severity::Danger, site.confidence(), format!("{copies} copies start at the same time"))
        }
        None => (
            Severity::Caution,
            site.confidence().min(Confidence::Low),
            "every copy of the application does so".to_owned(),
        ),
    };
    Some(Said {
        severity,
        confidence,
        message: format!(
            "{} runs at {}, and {copies}: those that wait for the lock longer than 10 s fail with P1002, and a migration that fails keeps all of them from starting",
            site.shown(),
            place.shown
        ),
        assumptions: match place.replicas {
            None => {
                vec!["more than one copy of it may start at a time: nothing here says how many".to_owned()]
            }
            Some(_) => Vec::new(),
        },
        advice: "run `underpin deploy` once, before the new version starts: a job, a release phase, a hook; the application then starts without it",
    })
}
