//! `--format json`: one object on one line, whose form is docs/schema/lint.schema.json.

use std::io::{self, Write};

use serde::Serialize;
use underpin_core::lint::finding::Severity;
use underpin_core::lint::report::FileReport;

use super::Told;
use super::tally::Tally;

#[derive(Serialize)]
struct Object<'a> {
    version: u32,
    exit_code: u8,
    fail_on: Severity,
    summary: Summary,
    files: &'a [FileReport],
}

#[derive(Serialize)]
struct Summary {
    #[serde(flatten)]
    tally: Tally,
    baseline_stale: usize,
}

pub(super) fn write(told: &Told<'_>, to: &mut dyn Write) -> io::Result<()> {
    let object = Object {
        version: 1,
        exit_code: told.exit_code(),
        fail_on: told.fail_on,
        summary: Summary { tally: Tally::of(told.report), baseline_stale: told.weighed.baseline_stale },
        files: &told.report.files,
    };
    serde_json::to_writer(&mut *to, &object)?;
    to.write_all(b"\n")
}
