//! The pages of the recipes, on real servers with real clients: the release that is out and the one that comes
//! work side by side while a plan is deployed, to its end and to its abort.
//!
//! A section of a page that has these fences is a case:
//!
//! - ```` ```js old ````, ```` ```js new ````: what each release does, again and again. `db` is its Prisma Client,
//!   `turn` a number that no other run has, `assert` Node's. What they write they also write into tables of the
//!   namespace `control`.
//! - ```` ```js behind ````: what the new one does besides, behind the last phase, where the page says that it may not
//!   before.
//! - ```` ```sql seed ````: rows that are there before, and the tables of `control`.
//! - ```` ```sql wrong before ````, ```` ```sql wrong after ````: rows that are not what the control says, with the
//!   database before and behind the plan; there must be none.
//! - ```` ```prepared anew ````: why the connections of this case prepare each statement anew.
//!
//! The statements that connections of all other cases have prepared stay open across every step. The long suite
//! (`./run matrix`) goes to both ends on every major of PostgreSQL with both of Prisma, by generated clients; else each
//! case goes to one end, and ends and majors take turns, by clients that are put together of the schema, which are the
//! same and cost nothing.

mod case;
mod load;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use underpin_testkit::schemas::{Created, Described, Engine, describe};
use underpin_testkit::{CaseFile, Database, Node, Server, majors, outer_majors, workspace_root};

use self::case::{Case, End, is_long, unnoticed};

/// How often a release does its work in each state.
const RUNS: u32 = 12;
/// How many of it do so at a time.
const WORKERS: u32 = 4;
/// Cases that are worked on at a time.
const LANES: usize = 2;
/// The page of what most people want, which has everything: a required unique column that is renamed.
const USUAL: &str = "rename-column";

/// One way through a case.
struct Travel<'a> {
    case: &'a Case<'a>,
    /// Which of Prisma's majors.
    prisma: u32,
    /// Which of the server's.
    major: u32,
    end: End,
}

