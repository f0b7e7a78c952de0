//! The environment as Prisma 5 and 6 complete it from `.env` files. What is set stays as it is.
//!
//! With a configuration file, and since Prisma 7 always, no such file is read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use underpin_prisma::{PrismaVersion, dotenv};

use super::error::{ProjectError, ProjectErrorKind};
use super::{Where, installed};

/// Variables by name.
pub(super) type Environment = BTreeMap<String, String>;

pub(super) fn environment(
    place: &Where,
    config_file: Option<&PathBuf>,
    version: Option<PrismaVersion>,
) -> Result<Environment, ProjectError> {
    let mut environment = place.environment.clone();
    if config_file.is_some() || version.is_some_and(PrismaVersion::keeps_url_in_config) {
        return Ok(environment);
    }
    let at_root = root_file(&place.cwd);
    let beside_schema = beside_schema(place)?;
    let root = match &at_root {
        Some(path) => add(path, &mut environment)?,
        None => Vec::new(),
    };
    if let Some(path) = beside_schema.filter(|path| !is_same(path, at_root.as_deref())) {
        check_conflict(&root, at_root.as_deref(), &path)?;
        add(&path, &mut environment)?;
    }
    Ok(environment)
}

/// Adds a file's variables to what is not set yet, and returns its assignments, expanded.
fn add(path: &Path, environment: &mut Environment) -> Result<Vec<(String, String)>, ProjectError> {
    let assignments = dotenv::parse(&read(path)?);
    let expanded = dotenv::expand(&assignments, &|name| environment.get(name).cloned());
    for (name, value) in &expanded {
        environment.entry(name.clone()).or_insert_with(|| value.clone());
    }
    Ok(expanded)
}

/// Adds a file's variables as the package dotenv alone does it: as they are written.
pub(super) fn add_unexpanded(path: &Path, environment: &mut Environment) -> Result<(), ProjectError> {
    for (name, value) in dotenv::parse(&read(path)?) {
        environment.entry(name).or_insert(value);
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, ProjectError> {
    let bytes = std::fs::read(path).map_err(|error| ProjectError::unreadable(path, &error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// `.env` beside the nearest `package.json` that is not the generated client's.
fn root_file(cwd: &Path) -> Option<PathBuf> {
    let folder = cwd.ancestors().find(|folder| {
        let package = std::fs::read(folder.join("package.json")).ok();
        let package = package.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
        package.is_some_and(|package| {
            package.get("name").and_then(serde_json::Value::as_str) != Some(".prisma/client")
        })
    })?;
    Some(folder.join(".env")).filter(|path| path.is_file())
}

fn beside_schema(place: &Where) -> Result<Option<PathBuf>, ProjectError> {
    let beside = |schema: PathBuf| schema.parent().map(|folder| folder.join(".env"));
    let named = place.schema.as_ref().and_then(|path| beside(place.cwd.join(path)));
    let packaged = installed::package_schema(&place.cwd)?.and_then(|(path, _)| beside(path));
    let candidates = [named, packaged, Some(place.cwd.join("prisma/.env")), Some(place.cwd.join(".env"))];
    Ok(candidates.into_iter().flatten().find(|path| path.is_file()))
}

fn is_same(path: &Path, other: Option<&Path>) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    other.is_some_and(|other| real(path) == real(other))
}

/// Prisma stops when both files give a variable the *same* value: the second file is then a
/// leftover. A different value is not an error there: the root's wins.
fn check_conflict(
    root: &[(String, String)],
    at_root: Option<&Path>,
    beside_schema: &Path,
) -> Result<(), ProjectError> {
    let Some(at_root) = at_root else { return Ok(()) };
    let second = dotenv::parse(&read(beside_schema)?);
    let both: Vec<&str> =
        second.iter().filter(|pair| root.contains(pair)).map(|(name, _)| name.as_str()).collect();
    if both.is_empty() {
        return Ok(());
    }
    Err(ProjectError::new(
        ProjectErrorKind::EnvironmentConflict,
        format!("{} sets {} too", at_root.display(), both.join(", ")),
        "Prisma refuses two .env files with the same variables: move everything to the one at the root",
    )
    .in_file(beside_schema))
}
