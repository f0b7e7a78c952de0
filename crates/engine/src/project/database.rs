//! Which database migrations go to: `--url`, then the configuration's `datasource`, then the
//! schema's; and `directUrl` before `url`, because migrations cannot go through a pooler.

use std::fmt;
use std::path::PathBuf;

use underpin_prisma::{DatabaseUrl, Place, Resolved, SchemaHead, Setting};

use super::Where;
use super::config::{Config, ConfiguredUrl};
use super::env_files::Environment;
use super::error::{ProjectError, ProjectErrorKind};
use super::schema::SchemaFile;

/// A URL and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundUrl {
    /// The URL.
    pub url: DatabaseUrl,
    /// Where it was found.
    pub source: UrlSource,
}

/// Where a URL was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UrlSource {
    /// `--url`.
    Flag,
    /// The configuration.
    Config {
        /// `datasource.url` or `datasource.directUrl`.
        property: &'static str,
        /// The configuration.
        file: PathBuf,
        /// The variable that held it, where that can be told.
        variable: Option<String>,
    },
    /// The schema's datasource.
    Schema {
        /// `url` or `directUrl`.
        property: &'static str,
        /// The schema's file.
        file: PathBuf,
        /// Where in it.
        place: Place,
        /// The variable that held it; none for a literal.
        variable: Option<String>,
    },
}

impl fmt::Display for UrlSource {
    /// `DIRECT_URL (directUrl in prisma/schema.prisma:4:15)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (variable, property, file) = match self {
            Self::Flag => return f.write_str("--url"),
            Self::Config { property, file, variable } => (variable, property, file.display().to_string()),
            Self::Schema { property, file, place, variable } => {
                (variable, property, format!("{}:{place}", file.display()))
            }
        };
        match variable {
            Some(variable) => write!(f, "{variable} ({property} in {file})"),
            None => write!(f, "{property} in {file}"),
        }
    }
}

pub(super) fn find(
    place: &Where,
    config: Option<&Config>,
    head: &SchemaHead,
    files: &[SchemaFile],
    environment: &Environment,
) -> Result<FoundUrl, ProjectError> {
    if let Some(url) = &place.url {
        return parsed(url, UrlSource::Flag);
    }
    if let Some(config) = config {
        for (property, url) in [("datasource.directUrl", &config.direct_url), ("datasource.url", &config.url)]
        {
            let Some(url) = url else { continue };
            let source = |variable| UrlSource::Config { property, file: config.file.clone(), variable };
            match url {
                ConfiguredUrl::Evaluated { value, variable } => {
                    return parsed(value, source(variable.clone()));
                }
                ConfiguredUrl::Setting(setting) => {
                    if let Some(found) = resolve(setting, &config.environment, &source(None))? {
                        return parsed(&found.value, source(found.variable));
                    }
                }
            }
        }
    }
    if let Some(datasource) = &head.datasource {
        let file = &files[datasource.file].path;
        for (property, url) in [("directUrl", &datasource.direct_url), ("url", &datasource.url)] {
            let Some((setting, place)) = url else { continue };
            let source =
                |variable| UrlSource::Schema { property, file: file.clone(), place: *place, variable };
            if let Some(found) = resolve(setting, environment, &source(None))? {
                return parsed(&found.value, source(found.variable));
            }
        }
    }
    Err(missing(config, head, files))
}

fn resolve(
    setting: &Setting,
    environment: &Environment,
    source: &UrlSource,
) -> Result<Option<Resolved>, ProjectError> {
    setting.resolve(&|name| environment.get(name).cloned()).map_err(|missing| {
        let hint = format!(
            "set {0} to postgresql://user:password@host:5432/database, or pass --url{1}",
            missing.name,
            other_variables(environment, &missing.name)
        );
        let state = if environment.contains_key(&missing.name) { "empty" } else { "not set" };
        let message = format!("environment variable {} is {state}", missing.name);
        placed(ProjectError::new(ProjectErrorKind::VariableMissing, message, hint), source)
    })
}

/// Teams keep the URL for migrations under these names; one that is set is worth a word.
fn other_variables(environment: &Environment, except: &str) -> String {
    let known = ["MIGRATION_DATABASE_URL", "DIRECT_URL", "DIRECT_DATABASE_URL", "DATABASE_URL"];
    let set: Vec<&str> =
        known.into_iter().filter(|name| *name != except && environment.contains_key(*name)).collect();
    match set.as_slice() {
        [] => String::new(),
        names => format!(" ({} is set: --url \"${}\")", names.join(", "), names[0]),
    }
}

fn placed(error: ProjectError, source: &UrlSource) -> ProjectError {
    match source {
        UrlSource::Flag => error,
        UrlSource::Config { file, .. } => error.in_file(file),
        UrlSource::Schema { file, place, .. } => error.in_file(file).at(*place),
    }
}

fn parsed(url: &str, source: UrlSource) -> Result<FoundUrl, ProjectError> {
    match DatabaseUrl::parse(url) {
        Ok(url) => Ok(FoundUrl { url, source }),
        Err(error) => {
            let message = match &source {
                UrlSource::Flag => format!("{error} (--url)"),
                UrlSource::Config { variable: Some(name), .. }
                | UrlSource::Schema { variable: Some(name), .. } => format!("{error} ({name})"),
                UrlSource::Config { .. } | UrlSource::Schema { .. } => error.to_string(),
            };
            Err(placed(ProjectError::new(ProjectErrorKind::UrlInvalid, message, error.hint()), &source))
        }
    }
}

fn missing(config: Option<&Config>, head: &SchemaHead, files: &[SchemaFile]) -> ProjectError {
    let error = |message: &str, hint: &str| ProjectError::new(ProjectErrorKind::UrlMissing, message, hint);
    match (config, &head.datasource) {
        (Some(config), _) => error(
            "the configuration gives no datasource.url, or its variable is not set",
            "set datasource: { url: process.env.DATABASE_URL } and the variable, or pass --url",
        )
        .in_file(&config.file),
        (None, Some(datasource)) => error(
            "the project gives no connection URL",
            "Prisma 7 keeps it in prisma.config.ts (datasource: { url: env(\"DATABASE_URL\") }), earlier versions \
             in the datasource (url = env(\"DATABASE_URL\")); or pass --url",
        )
        .in_file(&files[datasource.file].path)
        .at(datasource.place),
        (None, None) => error("the project gives no connection URL", "pass --url"),
    }
}

/// A URL that says itself that it leads through a pooler.
pub(super) fn warnings(found: &FoundUrl, environment: &Environment) -> Option<String> {
    found.url.pgbouncer.then(|| {
        format!(
            "the connection URL says pgbouncer=true, and a transaction pooler cannot run migrations: give the \
             server's own address in `directUrl` or --url{}",
            other_variables(environment, "DATABASE_URL")
        )
    })
}
