//! `underpin explain-tx`
//!
//! Reads files and says what a version of Prisma makes of them. It connects to nothing: of the database URL
//! only the options count, because they set what a session begins with.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;
use underpin_core::exit;
use underpin_core::transactions::{Explanation, explain};
use underpin_engine::Problem;
use underpin_engine::project::{Project, ProjectErrorKind, installed_prisma};
use underpin_prisma::{PrismaVersion, Script};
use underpin_sql::in_force::{Session, Settings, Value};
use underpin_sql::sending::Block;

use crate::arguments::ExplainTx;
use crate::output::Output;
use crate::place::{self, shown};

/// Which Prisma is asked about, and how we know.
#[derive(Debug, Serialize)]
struct Asked {
    version: String,
    evidence: String,
}

#[derive(Debug, Serialize)]
struct Explained {
    file: String,
    #[serde(flatten)]
    explanation: Explanation,
}

pub(crate) async fn run(options: &ExplainTx, output: &Output) -> Result<u8, Problem> {
    let cwd = place::working_folder()?;
    let (version, asked) = asked(options, &cwd)?;
    output.remark(format!("Prisma {}: {}", asked.version, asked.evidence));
    let connected_with = connected_with(options, &cwd, output)?;
    let given = given(&connected_with);
    if !given.is_empty() {
        output.remark(format!("Set by the database URL: {}", given.join(", ")));
    }
    let mut session = Session::new(connected_with);
    let mut files = Vec::new();
    for path in &options.files {
        let (file, script) = read(path)?;
        let explanation = explain(script.text(), version, &mut session).map_err(|error| {
            Problem::new(error.message.clone())
                .at(format!("{}:{}:{}", file.display(), error.line, error.column))
                .hint("no version of Prisma can execute the file: nothing of it would run (42601)")
        })?;
        let explained = Explained { file: shown(&file, &cwd), explanation };
        print(&explained, output);
        files.push(explained);
    }
    output.object(&json!({
        "version": 1,
        "exit_code": exit::CLEAN,
        "prisma": asked,
        "set_by_url": given,
        "files": files,
    }));
    Ok(exit::CLEAN)
}

fn asked(options: &ExplainTx, cwd: &Path) -> Result<(PrismaVersion, Asked), Problem> {
    if let Some(typed) = &options.prisma {
        let version = place::typed_version(typed)?;
        return Ok((version, Asked { version: version.to_string(), evidence: "as asked for".to_owned() }));
    }
    let found = installed_prisma(cwd).ok_or_else(|| {
        Problem::new("no package.json, lock file or node_modules here says which version of Prisma is used")
            .hint("name it: --prisma 7.10; up to 7.3 files are sent whole, since 7.4 statement by statement")
    })?;
    let evidence = format!("{}, says {}", found.evidence, shown(&found.file, cwd));
    Ok((found.version, Asked { version: found.version.to_string(), evidence }))
}

/// What the project's URL sets in each session. Files are explained without a project too, and without a URL
/// that only a pipeline has; but what was typed must be right.
fn connected_with(options: &ExplainTx, cwd: &Path, output: &Output) -> Result<Settings, Problem> {
    if let Some(typed) = &options.url {
        return Ok(place::set_by(Some(&place::typed_url(typed)?)));
    }
    let names_files = options.project.schema.is_some() || options.project.config.is_some();
    match Project::discover(&place::by(cwd, &options.project)) {
        Ok(project) => Ok(place::set_by(place::url(&project).ok().as_ref())),
        Err(error) if names_files => Err(place::problem(&error)),
        Err(error) => {
            if error.kind != ProjectErrorKind::SchemaNotFound {
                output.remark(format!("warning: {}; what its URL sets is not known", error.message));
            }
            Ok(Settings::default())
        }
    }
}

/// `lock_timeout = 5s`. A name with a dot is the application's own, and its value may be a secret.
fn given(connected_with: &Settings) -> Vec<String> {
    let shown = connected_with.iter().map(|(name, setting)| match &setting.value {
        Value::Text(text) if !name.contains('.') => format!("{name} = {text}"),
        Value::Text(_) | Value::Unknown => name.to_owned(),
    });
    shown.collect()
}

/// The file, or the `migration.sql` of a migration's folder.
fn read(path: &Path) -> Result<(PathBuf, Script), Problem> {
    let file = if path.is_dir() { path.join("migration.sql") } else { path.to_owned() };
    let bytes = std::fs::read(&file).map_err(|error| {
        Problem::new(format!("the file cannot be read: {error}"))
            .at(file.display().to_string())
            .hint("name migration.sql files, or folders that hold one")
    })?;
    Ok((file, Script::from_bytes(&bytes)))
}

fn print(explained: &Explained, output: &Output) {
    let Explained { file, explanation } = explained;
    output.say(format!("{file}\n  {}", explanation.summary));
    output.say(format!("  {}\n", explanation.outcome));
    if !explanation.statements.is_empty() {
        output.say(format!("  {:>5}  {:>11}  {:<12}  statement", "line", "transaction", "in"));
    }
    for statement in &explanation.statements {
        let block = match statement.block {
            Block::None => "no block",
            Block::Implicit => "one message",
            Block::Explicit => "BEGIN",
        };
        let undone = if statement.undone { "   (rolled back)" } else { "" };
        output.say(format!(
            "  {:>5}  {:>11}  {block:<12}  {}{undone}",
            statement.line, statement.transaction, statement.text
        ));
        for note in &statement.notes {
            let mark = if note.refused { "error" } else { "note" };
            output.say(format!("{:>36}{mark}: {}", "", note.text));
        }
    }
    let after = after(explanation);
    if !after.is_empty() {
        output.say("");
    }
    for line in after {
        output.say(format!("  {line}"));
    }
    output.say("");
}

/// What is said below the statements.
fn after(explanation: &Explanation) -> Vec<String> {
    let mut lines = Vec::new();
    if let [_, .., _] = explanation.statements.as_slice() {
        let numbers: Vec<_> = explanation.unreadable.iter().map(|found| found.line.to_string()).collect();
        match numbers.as_slice() {
            [] => {}
            [one] => lines.push(format!("The parser of Prisma since 7.4 cannot read line {one}.")),
            many => {
                lines.push(format!("The parser of Prisma since 7.4 cannot read lines {}.", many.join(", ")))
            }
        }
    }
    for left in &explanation.left_behind {
        let value = left.value.as_deref().unwrap_or("something that the file does not tell");
        lines.push(format!("{} stays {value} for the migrations that follow in this deploy.", left.name));
    }
    lines
}
