//! The shell of a page's reader: runs commands one after the other, and keeps what runs beside them.

use std::io::{PipeReader, Read};
use std::path::Path;
use std::process::{Child, Command};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::projects::Given;

/// What one command leaves for the next ones.
#[derive(Default)]
pub(super) struct Shell {
    /// The exit code of the last one.
    code: i32,
    /// What was started with `&`: `%1` is the first.
    jobs: Vec<Option<Job>>,
}

/// A program that works until it is stopped.
struct Job {
    program: Child,
    said: PipeReader,
}

impl Shell {
    /// Runs a command, and answers what a terminal would show.
    pub(super) async fn execute(&mut self, command: &str, given: &Given) -> Vec<String> {
        if command == "echo $?" {
            return vec![self.code.to_string()];
        }
        if let Some(quoted) = command.strip_prefix("psql -q \"$DATABASE_URL\" -c \"") {
            let sql =
                quoted.strip_suffix('"').expect("the statement ends with the line").replace("\\\"", "\"");
            given.database.run(&sql).await;
            return Vec::new();
        }
        if let Some(arguments) = command.strip_prefix("underpin ") {
            let own_name =
                |word: String| if word == "shop" { given.database.name().to_owned() } else { word };
            let words: Vec<String> = words(arguments).into_iter().map(own_name).collect();
            let (said, ended) = underpin(words.iter().map(String::as_str), &given.folder(), &given.url());
            self.code = ended;
            return lines(&said);
        }
        if let Some(command) = command.strip_suffix(" &") {
            let (program, said) = started(shell(&format!("exec {command}"), given));
            self.jobs.push(Some(Job { program, said }));
            return Vec::new();
        }
        if let Some(number) = command.strip_prefix("kill %") {
            let number: usize = number.parse().expect("a job is a number");
            let job = self.jobs.get_mut(number - 1).and_then(Option::take).expect("the job runs");
            return lines(&job.stopped());
        }
        let (said, ended) = ended(shell(command, given));
        self.code = ended;
        lines(&said)
    }
}

impl Job {
    /// Asks it to end, and answers all that it has said.
    fn stopped(mut self) -> String {
        let pid = i32::try_from(self.program.id()).expect("a process id fits");
        kill(Pid::from_raw(pid), Signal::SIGTERM).expect("it is still there");
        let mut said = String::new();
        self.said.read_to_string(&mut said).expect("it writes UTF-8");
        self.program.wait().expect("it was started by us");
        said
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        // A page that failed in between must not leave anybody working.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// The command's words and data in the order in which a terminal would show them.
pub(super) fn underpin<'a>(
    arguments: impl Iterator<Item = &'a str>,
    folder: &Path,
    url: &str,
) -> (String, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_underpin"));
    command
        .args(arguments)
        .current_dir(folder)
        .env("DATABASE_URL", url)
        // Proofs of an earlier run of the test would make it say "proven before".
        .env("XDG_CACHE_HOME", folder.join(".cache"))
        .env("NO_COLOR", "1")
        // Where the tests themselves run for a request.
        .env_remove("GITHUB_BASE_REF")
        .env_remove("CI_MERGE_REQUEST_TARGET_BRANCH_NAME");
    ended(command)
}

/// A command as it stands, with the project's programs before those of the machine.
fn shell(command: &str, given: &Given) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", command])
        .current_dir(given.folder())
        .env("PATH", format!("{}:{path}", given.programs().display()))
        .env("DATABASE_URL", given.url())
        .env("CI", "true")
        .env("GIT_AUTHOR_NAME", "Ada")
        .env("GIT_AUTHOR_EMAIL", "ada@example.org")
        .env("GIT_COMMITTER_NAME", "Ada")
        .env("GIT_COMMITTER_EMAIL", "ada@example.org")
        .env("NO_COLOR", "1");
    shell
}

fn ended(command: Command) -> (String, i32) {
    let (mut program, mut output) = started(command);
    let mut said = String::new();
    output.read_to_string(&mut said).expect("it writes UTF-8");
    (said, program.wait().expect("it was started by us").code().unwrap_or(-1))
}

/// Both outputs go into one pipe. The command is consumed, because it holds the writing ends too.
fn started(mut command: Command) -> (Child, PipeReader) {
    let (output, input) = std::io::pipe().expect("a pipe can be made");
    let both = input.try_clone().expect("a pipe can be shared");
    let program = command.stdout(both).stderr(input).spawn();
    (program.unwrap_or_else(|error| panic!("{command:?}: {error}")), output)
}

/// The words of a command; quotes keep one together.
fn words(arguments: &str) -> Vec<String> {
    let apart = |(at, part): (usize, &str)| match at % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    };
    arguments.split('"').enumerate().flat_map(apart).collect()
}

fn lines(said: &str) -> Vec<String> {
    said.lines().map(str::to_owned).collect()
}
