//! `reset-in-release`: a command that drops everything runs without a person.

use super::super::super::finding::{Confidence, Severity};
use super::super::{Said, Site};
use super::for_developers;

pub(super) fn judge(site: &Site<'_>) -> Option<Said> {
    let call = site.call;
    let resets = call.verb == "migrate reset" || (call.verb == "db push" && call.has(&["--force-reset"]));
    if !resets {
        return None;
    }
    let asks = call.verb == "migrate reset" && !call.has(&["--force", "-f"]);
    // Where only a name says that it is a release, a person types it and is asked.
    if asks && site.place().confidence < Confidence::High {
        return None;
    }
    let (severity, confidence) =
        for_developers(site, if asks { Severity::Danger } else { Severity::Blocker })?;
    let (shown, place) = (site.shown(), &site.place().shown);
    Some(Said {
        severity,
        confidence,
        message: match asks {
            true => format!(
                "{shown} at {place} fails where no terminal is, and where one is it drops every table"
            ),
            false => format!("{shown} drops every table at {place}"),
        },
        assumptions: super::of_an_unknown_database(site),
        advice: "apply migrations with `underpin deploy` or `prisma migrate deploy`; keep the reset in a script that people type, against a database of their own",
    })
}
