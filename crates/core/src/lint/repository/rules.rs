//! The rules about the repository, a file for each.

mod accepted_data_loss;
mod db_push_in_release;
mod migrate_at_start;
mod migrate_dev_in_release;
mod migrate_in_build;
mod reset_in_release;
mod unpinned_prisma;

use super::super::finding::Severity;
use super::{Said, Site};

/// A rule's name and its function. Pages and severities are in the list of all rules.
type Rule = (&'static str, fn(&Site<'_>) -> Option<Said>);

pub(super) const RULES: [Rule; 7] = [
    ("accepted-data-loss", accepted_data_loss::judge),
    ("db-push-in-release", db_push_in_release::judge),
    ("migrate-at-start", migrate_at_start::judge),
    ("migrate-dev-in-release", migrate_dev_in_release::judge),
    ("migrate-in-build", migrate_in_build::judge),
    ("reset-in-release", reset_in_release::judge),
    ("unpinned-prisma", unpinned_prisma::judge),
];

/// What all rules say about a call.
pub(super) fn judge(site: &Site<'_>) -> Vec<(&'static str, Said)> {
    RULES.iter().filter_map(|(name, rule)| Some((*name, rule(site)?))).collect()
}

/// How bad a command is that belongs to a developer's machine, by where it runs: `None` where it does no
/// harm.
fn for_developers(site: &Site<'_>, worst: Severity) -> Option<(Severity, super::Confidence)> {
    use super::place::{Database, Stage};
    let place = site.place();
    if site.is_kept_from_production() || place.database == Database::Throwaway {
        return None;
    }
    match place.stage {
        Stage::ByHand => None,
        Stage::Build | Stage::Release | Stage::Start => Some((worst, site.confidence())),
        // A job of which nobody knows the database: most of them run tests.
        Stage::Pipeline => Some((worst.min(Severity::Caution), super::Confidence::Low)),
    }
}

/// The assumption behind a finding in a job that does not say which database it has.
fn of_an_unknown_database(site: &Site<'_>) -> Vec<String> {
    match (site.place().stage, site.place().database) {
        (super::place::Stage::Pipeline, super::place::Database::Unknown) => {
            vec!["its database is one that stays: nothing here says which it is".to_owned()]
        }
        _ => Vec::new(),
    }
}
