//! What the documents of a folder are judged with: settings, baseline, statistics, the installed Prisma.

use std::path::{Path, PathBuf};

use underpin_core::lint::baseline::{Baseline, FILE_NAME};
use underpin_core::lint::unknown_names;
use underpin_core::settings::Settings;
use underpin_engine::Problem;
use underpin_engine::files::normal;
use underpin_engine::project::{Project, installed_prisma};
use underpin_prisma::PrismaVersion;

use crate::arguments::Migrations;
use crate::judging::Judging;
use crate::output::hidden;
use crate::place;

#[derive(Debug)]
pub(super) struct Setup {
    pub(super) settings: Settings,
    /// Where the settings' paths are from.
    pub(super) root: PathBuf,
    pub(super) baseline: Baseline,
    pub(super) prisma: Option<PrismaVersion>,
    pub(super) judging: Judging,
    /// What could not be used and is left out, each a sentence.
    pub(super) warnings: Vec<String>,
}

impl Setup {
    /// Looks it up for a folder, which need not be there yet. What cannot be used is told and left out: a slip
    /// in the settings is no reason to say nothing about a migration.
    pub(super) fn find(folder: &Path, typed: &Migrations) -> Self {
        let mut warnings = Vec::new();
        let mut tell = |problem: Problem| warnings.push(sentence(&problem));
        let (settings, root) =
            place::settings_near(typed.files.settings.as_deref(), folder).unwrap_or_else(|problem| {
                tell(problem);
                (Settings::default(), folder.to_owned())
            });
        for unknown in unknown_names(&settings.lint) {
            tell(Problem::new(unknown.message()).hint(unknown.hint()));
        }
        let prisma = match &typed.destination.prisma {
            Some(version) => PrismaVersion::parse(version),
            None => installed_prisma(folder).map(|found| found.version),
        };
        // Without the path to Node: that a file is opened is no reason to run what lies beside it.
        let mut place = place::at(&root, &typed.files);
        place.environment.remove("PATH");
        let project = match Project::discover(&place) {
            // Files of other folders go to who knows which database.
            Ok(project) => Some(project).filter(|project| normal(&project.migrations_folder) == folder),
            Err(error) => {
                if !settings.lint.deployed.is_empty() {
                    tell(place::problem(&error));
                }
                None
            }
        };
        let (judging, left_out) = Judging::as_far_as_known(typed, prisma, project.as_ref(), &settings, &root);
        left_out.into_iter().for_each(&mut tell);
        let baseline = baseline(&root.join(FILE_NAME)).unwrap_or_else(|problem| {
            tell(problem);
            Baseline::default()
        });
        Self { settings, root, baseline, prisma, judging, warnings }
    }
}

fn baseline(path: &Path) -> Result<Baseline, Problem> {
    match std::fs::read_to_string(path) {
        Ok(text) => Baseline::from_json(&text).map_err(|error| {
            Problem::new(format!("the baseline cannot be used: {error}")).at(path.display().to_string())
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Baseline::default()),
        Err(error) => {
            Err(Problem::new(format!("the baseline cannot be read: {error}")).at(path.display().to_string()))
        }
    }
}

fn sentence(problem: &Problem) -> String {
    let place = problem.place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
    let hints: String = problem.hints.iter().map(|hint| format!("; {hint}")).collect();
    // It goes into the editor's log, and a URL may be part of what is wrong.
    hidden(&format!("{}{place}{hints}", problem.message))
}
