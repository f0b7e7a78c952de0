//! The process that outlives us for a moment to clear up: starting it and talking with it.
//!
//! It is a shell script, because it must hold nothing of ours and survive a kill -9 of us. It runs as the
//! server's account, in a process group of its own, so that Ctrl-C in the terminal does not reach it.

use std::env;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::ShadowError;
use crate::account::Account;
use crate::places::RunDirectory;

const SCRIPT: &str = include_str!("supervisor.sh");

/// The script gives the server ten seconds, and removes the directory.
const END_LIMIT: Duration = Duration::from_secs(20);

/// What becomes of the server's directory at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Directory {
    Remove,
    Keep,
}

/// A running supervisor with its server.
#[derive(Debug)]
pub(crate) struct Supervisor {
    child: Child,
    /// Closing it is the order to end.
    leash: Option<ChildStdin>,
    /// Open for as long as a process of the server lives.
    lifeline: ChildStdout,
    /// The server's main process, once started. Not collected before the supervisor ends, so never another process.
    pid: Option<u32>,
}

impl Supervisor {
    /// Starts a supervisor that guards a directory, and knows how to start the server in it.
    pub(crate) fn guard(
        directory: &RunDirectory,
        account: &Account,
        server: &[OsString],
    ) -> Result<Self, ShadowError> {
        let path = directory.path();
        let lock = directory.lock.try_clone().map_err(ShadowError::io("share the lock of", path))?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT, "underpin-shadow"]).arg(path).args(server);
        environment(&mut command);
        account.run(&mut command);
        command.current_dir("/").process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(lock);
        let mut child = command.spawn().map_err(|error| failed(format!("cannot be run: {error}")))?;
        let leash = child.stdin.take();
        let lifeline = child.stdout.take().expect("standard output is a pipe");
        Ok(Self { child, leash, lifeline, pid: None })
    }

    /// Starts the server, and returns its process id; does not wait until it answers.
    pub(crate) fn start_server(&mut self) -> Result<u32, ShadowError> {
        self.tell("start");
        let mut pid = String::new();
        let mut byte = [0];
        while self.lifeline.read(&mut byte).is_ok_and(|count| count == 1) && byte[0] != b'\n' {
            pid.push(char::from(byte[0]));
        }
        let pid = pid.parse().map_err(|_| failed("ended before it started the server".into()))?;
        fcntl(self.lifeline.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK))
            .map_err(|error| failed(error.to_string()))?;
        self.pid = Some(pid);
        Ok(pid)
    }

    /// Sends a signal to the server's main process. That it has ended already is no error.
    pub(crate) fn signal_server(&self, signal: Signal) {
        if let Some(pid) = self.pid.and_then(|pid| i32::try_from(pid).ok()) {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }

    /// Whether all processes of the server have ended, or none was started.
    pub(crate) fn server_is_gone(&mut self) -> bool {
        self.pid.is_none() || matches!(self.lifeline.read(&mut [0; 16]), Ok(0))
    }

    /// Ends the server when it still runs, and the supervisor. Returns when both are gone.
    pub(crate) fn end(mut self, directory: Directory) -> Result<(), ShadowError> {
        self.finish(directory)
    }

    /// Gives the order to end, and waits for nothing.
    pub(crate) fn leave(self) {
        // Somebody has to collect its end, for as long as this process goes on. Without a thread it is us, now.
        let _ = thread::Builder::new().spawn(move || drop(self));
    }

    fn finish(&mut self, directory: Directory) -> Result<(), ShadowError> {
        if directory == Directory::Keep {
            self.tell("keep");
        }
        if self.leash.take().is_none() {
            return Ok(());
        }
        let started = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(Some(_)) => return Ok(()),
                Ok(None) if started.elapsed() > END_LIMIT => {
                    let command = "stopping the throwaway server".into();
                    return Err(ShadowError::TooSlow { command, limit: END_LIMIT });
                }
                Ok(None) => thread::sleep(Duration::from_millis(1)),
                Err(error) => return Err(failed(error.to_string())),
            }
        }
    }

    fn tell(&mut self, word: &str) {
        if let Some(leash) = &mut self.leash {
            // A supervisor that is gone can neither start a server nor remove the directory; the next read
            // from it tells.
            let _ = writeln!(leash, "{word}");
        }
    }
}

fn failed(said: String) -> ShadowError {
    ShadowError::Program { command: "/bin/sh (supervisor of the server)".into(), said }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // Nobody can be told; the supervisor goes on by itself when it takes longer than we wait.
        let _ = self.finish(Directory::Remove);
    }
}

/// What PostgreSQL's programs see of our environment: where programs and, for builds in unusual folders,
/// libraries are. `PG…` variables, locales and time zones must not leak into the cluster.
pub(crate) fn environment(command: &mut Command) {
    command.env_clear().env("LC_ALL", "C").env("TZ", "UTC");
    for name in ["PATH", "LD_LIBRARY_PATH"] {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
}
