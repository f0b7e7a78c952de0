//! From what was typed to what the engine needs: project, settings, target.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use underpin_core::settings::Settings;
use underpin_engine::Problem;
use underpin_engine::deploy::Target;
use underpin_engine::files;
use underpin_engine::project::{self, Project, ProjectErrorKind, Where};
use underpin_prisma::url::RootCertificates;
use underpin_prisma::{DatabaseUrl, PrismaVersion};
use underpin_sql::in_force::Settings as InForce;

use crate::arguments;

/// The project with its database.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) project: Project,
    pub(crate) target: Target,
    pub(crate) settings: Settings,
}

/// Finds the project, its database and the settings.
pub(crate) fn find(typed: &arguments::Project) -> Result<Place, Problem> {
    let place = Where { url: typed.url.clone(), ..at(&working_folder()?, &typed.files) };
    let project = Project::discover(&place).map_err(|error| problem(&error))?;
    let url = url_of(&project)?;
    let settings = settings(typed.files.settings.as_deref(), &project.root)?;
    let target = Target {
        url,
        history: project.history.clone(),
        prisma: project.prisma_version,
        root: project.root.clone(),
        migrations_shown: shown(&project.migrations_folder, &project.root),
    };
    Ok(Place { project, target, settings })
}

/// Where a project is looked for whose database nobody asks for.
pub(crate) fn at(cwd: &Path, typed: &arguments::Files) -> Where {
    Where { migrations: typed.migrations.clone(), ..by(cwd, &typed.prisma) }
}

/// The same where migrations are named one by one.
pub(crate) fn by(cwd: &Path, typed: &arguments::PrismaFiles) -> Where {
    Where {
        cwd: cwd.to_owned(),
        schema: typed.schema.clone(),
        config: typed.config.clone(),
        migrations: None,
        url: None,
        environment: environment(),
    }
}

/// The folder that the command runs in.
pub(crate) fn working_folder() -> Result<PathBuf, Problem> {
    std::env::current_dir()
        .map_err(|error| Problem::new(format!("the current folder cannot be read: {error}")))
}

fn environment() -> BTreeMap<String, String> {
    let variables = std::env::vars_os();
    variables
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The settings where there need not be a project, with the folder that their paths are from: the nearest one
/// above with `underpin.toml` or `package.json`, else the top of the repository, else the working folder.
pub(crate) fn settings_near(typed: Option<&Path>, cwd: &Path) -> Result<(Settings, PathBuf), Problem> {
    let with =
        |names: &[&str]| cwd.ancestors().find(|folder| names.iter().any(|name| folder.join(name).exists()));
    let folder = match typed {
        Some(path) => {
            let path = files::normal(&cwd.join(path));
            path.parent().unwrap_or(cwd).to_owned()
        }
        None => {
            with(&["underpin.toml", "package.json"]).or_else(|| with(&[".git"])).unwrap_or(cwd).to_owned()
        }
    };
    Ok((settings(typed, &folder)?, folder))
}

/// The database alone. With `--url` there need not be a project: whoever may read production's
/// statistics may sit on a machine that has no copy of it.
pub(crate) fn database(typed: &arguments::Project) -> Result<DatabaseUrl, Problem> {
    match &typed.url {
        Some(url) => typed_url(url),
        None => Ok(find(typed)?.target.url),
    }
}

/// A URL from the command line, with certificates from the working folder.
pub(crate) fn typed_url(text: &str) -> Result<DatabaseUrl, Problem> {
    let mut url = DatabaseUrl::parse(text).map_err(|error| {
        Problem::new(format!("the URL cannot be used: {error}")).hint("give a postgresql:// URL")
    })?;
    certificates_from(Path::new("."), &mut url);
    Ok(url)
}

/// A version from the command line.
pub(crate) fn typed_version(text: &str) -> Result<PrismaVersion, Problem> {
    PrismaVersion::parse(text).ok_or_else(|| {
        Problem::new(format!("`{text}` is no version of Prisma"))
            .hint("write it as in --prisma 7.4.0, or leave it out for the installed one")
    })
}

/// What the options of a URL set in each session.
pub(crate) fn set_by(url: Option<&DatabaseUrl>) -> InForce {
    InForce::of_options(url.and_then(|url| url.options.as_deref()).unwrap_or_default())
}

/// The project's own URL; where a schema of Prisma 7 comes without its configuration, the variable
/// that Prisma's own templates use.
pub(crate) fn url(project: &Project) -> Result<DatabaseUrl, Problem> {
    match (project.database(), std::env::var("DATABASE_URL")) {
        (Ok(found), _) => Ok(found.url.clone()),
        (Err(error), Ok(variable)) if error.kind == ProjectErrorKind::UrlMissing && !variable.is_empty() => {
            DatabaseUrl::parse(&variable)
                .map_err(|error| Problem::new(format!("DATABASE_URL cannot be used: {error}")))
        }
        (Err(error), _) => Err(problem(&error)),
    }
}

/// The same, with certificates from where the project has them.
pub(crate) fn url_of(project: &Project) -> Result<DatabaseUrl, Problem> {
    let mut url = url(project)?;
    certificates_from(project.schema_folder(), &mut url);
    Ok(url)
}

pub(crate) fn problem(error: &project::ProjectError) -> Problem {
    let mut found = Problem::new(error.message.clone()).hint(error.hint.clone());
    if error.kind == ProjectErrorKind::ProviderChanged {
        found = found.coded("P3019");
    }
    match (&error.file, &error.place) {
        (Some(file), Some(place)) => found.at(format!("{}:{}:{}", file.display(), place.line, place.column)),
        (Some(file), None) => found.at(file.display().to_string()),
        _ => found,
    }
}

/// Certificate paths of the URL are relative to the folder of the Prisma schema.
fn certificates_from(folder: &Path, url: &mut DatabaseUrl) {
    let absolute = |path: &mut String| *path = folder.join(&*path).display().to_string();
    if let Some(RootCertificates::File(path)) = &mut url.ssl.root {
        absolute(path);
    }
    if let Some(client) = &mut url.ssl.client {
        absolute(&mut client.certificate);
        absolute(&mut client.key);
    }
}

/// A path as a person reads it: relative to the project where it lies within.
pub(crate) fn shown(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

fn settings(typed: Option<&Path>, root: &Path) -> Result<Settings, Problem> {
    let path = typed.map_or_else(|| root.join("underpin.toml"), Path::to_path_buf);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && typed.is_none() => {
            return Ok(Settings::default());
        }
        Err(error) => {
            return Err(Problem::new(format!("the settings cannot be read: {error}"))
                .at(path.display().to_string())
                .hint("name a file that can be read with --settings, or leave it out for the defaults"));
        }
    };
    Settings::from_toml(&text).map_err(|error| {
        Problem::new(format!("the settings are not valid: {}", error.message))
            .at(format!("{}:{}", path.display(), error.line))
            .hint("docs/settings.md lists every key with its default")
    })
}

/// The branch that a pipeline says a request goes to: GitHub's, then GitLab's word for it.
pub(crate) fn requested_branch() -> Option<String> {
    let names = ["GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"];
    names.iter().filter_map(|name| std::env::var(name).ok()).find(|branch| !branch.is_empty())
}

/// Where proofs of online forms are kept between runs.
pub(crate) fn proofs() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    Some(cache.join("underpin").join("proofs"))
}
