//! Which release runs on which state: the rules of `crates/core/compat`, held against what real Prisma Clients
//! did on real servers, and against what the server says of their statements.
//!
//! A section of a page may have these fences, and inherits them from the sections above it:
//!
//! - ```` ```prisma before ````, ```` ```prisma after ````: the schemas of the old and the new release; without the
//!   second they are the same. The database begins as the first one wants it.
//! - ```` ```sql seed ````: rows that are there from the beginning.
//! - ```` ```sql ````: what leads from state to state; lines `-- state NAME` divide it, and without any the state is
//!   called `after`.
//! - ```` ```sql provoked ````: rows that a release may meet in the last state.
//! - ```` ```given ````: lines `STATE filled TABLE.COLUMN` and `STATE without-null TABLE.COLUMN`.
//! - ```` ```verdicts ````: what is judged of each release on each state. `seen` says that a real client failed so.
//!
//! What a real client failed in must have been judged so, and what was judged certain must have failed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use underpin_catalog::{Catalog, Name, RelationName};
use underpin_core::compat::{
    Break, Certainty, ColumnName, Known, Operation, Reason, State, Touched, judge, judge_step, shapes,
};
use underpin_engine::compat::{Refusal, probe};
use underpin_engine::introspect;
use underpin_prisma::ClientContract;
use underpin_prisma::migrate::Migration;
use underpin_prisma::schema::{Schema, Source};
use underpin_prisma::{PrismaCatalog, PrismaVersion};
use underpin_testkit::{CaseFile, Database, Done, Node, Section, Server, majors};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/compat");
const PRISMA_7: PrismaVersion = PrismaVersion::new(7, 10, 0);

/// What stands above the models.
const HEAD: &str = "generator client {\n  provider        = \"prisma-client-js\"\n  previewFeatures = [\"views\"]\n}\n\n\
                    datasource db {\n  provider = \"postgresql\"\n}\n\n";

/// The rules of the table that the pages have to name.
const RULES: u32 = 35;

#[test]
fn every_rule_is_a_case() {
    let pages = CaseFile::all_in(Path::new(FOLDER));
    let titles = pages.iter().flat_map(|page| page.cases("verdicts").map(|section| section.title.clone()));
    let titles: Vec<String> = titles.collect();
    for rule in 1..=RULES {
        let rule = format!("C{rule:02}");
        assert!(titles.iter().any(|title| title.starts_with(&rule)), "no case is about {rule}");
    }
}

#[tokio::test]
async fn real_clients_fail_where_it_is_said_and_nowhere_else() {
    let all = std::env::var_os("UNDERPIN_TEST_MATRIX").is_some();
    for major in majors().into_iter().take(if all { usize::MAX } else { 1 }) {
        real_clients_on(Server::shared(major).await).await;
    }
}

async fn real_clients_on(server: &Server) {
    let node = Node::start().await;
    let bless = std::env::var_os("UNDERPIN_BLESS").is_some();
    let mut wrong = Vec::new();
    for page in CaseFile::all_in(Path::new(FOLDER)) {
        let mut rewritten = Vec::new();
        for section in page.cases("verdicts") {
            let place = page.place(section);
            let case = Case::of(&page, section);
            let found = case.tried(server, &node, &mut |what| wrong.push(format!("{place}: {what}"))).await;
            let expected = section.own("verdicts").unwrap();
            if found != expected.text {
                if !bless {
                    wrong.push(format!("{place}:\n--- page\n{}--- found\n{found}", expected.text));
                }
                rewritten.push((expected, found));
            }
        }
        if bless && !rewritten.is_empty() {
            page.rewrite(&rewritten);
        }
    }
    assert!(wrong.is_empty(), "PostgreSQL {}: {}", server.major(), wrong.join("\n"));
}

/// A release of a case.
struct Client {
    name: &'static str,
    schema: String,
    contract: ClientContract,
}

