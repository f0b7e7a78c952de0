//! What `lint --fix` did or would do: for a person, or as one object.

use serde::Serialize;
use similar::TextDiff;
use underpin_core::lint::finding::Finding;
use underpin_core::lint::fix::SafeForm;

use super::facts::wrapped;

/// Everything that is told.
#[derive(Debug, Serialize)]
pub(crate) struct FixTold {
    version: u32,
    pub(crate) exit_code: u8,
    pub(crate) dry_run: bool,
    /// Which migrations count as new.
    pub(crate) since: Option<String>,
    pub(crate) proof: Proof,
    pub(crate) migrations: Vec<MigrationTold>,
    /// What lint says when it is written.
    pub(crate) verdict: String,
}

/// Whether the new files are known to end where the old ones end.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub(crate) enum Proof {
    /// On a server of this major.
    Proven { server: u32 },
    /// There was no server.
    NotProven { why: String },
    /// Nothing is to be written.
    NothingToProve,
}

/// A migration.
#[derive(Debug, Serialize)]
pub(crate) struct MigrationTold {
    path: String,
    /// Its files, the first in its own folder. Empty when it stays as it is.
    files: Vec<FileTold>,
    fixed: Vec<FindingTold>,
    left: Vec<FindingTold>,
    #[serde(skip)]
    before: String,
}

#[derive(Debug, Serialize)]
struct FileTold {
    path: String,
    text: String,
}

/// A finding, and why it is left.
#[derive(Debug, Serialize)]
struct FindingTold {
    rule: String,
    line: Option<u32>,
    object: Option<String>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl MigrationTold {
    /// What is told about a migration; `path_of` is the script of a folder beside it.
    pub(crate) fn of(path: &str, before: &str, form: &SafeForm, path_of: impl Fn(&str) -> String) -> Self {
        let files =
            form.files.iter().map(|file| FileTold { path: path_of(&file.folder), text: file.text.clone() });
        Self {
            path: path.to_owned(),
            files: files.collect(),
            fixed: form.fixed.iter().map(|finding| FindingTold::of(finding, None)).collect(),
            left: form.left.iter().map(|left| FindingTold::of(&left.finding, Some(&left.why))).collect(),
            before: before.to_owned(),
        }
    }

    /// What is left, together where the reason is the same.
    fn left_by_reason(&self) -> Vec<(&str, Vec<String>)> {
        let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
        for left in &self.left {
            let why = left.why.as_deref().unwrap_or_default();
            match reasons.iter_mut().find(|(known, _)| *known == why) {
                Some((_, places)) => places.push(left.place()),
                None => reasons.push((why, vec![left.place()])),
            }
        }
        reasons
    }

    /// As `diff -u` shows it, new folders against nothing.
    fn diff(&self) -> String {
        let mut text = String::new();
        for file in &self.files {
            let (name, before) = match file.path == self.path {
                true => (format!("a/{}", file.path), self.before.as_str()),
                false => ("/dev/null".to_owned(), ""),
            };
            let diff = TextDiff::from_lines(before, file.text.as_str());
            text.push_str(&diff.unified_diff().header(&name, &format!("b/{}", file.path)).to_string());
        }
        text
    }
}

/// Words below a path, further lines below their beginning.
fn item(words: &str, columns: usize) -> String {
    let lines = wrapped(words, columns.saturating_sub("    ".len()));
    format!("  {}", lines.replace('\n', "\n    "))
}

impl FindingTold {
    fn of(finding: &Finding, why: Option<&str>) -> Self {
        Self {
            rule: finding.rule.clone(),
            line: finding.span.as_ref().map(|span| span.line),
            object: finding.object.clone(),
            message: finding.message.clone(),
            why: why.map(str::to_owned),
        }
    }

    fn place(&self) -> String {
        match self.line {
            Some(line) => format!("{} (line {line})", self.rule),
            None => self.rule.clone(),
        }
    }
}

impl FixTold {
    /// All of it, not yet told.
    pub(crate) fn new(
        dry_run: bool,
        since: Option<String>,
        proof: Proof,
        migrations: Vec<MigrationTold>,
        verdict: String,
        exit_code: u8,
    ) -> Self {
        Self { version: 1, exit_code, dry_run, since, proof, migrations, verdict }
    }

    /// Whether files are on disk that were not.
    pub(crate) fn has_written(&self) -> bool {
        !self.dry_run && self.migrations.iter().any(|migration| !migration.files.is_empty())
    }

    /// For a person, in lines of at most `columns` characters where words allow it.
    pub(crate) fn human(&self, columns: usize) -> String {
        let mut lines: Vec<String> = Vec::new();
        for migration in &self.migrations {
            if self.dry_run && !migration.files.is_empty() {
                lines.push(migration.diff());
            }
            lines.push(migration.path.clone());
            if !migration.fixed.is_empty() {
                let verb = if self.dry_run { "would fix" } else { "fixed" };
                let places: Vec<String> = migration.fixed.iter().map(FindingTold::place).collect();
                lines.push(item(&format!("{verb}: {}", places.join(", ")), columns));
            }
            for file in &migration.files {
                lines.push(format!("  {} {}", if self.dry_run { "would write" } else { "wrote" }, file.path));
            }
            for (why, places) in migration.left_by_reason() {
                lines.push(item(&format!("left {}: {why}", places.join(", ")), columns));
            }
            lines.push(String::new());
        }
        lines.push(self.sentence());
        lines.push(
            match self.dry_run && self.migrations.iter().any(|migration| !migration.files.is_empty()) {
                true => format!("lint would say: {}", self.verdict),
                false => format!("lint: {}", self.verdict),
            },
        );
        lines.join("\n")
    }

    fn sentence(&self) -> String {
        match &self.proof {
            Proof::Proven { server } => {
                format!(
                    "proven on PostgreSQL {server}: the files end in the same catalog, sent by Prisma before 7.4 and since"
                )
            }
            Proof::NotProven { why } => format!("not proven: {why}"),
            Proof::NothingToProve => match &self.since {
                Some(since) => format!("nothing to write for what is {since}"),
                None => "nothing to write".to_owned(),
            },
        }
    }
}
