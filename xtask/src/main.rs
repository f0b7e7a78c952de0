//! Chores of the house: `cargo run -p xtask -- tidy | demo | bench | generate | peers`. People come through `./run`,
//! which installs what these need.

mod bench;
mod demo;
mod generate;
mod peers;
mod tidy;
mod underpin;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What a chore cannot go on from; the person at the terminal reads it.
type Failure = Box<dyn std::error::Error>;

/// The one of the command, so that what is measured here is as fast as there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (verb, rest) = match arguments.split_first() {
        Some((verb, rest)) => (verb.as_str(), rest),
        None => ("help", &[][..]),
    };
    let words: Vec<&str> = rest.iter().map(String::as_str).collect();
    let root = workspace_root();
    let outcome = match (verb, words.as_slice()) {
        ("tidy", []) => Ok(tidy::run(&root)),
        ("demo", []) => demo::run(&root, demo::Output::Table),
        ("demo", ["--json"]) => demo::run(&root, demo::Output::Json),
        ("demo", ["--readme"]) => demo::run(&root, demo::Output::Readme),
        ("bench", []) => bench::run(&root, &bench::NAMES),
        ("bench", [name]) if bench::NAMES.contains(name) => bench::run(&root, &[name]),
        // What a benchmark runs programs in.
        ("measured", [program, arguments @ ..]) => bench::usage::measure_child(program, arguments),
        ("peers", []) => peers::run(&root, peers::Keep::Printed),
        ("peers", ["--write"]) => peers::run(&root, peers::Keep::InDocuments),
        ("generate", ["routines"]) => generate::routines(&root),
        _ => Err(format!(
            "usage: xtask tidy | demo [--json | --readme] | bench [{}] | peers [--write] | generate routines",
            bench::NAMES.join(" | ")
        )
        .into()),
    };
    outcome.unwrap_or_else(|failure| {
        let mut words = failure.to_string();
        let mut cause = failure.source();
        while let Some(error) = cause {
            words.push_str(&format!(": {error}"));
            cause = error.source();
        }
        eprintln!("xtask: {words}");
        ExitCode::from(2)
    })
}

/// The folder of the workspace's `Cargo.toml`.
fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies in a folder of the workspace").to_path_buf()
}
