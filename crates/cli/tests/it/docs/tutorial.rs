//! The project of `docs/tutorial.md`: what lies in `docs/tutorial`, in a repository of its own, with the real Prisma
//! installed.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use underpin_testkit::git::committed;
use underpin_testkit::{Database, Oracle, ProjectFolder, Server, installation, workspace_root};

use super::console::read;
use super::shell::underpin;

/// Where the reader works, in the project's folder.
pub(super) const WORKING_IN: &str = "shop";

/// Where `npx` is, in the project's folder.
pub(super) const PROGRAMS: &str = "programs";

/// What stands beside a reader's project because a test runs it.
const OURS: &str = "underpin.toml\n.cache/\n";

/// So many people as the page puts into the table: more than a small table has.
const PEOPLE: &str = "INSERT INTO \"User\" (email, full_name) SELECT 'user' || n || '@example.org', 'User ' || n \
                      FROM generate_series(1, 20000) AS n";

/// How far the tutorial has gone already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// The project as it is copied; the database is empty.
    Begin,
    /// The first two phases are applied, and the change is committed.
    Backfilled,
}

impl Until {
    /// By the name of a page's project.
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "tutorial" => Some(Self::Begin),
            "tutorial-backfilled" => Some(Self::Backfilled),
            _ => None,
        }
    }
}

pub(super) async fn project(until: Until, server: &Server, database: &Database<'_>) -> ProjectFolder {
    let prisma = Oracle::prisma7().await;
    let home = prisma.program().parent().and_then(Path::parent).expect("it lies in its home's bin");
    // `npx` is npm's, and npm would ask its registry.
    let npx = format!("#!/bin/sh\nshift\nexec {} \"$@\"\n", prisma.program().display());
    let project = ProjectFolder::prisma7().file(&format!("{PROGRAMS}/npx"), npx);
    let at = |path: &str| project.path().join(path);
    runs(Command::new("chmod").arg("+x").arg(at(&format!("{PROGRAMS}/npx"))));
    runs(Command::new("cp").arg("-r").arg(workspace_root().join("docs/tutorial")).arg(at(WORKING_IN)));
    std::os::unix::fs::symlink(home.join("node_modules"), at("node_modules")).expect("nothing is there yet");
    let folder = at(WORKING_IN);
    committed(&folder);
    let bin = installation(server.major()).await.expect("the server was started from it").bin;
    let project = project
        .file("shop/underpin.toml", format!("[shadow]\npostgres_bin = \"{}\"\n", bin.display()))
        .file("shop/.git/info/exclude", OURS);
    if until == Until::Backfilled {
        let ours = |arguments: &[&str]| {
            let (said, code) = underpin(arguments.iter().copied(), &folder, &database.url());
            assert_eq!(code, 0, "{said}");
        };
        ours(&["deploy"]);
        database.run(PEOPLE).await;
        let page = read("docs/tutorial.md");
        let patch = page.split("```diff\n").nth(1).and_then(|rest| rest.split("```").next());
        edit(&folder, patch.expect("the page shows an edit"));
        ours(&["plan", "--name", "rename_full_name", "--rename", "User.fullName:displayName"]);
        committed(&folder);
        ours(&["deploy"]);
    }
    project
}

/// Makes an edit, which is told as a patch.
pub(super) fn edit(folder: &Path, patch: &str) {
    let mut git = Command::new("git");
    git.args(["apply", "--unidiff-zero", "-"]).current_dir(folder).stdin(Stdio::piped());
    let mut git = git.spawn().expect("git is there");
    git.stdin.take().expect("it was asked for").write_all(patch.as_bytes()).expect("git reads it");
    assert!(
        git.wait().expect("it was started by us").success(),
        "the page shows an edit that does not fit:\n{patch}"
    );
}

fn runs(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}");
}
