//! `underpin compat`

use underpin_core::exit;
use underpin_engine::Problem;
use underpin_engine::compat::compat;
use underpin_engine::project::Project;
use underpin_engine::state::Reading;
use underpin_prisma::PrismaVersion;

use super::diff::version;
use crate::arguments::Compat;
use crate::judging::{bases, home};
use crate::output::Output;
use crate::output::compat::{Told, page};
use crate::place;

pub(crate) async fn run(options: &Compat, output: &Output) -> Result<u8, Problem> {
    let cwd = place::working_folder()?;
    let found = Project::even_without_migrations(&place::at(&cwd, &options.files));
    let project = found.map_err(|error| place::problem(&error))?;
    for warning in &project.warnings {
        output.remark(format!("warning: {warning}"));
    }
    let (settings, _) = place::settings_near(options.files.settings.as_deref(), &cwd)?;
    let shadow = options.replay.over(&settings.shadow);
    let namespace =
        place::url(&project).map_or_else(|_| home(), |url| underpin_catalog::Name::new(&url.schema));
    let reading = Reading {
        version: version(options.prisma.as_deref(), &cwd)?
            .unwrap_or_else(|| PrismaVersion::assumed_for(&project.head)),
        cwd,
        namespace,
        shadow,
        major: options.pg_version,
    };
    let bases = bases(&options.base, &settings.lint)?;
    let answer = compat(&project, &bases, &reading).await?;
    let code = match answer.cells.iter().any(underpin_core::compat::Cell::is_no) {
        true => exit::FINDINGS,
        false => exit::CLEAN,
    };
    let told = Told::of(answer, code);
    output.object(&told);
    output.say(page(&told, super::columns()));
    Ok(code)
}
