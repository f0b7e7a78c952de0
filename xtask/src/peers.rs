//! `xtask peers`: the other linters and ours on statements whose truth was measured.
//!
//! The statements are those of `lint-cases.jsonl` that were run on PostgreSQL: each works on a whole table
//! under a lock that somebody waits for, or fails, or does neither. Everybody gets the same two files, one
//! that makes the tables and one with the statement; what is said of the second counts, by `counting`.
//! What counted of each case is left in `bench/runs/peers.json`; `--write` puts the table into `docs/linters.md`.

mod cases;
mod counting;
pub(crate) mod installed;
mod said;
mod table;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Map, Value, json};

use crate::Failure;
use crate::underpin::Underpin;
use cases::{Case, Folders};
use counting::{EUGENE, OURS, PGFENCE, PRISMA_STRONG_MIGRATIONS, Rules, SQUAWK};
use installed::Installed;
use said::Remark;
use table::Row;

/// What to do with the table besides printing it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Nothing.
    Printed,
    /// Write it into the documentation.
    InDocuments,
}

/// Runs all of them.
pub(crate) fn run(root: &Path, keep: Keep) -> Result<ExitCode, Failure> {
    let cases = cases::measured()?;
    let folders = Folders::write(&cases)?;
    let installed = Installed::ensure()?;
    let mut told = vec![
        Told {
            name: "squawk",
            version: installed::SQUAWK.to_owned(),
            rules: SQUAWK,
            said: said::squawk(&installed, &folders)?,
        },
        Told {
            name: "pgfence",
            version: installed::PGFENCE.to_owned(),
            rules: PGFENCE,
            said: said::pgfence(&installed, &folders)?,
        },
        Told {
            name: "prisma-strong-migrations",
            version: installed::PRISMA_STRONG_MIGRATIONS.to_owned(),
            rules: PRISMA_STRONG_MIGRATIONS,
            said: said::prisma_strong_migrations(&installed, &folders)?,
        },
    ];
    match installed::eugene() {
        Some((program, version)) => {
            let said = said::eugene(&program, &folders)?;
            told.push(Told { name: "eugene", version, rules: EUGENE, said });
        }
        None => eprintln!(
            "peers: eugene is left out, because it is not installed (cargo install eugene --version 0.8.3 \
             takes 5 minutes of a processor and needs libclang)"
        ),
    }
    let underpin = Underpin::beside_us()?;
    let said = said::underpin(&underpin, &folders, &cases)?;
    told.push(Told { name: "underpin", version: String::new(), rules: OURS, said });

    for linter in &told {
        for unknown in linter.rules.unknown(&linter.said) {
            eprintln!(
                "peers: whether {unknown} of {} counts is not said in counting.rs; it does not",
                linter.name
            );
        }
    }
    fs::write(root.join("bench/runs/peers.json"), format!("{:#}\n", raw(&cases, &told)))?;
    let rows: Vec<Row> = told.iter().map(|linter| linter.row(&cases)).collect();
    let table = table::table(&cases, &rows);
    print!("{table}");
    if keep == Keep::InDocuments {
        table::write(&root.join("docs/linters.md"), &table)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What one linter said of each case.
struct Told {
    name: &'static str,
    version: String,
    rules: Rules,
    said: Vec<Vec<Remark>>,
}

impl Told {
    fn row(&self, cases: &[Case]) -> Row {
        let flagged: Vec<bool> = (0..cases.len()).map(|at| self.counting(at).next().is_some()).collect();
        Row::of(self.name, &self.version, cases, &flagged)
    }

    /// The rules that count, of a case.
    fn counting(&self, at: usize) -> impl Iterator<Item = &str> {
        self.said[at].iter().filter(|remark| self.rules.count(remark)).map(|remark| remark.rule.as_str())
    }
}

/// Everything, for looking up why a number is what it is.
fn raw(cases: &[Case], told: &[Told]) -> Value {
    let of = |(at, case): (usize, &Case)| {
        let said = told.iter().map(|linter| (linter.name.to_owned(), linter.counting(at).collect::<Value>()));
        json!({ "sql": case.sql, "truth": case.truth.as_str(), "said": said.collect::<Map<_, _>>() })
    };
    cases.iter().enumerate().map(of).collect()
}