impl Client {
    fn of(name: &'static str, models: &str) -> Self {
        let schema = format!("{HEAD}{models}");
        let contract = ClientContract::of(&parsed(&schema), &Name::new("public"));
        Self { name, schema, contract }
    }
}

fn parsed(text: &str) -> Schema {
    let schema = Schema::parse(vec![Source::new("schema.prisma", text)]);
    let errors: Vec<_> = schema.errors.iter().map(|error| schema.located(error)).collect();
    assert!(errors.is_empty(), "{errors:?}");
    schema
}

struct Case<'a> {
    clients: [Client; 2],
    seed: Option<&'a str>,
    /// The name of each state, with the way to it.
    states: Vec<(String, String)>,
    provoked: Option<&'a str>,
    given: Vec<(String, String, ColumnName)>,
}

impl<'a> Case<'a> {
    fn of(page: &'a CaseFile, section: &'a Section) -> Self {
        let text = |info| page.nearest(section, info).map(|fence| fence.text.as_str());
        let before = text("prisma before").unwrap_or_else(|| panic!("{}: no schema", page.place(section)));
        let after = text("prisma after").unwrap_or(before);
        let mut states = vec![("before".to_owned(), String::new())];
        for line in text("sql").unwrap_or_default().split_inclusive('\n') {
            match line.trim().strip_prefix("-- state ") {
                Some(name) => states.push((name.to_owned(), String::new())),
                None => {
                    if states.len() == 1 {
                        states.push(("after".to_owned(), String::new()));
                    }
                    states.last_mut().unwrap().1.push_str(line);
                }
            }
        }
        let given = text("given").unwrap_or_default().lines().map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (table, column) = words[2].split_once('.').unwrap();
            let table = RelationName::qualified("public", table);
            (words[0].to_owned(), words[1].to_owned(), ColumnName { table, column: Name::new(column) })
        });
        Self {
            clients: [Client::of("old", before), Client::of("new", after)],
            seed: text("sql seed"),
            states,
            provoked: section.own("sql provoked").map(|fence| fence.text.as_str()),
            given: given.collect(),
        }
    }

    fn known(&self, state: &str, catalog: &Catalog) -> Known {
        let mut known = Known::of(catalog);
        for (_, what, column) in self.given.iter().filter(|(of, ..)| of == state) {
            match what.as_str() {
                "filled" => known.filled.insert(column.clone()),
                "without-null" => known.without_null.insert(column.clone()),
                other => panic!("nobody knows what `{other}` is"),
            };
        }
        known
    }

    /// Goes through the states, and answers what is judged on each.
    async fn tried(&self, server: &Server, node: &Node, wrong: &mut dyn FnMut(String)) -> String {
        let database = server.database("compat_case").await;
        database.run(&created(&self.clients[0].schema)).await;
        if let Some(seed) = self.seed {
            database.run(seed).await;
        }
        let session = database.client().await;
        let mut states: Vec<State> = Vec::new();
        let mut seen: Vec<Seen> = Vec::new();
        for (at, (name, way)) in self.states.iter().enumerate() {
            let prepared = prepare(&session, &self.clients).await;
            database.run(way).await;
            let stale = stale(&session, &prepared).await;
            if let Some(provoked) = self.provoked.filter(|_| at + 1 == self.states.len()) {
                database.run(provoked).await;
            }
            let catalog = introspect(&session).await.unwrap();
            let known = self.known(name, &catalog);
            states.push(State { name: name.clone(), catalog, known });
            let mut of_clients = Vec::new();
            for client in &self.clients {
                // The new release comes later.
                let runs = client.name == "old" || at > 0 || self.states.len() == 1;
                of_clients.push(match runs {
                    true => Some(look(&database, &session, node, client, wrong).await),
                    false => None,
                });
            }
            seen.push(Seen { of_clients, stale });
        }
        let last = states.len() - 1;
        let mut page = String::new();
        for (at, state) in states.iter().enumerate() {
            for (which, client) in self.clients.iter().enumerate() {
                let home = if which == 0 { 0 } else { last };
                let of_client = |at: usize| seen[at].of_clients[which].as_ref();
                let (Some((done, refused)), Some((done_at_home, refused_at_home))) =
                    (of_client(at), of_client(home))
                else {
                    continue;
                };
                let mut breaks = judge(&client.contract, &states[home], state);
                let steps = at
                    .checked_sub(1)
                    .map(|before| judge_step(&client.contract, &states[before].catalog, &state.catalog));
                breaks.extend(steps.unwrap_or_default());
                let stale = seen[at].stale.iter().filter(|(name, _)| *name == client.name);
                let here = Here {
                    place: format!("{} on {}", client.name, state.name),
                    breaks: &breaks,
                    done,
                    refused,
                    done_at_home,
                    refused_at_home,
                    stale: stale.map(|(_, table)| table).collect(),
                };
                here.compare(wrong);
                let name = format!("{} {}", state.name, client.name);
                if breaks.is_empty() {
                    writeln!(page, "{name}: runs").unwrap();
                }
                for found in &breaks {
                    writeln!(page, "{name}: {}", here.shown(found)).unwrap();
                }
            }
        }
        page
    }
}

