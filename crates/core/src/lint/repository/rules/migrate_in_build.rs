//! `migrate-in-build`: a build, or a run for a branch, applies migrations to a database that stays.

use super::super::super::finding::{Confidence, Severity};
use super::super::place::{Database, Stage, only_when_merged};
use super::super::{Said, Site};

pub(super) fn judge(site: &Site<'_>) -> Option<Said> {
    let place = site.place();
    if site.call.verb != "migrate deploy"
        || place.database == Database::Throwaway
        || site.is_kept_from_production()
    {
        return None;
    }
    if site.conditions().any(|condition| only_when_merged(condition)) {
        return None;
    }
    let (severity, confidence, why) = match (place.stage, place.for_branches, place.database) {
        (Stage::Build, true, _) => (
            Severity::Danger,
            Confidence::Medium,
            "which is made for branches too: a change that nobody has merged reaches the database that their builds are given",
        ),
        (Stage::Build, false, _) => (
            Severity::Caution,
            Confidence::Medium,
            "before the version that needs them runs, and also when that build is never deployed",
        ),
        (Stage::Release | Stage::Pipeline, true, Database::Lasting) => (
            Severity::Danger,
            Confidence::High,
            "which runs for pull requests: a change that nobody has merged reaches the database",
        ),
        (Stage::Pipeline, true, _) => (
            Severity::Caution,
            Confidence::Low,
            "which runs for pull requests, on a database of which nothing says that it is thrown away",
        ),
        (Stage::ByHand | Stage::Start | Stage::Release | Stage::Pipeline, ..) => return None,
    };
    Some(Said {
        severity,
        confidence: confidence.min(site.confidence()),
        message: format!("{} applies migrations at {}, {why}", site.shown(), place.shown),
        assumptions: super::of_an_unknown_database(site),
        advice: "apply migrations in a step of its own for the branch that is deployed, after the build and before the new version starts; give previews a database of their own",
    })
}
