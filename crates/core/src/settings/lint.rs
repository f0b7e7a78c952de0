//! `[lint]` of `underpin.toml`: budgets, severities, what is ignored and why, and what is known about
//! tables.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::lint::cost::Budgets;
use crate::lint::finding::Severity;
use crate::lint::path_pattern;
use crate::lint::stats::TableSettings;

/// What lint tells and what fails a build.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LintSettings {
    /// A finding of this severity or a worse one ends with exit 10.
    pub fail_on: Severity,
    /// Where the schemas of the releases that run are: `git:v1.2.0`, `git:main:apps/api/schema.prisma`,
    /// `path:deployed.prisma`.
    pub deployed: Vec<String>,
    /// How long reads may wait behind one statement, before it is a danger.
    pub reads_may_wait_ms: u64,
    /// How long writes may wait behind one statement.
    pub writes_may_wait_ms: u64,
    /// Groups of rules that run only when somebody asks for them.
    pub groups: Vec<String>,
    /// Severities of rules, by name, instead of what was found.
    pub severity: BTreeMap<String, Severity>,
    /// What is ignored, with the reason.
    pub ignore: Vec<Ignore>,
    /// Sizes and heat by table, `namespace.table` or a bare name. They win over statistics.
    pub tables: BTreeMap<String, TableSettings>,
}

impl Default for LintSettings {
    fn default() -> Self {
        Self {
            fail_on: Severity::Danger,
            deployed: Vec::new(),
            reads_may_wait_ms: 1_000,
            writes_may_wait_ms: 2_000,
            groups: Vec::new(),
            severity: BTreeMap::new(),
            ignore: Vec::new(),
            tables: BTreeMap::new(),
        }
    }
}

/// Findings that do not count: of some rules, in some files, or of some rules in some files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Ignore {
    /// The rules; empty means all.
    pub rules: Vec<String>,
    /// Patterns of paths from the folder of the settings; empty means all files.
    pub paths: Vec<String>,
    /// Why.
    pub because: String,
    /// The last day on which it holds.
    pub until: Option<Date>,
}

/// As it stands in the file, before it is judged.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    rules: Vec<String>,
    #[serde(default)]
    paths: Vec<String>,
    because: String,
    until: Option<toml::Value>,
}

impl TryFrom<Written> for Ignore {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        if written.rules.is_empty() && written.paths.is_empty() {
            return Err("an entry of lint.ignore names rules, paths or both".to_owned());
        }
        if written.because.trim().is_empty() {
            return Err("an entry of lint.ignore says why: because = \"…\"".to_owned());
        }
        let until = match written.until {
            None => None,
            // TOML has dates of its own, and people quote them all the same.
            Some(toml::Value::String(text)) => Some(day(&text)?),
            Some(other) => Some(day(&other.to_string())?),
        };
        Ok(Self { rules: written.rules, paths: written.paths, because: written.because, until })
    }
}

fn day(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| format!("`{text}` is no date; write until = 2027-01-31"))
}

impl LintSettings {
    /// How long somebody may wait.
    pub fn budgets(&self) -> Budgets {
        Budgets { reads_ms: self.reads_may_wait_ms, writes_ms: self.writes_may_wait_ms }
    }

    /// The names of rules that the settings speak of.
    pub fn rules_named(&self) -> impl Iterator<Item = &str> {
        let ignored = self.ignore.iter().flat_map(|entry| &entry.rules);
        self.severity.keys().chain(ignored).map(String::as_str)
    }
}

impl Ignore {
    /// Whether it is for a rule's finding in a file, whose path is from the folder of the settings.
    pub fn covers(&self, rule: &str, path: &str) -> bool {
        (self.rules.is_empty() || self.rules.iter().any(|name| name == rule))
            && (self.paths.is_empty()
                || self.paths.iter().any(|pattern| path_pattern::matches(pattern, path)))
    }

    /// Whether its last day is over.
    pub fn expired(&self, today: Date) -> bool {
        self.until.is_some_and(|until| until < today)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn everything_that_can_be_set_is_read() {
        let text = r#"
            [lint]
            fail_on = "blocker"
            reads_may_wait_ms = 50
            severity = { drop-table = "info" }

            [[lint.ignore]]
            rules = ["drop-table"]
            paths = ["prisma/migrations/2023*"]
            because = "before the shop opened"
            until = 2027-01-31

            [lint.tables."Order"]
            rows = 30_000_000
            heat = "hot"
        "#;
        let lint = Settings::from_toml(text).unwrap().lint;
        assert_eq!(lint.fail_on, Severity::Blocker);
        assert_eq!(lint.severity["drop-table"], Severity::Info);
        assert_eq!(lint.tables["Order"].rows, Some(30_000_000));
        let entry = &lint.ignore[0];
        assert!(entry.covers("drop-table", "prisma/migrations/20230101_a/migration.sql"));
        assert!(!entry.covers("drop-table", "prisma/migrations/20240101_a/migration.sql"));
        assert!(!entry.covers("drop-column", "prisma/migrations/20230101_a/migration.sql"));
        assert!(
            !entry.expired(jiff::civil::date(2027, 1, 31)) && entry.expired(jiff::civil::date(2027, 2, 1))
        );
        let again = toml::to_string(&Settings::from_toml(text).unwrap()).unwrap();
        assert_eq!(Settings::from_toml(&again).unwrap().lint, lint);
    }

    #[test]
    fn what_is_ignored_needs_a_reason_and_a_subject() {
        for (entry, told) in [
            ("rules = [\"a\"]", "because"),
            ("rules = [\"a\"]\nbecause = \" \"", "says why"),
            ("because = \"old\"", "names rules, paths or both"),
            ("rules = [\"a\"]\nbecause = \"old\"\nuntil = \"soon\"", "`soon` is no date"),
            ("rule = \"a\"\nbecause = \"old\"", "unknown field `rule`"),
        ] {
            let error = Settings::from_toml(&format!("[[lint.ignore]]\n{entry}\n")).unwrap_err();
            assert!(error.message.contains(told), "{entry}: {error}");
        }
        let error = Settings::from_toml("[lint]\nfail_on = \"error\"\n").unwrap_err();
        assert!(error.line == 2 && error.message.contains("blocker"), "{error}");
    }
}
