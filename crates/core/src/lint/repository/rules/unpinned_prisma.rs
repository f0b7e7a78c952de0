//! `unpinned-prisma`: the CLI is whatever version is the newest on that day.

use super::super::super::finding::{Confidence, Severity};
use super::super::place::Stage;
use super::super::prisma::From;
use super::super::{Said, Site};

pub(super) fn judge(site: &Site<'_>) -> Option<Said> {
    if site.place().stage == Stage::ByHand {
        return None;
    }
    let floats = |version: &Option<String>| match version.as_deref() {
        None | Some("" | "latest" | "next" | "dev" | "*") => true,
        Some(_) => false,
    };
    let (why, confidence) = match &site.call.from {
        From::Installed => return None,
        From::Registry { version } if floats(version) => {
            ("comes from the registry each time", Confidence::High)
        }
        From::InstalledOrRegistry { version: Some(version) } if floats(&Some(version.clone())) => {
            ("comes from the registry each time", Confidence::High)
        }
        From::InstalledOrRegistry { version: None } if !site.around.packages.have_prisma() => {
            ("is in no package.json here, so it comes from the registry", Confidence::High)
        }
        From::InstalledOrRegistry { version: None }
            if site.around.packages.have_prisma_for_development_alone() && leaves_out_development(site) =>
        {
            (
                "is a development dependency, which is not installed here, so it comes from the registry",
                Confidence::Medium,
            )
        }
        From::Registry { .. } | From::InstalledOrRegistry { .. } => return None,
    };
    Some(Said {
        severity: Severity::Caution,
        confidence: confidence.min(site.confidence().max(Confidence::Medium)),
        message: format!(
            "Prisma's CLI at {} has no version: it {why}, and a new major runs the same migrations in other transactions",
            site.place().shown
        ),
        assumptions: Vec::new(),
        advice: "add prisma to the dependencies with the version of @prisma/client, or name it: npx prisma@7.10.1",
    })
}

/// Whether the text that makes the call installs what production needs alone.
fn leaves_out_development(site: &Site<'_>) -> bool {
    const SIGNS: [&str; 5] = ["--omit=dev", "--omit dev", "--only=prod", "--production", "--prod "];
    SIGNS.iter().any(|sign| site.text.text.contains(sign))
}
