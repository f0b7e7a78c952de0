//! What the tests stand on: folders, processes, and playing a role in a second process.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Lines, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls};
use underpin_shadow::{Installation, Wanted, find_or_fetch};

const ROLE: &str = "UNDERPIN_SHADOW_TEST_ROLE";
const MARK: &str = "@@ ";

pub(crate) async fn installation(major: u32) -> Installation {
    find_or_fetch(&Wanted::of_major(major)).await.unwrap()
}

pub(crate) async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub(crate) async fn ask(client: &Client, query: &str) -> String {
    client.query_one(query, &[]).await.unwrap().get(0)
}

/// A folder that every account may fill, as the system's temporary folder.
pub(crate) fn open_folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("underpin-it-").tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o1777)).unwrap();
    folder
}

pub(crate) fn write_program(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

pub(crate) fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Whether a process runs; one that has ended and waits to be collected does not.
pub(crate) fn runs(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

pub(crate) fn within(limit: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The role that this process plays, when it is a second process.
pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// In a role: tells the first process something.
pub(crate) fn say(text: impl std::fmt::Display) {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{MARK}{text}").unwrap();
    stdout.flush().unwrap();
}

/// In a role: waits to be killed, or for the first process to end.
pub(crate) fn wait_for_the_end() {
    let mut line = String::new();
    while std::io::stdin().read_line(&mut line).is_ok_and(|count| count > 0) {}
}

/// This test program again, for one test, in a role.
pub(crate) struct Role {
    pub(crate) command: Command,
}

impl Role {
    pub(crate) fn new(test: &str, role: &str) -> Self {
        Self::by(&std::env::current_exe().unwrap(), test, role)
    }

    pub(crate) fn by(program: &Path, test: &str, role: &str) -> Self {
        // Whoever runs the tests may have ignored signals (`nohup`, a shell's background job), which a child
        // inherits; an owner has to hear them.
        let mut command = Command::new("env");
        command.arg("--default-signal=HUP,INT").arg(program);
        command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(ROLE, role);
        // A group of its own, so that a test can send it what a terminal would send.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        Self { command }
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn play(mut self) -> Playing {
        let mut child = self.command.spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        Playing { child, said }
    }
}

/// A second process in its role.
pub(crate) struct Playing {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Playing {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next thing that it says.
    pub(crate) fn hear(&mut self) -> String {
        self.said
            .by_ref()
            .map(Result::unwrap)
            .find_map(|line| line.split_once(MARK).map(|(_, said)| said.to_owned()))
            .expect("the second process says what it is asked for")
    }

    /// Sends a signal to its process group, as Ctrl-C does.
    pub(crate) fn signal_group(&self, signal: &str) {
        signal_to(&format!("-{}", self.pid()), signal);
    }

    /// Waits for its end, and hears it out.
    pub(crate) fn end(mut self) -> ExitStatus {
        self.wait()
    }

    fn wait(&mut self) -> ExitStatus {
        drop(self.child.stdin.take());
        for line in self.said.by_ref() {
            drop(line);
        }
        self.child.wait().unwrap()
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        self.wait();
    }
}

pub(crate) fn signal_to(target: &str, signal: &str) {
    assert!(Command::new("kill").args([signal, "--", target]).status().unwrap().success());
}

/// What an owner of a server says about it: its process id and its directory.
pub(crate) fn hear_server(owner: &mut Playing) -> (u32, PathBuf) {
    (owner.hear().parse().unwrap(), owner.hear().into())
}
