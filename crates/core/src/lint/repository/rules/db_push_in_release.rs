//! `db-push-in-release`: the schema is pushed where migrations should be applied.

use super::super::super::finding::Severity;
use super::super::place::Stage;
use super::super::{Said, Site};
use super::for_developers;

pub(super) fn judge(site: &Site<'_>) -> Option<Said> {
    let call = site.call;
    if call.verb != "db push" || call.has(&["--accept-data-loss", "--force-reset"]) {
        return None;
    }
    // In a job without a word about its database this is how tests get their tables.
    if site.place().stage == Stage::Pipeline {
        return None;
    }
    let (severity, confidence) = for_developers(site, Severity::Danger)?;
    Some(Said {
        severity,
        confidence,
        message: format!(
            "{} changes the tables at {} with statements that nobody has read, and leaves no migration behind",
            site.shown(),
            site.place().shown
        ),
        assumptions: super::of_an_unknown_database(site),
        advice: "write a migration (`prisma migrate dev --create-only`) and apply it with `underpin deploy`",
    })
}
