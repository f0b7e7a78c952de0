//! The `underpin` command: what was typed, what the engine did, and an exit code.
//!
//! It holds no logic. A command is a file in `command/`; data goes to stdout, words to stderr with
//! `--json`, and no credential is ever printed.

mod arguments;
mod baseline;
mod command;
mod gather;
mod judging;
mod linting;
mod lsp;
mod output;
mod place;
mod reading;
mod reporting;
mod signals;
mod weighing;

use std::process::ExitCode;

use clap::Parser;
use underpin_core::exit;
use underpin_engine::Problem;

use crate::arguments::{Arguments, Command};
use crate::output::{Output, hidden};

/// Reading SQL makes and drops millions of small parts of trees, on several threads. The system's allocator takes
/// a sixth of lint's time more.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => return ExitCode::from(not_understood(&error)),
        Err(help) => {
            // A failure to print help has no better place to go.
            let _ = help.print();
            return ExitCode::from(exit::CLEAN);
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the system does not let this program start its threads: {error}");
            return ExitCode::from(exit::COULD_NOT_RUN);
        }
    };
    let output = Output::new(arguments.json());
    let ended = runtime.block_on(async {
        match &arguments.command {
            Command::Deploy(options) => command::deploy::run(options, &output).await,
            Command::Status(options) => command::status::run(options, &output).await,
            Command::Resolve(options) => command::resolve::run(options, &output).await,
            Command::Doctor(options) => command::doctor::run(options, &output).await,
            Command::Precheck(options) => command::precheck::run(options, &output).await,
            Command::Drift(options) => command::drift::run(options, &output).await,
            Command::Diff(options) => command::diff::run(options, &output).await,
            Command::Compat(options) => command::compat::run(options, &output).await,
            Command::Create(options) => command::create::run(options, &output).await,
            Command::Plan(options) => command::plan::run(options, &output).await,
            Command::Recover(options) => command::recover::run(options, &output).await,
            Command::Rollout(options) => command::rollout::run(options, &output).await,
            Command::Purge(options) => command::purge::run(options, &output).await,
            Command::ExplainTx(options) => command::explain_tx::run(options, &output).await,
            Command::Stats(options) => command::stats::run(options, &output).await,
            Command::Snapshot(options) => command::snapshot::run(options, &output).await,
            Command::Lint(options) => command::lint::run(options, &output).await,
            Command::Check(options) => command::check::run(options, &output).await,
            Command::Audit(options) => command::audit::run(options, &output).await,
            Command::Explain(options) => command::explain::run(options, &output),
            Command::Lsp(options) => command::lsp::run(options),
        }
    });
    // Tasks that still drive connections have nothing left to say.
    runtime.shutdown_background();
    ExitCode::from(ended.unwrap_or_else(|problem| output.problem(&problem)))
}

/// What was typed and is not ours: in the words of the parser, or as the one object of `--json`.
fn not_understood(error: &clap::Error) -> u8 {
    let text = error.to_string();
    let code = match std::env::args_os().any(|argument| argument == "--exit-code") {
        // Prisma's 2 says that there is a difference.
        true => command::diff::PRISMA_FAILED,
        false => exit::COULD_NOT_RUN,
    };
    if std::env::args_os().any(|argument| argument == "--json") {
        let first = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
        let problem = Problem::new(first).exiting(code).hint("see: underpin --help");
        return Output::new(true).problem(&problem);
    }
    let shown = hidden(&text);
    if shown == text {
        // With its colours, where there is a terminal.
        let _ = error.print();
    } else {
        eprint!("{shown}");
    }
    code
}
