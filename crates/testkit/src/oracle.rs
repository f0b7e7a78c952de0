//! The real Prisma CLI, offline: what it says is what is right.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::places::shared;

/// The CLI takes 1 to 2 s; the longest history half a minute. Beyond this it hangs.
const LIMIT: Duration = Duration::from_secs(300);

static HOME: OnceCell<PathBuf> = OnceCell::const_new();

/// The real Prisma CLI of one major, installed once for each user.
#[derive(Clone, Debug)]
pub struct Oracle {
    program: PathBuf,
}

/// What a program said, and how it ended.
#[derive(Clone, Debug)]
pub struct Said {
    /// The exit code; 128 and more for a signal, as a shell has it.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Said {
    /// Both outputs, for an assertion's message.
    pub fn all(&self) -> String {
        format!("exit {}\n{}{}", self.code, self.stdout, self.stderr)
    }
}

impl Oracle {
    /// Prisma 7.
    pub async fn prisma7() -> Self {
        Self { program: home().await.join("bin/prisma7") }
    }

    /// Prisma 6, which stands for 5 as well: the ledger and the commands are the same.
    pub async fn prisma6() -> Self {
        Self { program: home().await.join("bin/prisma6") }
    }

    /// The program, to be run by hand (to be killed on the way, say) with `DATABASE_URL` set.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Runs any command of the CLI in a project's folder: `["migrate", "status"]`.
    ///
    /// # Panics
    /// When the program cannot be started, or has not ended after five minutes.
    pub async fn run(&self, project: &Path, url: &str, arguments: &[&str]) -> Said {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(project)
            .env("DATABASE_URL", url)
            .env("CI", "true")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        said(&mut command).await
    }

    /// `prisma migrate deploy`.
    pub async fn deploy(&self, project: &Path, url: &str) -> Said {
        self.run(project, url, &["migrate", "deploy"]).await
    }

    /// `prisma migrate status`.
    pub async fn status(&self, project: &Path, url: &str) -> Said {
        self.run(project, url, &["migrate", "status"]).await
    }

    /// `prisma migrate resolve --applied NAME`.
    pub async fn resolve_applied(&self, project: &Path, url: &str, name: &str) -> Said {
        self.run(project, url, &["migrate", "resolve", "--applied", name]).await
    }

    /// `prisma migrate resolve --rolled-back NAME`.
    pub async fn resolve_rolled_back(&self, project: &Path, url: &str, name: &str) -> Said {
        self.run(project, url, &["migrate", "resolve", "--rolled-back", name]).await
    }
}

/// Runs a program to its end.
pub(crate) async fn said(command: &mut Command) -> Said {
    let run = tokio::time::timeout(LIMIT, command.output()).await;
    let output = match run {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => panic!("cannot run {command:?}: {error}"),
        Err(_) => panic!("{command:?} has not ended after {} s", LIMIT.as_secs()),
    };
    let signal = std::os::unix::process::ExitStatusExt::signal(&output.status).unwrap_or(0);
    Said {
        code: output.status.code().unwrap_or(128 + signal),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Where the oracle is installed: `ORACLE_HOME` when it is (`./run test` sees to that), else its own set-up
/// is run, which is quick when nothing is to be done.
pub(crate) async fn home() -> &'static PathBuf {
    HOME.get_or_init(|| async {
        if let Some(home) = std::env::var_os("ORACLE_HOME").map(PathBuf::from)
            && home.join("bin/prisma7").is_file()
            && home.join("node_modules/prisma").is_dir()
        {
            return home;
        }
        let set_up = said(&mut Command::new(shared().join("oracle/setup.sh"))).await;
        assert!(set_up.code == 0, "the oracle could not be installed: {}", set_up.all());
        PathBuf::from(set_up.stdout.trim())
    })
    .await
}
