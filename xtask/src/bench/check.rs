//! `check` of a project of 820 migrations, whole process, with all its parts.
//!
//! Warm, the migrations of the base are kept from an earlier run, and one is new each time. Cold, nothing of the
//! history is kept; the slim cluster that servers start from is there, as `bench shadow` has it. The peer of the
//! cold one is `psql` with the same files in one session, on a server as people have it; on a throwaway server
//! that is running already is told too, without a mark.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use underpin_shadow::StartOptions;
use underpin_testkit::{ProjectFolder, Server, corpus};

use super::replay::{find_psql, run_files};
use super::usage::{Usage, line, measure_with, median};
use super::{Finding, MAJOR, timed};
use crate::Failure;
use crate::underpin::{Underpin, words};

/// Warm to cold, at most.
const WARM_MARK: f64 = 0.1;

/// Cold to `psql`, at most.
const COLD_MARK: f64 = 1.5;

/// The longest history of the corpus.
const HISTORY: &str = "trigger.dev";

const ROUNDS: usize = 7;

/// The machine's mood changes, and a warm run is short.
const WARM_A_ROUND: usize = 3;

/// What the project's schema is not equal to is told, as the last thing: exit 10.
const MAY_END: [i32; 2] = [0, 10];

pub(super) async fn measure_warm() -> Result<Finding, Failure> {
    let project = Project::of_the_corpus().await?;
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    let mut new = 0;
    for _ in 0..ROUNDS {
        project.forget()?;
        cold.push(project.check()?);
        for _ in 0..WARM_A_ROUND {
            new += 1;
            project.write_new(new)?;
            warm.push(project.check()?);
        }
        project.remove_new()?;
    }
    println!("{} migrations, and one new", project.files.len());
    line("underpin check, warm", &warm);
    line("underpin check, cold", &cold);
    let ratio = median(&warm).wall_ms / median(&cold).wall_ms;
    Ok(Finding {
        value: median(&warm).wall_ms,
        unit: "ms",
        ratio,
        peer: "a cold check".to_owned(),
        met: ratio <= WARM_MARK,
        marks: format!("at most {WARM_MARK} of a cold check"),
        raw: json!({ "migrations": project.files.len(), "warm": warm, "cold": cold }),
    })
}

pub(super) async fn measure_cold() -> Result<Finding, Failure> {
    let project = Project::of_the_corpus().await?;
    let psql = find_psql()?;
    let server = Server::start(MAJOR, StartOptions { durable: true, ..StartOptions::default() }).await?;
    let throwaway = Server::start(MAJOR, StartOptions::default()).await?;
    let (mut cold, mut by_psql, mut on_throwaway) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        project.forget()?;
        cold.push(project.check()?);
        for (server, runs) in [(&server, &mut by_psql), (&throwaway, &mut on_throwaway)] {
            let database = server.database("psql").await;
            let ((), ms) = timed(run_files(&psql, &project.files, &database.url())).await?;
            runs.push(ms);
        }
    }
    println!("{} migrations", project.files.len());
    line("underpin check, cold", &cold);
    super::line("psql, one session", &by_psql);
    super::line("psql, one session, on a throwaway server", &on_throwaway);
    let ms = median(&cold).wall_ms;
    println!("to psql on a throwaway server: ratio {:.2}", ms / super::median(&on_throwaway));
    let ratio = ms / super::median(&by_psql);
    Ok(Finding {
        value: ms,
        unit: "ms",
        ratio,
        peer: "psql with the same files".to_owned(),
        met: ratio <= COLD_MARK,
        marks: format!("at most {COLD_MARK} of psql"),
        raw: json!({
            "migrations": project.files.len(), "cold": cold, "psql_ms": by_psql,
            "psql_on_a_throwaway_server_ms": on_throwaway,
        }),
    })
}

/// A repository with the history on its main branch, and a cache of its own.
struct Project {
    folder: ProjectFolder,
    cache: tempfile::TempDir,
    files: Vec<PathBuf>,
    underpin: Underpin,
    arguments: Vec<OsString>,
}

impl Project {
    async fn of_the_corpus() -> Result<Self, Failure> {
        let underpin = Underpin::beside_us()?;
        if !underpin.has("check") {
            return Err("this underpin has no check to be measured".into());
        }
        let history = corpus::history(HISTORY);
        let folder = ProjectFolder::prisma6()
            .migrations_of(&history.migrations)
            .file("prisma/schema.prisma", history.schema());
        for arguments in [
            &["init", "--quiet", "--initial-branch=main"][..],
            &["add", "--all"],
            &[
                "-c",
                "user.name=bench",
                "-c",
                "user.email=bench@localhost",
                "commit",
                "--quiet",
                "--message=all",
            ],
            &["checkout", "--quiet", "-b", "change"],
        ] {
            git(folder.path(), arguments)?;
        }
        let cache = tempfile::tempdir()?;
        // The server's account reads the clusters in it.
        fs::set_permissions(
            cache.path(),
            <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755),
        )?;
        let installation = underpin_testkit::installation(MAJOR).await?;
        let mut arguments: Vec<OsString> =
            ["check", "--base=main", "--format=json", &format!("--pg-version={MAJOR}")]
                .map(OsString::from)
                .into();
        arguments.extend(["--postgres-bin".into(), installation.bin.into_os_string()]);
        let files = history.names.iter().map(|name| history.migrations.join(name).join("migration.sql"));
        let project = Self { files: files.collect(), folder, cache, underpin, arguments };
        // Makes the cluster that all servers start from, and is not counted.
        project.check()?;
        Ok(project)
    }

    fn check(&self) -> Result<Usage, Failure> {
        let (cache, program) = (("UNDERPIN_CACHE_DIR", self.cache.path()), self.underpin.program());
        measure_with(&[cache], program, &self.arguments, self.folder.path(), &MAY_END)
    }

    /// Forgets what is kept of the history.
    fn forget(&self) -> Result<(), Failure> {
        Ok(fs::remove_dir_all(self.cache.path().join("kept"))?)
    }

    /// Another new migration, instead of the last one.
    fn write_new(&self, number: u32) -> Result<(), Failure> {
        let folder = self.new_folder();
        fs::create_dir_all(&folder)?;
        let script = format!("-- AlterTable\nALTER TABLE \"User\" ADD COLUMN \"nickname{number}\" TEXT;\n");
        Ok(fs::write(folder.join("migration.sql"), script)?)
    }

    fn remove_new(&self) -> Result<(), Failure> {
        Ok(fs::remove_dir_all(self.new_folder())?)
    }

    fn new_folder(&self) -> PathBuf {
        self.folder.migrations().join("20990101000000_nickname")
    }
}

fn git(folder: &Path, arguments: &[&str]) -> Result<(), Failure> {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output()?;
    if output.status.success() { Ok(()) } else { Err(format!("git: {}", words(&output)).into()) }
}
