//! `underpin explain-tx`

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;
use underpin_core::exit;
use underpin_core::transactions::{Explanation, explain};
use underpin_engine::Problem;
use underpin_engine::project::installed_prisma;
use underpin_prisma::{PrismaVersion, Script};
use underpin_sql::in_force::Session;
use underpin_sql::sending::Block;

use crate::arguments::ExplainTx;
use crate::output::Output;
use crate::place::shown;

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
    let cwd = std::env::current_dir()
        .map_err(|error| Problem::new(format!("the current folder cannot be read: {error}")))?;
    let (version, asked) = asked(options, &cwd)?;
    output.remark(format!("Prisma {}: {}", asked.version, asked.evidence));
    let mut session = Session::default();
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
    output.object(&json!({ "version": 1, "exit_code": exit::CLEAN, "prisma": asked, "files": files }));
    Ok(exit::CLEAN)
}

fn asked(options: &ExplainTx, cwd: &Path) -> Result<(PrismaVersion, Asked), Problem> {
    if let Some(typed) = &options.prisma {
        let version = PrismaVersion::parse(typed).ok_or_else(|| {
            Problem::new(format!("`{typed}` is no version of Prisma")).hint("such as --prisma 7.3")
        })?;
        return Ok((version, Asked { version: version.to_string(), evidence: "as asked for".to_owned() }));
    }
    let found = installed_prisma(cwd).ok_or_else(|| {
        Problem::new("no package.json, lock file or node_modules here says which version of Prisma is used")
            .hint("name it: --prisma 7.10; up to 7.3 files are sent whole, since 7.4 statement by statement")
    })?;
    let evidence = format!("{}, says {}", found.evidence, shown(&found.file, cwd));
    Ok((found.version, Asked { version: found.version.to_string(), evidence }))
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
