//! What `create` and `plan` read a project with.

use std::path::Path;

use underpin_catalog::Name;
use underpin_core::settings::Settings;
use underpin_engine::Problem;
use underpin_engine::project::Project;
use underpin_engine::state::Reading;
use underpin_prisma::PrismaVersion;

use crate::arguments::{Destination, Replay};
use crate::command::diff::version;
use crate::judging::home;
use crate::place;

/// For the destination that was typed, else for what is found.
pub(crate) fn reading(
    destination: &Destination,
    replay: &Replay,
    project: &Project,
    settings: &Settings,
    cwd: &Path,
) -> Result<Reading, Problem> {
    // A project without a URL, or with one that only a pipeline has, is read all the same.
    let namespace = place::url(project).map_or_else(|_| home(), |url| Name::new(&url.schema));
    Ok(Reading {
        cwd: cwd.to_owned(),
        version: version(destination.prisma.as_deref(), cwd)?
            .unwrap_or_else(|| PrismaVersion::assumed_for(&project.head)),
        namespace,
        shadow: replay.over(&settings.shadow),
        major: destination.pg_version,
    })
}