#[tokio::test(flavor = "multi_thread")]
async fn both_releases_work_all_the_way() {
    let pages = pages();
    let cases = Case::all(&pages).await;
    assert!(!cases.is_empty(), "no page has a case");
    let travels = travels(&cases);
    let next = AtomicUsize::new(0);
    let lane = async || {
        let node = Node::start().await;
        let mut arrived = Vec::new();
        while let Some(travel) = travels.get(next.fetch_add(1, Ordering::SeqCst)) {
            arrived.push((travel, travel.goes(&node).await));
        }
        arrived
    };
    let mut lanes = Vec::new();
    for _ in 0..LANES {
        lanes.push(lane());
    }
    let (one, other) = (lanes.pop().expect("two lanes"), lanes.pop().expect("two lanes"));
    let (mut arrived, more) = tokio::join!(one, other);
    arrived.extend(more);
    let (arrived, wrong): (Vec<_>, Vec<_>) = arrived.into_iter().partition(|(_, came)| came.is_ok());
    let told = |(travel, came): (&Travel<'_>, Result<_, String>)| format!("{travel}: {}", came.unwrap_err());
    let mut wrong: Vec<String> = wrong.into_iter().map(told).collect();
    let arrived: Vec<_> =
        arrived.into_iter().filter_map(|(travel, came)| Some((travel, came.ok()?))).collect();
    for (prisma, engine) in [(7, Engine::Prisma7), (6, Engine::Prisma6)] {
        let arrived = arrived.iter().filter(|(travel, _)| travel.prisma == prisma);
        wrong.extend(finds_something_to_do(engine, arrived).await);
    }
    assert!(wrong.is_empty(), "{} of {} travels\n\n{}", wrong.len(), travels.len(), wrong.join("\n\n"));
}

/// The pages, or those that `UNDERPIN_TEST_PAGES` names.
fn pages() -> Vec<CaseFile> {
    let mut pages = CaseFile::all_in(&workspace_root().join("crates/core/recipes"));
    if let Ok(named) = std::env::var("UNDERPIN_TEST_PAGES") {
        pages.retain(|page| named.split(',').any(|name| name == page.name()));
    }
    pages
}

/// Each case to one of the ends in turn, by majors that take turns, the usual one to both; in the long suite each to
/// each by all.
fn travels<'a>(cases: &'a [Case<'a>]) -> Vec<Travel<'a>> {
    let ends = [End::Contract, End::Abort];
    let mut travels = Vec::new();
    for case in cases {
        if is_long() {
            for end in ends {
                let both = majors().into_iter().flat_map(|major| [(6, major), (7, major)]);
                travels.extend(both.map(|(prisma, major)| Travel { case, prisma, major, end }));
            }
            continue;
        }
        let majors = outer_majors();
        for _ in 0..if case.is_of(USUAL) { 2 } else { 1 } {
            let at = travels.len();
            let (prisma, major) = ([7, 6][at / 2 % 2], majors[at / 4 % majors.len()]);
            travels.push(Travel { case, prisma, major, end: ends[at % 2] });
        }
    }
    travels
}

impl Travel<'_> {
    /// Both releases work while the plan is deployed, and to its end.
    async fn goes(&self, node: &Node) -> Result<(Database<'static>, End), String> {
        let &Self { case, prisma, major, .. } = self;
        let project = case.project(prisma, major).await?;
        // What takes nothing away is at its end with the second phase.
        let end = if project.has_contract() { self.end } else { End::Contract };
        let database = Server::shared(major).await.database("recipe").await;
        let url = database.url();
        project.begun(&url).await?;
        database.run(&case.fence("sql seed")).await;
        let [old, new] = case.clients(prisma).await;

        let mut old = node.open(old, &url, case.prepared()).await;
        old.begin(&case.fence("js old"), WORKERS).await;
        old.go_on(RUNS).await;
        project.deployed(&url).await?;
        old.go_on(RUNS).await;
        let mut new = node.open(new, &url, case.prepared()).await;
        new.begin(&case.fence("js new"), WORKERS).await;
        old.go_on(RUNS).await;
        new.go_on(RUNS).await;
        match end {
            End::Contract => {
                unnoticed(old, "the release that is out").await?;
                project.released(&database).await?;
                project.deployed(&url).await?;
                if let Some(behind) = case.optional("js behind") {
                    new.begin(&behind, 1).await;
                }
                new.go_on(RUNS).await;
                unnoticed(new, "the release that comes").await?;
                case.nothing_is_wrong(&database, "sql wrong after").await?;
            }
            End::Abort => {
                unnoticed(new, "the release that comes").await?;
                project.aborted(&database).await?;
                old.go_on(RUNS).await;
                unnoticed(old, "the release that is out").await?;
                case.nothing_is_wrong(&database, "sql wrong before").await?;
            }
        }
        Ok((database, end))
    }

    /// The models at an end.
    fn models_at(&self, end: End) -> String {
        self.case.fence(match end {
            End::Contract => "prisma after",
            End::Abort => "prisma before",
        })
    }
}

impl fmt::Display for Travel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, prisma, major, end } = self;
        write!(f, "{}, Prisma {prisma}, PostgreSQL {major}, {end:?}", case.at())
    }
}

/// Where the engine of the real Prisma sees a difference between a database and its schema.
async fn finds_something_to_do<'a>(
    engine: Engine,
    arrived: impl Iterator<Item = &'a (&'a Travel<'a>, (Database<'static>, End))>,
) -> Vec<String> {
    let arrived: Vec<_> = arrived.collect();
    let datasource = match engine {
        Engine::Prisma7 => "datasource db {\n  provider = \"postgresql\"\n}\n",
        Engine::Prisma6 => {
            "datasource db {\n  provider = \"postgresql\"\n  url      = env(\"DATABASE_URL\")\n}\n"
        }
    };
    let described: Vec<Described> = arrived
        .iter()
        .map(|(travel, (database, end))| {
            let schema = format!("{datasource}\n{}", travel.models_at(*end));
            Described(database.url(), vec![("schema.prisma".to_owned(), schema)])
        })
        .collect();
    let mut wrong = Vec::new();
    for ((travel, _), description) in arrived.iter().zip(describe(engine, &described).await) {
        match description.kept {
            Created::Sql(script) if script.trim() == "-- This is an empty migration." => {}
            other => wrong.push(format!("{travel}: Prisma would go on: {other:?}")),
        }
    }
    wrong
}
