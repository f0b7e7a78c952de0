//! `--format json`: one object on one line, whose form is docs/schema/lint.schema.json, or check.schema.json there.

use std::io::{self, Write};

use serde::Serialize;
use underpin_core::lint::finding::Severity;
use underpin_core::lint::report::FileReport;
use underpin_engine::on_each;

use super::Told;
use super::checked::Checked;
use super::tally::Tally;

/// Files, statements and findings that stand in memory as text: some 2 MB.
const ENTRIES_AT_A_TIME: usize = 4_000;

/// Below this many files a thread takes longer to start than it saves.
const FILES_A_THREAD: usize = 50;

/// The object without its last member, `files`.
#[derive(Serialize)]
struct Head<'a> {
    version: u32,
    exit_code: u8,
    #[serde(flatten)]
    checked: Option<&'a Checked>,
    fail_on: Severity,
    summary: Summary,
}

#[derive(Serialize)]
struct Summary {
    #[serde(flatten)]
    tally: Tally,
    baseline_stale: usize,
}

pub(super) fn write(told: &Told<'_>, to: &mut dyn Write) -> io::Result<()> {
    let head = Head {
        version: 1,
        exit_code: told.exit_code(),
        checked: told.checked,
        fail_on: told.fail_on,
        summary: Summary { tally: Tally::of(told.report), baseline_stale: told.weighed.baseline_stale },
    };
    let head = serde_json::to_string(&head)?;
    let open = head.strip_suffix('}').unwrap_or(&head);
    write!(to, "{open},\"files\":[")?;
    write_files(&told.report.files, to)?;
    to.write_all(b"]}\n")
}

/// Many files at a time, on as many threads as pay. A file that is as large as many never stands in memory.
fn write_files(mut files: &[FileReport], to: &mut dyn Write) -> io::Result<()> {
    let mut is_first = true;
    while let Some(next) = files.first() {
        let mut entries = 0;
        let fits = |file: &&FileReport| {
            entries += 1 + file.statements.len() + file.findings.len();
            entries <= ENTRIES_AT_A_TIME
        };
        let count = files.iter().take_while(fits).count();
        let mut comma = || if std::mem::take(&mut is_first) { "" } else { "," };
        if count == 0 {
            to.write_all(comma().as_bytes())?;
            serde_json::to_writer(&mut *to, next)?;
        }
        let mut texts: Vec<_> = files[..count].iter().map(|file| (file, Ok(Vec::new()))).collect();
        on_each(&mut texts, FILES_A_THREAD, |(file, text)| *text = serde_json::to_vec(file));
        for (_, text) in texts {
            to.write_all(comma().as_bytes())?;
            to.write_all(&text?)?;
        }
        files = &files[count.max(1)..];
    }
    Ok(())
}