/// What was seen on a state.
struct Seen {
    of_clients: Vec<Option<(Vec<Done>, Vec<Refusal>)>>,
    /// Of which release, and of which table, prepared reads failed after the step.
    stale: Vec<(&'static str, RelationName)>,
}

async fn look(
    database: &Database<'_>,
    session: &tokio_postgres::Client,
    node: &Node,
    client: &Client,
    wrong: &mut dyn FnMut(String),
) -> (Vec<Done>, Vec<Refusal>) {
    let done = node.everything(database, &client.schema, 7).await;
    if std::env::var_os("UNDERPIN_TEST_MATRIX").is_some() {
        let by_6 = node.everything(database, &client.schema, 6).await;
        // Of some errors of the adapter it has no code.
        let ends = |done: &[Done]| -> Vec<_> { done.iter().map(|one| one.code.is_some()).collect() };
        if ends(&done) != ends(&by_6) {
            wrong(format!("{}: Prisma 6 does otherwise than 7: {done:?} {by_6:?}", client.name));
        }
    }
    (done, probe(session, &client.contract, &Touched::All).await.unwrap())
}

/// The database that a schema wants.
fn created(schema: &str) -> String {
    let end = PrismaCatalog::of_schema(&parsed(schema), &Name::new("public"), PRISMA_7);
    let end = end.unwrap_or_else(|errors| panic!("{errors:?}"));
    Migration::between(&PrismaCatalog::default(), &end, PRISMA_7).script()
}

type Prepared = Vec<(&'static str, RelationName, tokio_postgres::Statement)>;

async fn prepare(session: &tokio_postgres::Client, clients: &[Client]) -> Prepared {
    let mut prepared = Vec::new();
    for client in clients {
        for shape in shapes(&client.contract, &Touched::All)
            .into_iter()
            .filter(|shape| shape.operation == Operation::Read)
        {
            // What is not there yet cannot be prepared.
            if let Ok(statement) = session.prepare(shape.sql.as_str()).await {
                prepared.push((client.name, shape.table.name.clone(), statement));
            }
        }
    }
    prepared
}

async fn stale(session: &tokio_postgres::Client, prepared: &Prepared) -> Vec<(&'static str, RelationName)> {
    let mut stale = Vec::new();
    for (name, table, statement) in prepared {
        let executed = session.query(statement, &[]).await;
        if executed.is_err_and(|error| error.code().is_some_and(|code| code.code() == "0A000")) {
            stale.push((*name, table.clone()));
        }
    }
    stale
}

/// A release on a state: what is judged, and what was seen.
struct Here<'a> {
    place: String,
    breaks: &'a [Break],
    done: &'a [Done],
    refused: &'a [Refusal],
    done_at_home: &'a [Done],
    refused_at_home: &'a [Refusal],
    stale: Vec<&'a RelationName>,
}

impl Here<'_> {
    fn compare(&self, wrong: &mut dyn FnMut(String)) {
        let failed =
            |done: &Done| done.code.is_some() && !self.done_at_home.iter().any(|home| is_same(home, done));
        for done in self.done.iter().filter(|done| failed(done)) {
            if !self.breaks.iter().any(|found| foresees(found, done)) {
                wrong(format!("{}: nobody foresaw {done:?}", self.place));
            }
        }
        for found in self.breaks.iter().filter(|found| found.certainty == Certainty::Certain) {
            for operation in &found.operations {
                let mut tries = self.done.iter().filter(|done| is_of(found, *operation, done)).peekable();
                let any = tries.peek().is_some();
                if any && tries.all(|done| done.code.is_none()) {
                    wrong(format!("{}: {operation:?} does not fail: {}", self.place, found.message));
                }
            }
        }
        for refused in self.refused.iter().filter(|one| !self.refused_at_home.contains(one)) {
            let foreseen = self.breaks.iter().any(|found| {
                found.table.as_ref() == Some(&refused.table)
                    && found.operations.contains(&refused.operation)
                    && (found.certainty == Certainty::Certain || found.code.as_deref() == Some(&refused.code))
            });
            if !foreseen {
                wrong(format!("{}: nobody foresaw {refused:?}", self.place));
            }
        }
        // What the server can tell without a row.
        let planned = ["42P01", "42703", "42704", "42P10", "428C9"];
        for found in self.breaks.iter().filter(|found| found.certainty == Certainty::Certain) {
            let is_planned = found.code.as_deref().is_some_and(|code| planned.contains(&code));
            for operation in found.operations.iter().filter(|_| is_planned) {
                let refused = self
                    .refused
                    .iter()
                    .any(|one| Some(&one.table) == found.table.as_ref() && one.operation == *operation);
                // Without a key there is no such statement.
                let keyless = found.reason == Reason::MissingTable;
                if !refused && !keyless {
                    wrong(format!("{}: the server plans the {operation:?}: {}", self.place, found.message));
                }
            }
        }
        let told: BTreeSet<_> = self
            .breaks
            .iter()
            .filter(|found| found.reason == Reason::CachedPlan)
            .filter_map(|found| found.table.as_ref())
            .collect();
        let stale: BTreeSet<_> = self.stale.iter().copied().collect();
        if told != stale {
            wrong(format!("{}: told of {told:?}, and stale are {stale:?}", self.place));
        }
    }

