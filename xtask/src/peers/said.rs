//! Running each linter over the cases, and reading what it says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::cases::{Case, Folders};
use super::installed::Installed;
use crate::Failure;
use crate::underpin::{Underpin, words};

/// One thing that a linter says of a case.
#[derive(Debug)]
pub(super) struct Remark {
    pub(super) rule: String,
    /// Where in the linter's own scale, from 0; 0 where it has none.
    pub(super) severity: usize,
}

/// Stands for the length of a wait that a finding of ours tells, whatever its rule.
pub(super) const A_WAIT: &str = "a wait";

/// What is said of each case.
type Said = Vec<Vec<Remark>>;

pub(super) fn squawk(installed: &Installed, folders: &Folders) -> Result<Said, Failure> {
    let mut command = Command::new(installed.squawk()?);
    // Prisma sends a file as one transaction.
    command.args(["--reporter", "json", "--assume-in-transaction", "--pg-version=15"]);
    let remarks = json(command.args(folders.files()))?;
    gather(folders, list(&remarks), |remark| Some((text(remark, "file")?, text(remark, "rule_name")?, 0)))
}

pub(super) fn prisma_strong_migrations(installed: &Installed, folders: &Folders) -> Result<Said, Failure> {
    let mut command = Command::new(installed.prisma_strong_migrations()?);
    let said = json(command.args(["lint", "--reporter", "json"]).args(folders.files()))?;
    let remarks = list(&said["diagnostics"]);
    gather(folders, remarks, |remark| Some((text(remark, "file")?, text(remark, "rule")?, 0)))
}

pub(super) fn eugene(program: &Path, folders: &Folders) -> Result<Said, Failure> {
    let mut said = nothing(folders);
    for (number, file) in folders.files().iter().enumerate() {
        let mut command = Command::new(program);
        command.args(["lint", "--format", "json"]).arg(file);
        // A file that it cannot read: it says so, and nothing else.
        let Ok(report) = json(&mut command) else { continue };
        for remark in
            list(&report["statements"]).iter().flat_map(|statement| list(&statement["triggered_rules"]))
        {
            said[number].extend(text(remark, "id").map(|rule| Remark { rule, severity: 0 }));
        }
    }
    Ok(said)
}

/// One file that it cannot parse ends a run without a word about the others. Halves find those.
pub(super) fn pgfence(installed: &Installed, folders: &Folders) -> Result<Said, Failure> {
    const RISKS: [&str; 4] = ["LOW", "MEDIUM", "HIGH", "CRITICAL"];
    let program = installed.pgfence()?;
    let files = folders.files();
    let mut said = nothing(folders);
    let mut parts: Vec<&[PathBuf]> = vec![&files];
    while let Some(part) = parts.pop() {
        let mut command = Command::new("node");
        command.arg(&program).args(["analyze", "--format", "sql", "--output", "json"]).args(part);
        let Ok(report) = json(&mut command) else {
            let (first, second) = part.split_at(part.len() / 2);
            parts.extend([first, second].into_iter().filter(|half| !half.is_empty() && part.len() > 1));
            continue;
        };
        for file in list(&report["results"]) {
            let case = text(file, "filePath").and_then(|path| folders.case_of(&path));
            let case = case.ok_or("pgfence speaks of a file that it was not given")?;
            for remark in list(&file["checks"]) {
                let risk =
                    remark["risk"].as_str().and_then(|risk| RISKS.iter().position(|known| *known == risk));
                let rule = text(remark, "ruleId").ok_or("pgfence names no rule")?;
                said[case].push(Remark { rule, severity: risk.unwrap_or(0) });
            }
        }
    }
    Ok(said)
}

pub(super) fn underpin(underpin: &Underpin, folders: &Folders, cases: &[Case]) -> Result<Said, Failure> {
    const SEVERITIES: [&str; 4] = ["info", "caution", "danger", "blocker"];
    let mut said = nothing(folders);
    for (number, said) in said.iter_mut().enumerate() {
        let mut command = Command::new(underpin.program());
        // The statements were run on servers in UTC, which `underpin stats` writes down and nobody else asks.
        let stats = folders.project(number).join("stats.json");
        fs::write(&stats, STATS)?;
        let major = cases[number].major.to_string();
        command.args(["lint", "--format", "json", "--pg-version", &major, "--stats"]).arg(stats);
        command.arg(folders.migrations(number));
        let report = json(command.current_dir(folders.project(number)))?;
        let of_case = |file: &&Value| text(file, "path").is_some_and(|path| path.contains("_case/"));
        for remark in list(&report["files"]).iter().filter(of_case).flat_map(|file| list(&file["findings"])) {
            let severity = remark["severity"].as_str();
            let severity = severity.and_then(|word| SEVERITIES.iter().position(|known| *known == word));
            let severity = severity.unwrap_or(0);
            let rule = text(remark, "rule").ok_or("a finding of ours names no rule")?;
            said.push(Remark { rule, severity });
            // What concerns one statement is told together, under the name of what is worst.
            if !remark["estimate"].is_null() {
                said.push(Remark { rule: A_WAIT.to_owned(), severity });
            }
        }
    }
    Ok(said)
}

/// What `underpin stats` would write of the servers, sizes left out.
const STATS: &str = r#"{"version":1,"session":{"role":"app","time_zone":"UTC","lock_timeout_ms":0,
"statement_timeout_ms":0,"idle_in_transaction_timeout_ms":0}}"#;

/// Remarks that name their file, by case.
fn gather(
    folders: &Folders,
    remarks: &[Value],
    read: impl Fn(&Value) -> Option<(String, String, usize)>,
) -> Result<Said, Failure> {
    let mut said = nothing(folders);
    for remark in remarks {
        let found = read(remark)
            .and_then(|(path, rule, severity)| Some((folders.case_of(&path)?, Remark { rule, severity })));
        let (case, remark) = found.ok_or_else(|| format!("a remark of another form: {remark}"))?;
        said[case].push(remark);
    }
    Ok(said)
}

fn nothing(folders: &Folders) -> Said {
    (0..folders.len()).map(|_| Vec::new()).collect()
}

/// What a program prints. A linter that found something ends with an error, so its status says nothing.
///
/// It prints into a file, because scripts of Node that end while a pipe is full lose the rest.
fn json(command: &mut Command) -> Result<Value, Failure> {
    let printed = tempfile::NamedTempFile::new()?;
    let output = command.stdin(Stdio::null()).stdout(printed.reopen()?).output()?;
    serde_json::from_slice(&fs::read(printed.path())?)
        .map_err(|error| format!("no JSON ({error}): {}", words(&output)).into())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(str::to_owned)
}
