//! How a report is asked for and where it goes: what `lint` and `check` have in common on the command line.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use underpin_core::lint::finding::Severity;
use underpin_core::lint::unknown_names;
use underpin_core::settings::LintSettings;
use underpin_engine::Problem;

use crate::output::lint::{Format, Told, write_to};
use crate::output::{Output, may_colour, width};

/// The width of a report that goes into a file or a pipe.
const WIDTH: usize = 100;

/// A pipe takes so much at once.
const BYTES_AT_A_TIME: usize = 64 << 10;

/// In which form a report is printed, where to, and what of it fails.
#[derive(Debug, Args)]
pub(crate) struct Reporting {
    /// In which form
    #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORM")]
    format: Format,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Write the report here instead of on stdout
    #[arg(long = "output", short = 'o', value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The least severity that ends with exit 10: info, caution, danger or blocker [default: danger]
    #[arg(long, value_name = "SEVERITY")]
    pub(crate) fail_on: Option<Severity>,
    /// What does not count, because it was there before [default: underpin-baseline.json beside the settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
}

impl Reporting {
    pub(crate) fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }

    /// What of a report fails.
    pub(crate) fn fail_on(&self, settings: &LintSettings) -> Severity {
        self.fail_on.unwrap_or(settings.fail_on)
    }

    /// How wide what is printed may be, and whether it may have colours.
    pub(crate) fn surface(&self) -> (usize, bool) {
        let on_terminal = self.is_on_terminal();
        (columns(on_terminal), on_terminal && may_colour())
    }

    /// Prints a report, on stdout or into the file, and answers the exit code.
    pub(crate) fn report(&self, told: &Told<'_>, output: &Output) -> Result<u8, Problem> {
        match &self.file {
            None => {
                // A reader that has gone away is not our failure.
                let _ = print(self.format(), told, std::io::stdout().lock());
                let is_read = self.is_on_terminal() && self.format() == Format::Human;
                if let Some(step) = told.next_step().filter(|_| is_read) {
                    output.remark(step);
                }
            }
            Some(path) => {
                let file = std::fs::File::create(path);
                file.and_then(|file| print(self.format(), told, file))
                    .map_err(|error| unwritable(path, &error))?;
                output.remark(format!("{}: {}", path.display(), told.verdict()));
            }
        }
        Ok(told.exit_code())
    }

    fn is_on_terminal(&self) -> bool {
        self.file.is_none() && std::io::stdout().is_terminal()
    }
}

/// How wide what is printed may be.
pub(crate) fn columns(on_terminal: bool) -> usize {
    if on_terminal { width().unwrap_or(WIDTH) } else { WIDTH }
}

/// A rule that is misspelt in the settings would be a rule that is not set, and so with groups.
pub(crate) fn check_names(settings: &LintSettings) -> Result<(), Problem> {
    match unknown_names(settings).first() {
        Some(unknown) => Err(Problem::new(unknown.message()).hint(unknown.hint())),
        None => Ok(()),
    }
}

/// Writes a file that somebody named.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Problem> {
    std::fs::write(path, text).map_err(|error| unwritable(path, &error))
}

fn print(format: Format, told: &Told<'_>, to: impl Write) -> io::Result<()> {
    let mut to = BufWriter::with_capacity(BYTES_AT_A_TIME, to);
    write_to(format, told, &mut to)?;
    to.flush()
}

fn unwritable(path: &Path, error: &io::Error) -> Problem {
    Problem::new(format!("cannot be written: {error}"))
        .at(path.display().to_string())
        .hint("name a file in a folder that is there and may be written to")
}
