//! The way from one catalog to another, executed: pages of two states each, in both directions, on the oldest
//! and the newest major (`./run matrix`: on all).
//!
//! Each case holds three invariants. It *arrives*: the statements from `before` to `after` end in `after`.
//! It *rests*: from there, nothing is left to do. It *returns*: the statements back end in `before`. Rows
//! that stand in a fence `sql rows` are there all the way, and the same in the end when the changes say that
//! nothing is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use tokio_postgres::{Client, SimpleQueryMessage};
use underpin_catalog::ddl::{Loss, Way, Why, between};
use underpin_catalog::{Catalog, Difference, Name, differences};
use underpin_engine::{Patience, introspect, introspect_within};
use underpin_testkit::{CaseFile, Database, Section, Server, outer_majors};

const ROLES: &str = "DO $$ BEGIN IF to_regrole('ddl_app') IS NULL THEN \
     CREATE ROLE ddl_app; CREATE ROLE ddl_owner; CREATE ROLE \"Odd \"\"Role\"; END IF; END $$";

/// Everything out of a database, so that the next case begins with none. Cheaper than a new one.
const EMPTY: &str = include_str!("../ddl/empty.sql");

/// A case and the major that it needs, which its title says in parentheses.
fn since(section: &Section) -> u32 {
    let named = section.title.split_once("(PostgreSQL ").and_then(|(_, rest)| rest.split_once(')'));
    named.map_or(0, |(major, _)| major.parse().unwrap())
}

/// What both states have in common, then what one of them has.
fn script(page: &CaseFile, section: &Section, info: &str) -> String {
    let fences = page.inherited(section, "sql").into_iter().chain(page.inherited(section, info));
    fences.map(|fence| fence.text.as_str()).collect()
}

/// The catalog that a script makes of an empty database, which stays empty.
async fn state_of(client: &Client, script: &str, place: &str) -> Result<Catalog, String> {
    client.batch_execute("BEGIN").await.unwrap();
    client.batch_execute(script).await.map_err(|error| format!("{place}: {error:?} in: {script}"))?;
    let read = introspect_within(client, Patience::default()).await;
    let read = read.unwrap_or_else(|error| panic!("{place}: {error:?}"));
    client.batch_execute("ROLLBACK").await.unwrap();
    Ok(read)
}

async fn read(client: &Client, place: &str) -> Catalog {
    introspect(client).await.unwrap_or_else(|error| panic!("{place}: {error:?}"))
}

async fn go(client: &Client, way: &Way, place: &str) -> Result<(), String> {
    client.batch_execute("BEGIN; SET LOCAL check_function_bodies = off").await.unwrap();
    for change in &way.changes {
        if let Err(error) = client.batch_execute(change.statement.as_str()).await {
            let said = error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string);
            client.batch_execute("ROLLBACK").await.unwrap();
            return Err(format!("{place}: {said}\n  in: {}\n  of:\n{}", change.statement, shown(way)));
        }
        if change.committed {
            client.batch_execute("COMMIT; BEGIN; SET LOCAL check_function_bodies = off").await.unwrap();
        }
    }
    client.batch_execute("COMMIT").await.map_err(|error| format!("{place}: {error:?}"))
}

fn shown(way: &Way) -> String {
    way.changes.iter().map(|change| format!("    {};\n", change.statement)).collect()
}

/// What differs, apart from what the way said that stays, and from what is only in another order.
fn left(found: Vec<Difference>, way: &Way) -> Vec<String> {
    let stays = |difference: &Difference| {
        way.impossible.iter().any(|impossible| {
            let within = format!("{}.", impossible.key.identity);
            impossible.key == difference.key || difference.key.identity.starts_with(&within)
        })
    };
    found
        .into_iter()
        .filter(|difference| !difference.is_note() && !stays(difference))
        .map(|difference| format!("    {difference}\n"))
        .collect()
}

