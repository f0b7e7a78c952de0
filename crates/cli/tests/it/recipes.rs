//! The pages of the recipes, on real servers with real clients: the release that is out and the one that comes
//! work side by side while a plan is deployed, to its end and to its abort.
//!
//! A section of a page that has these fences is a case:
//!
//! - ```` ```js old ````, ```` ```js new ````: what each release does, again and again. `db` is its Prisma Client,
//!   `turn` a number that no other run has, `assert` Node's. What they write they also write into tables of the
//!   namespace `control`.
//! - ```` ```sql seed ````: rows that are there before, and the tables of `control`.
//! - ```` ```sql wrong before ````, ```` ```sql wrong after ````: rows that are not what the control says, with the
//!   database before and behind the plan; there must be none.
//! - ```` ```prepared anew ````: why the connections of this case prepare each statement anew.
//!
//! The statements that connections of all other cases have prepared stay open across every step.

use underpin_testkit::schemas::{Created, create};
use underpin_testkit::{
    CaseFile, Client, Database, Noticed, Oracle, Prepared, ProjectFolder, RunningClient, Section, Server,
    outer_majors, workspace_root,
};

use crate::support::underpin;

/// How often a release does its work in each state.
const RUNS: u32 = 40;

/// Where it ends with which major of Prisma.
const ENDS: [(u32, End); 2] = [(7, End::Contract), (6, End::Abort)];

/// A case of a page.
struct Case<'a> {
    page: &'a CaseFile,
    section: &'a Section,
}

#[tokio::test(flavor = "multi_thread")]
async fn both_releases_work_all_the_way() {
    let pages = CaseFile::all_in(&workspace_root().join("crates/core/recipes"));
    let mut cases = 0;
    for page in &pages {
        for section in page.cases("js old") {
            let case = Case { page, section };
            // The ends take turns over the majors.
            let majors = outer_majors();
            for at in 0..majors.len().max(ENDS.len()) {
                let (prisma, end) = ENDS[at % ENDS.len()];
                case.travels(Server::shared(majors[at % majors.len()]).await, prisma, end).await;
                cases += 1;
            }
        }
    }
    assert!(cases > 0, "no page has a case");
}

/// Where a rollout ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Contract,
    Abort,
}

