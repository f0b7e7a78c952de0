//! The measured statements, and the folders in which everybody finds them.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};
use underpin_testkit::shared;

use crate::Failure;

/// A statement whose truth was measured.
pub(super) struct Case {
    pub(super) sql: String,
    pub(super) truth: Truth,
    setup: String,
    /// The version of PostgreSQL that did so.
    pub(super) major: u32,
}

/// What was observed, on PostgreSQL 11 to 18 alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    /// It scans, builds or rewrites while somebody waits behind its lock.
    Works,
    /// It fails.
    Fails,
    /// It takes a lock for an instant, or none.
    Passes,
}

impl Truth {
    /// The word for it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Works => "works under a lock",
            Self::Fails => "fails",
            Self::Passes => "passes",
        }
    }
}

#[derive(Deserialize)]
struct Line {
    source: String,
    sql: String,
    expect: String,
    #[serde(default)]
    setup: String,
    #[serde(default)]
    truth: Map<String, Value>,
}

/// The versions that are asked about: what 15 did, and a later one where 15 does not know the statement.
const MAJORS: [u32; 4] = [15, 16, 17, 18];

/// The measured ones of `lint-cases.jsonl`.
pub(super) fn measured() -> Result<Vec<Case>, Failure> {
    let path = shared().join("lint-cases.jsonl");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut cases = Vec::new();
    for line in text.lines() {
        let line: Line = serde_json::from_str(line)?;
        // LOCK TABLE was traced behind BEGIN. Alone, as it would stand here, PostgreSQL refuses it (25P01).
        if line.source != "pg-trace" || line.sql.starts_with("LOCK TABLE") {
            continue;
        }
        // A statement stands there once for the versions that do one thing, and once for those that do another.
        let observed = |major: &u32| line.truth.get(&major.to_string()).filter(|truth| !truth.is_null());
        let Some(major) = MAJORS.into_iter().find(|major| observed(major).is_some()) else { continue };
        let fails = observed(&major).is_some_and(|truth| truth.get("error").is_some());
        let truth = match (fails, line.expect.as_str()) {
            (true, _) => Truth::Fails,
            (false, "flag") => Truth::Works,
            (false, _) => Truth::Passes,
        };
        cases.push(Case { sql: line.sql, truth, setup: line.setup, major });
    }
    Ok(cases)
}

/// For each case a project with two migrations; gone with this value.
pub(super) struct Folders {
    top: tempfile::TempDir,
    cases: usize,
}

impl Folders {
    pub(super) fn write(cases: &[Case]) -> Result<Self, Failure> {
        let fixture = fs::read_to_string(shared().join("lint-fixture.sql"))?;
        let folders = Self { top: tempfile::tempdir()?, cases: cases.len() };
        for (number, case) in cases.iter().enumerate() {
            let before = format!("{fixture}\n{}", case.setup);
            for (file, text) in
                [(folders.before(number), before), (folders.file(number), format!("{};\n", case.sql))]
            {
                fs::create_dir_all(folder_of(&file))?;
                fs::write(file, text)?;
            }
        }
        Ok(folders)
    }

    /// The migration that has the statement of a case.
    pub(super) fn file(&self, number: usize) -> PathBuf {
        self.migrations(number).join("20260102000000_case/migration.sql")
    }

    /// All of these, in the order of the cases.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        (0..self.cases).map(|number| self.file(number)).collect()
    }

    /// The folder of the migrations of a case.
    pub(super) fn migrations(&self, number: usize) -> PathBuf {
        self.project(number).join("prisma/migrations")
    }

    /// The project of a case.
    pub(super) fn project(&self, number: usize) -> PathBuf {
        self.top.path().join(format!("{number:03}"))
    }

    /// How many cases there are.
    pub(super) fn len(&self) -> usize {
        self.cases
    }

    /// The case to which a file belongs, as a program printed its path.
    pub(super) fn case_of(&self, path: &str) -> Option<usize> {
        let below = Path::new(path).strip_prefix(self.top.path()).ok()?;
        below.components().next()?.as_os_str().to_str()?.parse().ok()
    }

    fn before(&self, number: usize) -> PathBuf {
        self.migrations(number).join("20260101000000_before/migration.sql")
    }
}

fn folder_of(file: &Path) -> &Path {
    file.parent().unwrap_or(file)
}
