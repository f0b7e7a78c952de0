//! A case of a recipe's page: its fences, its project, and the commands that lead through its plan.

use std::path::Path;

use tokio::sync::OnceCell;
use underpin_testkit::schemas::{Created, create};
use underpin_testkit::{
    CaseFile, Client, Database, Noticed, Prepared, ProjectFolder, RunningClient, Section,
};

use crate::support::underpin;

/// Whether the long suite was asked for.
pub(super) fn is_long() -> bool {
    std::env::var_os("UNDERPIN_TEST_MATRIX").is_some()
}

/// Where a rollout ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Contract,
    Abort,
}

/// A case of a page.
pub(super) struct Case<'a> {
    page: &'a CaseFile,
    section: &'a Section,
    /// What Prisma makes of the models before.
    init: String,
    /// The clients of both releases, by Prisma 7 and by 6.
    clients: [OnceCell<[Client; 2]>; 2],
}

impl<'a> Case<'a> {
    /// The cases of all pages.
    pub(super) async fn all(pages: &'a [CaseFile]) -> Vec<Self> {
        let of = |page: &'a CaseFile| {
            page.cases("js old").map(move |section| Self {
                page,
                section,
                init: String::new(),
                clients: [OnceCell::new(), OnceCell::new()],
            })
        };
        let mut cases: Vec<Self> = pages.iter().flat_map(of).collect();
        let schema = |case: &Self| {
            format!("datasource db {{\n  provider = \"postgresql\"\n}}\n{}", case.fence("prisma before"))
        };
        let schemas: Vec<String> = cases.iter().map(schema).collect();
        for (case, created) in cases.iter_mut().zip(create(&schemas).await) {
            case.init = match created {
                Created::Sql(script) => script,
                Created::Error(error) => panic!("{}: {error}", case.at()),
            };
        }
        cases
    }

    /// The client of each release, by this major of Prisma.
    pub(super) async fn clients(&self, prisma: u32) -> &[Client; 2] {
        let made = || async {
            let models = ["prisma before", "prisma after"].map(|info| self.fence(info));
            match is_long() {
                true => {
                    [Client::generate(prisma, &models[0]).await, Client::generate(prisma, &models[1]).await]
                }
                false => models.map(|models| Client::of(prisma, &models)),
            }
        };
        self.clients[usize::from(prisma != 7)].get_or_init(made).await
    }

    /// What becomes of the statements that connections prepare.
    pub(super) fn prepared(&self) -> Prepared {
        if self.optional("prepared anew").is_some() { Prepared::Anew } else { Prepared::Kept }
    }

    /// Whether it is of the page of this name.
    pub(super) fn is_of(&self, page: &str) -> bool {
        self.page.name() == page
    }

    /// A project of this major of Prisma, and its plan for this major of PostgreSQL.
    pub(super) async fn project(&self, prisma: u32, major: u32) -> Result<Project, String> {
        let folder = match prisma {
            7 => ProjectFolder::prisma7,
            _ => ProjectFolder::prisma6,
        };
        let models = self.fence("prisma before");
        // Nothing is so small that it may be done as it is written.
        let begun = || {
            let begun = folder().migration("20260101000000_init", &self.init);
            begun.file("underpin.toml", "[deploy]\nsmall_table_kb = 0\n")
        };
        let (before, planned) = (begun().models(&models), begun().models(&self.fence("prisma after")));
        let major = major.to_string();
        let mut plan = vec!["plan", "--name", "change", "--pg-version", &major];
        let given = self.page.inherited(self.section, "given");
        plan.extend(given.iter().flat_map(|fence| fence.text.lines()).flat_map(|line| line.splitn(2, ' ')));
        succeeds(&planned, "", &plan).await?;
        Ok(Project { before, planned })
    }

    /// Whether the rows are what the control says, by this fence.
    pub(super) async fn nothing_is_wrong(&self, database: &Database<'_>, fence: &str) -> Result<(), String> {
        match database.rows(&self.fence(fence)).await {
            wrong if wrong.is_empty() => Ok(()),
            wrong => Err(format!("{fence}: {} rows: {:#?}", wrong.len(), &wrong[..wrong.len().min(3)])),
        }
    }

    pub(super) fn fence(&self, info: &str) -> String {
        self.optional(info).unwrap_or_else(|| panic!("{}: no {info}", self.at()))
    }

    pub(super) fn optional(&self, info: &str) -> Option<String> {
        self.page.nearest(self.section, info).map(|fence| fence.text.clone())
    }

    pub(super) fn at(&self) -> String {
        self.page.place(self.section)
    }
}

/// A project before its plan and with it.
pub(super) struct Project {
    before: ProjectFolder,
    planned: ProjectFolder,
}

impl Project {
    /// Its folder, with the plan in it.
    pub(super) fn path(&self) -> &Path {
        self.planned.path()
    }

    /// Deploys what was there before the plan.
    pub(super) async fn begun(&self, url: &str) -> Result<(), String> {
        succeeds(&self.before, url, &["deploy"]).await
    }

    /// Deploys the plan, as far as it goes.
    pub(super) async fn deployed(&self, url: &str) -> Result<(), String> {
        succeeds(&self.planned, url, &["deploy"]).await
    }

    /// Whether the plan has a last phase, which is held.
    pub(super) fn has_contract(&self) -> bool {
        let entries = std::fs::read_dir(self.planned.migrations()).unwrap();
        let mut names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.any(|name| name.ends_with("_3_contract"))
    }

    /// Releases the last phase, if there is one.
    pub(super) async fn released(&self, database: &Database<'_>) -> Result<(), String> {
        if !self.has_contract() {
            return Ok(());
        }
        let release = ["rollout", "release", "change", "--now", "--database", database.name()];
        let attested = ["--attest", "the test: all of the old ones are stopped"];
        succeeds(&self.planned, &database.url(), &[&release[..], &attested].concat()).await
    }

    /// Leads the rollout back.
    pub(super) async fn aborted(&self, database: &Database<'_>) -> Result<(), String> {
        succeeds(&self.planned, &database.url(), &Self::abort(database)).await
    }

    /// What is typed for that.
    pub(super) fn abort<'a>(database: &'a Database<'_>) -> [&'a str; 7] {
        let attested = "the test: all of the new ones are stopped";
        ["rollout", "abort", "change", "--database", database.name(), "--attest", attested]
    }
}

async fn succeeds(project: &ProjectFolder, url: &str, arguments: &[&str]) -> Result<(), String> {
    let said = underpin(project.path(), url, arguments).await;
    if said.code == 0 { Ok(()) } else { Err(format!("{arguments:?}: {}", said.all())) }
}

/// Ends a client's work; what of it failed is wrong.
pub(super) async fn unnoticed(mut client: RunningClient, which: &str) -> Result<(), String> {
    let Noticed { runs, failures, .. } = client.end().await;
    client.close().await;
    match failures.first() {
        None => Ok(()),
        Some(first) => Err(format!("{which}: {} of {runs} failed: {first:#?}", failures.len())),
    }
}
