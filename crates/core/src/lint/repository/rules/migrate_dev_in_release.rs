//! `migrate-dev-in-release`: the command of developers runs where nobody can answer it.

use super::super::super::finding::{Confidence, Severity};
use super::super::{Said, Site};
use super::for_developers;

pub(super) fn judge(site: &Site<'_>) -> Option<Said> {
    if site.call.verb != "migrate dev" {
        return None;
    }
    // It writes a file for the repository. Where only a name says that it is a release, that is a person at work.
    if site.call.has(&["--create-only"]) && site.place().confidence < Confidence::High {
        return None;
    }
    let (severity, confidence) = for_developers(site, Severity::Danger)?;
    Some(Said {
        severity,
        confidence,
        message: format!(
            "{} at {} fails where no terminal is, and where one is it offers to reset the database",
            site.shown(),
            site.place().shown
        ),
        assumptions: super::of_an_unknown_database(site),
        advice: "use `underpin deploy` or `prisma migrate deploy`: they apply what is in the folder and write nothing new",
    })
}
