//! `accepted-data-loss`: `db push --accept-data-loss` runs without a person.

use super::super::super::finding::Severity;
use super::super::{Said, Site};
use super::for_developers;

pub(super) fn judge(site: &Site<'_>) -> Option<Said> {
    let call = site.call;
    // A forced reset is worse, and has a rule of its own.
    if call.verb != "db push" || !call.has(&["--accept-data-loss"]) || call.has(&["--force-reset"]) {
        return None;
    }
    let (severity, confidence) = for_developers(site, Severity::Blocker)?;
    Some(Said {
        severity,
        confidence,
        message: format!(
            "{} drops whatever columns and tables the Prisma schema no longer has, at {}, and nobody is asked",
            site.shown(),
            site.place().shown
        ),
        assumptions: super::of_an_unknown_database(site),
        advice: "write a migration (`prisma migrate dev --create-only`), read it, and apply it with `underpin deploy`",
    })
}
