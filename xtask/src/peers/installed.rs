//! The peers that the registries have, in versions that are pinned, in the user's cache.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::json;

use crate::Failure;
use crate::underpin::words;

/// npm: `squawk-cli`. Its native program is in the package of the platform.
pub(crate) const SQUAWK: &str = "2.66.0";
/// npm: `@flvmnt/pgfence`. Its repository is further (0.5) than what can be installed.
pub(crate) const PGFENCE: &str = "0.1.5";
/// npm: `prisma-strong-migrations`.
pub(super) const PRISMA_STRONG_MIGRATIONS: &str = "1.1.0";

/// The folder with the npm packages.
pub(crate) struct Installed(PathBuf);

impl Installed {
    /// Installs what is missing.
    pub(crate) fn ensure() -> Result<Self, Failure> {
        let folder = cache()?.join("peers");
        fs::create_dir_all(&folder)?;
        let manifest = json!({ "private": true, "dependencies": {
            "squawk-cli": SQUAWK,
            "@flvmnt/pgfence": PGFENCE,
            "prisma-strong-migrations": PRISMA_STRONG_MIGRATIONS,
        }});
        let manifest = format!("{manifest:#}\n");
        let (wanted, done) = (folder.join("package.json"), folder.join("installed.json"));
        if fs::read_to_string(&done).is_ok_and(|installed| installed == manifest) {
            return Ok(Self(folder));
        }
        eprintln!("peers: installing squawk, pgfence and prisma-strong-migrations into {}", folder.display());
        fs::write(&wanted, &manifest)?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&folder);
        let output = npm.output().map_err(|error| format!("npm cannot be started: {error}"))?;
        if !output.status.success() {
            return Err(format!("npm install in {}: {}", folder.display(), words(&output)).into());
        }
        fs::write(done, manifest)?;
        Ok(Self(folder))
    }

    /// The native program, without the script of Node that starts it.
    pub(crate) fn squawk(&self) -> Result<PathBuf, Failure> {
        let platform = match (env::consts::OS, env::consts::ARCH) {
            ("linux", "x86_64") => "linux-x64",
            ("linux", "aarch64") => "linux-arm64",
            ("macos", "x86_64") => "darwin-x64",
            ("macos", "aarch64") => "darwin-arm64",
            (os, machine) => return Err(format!("squawk has no program for {os} on {machine}").into()),
        };
        self.program(&format!("@squawk-cli/{platform}/bin/squawk"))
    }

    /// A script for Node.
    pub(crate) fn pgfence(&self) -> Result<PathBuf, Failure> {
        self.program("@flvmnt/pgfence/dist/index.js")
    }

    /// A script for Node.
    pub(super) fn prisma_strong_migrations(&self) -> Result<PathBuf, Failure> {
        self.program(".bin/prisma-strong-migrations")
    }

    fn program(&self, path: &str) -> Result<PathBuf, Failure> {
        let program = self.0.join("node_modules").join(path);
        if program.exists() {
            return Ok(program);
        }
        let folder = self.0.display();
        Err(format!("there is no {}: delete {folder} and run this again", program.display()).into())
    }
}

/// eugene, where somebody has installed it, and its version.
pub(super) fn eugene() -> Option<(PathBuf, String)> {
    let cargo = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(home()?.join(".cargo")))?;
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = env::split_paths(&path).chain([cargo.join("bin")]);
    let program = folders.find_map(|folder| Some(folder.join("eugene")).filter(|file| file.is_file()))?;
    let said = Command::new(&program).arg("--version").output().ok()?;
    let version = String::from_utf8_lossy(&said.stdout).split_whitespace().last()?.to_owned();
    Some((program, version))
}

/// Where `run` keeps what it installs.
fn cache() -> Result<PathBuf, Failure> {
    let named = env::var_os("UNDERPIN_CACHE").map(PathBuf::from);
    let users = || env::var_os("XDG_CACHE_HOME").map(|folder| Path::new(&folder).join("underpin"));
    let of_home = || home().map(|home| home.join(".cache/underpin"));
    named.or_else(users).or_else(of_home).ok_or_else(|| "neither UNDERPIN_CACHE nor HOME is set".into())
}

fn home() -> Option<PathBuf> {
    env::var_os("HOME").map(PathBuf::from)
}
