//! How things are printed: human words, or one JSON object, and events as they happen.

pub(crate) mod audit;
pub(crate) mod compat;
pub(crate) mod consequences;
pub(crate) mod create;
mod credentials;
pub(crate) mod diff;
pub(crate) mod drift;
pub(crate) mod lint;
pub(crate) mod page;
pub(crate) mod parked;
pub(crate) mod plan;
pub(crate) mod precheck;
mod progress;
pub(crate) mod protected;
pub(crate) mod rollout;

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Mutex;

use serde::Serialize;
use underpin_core::event::Event;
use underpin_engine::{Events, Problem};

pub(crate) use self::credentials::hidden;
use self::progress::Progress;

/// Where output goes.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Data: on stdout, unless JSON is asked for.
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        if !self.json {
            write_line(&mut std::io::stdout().lock(), text.as_ref());
        }
    }

    /// Data that is JSON however it is asked for: on stdout, piece by piece.
    pub(crate) fn data(&self, mut pieces: impl Iterator<Item = String>) {
        let mut stdout = std::io::BufWriter::new(std::io::stdout().lock());
        // Whoever reads may have seen enough.
        let _ = pieces.try_for_each(|piece| stdout.write_all(piece.as_bytes())).and_then(|()| stdout.flush());
    }

    /// Words that accompany the data: on stderr.
    pub(crate) fn remark(&self, text: impl AsRef<str>) {
        if !self.json {
            write_line(&mut std::io::stderr().lock(), text.as_ref());
        }
    }

    /// The one JSON object of `--json`.
    pub(crate) fn object(&self, value: &impl Serialize) {
        if self.json
            && let Ok(text) = serde_json::to_string_pretty(value)
        {
            write_line(&mut std::io::stdout().lock(), &text);
        }
    }

    /// Says what is wrong, and answers the exit code.
    pub(crate) fn problem(&self, problem: &Problem) -> u8 {
        let problem = &credentials::without(problem);
        self.object(&serde_json::json!({ "version": 1, "error": problem }));
        if !self.json {
            let mut text = match &problem.code {
                Some(code) => format!("Error: {code}\n\n{}", problem.message),
                None => format!("Error: {}", problem.message),
            };
            if let Some(place) = &problem.place {
                text.push_str(&format!("\n  at {place}"));
            }
            for fault in &problem.faults {
                text.push_str(&format!("\n  {}: {}", fault.place, fault.message));
                if !fault.hint.is_empty() {
                    text.push_str(&format!("\n    - {}", fault.hint));
                }
            }
            for hint in &problem.hints {
                text.push_str(&format!("\n  - {hint}"));
            }
            write_line(&mut std::io::stderr().lock(), &text);
        }
        problem.exit
    }

    /// Events to a person and, as lines of JSON, to `file` (`-` is stderr).
    pub(crate) fn events(&self, file: Option<&Path>) -> Result<Events, Problem> {
        let lines: Option<Mutex<Box<dyn Write + Send>>> = match file {
            None => None,
            Some(path) if path == Path::new("-") => Some(Mutex::new(Box::new(std::io::stderr()))),
            Some(path) => {
                let file = std::fs::File::create(path).map_err(|error| {
                    Problem::new(format!("events cannot be written to {}: {error}", path.display()))
                        .hint("name a file in a folder that is there, or - for stderr")
                })?;
                Some(Mutex::new(Box::new(file)))
            }
        };
        let progress = (!self.json).then(|| Mutex::new(Progress::new(std::io::stderr().is_terminal())));
        Ok(Events::to(move |event| {
            if let Some(lines) = &lines
                && let Ok(mut lines) = lines.lock()
            {
                write_line(&mut *lines, &stamped(&event));
            }
            if let Some(progress) = &progress
                && let Ok(mut progress) = progress.lock()
            {
                progress.show(&event);
            }
        }))
    }
}

/// Whether a terminal may be given colours.
pub(crate) fn may_colour() -> bool {
    let told = |name: &str| std::env::var_os(name).unwrap_or_default();
    told("NO_COLOR").is_empty() && told("TERM") != "dumb"
}

/// How wide the terminal is, in columns.
pub(crate) fn width() -> Option<usize> {
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}

#[derive(Serialize)]
struct Stamped<'a> {
    at: jiff::Timestamp,
    #[serde(flatten)]
    event: &'a Event,
}

fn stamped(event: &Event) -> String {
    serde_json::to_string(&Stamped { at: jiff::Timestamp::now(), event }).unwrap_or_default()
}

/// A reader that has gone away (a closed pipe) is not our failure.
fn write_line(to: &mut dyn Write, text: &str) {
    let _ = writeln!(to, "{text}");
    let _ = to.flush();
}
