//! Locating and reading the Prisma schema.
//!
//! `--schema`, then the configuration, then `prisma.schema` of the nearest `package.json` (until
//! Prisma 6), then `schema.prisma` and `prisma/schema.prisma` in the working folder, as Prisma
//! looks. A folder means all of its `.prisma` files, at any depth.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use underpin_prisma::{PrismaVersion, Provider, SchemaHead, SchemaHeadError};

use super::config::Config;
use super::error::{ProjectError, ProjectErrorKind};
use super::{Where, installed};

/// A file of the schema. `{:?}` leaves its text out, which may hold a URL with a password.
#[derive(Clone, PartialEq, Eq)]
pub struct SchemaFile {
    /// Its path.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

impl std::fmt::Debug for SchemaFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SchemaFile").field("path", &self.path).finish_non_exhaustive()
    }
}

pub(super) fn locate(
    place: &Where,
    config: Option<&Config>,
    version: Option<PrismaVersion>,
) -> Result<(PathBuf, Vec<SchemaFile>), ProjectError> {
    let named =
        place.schema.as_ref().map(|path| (place.cwd.join(path), "--schema".to_owned())).or_else(|| {
            let config = config?;
            Some((config.schema.clone()?, format!("`schema` of {}", config.file.display())))
        });
    let named = match (named, version) {
        (Some(named), _) => Some(named),
        (None, Some(version)) if version.keeps_url_in_config() => None,
        (None, _) => installed::package_schema(&place.cwd)?,
    };
    if let Some((path, source)) = named {
        let files = read(&path)?;
        return match files.is_empty() {
            false => Ok((path, files)),
            true => Err(not_found(&path, &source)),
        };
    }
    let defaults = ["schema.prisma", "prisma/schema.prisma"].map(|path| place.cwd.join(path));
    for path in defaults {
        // Only a file is looked for, and one that cannot be read is there.
        let files = if path.is_dir() { Vec::new() } else { read(&path)? };
        if !files.is_empty() {
            return Ok((path, files));
        }
    }
    Err(ProjectError::new(
        ProjectErrorKind::SchemaNotFound,
        "no Prisma schema: looked for schema.prisma and prisma/schema.prisma",
        "run this in the project's folder, or name the schema (a file or a folder) with --schema",
    )
    .in_file(&place.cwd))
}

fn not_found(path: &Path, source: &str) -> ProjectError {
    let message = match path.is_dir() {
        true => format!("the schema folder has no .prisma file (named by {source})"),
        false => format!("there is no such Prisma schema (named by {source})"),
    };
    ProjectError::new(
        ProjectErrorKind::SchemaNotFound,
        message,
        "name an existing schema.prisma, or a folder of .prisma files",
    )
    .in_file(path)
}

/// A schema that somebody named, a file or a folder, if it is one for PostgreSQL.
pub(super) fn named(path: &Path, source: &str) -> Result<(Vec<SchemaFile>, SchemaHead), ProjectError> {
    let files = read(path)?;
    if files.is_empty() {
        return Err(not_found(path, source));
    }
    let head = head(&files)?;
    provider(&head, &files)?;
    Ok((files, head))
}

/// The schema's files; none when the path does not exist.
pub(super) fn read(path: &Path) -> Result<Vec<SchemaFile>, ProjectError> {
    let mut paths = Vec::new();
    match std::fs::metadata(path) {
        Ok(about) if about.is_dir() => {
            collect(path, 0, &mut paths)?;
            paths.sort();
        }
        Ok(_) => paths.push(path.to_owned()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
        // It may be there.
        Err(error) => return Err(ProjectError::unreadable(path, &error)),
    }
    paths
        .into_iter()
        .map(|path| match std::fs::read(&path) {
            Ok(bytes) => Ok(SchemaFile { text: String::from_utf8_lossy(&bytes).into_owned(), path }),
            Err(error) => Err(ProjectError::unreadable(path, &error)),
        })
        .collect()
}

/// Symbolic links are followed, so a circle of them must end somewhere.
const DEPTH_MAX: usize = 32;

fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), ProjectError> {
    let unreadable = |error| ProjectError::unreadable(folder, &error);
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            if depth < DEPTH_MAX {
                collect(&path, depth + 1, found)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "prisma") {
            found.push(path);
        }
    }
    Ok(())
}

pub(super) fn head(files: &[SchemaFile]) -> Result<SchemaHead, ProjectError> {
    SchemaHead::parse(files.iter().map(|file| file.text.as_str())).map_err(|error| {
        let (file, place, hint) = match &error {
            SchemaHeadError::SecondDatasource { file, place } => {
                (*file, *place, "keep one datasource: a project migrates one database")
            }
            SchemaHeadError::Syntax { file, place, error } => (*file, *place, error.hint()),
            SchemaHeadError::Value { file, place, .. } => {
                (*file, *place, "write env(\"DATABASE_URL\") or a string in double quotes")
            }
        };
        ProjectError::new(ProjectErrorKind::SchemaInvalid, error.to_string(), hint)
            .in_file(&files[file].path)
            .at(place)
    })
}

/// The provider, which must be PostgreSQL.
pub(super) fn provider(head: &SchemaHead, files: &[SchemaFile]) -> Result<Provider, ProjectError> {
    let first = files.first().map(|file| file.path.clone()).unwrap_or_default();
    let Some(datasource) = &head.datasource else {
        return Err(ProjectError::new(
            ProjectErrorKind::SchemaInvalid,
            "the Prisma schema has no datasource",
            "add datasource db { provider = \"postgresql\" }; for a schema of several files name their folder",
        )
        .in_file(first));
    };
    let file = &files[datasource.file].path;
    let Some((provider, place)) = &datasource.provider else {
        return Err(ProjectError::new(
            ProjectErrorKind::SchemaInvalid,
            format!("datasource `{}` has no provider", datasource.name),
            "add provider = \"postgresql\"",
        )
        .in_file(file)
        .at(datasource.place));
    };
    let hint = match provider {
        Provider::PostgreSql => return Ok(provider.clone()),
        Provider::CockroachDb => {
            "CockroachDB locks and changes schemas in its own way; deploy with prisma migrate deploy"
        }
        Provider::Other(_) => "underpin works on PostgreSQL alone; deploy with prisma migrate deploy",
    };
    Err(ProjectError::new(
        ProjectErrorKind::OtherProvider,
        format!("the datasource's provider is `{provider}`, not `postgresql`"),
        hint,
    )
    .in_file(file)
    .at(*place))
}
