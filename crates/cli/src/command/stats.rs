//! `underpin stats`

use serde_json::json;
use underpin_core::exit;
use underpin_core::lint::stats::Stats;
use underpin_core::quantity::{bytes, count, counted};
use underpin_engine::{Problem, stats};

use crate::arguments;
use crate::output::Output;
use crate::place;

pub(crate) async fn run(options: &arguments::Stats, output: &Output) -> Result<u8, Problem> {
    let url = place::database(&options.project)?;
    let found = stats::read(&url).await?;
    let text = found.to_json();
    match &options.file {
        // The statistics are the one JSON object, with or without --json.
        None => output.data(std::iter::once(format!("{}\n", text.trim_end()))),
        Some(path) => {
            std::fs::write(path, &text).map_err(|error| {
                Problem::new(format!("the statistics cannot be written to {}: {error}", path.display())).hint(
                    "name a file in a folder that is there and may be written to, or leave out --output",
                )
            })?;
            let written = json!({ "version": 1, "exit_code": exit::CLEAN, "output": path, "tables": found.tables.len() });
            output.object(&written);
            output.remark(format!("{}: {}", path.display(), summary(&found)));
        }
    }
    Ok(exit::CLEAN)
}

/// Such as `214 tables, 1.2 TB, 3.4 billion rows`.
fn summary(stats: &Stats) -> String {
    let tables = stats.tables.values();
    let size = tables.clone().fold(0_u64, |sum, table| {
        sum.saturating_add(table.heap_bytes)
            .saturating_add(table.toast_bytes)
            .saturating_add(table.index_bytes())
    });
    let rows: f64 = tables.filter_map(|table| table.rows).map(|rows| rows as f64).sum();
    let tables = counted(stats.tables.len() as u64, "table");
    format!("{tables}, {}, {} rows", bytes(size), count(rows))
}
