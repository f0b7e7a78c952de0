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
    /// The server's main process. Not collected before the supervisor ends, so never another process.
    pub(crate) pid: u32,
}

impl Supervisor {
    /// Starts the server under a new supervisor; does not wait until it answers.
    pub(crate) fn start(
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
        let failed = |said: String| ShadowError::Program { command: "/bin/sh".into(), said };
        let mut child = command.spawn().map_err(|error| failed(format!("cannot be run: {error}")))?;
        let leash = child.stdin.take();
        let mut lifeline = child.stdout.take().expect("standard output is a pipe");
        // From here on dropping `child` and `leash` ends the server.
        let mut pid = String::new();
        let mut byte = [0];
        while lifeline.read(&mut byte).is_ok_and(|count| count == 1) && byte[0] != b'\n' {
            pid.push(char::from(byte[0]));
        }
        let pid = pid.parse().map_err(|_| failed("told no process id of the server".into()))?;
        fcntl(lifeline.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK))
            .map_err(|error| failed(error.to_string()))?;
        Ok(Self { child, leash, lifeline, pid })
    }

    /// Whether all processes of the server have ended.
    pub(crate) fn server_is_gone(&mut self) -> bool {
        matches!(self.lifeline.read(&mut [0; 16]), Ok(0))
    }

    /// Ends the server when it still runs, and the supervisor. Returns when both are gone.
    pub(crate) fn end(mut self, directory: Directory) -> Result<(), ShadowError> {
        self.finish(directory)
    }

    fn finish(&mut self, directory: Directory) -> Result<(), ShadowError> {
        let Some(mut leash) = self.leash.take() else { return Ok(()) };
        if directory == Directory::Keep {
            // A supervisor that is gone cannot remove the directory either.
            let _ = leash.write_all(b"keep\n");
        }
        drop(leash);
        let started = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(Some(_)) => return Ok(()),
                Ok(None) if started.elapsed() > END_LIMIT => {
                    let command = "stopping the throwaway server".into();
                    return Err(ShadowError::TooSlow { command, limit: END_LIMIT });
                }
                Ok(None) => thread::sleep(Duration::from_millis(1)),
                Err(error) => {
                    return Err(ShadowError::Program { command: "/bin/sh".into(), said: error.to_string() });
                }
            }
        }
    }
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
