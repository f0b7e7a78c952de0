//! `underpin create --down`: the way back beside migrations that are there and have none.
//!
//! Without a name these are the last ones, of which `check` asks for it. A file that somebody wrote is never
//! replaced.

use std::path::Path;

use underpin_core::exit;
use underpin_engine::Problem;
use underpin_engine::create::earlier::ways_back;
use underpin_engine::create::writing::add;
use underpin_engine::files::seen_from;
use underpin_engine::state::{Reading, Told};

use super::{DOWN, Place};
use crate::arguments::Create;
use crate::output::Output;
use crate::output::create::{Created, page};

pub(super) async fn run(
    options: &Create,
    output: &Output,
    named: &[String],
    told: &Told,
    reading: &Reading,
    place: &Place<'_>,
) -> Result<u8, Problem> {
    let has = |name: &str| place.folder.join(name).join(DOWN).symlink_metadata().is_ok();
    let wanted = match named {
        [] => {
            last(told, place.settings.check.down_last).filter(|name| !has(name)).map(str::to_owned).collect()
        }
        named => {
            let found = named.iter().map(|typed| found(typed, told, &has));
            found.collect::<Result<Vec<String>, Problem>>()?
        }
    };
    if wanted.is_empty() {
        output.say(match told.migrations.is_empty() {
            true => "Nothing is written: there is no migration yet.",
            false => "Nothing is written: the last migrations have their down.sql; name an earlier one that lacks it.",
        });
        output.object(&Created::nothing(Vec::new()));
        return Ok(exit::CLEAN);
    }
    let ways = ways_back(reading, told, |name| wanted.iter().any(|wanted| wanted == name)).await?;
    if !options.dry_run {
        let files: Vec<(String, &'static str, String)> =
            ways.found.iter().map(|(folder, way)| (folder.clone(), DOWN, way.text.clone())).collect();
        add(place.folder, &files, || told.is_current(place.folder, reading))?;
    }
    let created = Created::ways_back(options.dry_run, &ways, |folder| {
        seen_from(place.cwd, &place.folder.join(folder).join(DOWN))
    });
    output.object(&created);
    output.say(page(&created, super::super::columns()));
    Ok(exit::CLEAN)
}

/// The last migrations for which `check` tries the way back.
fn last(told: &Told, count: usize) -> impl Iterator<Item = &str> {
    let first = told.migrations.len().saturating_sub(count);
    told.migrations[first..].iter().map(|(name, _)| name.as_str())
}

/// The migration that somebody named, by its folder or its path.
fn found(typed: &str, told: &Told, has: &impl Fn(&str) -> bool) -> Result<String, Problem> {
    let name = Path::new(typed).file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !told.migrations.iter().any(|(known, _)| *known == name) {
        return Err(Problem::new(format!("there is no migration {typed}"))
            .hint("name a folder of the migrations folder, as in 20260302143000_order_note"));
    }
    if has(&name) {
        return Err(Problem::new(format!("{name} has a {DOWN}, which is left as it is"))
            .hint("to have it written anew, move that file away first"));
    }
    Ok(name)
}
