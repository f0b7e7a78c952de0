//! The `underpin` binary that was built beside this program, run as anybody runs it.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tokio::process::Command;

use crate::Failure;

/// The binary.
#[derive(Clone)]
pub(crate) struct Underpin(PathBuf);

impl Underpin {
    /// The one that was built with us.
    pub(crate) fn beside_us() -> Result<Self, Failure> {
        let program = std::env::current_exe()?.with_file_name("underpin");
        if program.is_file() {
            Ok(Self(program))
        } else {
            Err(format!("there is no {}: build the package underpin-cli, or use ./run", program.display())
                .into())
        }
    }

    /// The program, to be started by whoever wants more of it than an answer.
    pub(crate) fn program(&self) -> &Path {
        &self.0
    }

    /// Whether it knows a command.
    pub(crate) fn has(&self, command: &str) -> bool {
        let mut help = std::process::Command::new(&self.0);
        let asked =
            help.args([command, "--help"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        asked.status().is_ok_and(|status| status.success())
    }

    /// Runs a command in a project's folder. `Ok(Err(words))` is a command that ran and did not succeed.
    pub(crate) async fn run(
        &self,
        arguments: &[&str],
        project: &Path,
        url: &str,
    ) -> Result<Result<(), String>, Failure> {
        let output = Command::new(&self.0)
            .args(arguments)
            .current_dir(project)
            .env("DATABASE_URL", url)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        Ok(if output.status.success() { Ok(()) } else { Err(words(&output)) })
    }

    /// `underpin deploy`.
    pub(crate) async fn deploy(&self, project: &Path, url: &str) -> Result<Result<(), String>, Failure> {
        self.run(&["deploy"], project, url).await
    }
}

/// How a program ended and what it said.
pub(crate) fn words(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}: {}{}", output.status, text(&output.stdout), text(&output.stderr))
}