/// The rows of all tables, table by table.
async fn rows(client: &Client) -> BTreeMap<String, Vec<String>> {
    let tables = "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c \
                  JOIN pg_namespace n ON n.oid = c.relnamespace \
                  WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";
    let mut found = BTreeMap::new();
    for row in client.query(tables, &[]).await.unwrap() {
        let table: String = row.get(0);
        let lines = client.simple_query(&format!("SELECT to_jsonb(t) FROM ONLY {table} t ORDER BY 1")).await;
        let lines = lines.unwrap().into_iter().filter_map(|line| match line {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        found.insert(table, lines.collect());
    }
    found
}

/// What a way says besides its statements, as a page expects it.
fn told(direction: &str, way: &Way) -> String {
    let worst = way.changes.iter().map(|change| &change.loss).max();
    let class = worst.map_or("nothing to do", Loss::class);
    let mut text = format!("{direction}: {class}\n");
    for impossible in &way.impossible {
        text.push_str(&format!("  stays: {}, because {}\n", impossible.key, impossible.why));
    }
    for rename in &way.renames {
        let to: Vec<String> = rename.to.iter().map(ToString::to_string).collect();
        text.push_str(&format!("  ask: {} may be {}\n", rename.from, to.join(" or ")));
    }
    text
}

fn is_lossless(way: &Way) -> bool {
    way.changes.iter().all(|change| matches!(change.loss, Loss::Nothing | Loss::NothingIf(_)))
}

/// Goes there and back. Answers what the two ways tell, or what is wrong.
async fn there_and_back(
    client: &Client,
    page: &CaseFile,
    section: &Section,
    empty: &Catalog,
    role: &Name,
) -> Result<String, String> {
    let place = page.place(section);
    let wanted = state_of(client, &script(page, section, "sql after"), &place).await?;
    let begin = script(page, section, "sql before");
    client.batch_execute(&begin).await.map_err(|error| format!("{place}: {error:?} in: {begin}"))?;
    let begun = read(client, &place).await;
    let seeds = section.own("sql rows").map_or("", |fence| fence.text.as_str());
    client.batch_execute(seeds).await.map_err(|error| format!("{place}: {error:?}"))?;
    let rows_before = rows(client).await;
    let there = between(&begun, &wanted, role);
    go(client, &there, &format!("{place} there")).await?;
    let arrived = read(client, &place).await;
    let wanted = settled(client, empty, wanted, &arrived, &there, role).await;
    let found = left(differences(&wanted, &arrived), &there);
    if !found.is_empty() {
        return Err(format!("{place}: does not arrive:\n{}  after:\n{}", found.concat(), shown(&there)));
    }
    let rest = between(&arrived, &wanted, role);
    if !rest.changes.is_empty() && there.impossible.is_empty() {
        return Err(format!("{place}: does not rest:\n{}", shown(&rest)));
    }
    let back = between(&arrived, &begun, role);
    go(client, &back, &format!("{place} back")).await?;
    let returned = read(client, &place).await;
    let begun = settled(client, empty, begun, &returned, &back, role).await;
    let found = left(differences(&begun, &returned), &back);
    if !found.is_empty() {
        return Err(format!("{place}: does not return:\n{}  after:\n{}", found.concat(), shown(&back)));
    }
    let rows_after = rows(client).await;
    if is_lossless(&there) && is_lossless(&back) && rows_before != rows_after {
        return Err(format!("{place}: rows changed: {rows_before:?}, then {rows_after:?}"));
    }
    Ok(told("there", &there) + &told("back", &back))
}

/// A text that is executed again may be deparsed in another way, once. When that is all that differs, the
/// state is the one that is made of its own texts.
async fn settled(
    client: &Client,
    empty: &Catalog,
    wanted: Catalog,
    arrived: &Catalog,
    way: &Way,
    role: &Name,
) -> Catalog {
    let found = differences(&wanted, arrived);
    let texts = ["expression", "predicate", "keys", "default", "definition", "using", "check", "generated"];
    let only_texts = found.iter().all(|difference| {
        difference.is_note()
            || difference.attribute.as_ref().is_some_and(|name| texts.contains(&name.as_str()))
    });
    if left(found, way).is_empty() || !only_texts {
        return wanted;
    }
    let again = between(empty, &wanted, role);
    let script: String = again.changes.iter().map(|change| format!("{};\n", change.statement)).collect();
    client.batch_execute("BEGIN").await.unwrap();
    client.batch_execute(EMPTY).await.unwrap();
    let made = client.batch_execute(&format!("SET LOCAL check_function_bodies = off;{script}")).await;
    let read = match made {
        Ok(()) => introspect_within(client, Patience::default()).await.unwrap(),
        // Then what differs is told of the state itself.
        Err(_) => wanted,
    };
    client.batch_execute("ROLLBACK").await.unwrap();
    read
}

/// All cases of the pages on one major: what each tells, or what is wrong with it.
async fn run(major: u32, pages: Arc<Vec<CaseFile>>) -> BTreeMap<(usize, usize), Result<String, String>> {
    let server = Server::shared(major).await;
    let mut database: Option<(Database<'_>, Client, Catalog)> = None;
    let role = role_of(server).await;
    let mut found = BTreeMap::new();
    let wanted = std::env::var("UNDERPIN_CASE").ok();
    for (page_at, page) in pages.iter().enumerate() {
        for (at, section) in page.sections().iter().enumerate() {
            let is_case = section.own("sql after").is_some() && since(section) <= major;
            if !is_case
                || wanted.as_ref().is_some_and(|wanted| !page.place(section).contains(wanted.as_str()))
            {
                continue;
            }
            let (_, client, empty) = match &database {
                Some(open) => open,
                None => {
                    let fresh = server.database("ddl").await;
                    let client = fresh.client().await;
                    client.batch_execute(ROLES).await.unwrap();
                    let empty = read(&client, "a new database").await;
                    database.insert((fresh, client, empty))
                }
            };
            let result = there_and_back(client, page, section, empty, &role).await;
            let emptied = client.batch_execute(&format!("ROLLBACK; {EMPTY}")).await.is_ok();
            if result.is_err() || !emptied || !is_as_new(client).await {
                database = None;
            }
            found.insert((page_at, at), result.map_err(|wrong| format!("{major}: {wrong}")));
        }
    }
    found
}

/// The role that executes.
async fn role_of(server: &Server) -> Name {
    let row = server.client("postgres").await.query_one("SELECT current_user::text", &[]).await.unwrap();
    Name::new(row.get::<_, String>(0))
}

/// Whether nothing is left of a case, what belongs to no table and the privileges of `public` included.
async fn is_as_new(client: &Client) -> bool {
    let left = "SELECT (SELECT count(*) FROM pg_depend WHERE objid >= 16384) \
                + (SELECT count(*) FROM pg_default_acl) + (SELECT count(*) FROM pg_namespace n \
                   JOIN pg_init_privs p ON p.objoid = n.oid AND p.classoid = 'pg_namespace'::regclass \
                   WHERE n.nspname = 'public' AND n.nspacl IS DISTINCT FROM p.initprivs) \
                + (SELECT count(*) FROM pg_description WHERE objoid = 'public'::regnamespace \
                   AND description <> 'standard public schema')";
    client.query_one(left, &[]).await.unwrap().get::<_, i64>(0) == 0
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_arrives_rests_and_returns() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ddl");
    let pages = Arc::new(CaseFile::all_in(&folder));
    let running: Vec<_> =
        outer_majors().into_iter().map(|major| tokio::spawn(run(major, pages.clone()))).collect();
    let (mut wrong, mut found) = (Vec::new(), BTreeMap::<_, BTreeSet<String>>::new());
    for running in running {
        for (case, result) in running.await.unwrap() {
            match result {
                Ok(told) => drop(found.entry(case).or_default().insert(told)),
                Err(error) => wrong.push(error),
            }
        }
    }
    assert!(wrong.is_empty(), "{} ways\n\n{}", wrong.len(), wrong.join("\n"));
    let bless = std::env::var_os("UNDERPIN_BLESS").is_some();
    for (page_at, page) in pages.iter().enumerate() {
        let mut rewritten = Vec::new();
        for (at, section) in page.sections().iter().enumerate() {
            let Some(told) = found.get(&(page_at, at)) else { continue };
            let place = page.place(section);
            let expected = section.own("told").unwrap_or_else(|| panic!("{place} has no fence `told`"));
            assert_eq!(told.len(), 1, "{place} tells different things on different majors: {told:?}");
            let told = told.first().unwrap();
            if *told != expected.text {
                wrong.push(format!("{place}:\n--- page\n{}--- found\n{told}", expected.text));
                rewritten.push((expected, told.clone()));
            }
        }
        if bless && !rewritten.is_empty() {
            page.rewrite(&rewritten);
        }
    }
    assert!(bless || wrong.is_empty(), "{} cases differ\n\n{}", wrong.len(), wrong.join("\n"));
}

/// The catalog inside of a transaction.
async fn within(client: &Client) -> Catalog {
    introspect_within(client, Patience::default()).await.unwrap()
}

/// Takes a way inside of a transaction, and tells what is left to the catalog that it leads to.
async fn taken(client: &Client, way: &Way, wanted: &Catalog, label: &str) -> Option<String> {
    if way.impossible.iter().any(|impossible| impossible.why == Why::Unmodelled) {
        // What needs it cannot be made either.
        return None;
    }
    for change in &way.changes {
        if let Err(error) = client.batch_execute(change.statement.as_str()).await {
            let said = error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string);
            return Some(format!("{label}: {said}\n  in: {}\n  of:\n{}", change.statement, shown(way)));
        }
    }
    let found = left(differences(wanted, &within(client).await), way);
    (!found.is_empty()).then(|| format!("{label}:\n{}  after:\n{}", found.concat(), shown(way)))
}

/// The changes of the page that tells what a catalog tells apart, as ways there and back. Those that write to
/// PostgreSQL's own tables are left out: no statement does that.
async fn changed(major: u32) -> Vec<String> {
    let page = CaseFile::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/catalog/changes.md"));
    let server = Server::shared(major).await;
    let database = server.database("ddl_changes").await;
    let client = database.client().await;
    client.batch_execute(super::introspect::ROLES).await.unwrap();
    super::introspect::fixture(&page, &client, major).await;
    let role = role_of(server).await;
    client.batch_execute("BEGIN").await.unwrap();
    let before = within(&client).await;
    let mut wrong = Vec::new();
    for change in page
        .cases("changes")
        .flat_map(|section| super::introspect::changes(&section.own("changes").unwrap().text))
    {
        if major < change.since || change.sql.contains("UPDATE pg_") {
            continue;
        }
        client.batch_execute("SAVEPOINT change").await.unwrap();
        client.batch_execute(&change.sql).await.unwrap();
        let after = within(&client).await;
        client
            .batch_execute("ROLLBACK TO SAVEPOINT change; SET LOCAL check_function_bodies = off")
            .await
            .unwrap();
        let label = format!("{major}: {} there", change.sql);
        wrong.extend(taken(&client, &between(&before, &after, &role), &after, &label).await);
        client.batch_execute("ROLLBACK TO SAVEPOINT change").await.unwrap();
        client.batch_execute(&change.sql).await.unwrap();
        let label = format!("{major}: {} back", change.sql);
        wrong.extend(taken(&client, &between(&after, &before, &role), &before, &label).await);
        client.batch_execute("ROLLBACK TO SAVEPOINT change").await.unwrap();
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_catalog_tells_apart_is_a_way_there_and_back() {
    let mut wrong = Vec::new();
    // The pages are held on the oldest as well, and this is long: on the newest alone, unless all are asked for.
    let mut majors = outer_majors();
    if majors.len() == 2 {
        majors.remove(0);
    }
    let running: Vec<_> = majors.into_iter().map(|major| tokio::spawn(changed(major))).collect();
    for running in running {
        wrong.extend(running.await.unwrap());
    }
    assert!(wrong.is_empty(), "{} ways\n\n{}", wrong.len(), wrong.join("\n"));
}