impl Case<'_> {
    async fn travels(&self, server: &Server, prisma: u32, end: End) {
        let told = format!("{}, Prisma {prisma}, PostgreSQL {}, {end:?}", self.at(), server.major());
        let database = server.database("recipe").await;
        let (before, after) = (self.fence("prisma before"), self.fence("prisma after"));
        let mut project = self.project(prisma, &before).await;
        let url = database.url();
        deployed(&project, &url, &told).await;
        database.run(&self.fence("sql seed")).await;

        let (old, new) = match prisma {
            7 => (Client::generate(&before).await, Client::generate(&after).await),
            _ => (Client::generate6(&before).await, Client::generate6(&after).await),
        };
        let prepared = match self.page.nearest(self.section, "prepared anew") {
            Some(_) => Prepared::Anew,
            None => Prepared::Kept,
        };
        let mut old = old.open(&database, prepared).await;
        old.begin(&self.fence("js old"), 4).await;
        old.go_on(RUNS).await;

        project = project.models(&after);
        let mut plan = vec!["plan".to_owned(), "--name".to_owned(), "change".to_owned()];
        for line in self.given() {
            plan.extend(
                line.split_once(' ')
                    .map_or(vec![line.clone()], |(flag, said)| vec![flag.to_owned(), said.to_owned()]),
            );
        }
        succeeds(&project, &url, &plan, &told).await;
        deployed(&project, &url, &told).await;
        old.go_on(RUNS).await;
        let mut new = new.open(&database, prepared).await;
        new.begin(&self.fence("js new"), 4).await;
        old.go_on(RUNS).await;
        new.go_on(RUNS).await;
        match end {
            End::Contract => {
                unnoticed(&mut old, &told, "the release that is out").await;
                let name = database.name().to_owned();
                let release = ["rollout", "release", "change", "--now", "--database", &name];
                let attested = ["--attest", "the test: all of the old ones are stopped"];
                let release: Vec<String> = release.iter().chain(&attested).map(ToString::to_string).collect();
                succeeds(&project, &url, &release, &told).await;
                deployed(&project, &url, &told).await;
                new.go_on(RUNS).await;
                unnoticed(&mut new, &told, "the release that comes").await;
                self.nothing_is_wrong(&database, "sql wrong after", &told).await;
                agrees(prisma, &project, &url, &told).await;
            }
            End::Abort => {
                unnoticed(&mut new, &told, "the release that comes").await;
                let abort = ["rollout", "abort", "change", "--database", database.name()].map(str::to_owned);
                succeeds(&project, &url, &abort, &told).await;
                old.go_on(RUNS).await;
                unnoticed(&mut old, &told, "the release that is out").await;
                self.nothing_is_wrong(&database, "sql wrong before", &told).await;
            }
        }
    }

    async fn project(&self, prisma: u32, models: &str) -> ProjectFolder {
        let project = match prisma {
            7 => ProjectFolder::prisma7(),
            _ => ProjectFolder::prisma6(),
        };
        let schema = format!("datasource db {{\n  provider = \"postgresql\"\n}}\n{models}");
        let script = match create(&[schema]).await.remove(0) {
            Created::Sql(script) => script,
            Created::Error(error) => panic!("{}: {error}", self.at()),
        };
        project
            .models(models)
            .migration("20260101000000_init", &script)
            // Nothing is so small that it may be done as it is written.
            .file("underpin.toml", "[deploy]\nsmall_table_kb = 0\n")
    }

    async fn nothing_is_wrong(&self, database: &Database<'_>, fence: &str, told: &str) {
        let wrong = database.rows(&self.fence(fence)).await;
        assert!(wrong.is_empty(), "{told}: {fence}: {wrong:#?}");
    }

    fn fence(&self, info: &str) -> String {
        let fence = self.page.nearest(self.section, info);
        fence.unwrap_or_else(|| panic!("{}: no {info}", self.at())).text.clone()
    }

    fn given(&self) -> Vec<String> {
        let fences = self.page.inherited(self.section, "given");
        fences.iter().flat_map(|fence| fence.text.lines()).map(str::to_owned).collect()
    }

    fn at(&self) -> String {
        self.page.place(self.section)
    }
}

async fn succeeds(project: &ProjectFolder, url: &str, arguments: &[String], told: &str) {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let said = underpin(project.path(), url, &arguments).await;
    assert_eq!(said.code, 0, "{told}: {arguments:?}: {}", said.all());
}

async fn deployed(project: &ProjectFolder, url: &str, told: &str) {
    succeeds(project, url, &["deploy".to_owned()], told).await;
}

/// Ends a client's work, of which nothing failed.
async fn unnoticed(client: &mut RunningClient, told: &str, which: &str) {
    let Noticed { runs, failures, .. } = client.end().await;
    assert!(
        failures.is_empty(),
        "{told}: {which}: {} of {runs} failed: {:#?}",
        failures.len(),
        failures.first()
    );
}

/// The real Prisma finds nothing to do, and the database is what the schema says.
async fn agrees(prisma: u32, project: &ProjectFolder, url: &str, told: &str) {
    let oracle = match prisma {
        7 => Oracle::prisma7().await,
        _ => Oracle::prisma6().await,
    };
    let status = oracle.status(project.path(), url).await;
    assert_eq!(status.code, 0, "{told}: {}", status.all());
    let schema = "prisma/schema.prisma";
    let from: &[&str] = match prisma {
        7 => &["--from-config-datasource", "--to-schema", schema],
        _ => &["--from-url", url, "--to-schema-datamodel", schema],
    };
    let diff = oracle.run(project.path(), url, &[&["migrate", "diff", "--exit-code"], from].concat()).await;
    assert_eq!(diff.code, 0, "{told}: {}", diff.all());
}