    fn shown(&self, found: &Break) -> String {
        let verdict = match found.certainty {
            Certainty::Certain => "fails",
            Certainty::Depends => "can fail",
        };
        let operations: Vec<_> = found.operations.iter().map(|operation| operation.as_str()).collect();
        // The pages speak of PostgreSQL up to 17.
        let code =
            found.code.as_deref().map_or("no error", |code| if code == "23001" { "23503" } else { code });
        let is_seen = match found.reason {
            Reason::CachedPlan => self.stale.iter().any(|table| Some(*table) == found.table.as_ref()),
            _ => self.done.iter().any(|done| done.code.is_some() && foresees(found, done)),
        };
        let seen = if is_seen { ", seen" } else { "" };
        format!(
            "{verdict} {} of {}, {code} {}{seen}",
            operations.join(" "),
            found.about(),
            found.reason.as_str()
        )
    }
}

fn is_of(found: &Break, operation: Operation, done: &Done) -> bool {
    let model = format!("model {}", done.model);
    (found.model == model || found.model == format!("view {}", done.model))
        && done.operation == operation.as_str()
}

fn foresees(found: &Break, done: &Done) -> bool {
    let same_code = found.code.as_deref() == done.code.as_deref();
    found.operations.iter().any(|operation| is_of(found, *operation, done)) && same_code
}

fn is_same(one: &Done, other: &Done) -> bool {
    (&one.model, &one.operation, &one.code) == (&other.model, &other.operation, &other.code)
}
