//! `plan` with the proof and `compat` in it, whole process: a column of the largest schema of the corpus gets another
//! name, against the real `prisma migrate diff` from the same history to the same schema.
//!
//! Both replay a history of one migration, which makes the whole schema: ours on a throwaway server of its own, which
//! it starts, from what an earlier run has kept; Prisma on a server that runs already. What Prisma's command takes
//! between two schemas, without any database, is told too, without a mark; so is `plan` when nothing is kept.

use std::path::Path;

use serde_json::json;
use underpin_shadow::StartOptions;
use underpin_testkit::{Oracle, ProjectFolder, Server, corpus, schemas};

use super::{Finding, MAJOR, line, median, timed};
use crate::Failure;
use crate::underpin::{Underpin, words};

/// Ours to Prisma's, at most.
const MARK: f64 = 1.0 / 5.0;

const ROUNDS: usize = 5;
/// Ours is short.
const OURS_A_ROUND: usize = 3;

pub(super) async fn measure() -> Result<Finding, Failure> {
    let underpin = Underpin::beside_us()?;
    let histories = corpus::histories();
    let largest = histories.iter().max_by_key(|history| history.schema().len());
    let history = largest.ok_or("the corpus has no schema")?;
    let before = schemas::for_prisma_7(&history.schema());
    let (model, field) = text_field(&before).ok_or("the schema has no text to be renamed")?;
    let after = renamed(&before, &model, &field);

    let project = ProjectFolder::prisma7().file(
        "prisma.config.mjs",
        "export default { schema: 'prisma/schema.prisma', migrations: { path: 'prisma/migrations' }, \
         datasource: { url: process.env.DATABASE_URL, shadowDatabaseUrl: process.env.SHADOW_URL ?? process.env.DATABASE_URL } }\n",
    );
    let project = project.file("before.prisma", &before);
    let script = schemas::script_of(&project.path().join("before.prisma")).await;
    // What `@db.Citext` needs, no script of Prisma makes.
    let script = format!("CREATE EXTENSION IF NOT EXISTS citext;\n{script}");
    let project = project.migration("20260101000000_init", &script).file("prisma/schema.prisma", &after);
    let cache = tempfile::tempdir()?;

    let server = Server::start(MAJOR, StartOptions::default()).await?;
    let oracle = Oracle::prisma7().await;
    let (mut ours, mut theirs, mut between, mut cold) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let rename = format!("{model}.{field}:{field}Renamed");
    for _ in 0..ROUNDS {
        // In turns, so that a busy moment of the machine hits all.
        for (from, times) in [("--from-migrations", &mut theirs), ("--from-schema", &mut between)] {
            let shadow = server.database("shadow").await;
            let told = if from == "--from-schema" { "before.prisma" } else { "prisma/migrations" };
            let command = ["migrate", "diff", from, told, "--to-schema", "prisma/schema.prisma", "--script"];
            let (said, ms) =
                timed(async { Ok(oracle.run(project.path(), &shadow.url(), &command).await) }).await?;
            if said.code != 0 || !said.stdout.contains("Renamed") {
                return Err(format!("prisma migrate diff: {}", said.all()).into());
            }
            times.push(ms);
        }
        std::fs::remove_dir_all(cache.path().join("underpin")).or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
        cold.push(plan(&underpin, &project, &rename, cache.path()).await?);
        for _ in 0..OURS_A_ROUND {
            ours.push(plan(&underpin, &project, &rename, cache.path()).await?);
        }
    }
    println!("{} bytes of schema.prisma, {rename}", before.len());
    line("underpin plan", &ours);
    line("underpin plan, nothing kept", &cold);
    line("prisma migrate diff from migrations", &theirs);
    line("prisma migrate diff between schemas", &between);
    let ratio = median(&ours) / median(&theirs);
    println!("to prisma migrate diff between schemas: ratio {:.3}", median(&ours) / median(&between));
    Ok(Finding {
        value: median(&ours),
        unit: "ms",
        ratio,
        peer: "prisma migrate diff".to_owned(),
        met: ratio <= MARK,
        marks: format!("at most {MARK} of prisma migrate diff from migrations"),
        raw: json!({
            "underpin_ms": ours,
            "underpin_cold_ms": cold,
            "prisma_from_migrations_ms": theirs,
            "prisma_between_schemas_ms": between,
            "schema": history.name,
            "schema_bytes": before.len(),
        }),
    })
}

/// One run, in milliseconds.
async fn plan(
    underpin: &Underpin,
    project: &ProjectFolder,
    rename: &str,
    cache: &Path,
) -> Result<f64, Failure> {
    let major = MAJOR.to_string();
    let mut command = tokio::process::Command::new(underpin.program());
    command.args([
        "plan",
        "--name",
        "change",
        "--dry-run",
        "--json",
        "--pg-version",
        &major,
        "--rename",
        rename,
    ]);
    command.current_dir(project.path()).env("XDG_CACHE_HOME", cache);
    let (output, ms) = timed(async { Ok(command.output().await?) }).await?;
    if !output.status.success() {
        return Err(words(&output).into());
    }
    Ok(ms)
}

/// The first field that is a required text and that nothing else in its model names, with the model.
fn text_field(schema: &str) -> Option<(String, String)> {
    let blocks = schema.split("\nmodel ").skip(1);
    let mut fields = blocks.filter_map(|block| {
        let (name, rest) = block.split_once(" {")?;
        let body = rest.split_once("\n}")?.0;
        let is_named_once = |field: &str| {
            body.split(|sign: char| !sign.is_alphanumeric() && sign != '_')
                .filter(|word| *word == field)
                .count()
                == 1
        };
        let mut fields = body.lines().filter_map(|line| {
            let parts: Vec<&str> = line.split_whitespace().collect();
            match parts.as_slice() {
                [field, "String"] => Some(*field),
                _ => None,
            }
        });
        Some((name.to_owned(), fields.find(|field| is_named_once(field))?.to_owned()))
    });
    fields.next()
}

/// The schema with another name for a field.
fn renamed(schema: &str, model: &str, field: &str) -> String {
    let mut within = false;
    let line = |line: &str| {
        let parts: Vec<&str> = line.split_whitespace().collect();
        match parts.as_slice() {
            ["model", name, "{"] => within = *name == model,
            [name, "String"] if within && *name == field => return format!("  {field}Renamed String\n"),
            _ => {}
        }
        format!("{line}\n")
    };
    schema.lines().map(line).collect()
}
