//! What `package.json`, lock files and `node_modules` say about Prisma.
//!
//! All are looked for upward from the working folder, since a workspace keeps them at its top. How they are
//! read is `underpin_prisma::installed`.

use std::path::{Path, PathBuf};

use serde_json::Value;
use underpin_prisma::PrismaVersion;
use underpin_prisma::installed::{Evidence, LOCK_FILES, PACKAGE, of_lock_file, of_manifest, of_package};

use super::error::{ProjectError, ProjectErrorKind};

/// A version of Prisma and the file that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledPrisma {
    /// The version.
    pub version: PrismaVersion,
    /// What kind of file it is.
    pub evidence: Evidence,
    /// The file.
    pub file: PathBuf,
}

/// The Prisma of the project around a folder, as far as it can be told without running it.
pub fn installed_prisma(cwd: &Path) -> Option<InstalledPrisma> {
    let find = |evidence, name: &str, read: &dyn Fn(&str) -> Option<PrismaVersion>| {
        cwd.ancestors().find_map(|folder| {
            let file = folder.join(name);
            let version = read(&std::fs::read_to_string(&file).ok()?)?;
            Some(InstalledPrisma { version, evidence, file })
        })
    };
    find(Evidence::Installed, PACKAGE, &of_package)
        .or_else(|| {
            // The nearest folder with any of them, as a package manager has it.
            let locked = cwd.ancestors().flat_map(|folder| LOCK_FILES.map(|name| (folder.join(name), name)));
            locked.into_iter().find_map(|(file, name)| {
                let version = of_lock_file(name, &std::fs::read_to_string(&file).ok()?)?;
                Some(InstalledPrisma { version, evidence: Evidence::Locked, file })
            })
        })
        .or_else(|| find(Evidence::Range, "package.json", &of_manifest))
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// `prisma.schema` of the nearest `package.json`, and how to name where it was said.
pub(super) fn package_schema(cwd: &Path) -> Result<Option<(PathBuf, String)>, ProjectError> {
    let Some(folder) = cwd.ancestors().find(|folder| folder.join("package.json").is_file()) else {
        return Ok(None);
    };
    let file = folder.join("package.json");
    let Some(schema) = json(&file).and_then(|package| package.get("prisma")?.get("schema").cloned()) else {
        return Ok(None);
    };
    match schema.as_str() {
        Some(path) => Ok(Some((folder.join(path), format!("`prisma.schema` of {}", file.display())))),
        None => Err(ProjectError::new(
            ProjectErrorKind::SchemaNotFound,
            "`prisma.schema` is not a string",
            "name the schema's path, or move it to prisma.config.ts",
        )
        .in_file(file)),
    }
}
