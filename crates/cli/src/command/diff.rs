//! `underpin diff`

use std::path::{Path, PathBuf};

use underpin_core::consequences::{consequences, judged};
use underpin_core::exit;
use underpin_core::lint::cost::ASSUMED_ROWS;
use underpin_core::settings::Settings;
use underpin_engine::Problem;
use underpin_engine::files::seen_from;
use underpin_engine::project::{Project, Where, installed_prisma};
use underpin_engine::state::{Reading, Source, assumed_version};
use underpin_prisma::migrate::Migration;
use underpin_prisma::{DatabaseUrl, PrismaVersion};

use crate::arguments::{Diff, Files, From, Migrations, To};
use crate::judging::{Judging, home};
use crate::output::Output;
use crate::output::diff::{Compared, page};
use crate::output::protected::ProtectedTold;
use crate::place;
use crate::weighing::Weighing;

/// With `--exit-code`: there is a difference.
const PRISMA_DIFFERENT: u8 = 2;

/// With `--exit-code`: nothing could be compared.
pub(crate) const PRISMA_FAILED: u8 = 1;

/// What the script is called in findings.
const SCRIPT: &str = "script";

pub(crate) async fn run(options: &Diff, output: &Output) -> Result<u8, Problem> {
    compare(options, output).await.map_err(|problem| match options.exit_code {
        true => problem.exiting(PRISMA_FAILED),
        false => problem,
    })
}

/// A side of the comparison.
struct Side {
    source: Source,
    /// As a person calls it.
    told: String,
}

async fn compare(options: &Diff, output: &Output) -> Result<u8, Problem> {
    let cwd = place::working_folder()?;
    let (settings, settings_folder) = place::settings_near(options.files.settings.as_deref(), &cwd)?;
    if options.shadow_database_url.is_some() {
        output
            .remark("note: --shadow-database-url is not used; migrations are replayed on a throwaway server");
    }
    let (from, to) = (from(&options.from, &options.files, &cwd)?, to(&options.to, &options.files, &cwd)?);
    let reading = reading(options, &settings, [&from, &to], &cwd)?;
    let sides = reading.both(&from.source, &to.source).await?;
    let migration = Migration::between(&sides.before.prisma, &sides.after.prisma, reading.version);
    let is_empty = migration.steps.is_empty();
    let code = match options.exit_code && !is_empty {
        true => PRISMA_DIFFERENT,
        false => exit::CLEAN,
    };
    let script = migration.script();
    if options.script {
        let script = script.trim_end();
        match &options.file {
            // Prisma's command ends at once when its code tells of a difference, and with an empty line otherwise.
            None if code == PRISMA_DIFFERENT => output.say(script),
            None => output.say(format!("{script}\n")),
            Some(path) => write(path, &format!("{script}\n"))?,
        }
        return Ok(code);
    }

    let typed = Migrations {
        destination: options.destination.clone(),
        files: options.files.clone(),
        ..Migrations::default()
    };
    let (judging, left_out) = Judging::as_far_as_known(&typed, Some(reading.version), None, &settings, &cwd);
    if let Some(problem) = left_out.into_iter().next() {
        return Err(problem);
    }
    let around = judging.circumstances(&settings.lint, true, false, ASSUMED_ROWS);
    let history: Vec<&str> = sides.before.scripts.iter().map(String::as_str).collect();
    let mut report = judged(&script, SCRIPT, &history, around);
    Weighing::of(&settings.lint, settings_folder, &cwd).weigh(&mut report, &script);
    let unsayable = sides.unsayable(&migration);
    let protected = unsayable.before.iter().map(ProtectedTold::by_prisma);
    let compared = Compared {
        version: 1,
        exit_code: code,
        from: from.told,
        to: to.told,
        empty: is_empty,
        groups: consequences(&migration, &report, &reading.namespace),
        protected: protected.chain(unsayable.only_after.iter().map(ProtectedTold::not_made)).collect(),
        losses: migration.losses().iter().map(ToString::to_string).collect(),
        script,
    };
    match &options.file {
        None => {
            output.object(&compared);
            output.say(page(&compared, super::columns()));
        }
        Some(path) if options.output.json => {
            let text = serde_json::to_string_pretty(&compared).unwrap_or_default();
            write(path, &format!("{text}\n"))?;
        }
        Some(path) => write(path, &format!("{}\n", page(&compared, super::COLUMNS)))?,
    }
    Ok(code)
}

