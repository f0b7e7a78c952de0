//! `underpin snapshot`

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::json;
use underpin_catalog::{Facts, not_compared};
use underpin_core::exit;
use underpin_core::quantity::count;
use underpin_engine::{Problem, snapshot};

use crate::arguments;
use crate::output::Output;
use crate::place;

pub(crate) async fn run(options: &arguments::Snapshot, output: &Output) -> Result<u8, Problem> {
    let url = place::database(&options.project)?;
    let facts = snapshot::read(&url).await?.into_facts();
    match &options.file {
        None if options.output.json => output.data(facts.to_snapshot()),
        None => output.say(summary(&facts)),
        Some(path) => {
            write(path, &facts).map_err(|error| {
                Problem::new(format!("the snapshot cannot be written to {}: {error}", path.display())).hint(
                    "name a file in a folder that is there and may be written to, or leave out --output",
                )
            })?;
            let written =
                json!({ "version": 1, "exit_code": exit::CLEAN, "output": path, "hash": facts.hash() });
            output.object(&written);
            output.remark(format!("{}:\n{}", path.display(), summary(&facts)));
        }
    }
    Ok(exit::CLEAN)
}

fn write(path: &Path, facts: &Facts) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    facts.to_snapshot().try_for_each(|piece| file.write_all(piece.as_bytes()))?;
    file.flush()
}

/// How many of each kind, what could not be described, and the hash of the whole.
fn summary(facts: &Facts) -> String {
    let mut lines = vec![format!("PostgreSQL {}, {} objects", facts.major, count(facts.len() as f64))];
    lines.extend(facts.counts().into_iter().map(|(kind, number)| format!("{number:>8}  {kind}")));
    let others: Vec<String> = not_compared(facts).map(ToString::to_string).collect();
    if !others.is_empty() {
        lines.push("known by name alone, and not compared:".to_owned());
        lines.extend(others.into_iter().map(|other| format!("          {other}")));
    }
    lines.push(format!("hash {}", facts.hash()));
    lines.join("\n")
}
