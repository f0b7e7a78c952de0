//! Which Prisma a project has, from the files that say so.
//!
//! The package that is installed decides; then the lock file, which is what a fresh checkout will install;
//! then the range in `package.json`, of which only the lowest version is certain. How Prisma sends a file
//! and lists a folder differs between versions, so whoever uses the answer wants to know what it rests on.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::PrismaVersion;

/// The installed package, below a folder of the project or above it.
pub const PACKAGE: &str = "node_modules/prisma/package.json";

/// Lock files in the order in which they are asked.
pub const LOCK_FILES: [&str; 4] = ["package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock"];

/// What a version rests on, the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The package in `node_modules`.
    Installed,
    /// A lock file.
    Locked,
    /// A range in `package.json`: this version or a later one.
    Range,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Installed => "installed",
            Self::Locked => "locked",
            Self::Range => "the lowest version that is asked for",
        })
    }
}

/// The version of the package whose `package.json` this is.
pub fn of_package(text: &str) -> Option<PrismaVersion> {
    PrismaVersion::parse(json(text)?.get("version")?.as_str()?)
}

/// The version that a lock file of this name pins.
pub fn of_lock_file(name: &str, text: &str) -> Option<PrismaVersion> {
    match name {
        "package-lock.json" => of_npm(text),
        "pnpm-lock.yaml" => of_pnpm(text),
        "yarn.lock" => of_yarn(text),
        "bun.lock" => of_bun(text),
        _ => None,
    }
}

/// The lowest version that a project's `package.json` asks for, of `prisma` or else of its client.
pub fn of_manifest(text: &str) -> Option<PrismaVersion> {
    let package = json(text)?;
    let sections = ["devDependencies", "dependencies", "optionalDependencies"];
    let range = |name: &str| sections.iter().find_map(|section| package.get(section)?.get(name)?.as_str());
    PrismaVersion::parse(range("prisma").or_else(|| range("@prisma/client"))?)
}

fn json(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

/// `packages` since npm 7, `dependencies` before.
fn of_npm(text: &str) -> Option<PrismaVersion> {
    let lock = json(text)?;
    let package = lock
        .get("packages")
        .and_then(|packages| packages.get("node_modules/prisma"))
        .or_else(|| lock.get("dependencies")?.get("prisma"))?;
    PrismaVersion::parse(package.get("version")?.as_str()?)
}

/// `  prisma@6.19.0(typescript@5.4.0):`, with a leading slash in older files.
fn of_pnpm(text: &str) -> Option<PrismaVersion> {
    text.lines().find_map(|line| {
        let key = line.trim().trim_start_matches(['\'', '/']);
        PrismaVersion::parse(key.strip_prefix("prisma@")?.trim_end_matches([':', '\'']))
    })
}

/// `prisma@^6.0.0:` and, on the line below, `version "6.19.0"` or `version: 6.19.0`.
fn of_yarn(text: &str) -> Option<PrismaVersion> {
    let mut lines = text.lines().skip_while(|line| !line.trim_start_matches('"').starts_with("prisma@"));
    lines.next()?;
    let version = lines.next()?.trim().strip_prefix("version")?;
    PrismaVersion::parse(version.trim_matches([' ', ':', '"']))
}

/// `"prisma": ["prisma@6.19.0", …`
fn of_bun(text: &str) -> Option<PrismaVersion> {
    let start = text.find("[\"prisma@")? + "[\"prisma@".len();
    PrismaVersion::parse(text[start..].split('"').next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_files_name_the_version() {
        let expected = Some(PrismaVersion::new(6, 19, 0));
        for (name, text) in [
            (
                "pnpm-lock.yaml",
                "packages:\n\n  '@prisma/client@6.1.0':\n  prisma@6.19.0(typescript@5.4.0):\n    x: 1",
            ),
            ("pnpm-lock.yaml", "  /prisma@6.19.0:"),
            ("pnpm-lock.yaml", "  'prisma@6.19.0':"),
            ("yarn.lock", "x@1:\n  version \"1\"\n\nprisma@^6.0.0, prisma@~6.19.0:\n  version \"6.19.0\"\n"),
            ("yarn.lock", "\"prisma@npm:^6.0.0\":\n  version: 6.19.0\n"),
            ("bun.lock", "\"prisma\": [\"prisma@6.19.0\", \"\", {"),
            ("package-lock.json", r#"{"packages": {"": {}, "node_modules/prisma": {"version": "6.19.0"}}}"#),
            ("package-lock.json", r#"{"dependencies": {"prisma": {"version": "6.19.0"}}}"#),
        ] {
            assert_eq!(of_lock_file(name, text), expected, "{name}: {text}");
        }
        assert_eq!(of_lock_file("package-lock.json", "{"), None);
        assert_eq!(of_lock_file("Cargo.lock", "prisma@6.19.0"), None);
    }

    #[test]
    fn a_package_says_what_it_is_and_a_manifest_what_it_wants() {
        assert_eq!(of_package(r#"{"version": "7.4.2"}"#), Some(PrismaVersion::new(7, 4, 2)));
        assert_eq!(of_package("{}"), None);
        let manifest =
            r#"{"dependencies": {"@prisma/client": "7.1.0"}, "devDependencies": {"prisma": "^7.0.0"}}"#;
        assert_eq!(of_manifest(manifest), Some(PrismaVersion::new(7, 0, 0)));
        let client = r#"{"dependencies": {"@prisma/client": "7.1.0"}}"#;
        assert_eq!(of_manifest(client), Some(PrismaVersion::new(7, 1, 0)));
        assert_eq!(of_manifest(r#"{"dependencies": {"prisma": "latest"}}"#), None);
    }
}