/// What the sources are read with. Names that say no namespace live where a database says, if there is one.
fn reading(options: &Diff, settings: &Settings, sides: [&Side; 2], cwd: &Path) -> Result<Reading, Problem> {
    let of_url = sides.iter().find_map(|side| match &side.source {
        Source::Database { url, .. } => Some(underpin_catalog::Name::new(&url.schema)),
        Source::Empty | Source::Schema(_) | Source::Migrations(_) => None,
    });
    let shadow = options.replay.over(&settings.shadow);
    Ok(Reading {
        cwd: cwd.to_owned(),
        version: match version(options.destination.prisma.as_deref(), cwd)? {
            Some(version) => version,
            None => assumed_version(sides.map(|side| &side.source), cwd)?,
        },
        namespace: of_url.unwrap_or_else(home),
        shadow,
        major: options.destination.pg_version,
    })
}

/// The version that was typed, else the installed one.
pub(crate) fn version(typed: Option<&str>, cwd: &Path) -> Result<Option<PrismaVersion>, Problem> {
    match typed {
        Some(typed) => place::typed_version(typed).map(Some),
        None => Ok(installed_prisma(cwd).map(|found| found.version)),
    }
}

/// What was typed for either side.
struct Typed<'a> {
    empty: bool,
    schema: Option<&'a PathBuf>,
    migrations: Option<&'a PathBuf>,
    url: Option<&'a str>,
    schema_datasource: Option<&'a PathBuf>,
    config_datasource: bool,
}

/// Without a word about it: what the project's migrations end in.
fn from(typed: &From, files: &Files, cwd: &Path) -> Result<Side, Problem> {
    let typed = Typed {
        empty: typed.from_empty,
        schema: typed.from_schema.as_ref(),
        migrations: typed.from_migrations.as_ref(),
        url: typed.from_url.as_deref(),
        schema_datasource: typed.from_schema_datasource.as_ref(),
        config_datasource: typed.from_config_datasource,
    };
    match typed.side(files, cwd)? {
        Some(side) => Ok(side),
        None => {
            let project = project(files, None, cwd)?;
            match project.history.migrations().is_empty() {
                true => Ok(Side { source: Source::Empty, told: EMPTY.to_owned() }),
                false => Ok(of_migrations(&project.migrations_folder, cwd)),
            }
        }
    }
}

/// Without a word about it: the project's schema.
fn to(typed: &To, files: &Files, cwd: &Path) -> Result<Side, Problem> {
    let typed = Typed {
        empty: typed.to_empty,
        schema: typed.to_schema.as_ref(),
        migrations: typed.to_migrations.as_ref(),
        url: typed.to_url.as_deref(),
        schema_datasource: typed.to_schema_datasource.as_ref(),
        config_datasource: typed.to_config_datasource,
    };
    match typed.side(files, cwd)? {
        Some(side) => Ok(side),
        None => Ok(of_schema(&project(files, None, cwd)?.schema, cwd)),
    }
}

/// What nothing is called.
const EMPTY: &str = "the empty database";

impl Typed<'_> {
    fn side(&self, files: &Files, cwd: &Path) -> Result<Option<Side>, Problem> {
        Ok(Some(if self.empty {
            Side { source: Source::Empty, told: EMPTY.to_owned() }
        } else if let Some(path) = self.schema {
            of_schema(&cwd.join(path), cwd)
        } else if let Some(folder) = self.migrations {
            of_migrations(&cwd.join(folder), cwd)
        } else if let Some(url) = self.url {
            of_database(place::typed_url(url)?, None)
        } else if let Some(path) = self.schema_datasource {
            let project = project(files, Some(path), cwd)?;
            of_database(place::url_of(&project)?, Some(project.schema))
        } else if self.config_datasource {
            let project = project(files, None, cwd)?;
            of_database(place::url_of(&project)?, Some(project.schema))
        } else {
            return Ok(None);
        }))
    }
}

fn project(files: &Files, schema: Option<&PathBuf>, cwd: &Path) -> Result<Project, Problem> {
    let found = place::at(cwd, files);
    let found = Where { schema: schema.cloned().or(found.schema.clone()), ..found };
    Project::even_without_migrations(&found).map_err(|error| place::problem(&error))
}

fn of_schema(path: &Path, cwd: &Path) -> Side {
    Side { source: Source::Schema(path.to_owned()), told: seen_from(cwd, path) }
}

fn of_migrations(folder: &Path, cwd: &Path) -> Side {
    Side {
        source: Source::Migrations(folder.to_owned()),
        told: format!("the history in {}", seen_from(cwd, folder)),
    }
}

fn of_database(url: DatabaseUrl, schema: Option<PathBuf>) -> Side {
    let told = format!("the database {} at {}", url.database, url.server());
    Side { source: Source::Database { url: Box::new(url), schema }, told }
}

fn write(path: &Path, text: &str) -> Result<(), Problem> {
    std::fs::write(path, text).map_err(|error| {
        Problem::new(format!("cannot be written: {error}"))
            .at(path.display().to_string())
            .hint("name a file in a folder that is there and may be written to")
    })
}
