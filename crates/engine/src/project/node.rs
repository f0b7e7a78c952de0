//! Running a configuration with the Node of the machine, in the project, for a limited time.
//!
//! The project's own Prisma loads it where it is installed, else jiti or tsx from `node_modules`,
//! else Node itself, which reads TypeScript since 22.6. Nothing is installed or fetched.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use super::Where;
use super::config::{Config, ConfiguredUrl};
use super::env_files::Environment;
use super::error::{ProjectError, ProjectErrorKind};
use crate::child;

const SCRIPT: &str = include_str!("evaluate.mjs");
const MARK: &str = "underpin-config:";

/// How long a configuration may run.
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
enum Answer {
    #[serde(rename_all = "camelCase")]
    Ok {
        schema: Option<String>,
        migrations: Option<String>,
        url: Option<AnsweredUrl>,
        direct_url: Option<AnsweredUrl>,
    },
    Failed {
        message: String,
    },
    #[serde(rename_all = "camelCase")]
    NoTypescript {
        node: String,
        strips_with_flag: bool,
    },
}

#[derive(Deserialize)]
struct AnsweredUrl {
    value: String,
    variable: Option<String>,
}

/// The `node` of the environment's `PATH`.
pub(super) fn find(environment: &Environment) -> Option<PathBuf> {
    let path = environment.get("PATH")?;
    std::env::split_paths(path).map(|folder| folder.join("node")).find(|program| program.is_file())
}

pub(super) fn evaluate(program: &Path, place: &Where, file: &Path) -> Result<Config, ProjectError> {
    let failed = |message: String, hint: &str| {
        ProjectError::new(ProjectErrorKind::ConfigFailed, message, hint).in_file(file)
    };
    let mut answer = run(program, &[], place, file)?;
    if let Answer::NoTypescript { strips_with_flag: true, node } = &answer
        && underpin_prisma::PrismaVersion::parse(node)
            .is_some_and(|node| node >= underpin_prisma::PrismaVersion::new(22, 6, 0))
    {
        answer = run(program, &["--experimental-strip-types"], place, file)?;
    }
    match answer {
        Answer::Ok { schema, migrations, url, direct_url } => {
            let folder = file.parent().unwrap_or(&place.cwd);
            let evaluated = |url: Option<AnsweredUrl>| {
                url.map(|url| ConfiguredUrl::Evaluated { value: url.value, variable: url.variable })
            };
            Ok(Config {
                file: file.to_owned(),
                schema: schema.map(|path| folder.join(path)),
                migrations: migrations.map(|path| folder.join(path)),
                url: evaluated(url),
                direct_url: evaluated(direct_url),
                environment: place.environment.clone(),
            })
        }
        Answer::Failed { message } => Err(failed(
            format!("the configuration failed: {}", one_line(&message)),
            "it runs as under Prisma: does prisma validate work here, with the same environment?",
        )),
        Answer::NoTypescript { node, .. } => Err(failed(
            format!("Node {node} cannot read TypeScript, and neither Prisma, jiti nor tsx is installed here"),
            "install the project's packages (npm ci), or use Node 22.6 or later",
        )),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn run(program: &Path, flags: &[&str], place: &Where, file: &Path) -> Result<Answer, ProjectError> {
    let failed = |message: String, hint: &str| {
        ProjectError::new(ProjectErrorKind::ConfigFailed, message, hint).in_file(file)
    };
    let mut command = Command::new(program);
    command
        .args(flags)
        .args(["--no-warnings", "--input-type=module", "--eval", SCRIPT, "--"])
        .arg(file)
        .arg(&place.cwd)
        .current_dir(&place.cwd)
        .env_clear()
        .envs(&place.environment);
    let answer = child::run(&mut command, TIMEOUT)
        .map_err(|error| failed(format!("{} cannot be started: {error}", program.display()), "check Node"))?;
    let Some(answer) = answer else {
        return Err(failed(
            format!("the configuration did not end within {} s", TIMEOUT.as_secs()),
            "it must not wait for anything: look for open connections, servers and prompts in it",
        ));
    };
    let (stdout, stderr) = (String::from_utf8_lossy(&answer.stdout), answer.complaint());
    let answer = stdout.rsplit(MARK).next().filter(|_| stdout.contains(MARK));
    answer.and_then(|line| serde_json::from_str(line.trim()).ok()).ok_or_else(|| {
        let last = stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no answer");
        failed(format!("the configuration could not be run: {}", last.trim()), "run it with node to see more")
    })
}
