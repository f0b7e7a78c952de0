//! The baseline: what was there when somebody began to look, so that an old repository starts green.
//!
//! A finding that is in it does not count. An entry that matches nothing any more is told, because the
//! next finding of that name would pass unseen. The file has one line for each entry, sorted, so that
//! its differences can be read in a review.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::finding::Suppression;
use super::report::Report;

/// The version of the file's form.
const VERSION: u32 = 1;

/// The file's usual name, beside `underpin.toml`.
pub const FILE_NAME: &str = "underpin-baseline.json";

/// Findings that do not count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    entries: BTreeSet<Entry>,
}

/// One finding. Rule and object are for the reader, path and fingerprint decide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    path: String,
    rule: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    object: Option<String>,
    fingerprint: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    findings: BTreeSet<Entry>,
}

/// Which files a run looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All that there are: an entry of another file is of one that is gone.
    Whole,
    /// Some: entries of other files are left alone.
    Part,
}

/// A baseline that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaselineError {
    /// Not the JSON that we write.
    #[error("line {line}, column {column}: {message}")]
    NotOurs {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// Of a later underpin.
    #[error("its version is {0}, and this underpin knows version {VERSION}")]
    Later(u32),
}

impl Baseline {
    /// Reads the file.
    ///
    /// # Errors
    /// [`BaselineError`]: entries that were passed over in silence would make a build red without a reason.
    pub fn from_json(text: &str) -> Result<Self, BaselineError> {
        let file: File = serde_json::from_str(text).map_err(|error| BaselineError::NotOurs {
            line: error.line(),
            column: error.column(),
            message: error.to_string(),
        })?;
        match file.version {
            VERSION => Ok(Self { entries: file.findings }),
            other => Err(BaselineError::Later(other)),
        }
    }

    /// The file's text.
    pub fn to_json(&self) -> String {
        let lines: Vec<String> = self
            .entries
            .iter()
            .map(|entry| {
                let json = serde_json::to_string(entry).expect("strings alone are always JSON");
                format!("    {json}")
            })
            .collect();
        let findings =
            if lines.is_empty() { "[]".to_owned() } else { format!("[\n{}\n  ]", lines.join(",\n")) };
        format!("{{\n  \"version\": {VERSION},\n  \"findings\": {findings}\n}}\n")
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Marks what is in the baseline and answers how many entries match nothing any more. `rooted` turns
    /// a report's path into one from the folder of the settings.
    pub fn apply(&self, report: &mut Report, scope: Scope, rooted: &dyn Fn(&str) -> String) -> usize {
        if self.entries.is_empty() {
            return 0;
        }
        let mut by_path: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for entry in &self.entries {
            by_path.entry(&entry.path).or_default().insert(&entry.fingerprint);
        }
        let mut stale = 0;
        for file in &mut report.files {
            let Some(known) = by_path.remove(rooted(&file.path).as_str()) else { continue };
            let mut unmatched = known.clone();
            for finding in &mut file.findings {
                // A comment that ignores it too does not make the entry stale.
                unmatched.remove(finding.fingerprint.as_str());
                if finding.suppressed.is_none() && known.contains(finding.fingerprint.as_str()) {
                    finding.suppressed = Some(Suppression::Baseline);
                }
            }
            stale += unmatched.len();
        }
        match scope {
            Scope::Whole => stale + by_path.values().map(BTreeSet::len).sum::<usize>(),
            Scope::Part => stale,
        }
    }

    /// The baseline after this report: its findings, except those that a comment or the settings ignore,
    /// and the entries of files that a partial run did not look at.
    pub fn renewed(&self, report: &Report, scope: Scope, rooted: &dyn Fn(&str) -> String) -> Self {
        let mut entries = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for file in &report.files {
            let path = rooted(&file.path);
            for finding in &file.findings {
                if matches!(finding.suppressed, None | Some(Suppression::Baseline)) {
                    entries.insert(Entry {
                        path: path.clone(),
                        rule: finding.rule.clone(),
                        object: finding.object.clone(),
                        fingerprint: finding.fingerprint.clone(),
                    });
                }
            }
            seen.insert(path);
        }
        if scope == Scope::Part {
            entries.extend(self.entries.iter().filter(|entry| !seen.contains(&entry.path)).cloned());
        }
        Self { entries }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
