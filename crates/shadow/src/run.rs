//! Running a short program to its end, within a limit.

use std::io::{Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::ShadowError;

/// What a program said.
pub(crate) struct Said {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// The last lines of what it said, its complaints first.
    pub(crate) fn last_words(&self) -> String {
        let words = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        match last_lines(words, 12) {
            said if said.is_empty() => self.status.to_string(),
            said => said,
        }
    }
}

/// Runs a program that must succeed; returns its standard output.
pub(crate) fn succeed(command: &mut Command, input: &str, limit: Duration) -> Result<String, ShadowError> {
    let said = run(command, input, limit)?;
    if said.status.success() {
        return Ok(said.stdout);
    }
    Err(ShadowError::Program { command: line(command), said: said.last_words() })
}

/// Runs a program, feeds it `input` and collects what it says. Kills it at the limit.
pub(crate) fn run(command: &mut Command, input: &str, limit: Duration) -> Result<Said, ShadowError> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|source| ShadowError::Program {
        command: program(command),
        said: format!("cannot be run: {source}"),
    })?;
    if let Some(mut stdin) = child.stdin.take() {
        // Our inputs are far below a pipe's capacity, so this cannot block; a program that ended without
        // reading says why by its status.
        let _ = stdin.write_all(input.as_bytes());
    }
    // A thread each, because a program that fills one pipe while we read the other would never end.
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let started = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if started.elapsed() > limit => {
                // An error means that it ended meanwhile; either way it is gone afterwards.
                let _ = child.kill();
                let _ = child.wait();
                return Err(ShadowError::TooSlow { command: line(command), limit });
            }
            Ok(None) => thread::sleep(Duration::from_millis(1)),
            Err(source) => {
                return Err(ShadowError::Program { command: line(command), said: source.to_string() });
            }
        }
    };
    Ok(Said { status, stdout: stdout.join().unwrap_or_default(), stderr: stderr.join().unwrap_or_default() })
}

/// The last lines of a text that are not empty, joined by "; " so that they fit into an error.
pub(crate) fn last_lines(text: &str, lines_max: usize) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(lines_max)..].join("; ")
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error is still worth showing.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn program(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

fn line(command: &Command) -> String {
    let mut line = program(command);
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}
