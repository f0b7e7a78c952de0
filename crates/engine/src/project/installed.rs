//! What `package.json`, lock files and `node_modules` say about Prisma.
//!
//! The installed package decides; then the lock file; then the lowest version of the range. All
//! are looked for upward from the working folder, since a workspace keeps them at its top.

use std::path::{Path, PathBuf};

use serde_json::Value;
use underpin_prisma::PrismaVersion;

use super::error::{ProjectError, ProjectErrorKind};

/// The version of Prisma, as far as it can be told without running it.
pub(super) fn prisma_version(cwd: &Path) -> Option<PrismaVersion> {
    let upward = || cwd.ancestors();
    upward()
        .find_map(|folder| {
            let package = json(&folder.join("node_modules/prisma/package.json"))?;
            PrismaVersion::parse(package.get("version")?.as_str()?)
        })
        .or_else(|| upward().find_map(locked))
        .or_else(|| upward().find_map(|folder| ranged(&json(&folder.join("package.json"))?)))
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn ranged(package: &Value) -> Option<PrismaVersion> {
    let sections = ["devDependencies", "dependencies", "optionalDependencies"];
    let range = |name: &str| sections.iter().find_map(|section| package.get(section)?.get(name)?.as_str());
    PrismaVersion::parse(range("prisma").or_else(|| range("@prisma/client"))?)
}

fn locked(folder: &Path) -> Option<PrismaVersion> {
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    let in_npm = || {
        let lock = json(&folder.join("package-lock.json"))?;
        PrismaVersion::parse(lock.get("packages")?.get("node_modules/prisma")?.get("version")?.as_str()?)
    };
    in_npm()
        .or_else(|| in_pnpm(&text("pnpm-lock.yaml")?))
        .or_else(|| in_yarn(&text("yarn.lock")?))
        .or_else(|| in_bun(&text("bun.lock")?))
}

/// `  prisma@6.19.0(typescript@5.4.0):`, with a leading slash in older files.
fn in_pnpm(text: &str) -> Option<PrismaVersion> {
    text.lines().find_map(|line| {
        let key = line.trim().trim_start_matches(['\'', '/']);
        PrismaVersion::parse(key.strip_prefix("prisma@")?.trim_end_matches([':', '\'']))
    })
}

/// `prisma@^6.0.0:` and, on a line below, `version "6.19.0"` or `version: 6.19.0`.
fn in_yarn(text: &str) -> Option<PrismaVersion> {
    let mut lines = text.lines().skip_while(|line| !line.trim_start_matches('"').starts_with("prisma@"));
    lines.next()?;
    let version = lines.next()?.trim().strip_prefix("version")?;
    PrismaVersion::parse(version.trim_matches([' ', ':', '"']))
}

/// `"prisma": ["prisma@6.19.0", …`
fn in_bun(text: &str) -> Option<PrismaVersion> {
    let start = text.find("[\"prisma@")? + "[\"prisma@".len();
    PrismaVersion::parse(text[start..].split('"').next()?)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_files_name_the_version() {
        let expected = Some(PrismaVersion::new(6, 19, 0));
        for text in [
            "packages:\n\n  '@prisma/client@6.1.0':\n  prisma@6.19.0(typescript@5.4.0):\n    x: 1",
            "  /prisma@6.19.0:",
            "  'prisma@6.19.0':",
        ] {
            assert_eq!(in_pnpm(text), expected, "{text}");
        }
        for text in [
            "x@1:\n  version \"1\"\n\nprisma@^6.0.0, prisma@~6.19.0:\n  version \"6.19.0\"\n",
            "\"prisma@npm:^6.0.0\":\n  version: 6.19.0\n",
        ] {
            assert_eq!(in_yarn(text), expected, "{text}");
        }
        assert_eq!(in_bun("\"prisma\": [\"prisma@6.19.0\", \"\", {"), expected);
    }
}
