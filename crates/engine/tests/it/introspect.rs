//! Reading a catalog: what it tells apart, what it leaves out, and what it does while others change the
//! database or hold it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio_postgres::Client;
use underpin_catalog::object::{ObjectKey, ObjectKind};
use underpin_catalog::{Facts, RelationName};
use underpin_engine::{IntrospectError, Patience, introspect, introspect_with, introspect_within};
use underpin_testkit::{CaseFile, Database, Server, majors};

/// A line of a fence `changes`: the SQL, and the first major that has what it needs.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) sql: String,
    pub(crate) since: u32,
    /// As written on the page, with its prefix.
    line: String,
}

pub(crate) fn changes(text: &str) -> Vec<Change> {
    let lines = text.lines().filter(|line| !line.starts_with(' ') && !line.is_empty());
    let change = |line: &str| {
        let (since, sql) = match line.split_once(": ") {
            Some((since, sql)) if since.len() == 2 => (since.parse().unwrap(), sql),
            _ => (0, line),
        };
        Change { sql: sql.to_owned(), since, line: line.to_owned() }
    };
    lines.map(change).collect()
}

/// What the page says is found by a change on a major.
fn expected(text: &str, change: &Change, major: u32) -> BTreeSet<String> {
    let mut lines = text.lines().skip_while(|line| *line != change.line).skip(1);
    let mut found = BTreeSet::new();
    while let Some(line) = lines.next().and_then(|line| line.strip_prefix("  ")) {
        let ranged = line.split_once(": ").and_then(|(range, rest)| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            Some((first.parse::<u32>().ok()?..=last.parse::<u32>().ok()?, rest))
        });
        match ranged {
            Some((range, rest)) if range.contains(&major) => drop(found.insert(rest.to_owned())),
            Some(_) => {}
            None => drop(found.insert(line.to_owned())),
        }
    }
    found
}

/// The fence as it is written when these are found.
fn written(changes: &[Change], found: &BTreeMap<(u32, String), BTreeSet<String>>, majors: &[u32]) -> String {
    let mut text = String::new();
    for change in changes {
        writeln!(text, "{}", change.line).unwrap();
        let made_on: Vec<u32> = majors.iter().copied().filter(|major| *major >= change.since).collect();
        let of = |major: &u32| &found[&(*major, change.line.clone())];
        let all: BTreeSet<&String> = made_on.iter().flat_map(of).collect();
        for line in all {
            let on: Vec<u32> = made_on.iter().copied().filter(|major| of(major).contains(line)).collect();
            match (on.first(), on.last()) {
                _ if on == made_on => writeln!(text, "  {line}").unwrap(),
                (Some(first), Some(last)) if first == last => writeln!(text, "  {first}: {line}").unwrap(),
                (Some(first), Some(last)) => writeln!(text, "  {first}-{last}: {line}").unwrap(),
                _ => {}
            }
        }
    }
    text
}

async fn facts(client: &Client, after: &str) -> Facts {
    let read = introspect_within(client, Patience::default()).await;
    read.unwrap_or_else(|error| panic!("{error:?} after: {after}")).facts()
}

/// The attributes that objects have, by kind.
fn attributes(facts: &Facts) -> BTreeSet<(String, String)> {
    let all = facts.objects().flat_map(|(key, attributes)| {
        attributes.names().map(move |attribute| (key.kind.to_string(), attribute.to_owned()))
    });
    all.collect()
}

pub(crate) const ROLES: &str = "DO $$ BEGIN \
     IF to_regrole('catalog_app') IS NULL THEN CREATE ROLE catalog_app; CREATE ROLE catalog_owner; END IF; \
     END $$";

/// Makes the fixture of the page.
pub(crate) async fn fixture(page: &CaseFile, client: &Client, major: u32) {
    for fence in page.sections().iter().flat_map(|section| &section.fences) {
        let since = match fence.info.as_str() {
            "sql fixture" => 0,
            other => other.strip_prefix("sql fixture from ").map_or(u32::MAX, |major| major.parse().unwrap()),
        };
        if major >= since {
            client.batch_execute(&fence.text).await.unwrap_or_else(|error| panic!("{major}: {error:?}"));
        }
    }
}

/// What a major found, by change, and the attributes that no change touched.
async fn observed(
    major: u32,
    page: &CaseFile,
) -> (BTreeMap<(u32, String), BTreeSet<String>>, BTreeSet<(String, String)>) {
    let server = Server::shared(major).await;
    let database = server.database("told_apart").await;
    let client = database.client().await;
    client.batch_execute(ROLES).await.unwrap();
    fixture(page, &client, major).await;
    client.batch_execute("SET allow_system_table_mods = on; BEGIN").await.unwrap();
    let before = facts(&client, "the fixture").await;
    let mut there = attributes(&before);
    let mut touched = BTreeSet::new();
    let mut found = BTreeMap::new();
    for section in page.cases("changes") {
        for change in changes(&section.own("changes").unwrap().text) {
            if major < change.since {
                continue;
            }
            client.batch_execute("SAVEPOINT change").await.unwrap();
            let made = client.batch_execute(&change.sql).await;
            made.unwrap_or_else(|error| panic!("{major}: {error:?} in: {}", change.sql));
            let after = facts(&client, &change.sql).await;
            client.batch_execute("ROLLBACK TO SAVEPOINT change").await.unwrap();
            there.extend(attributes(&after));
            let differences = before.differences_to(&after);
            assert_eq!(
                before.hash() == after.hash(),
                differences.iter().all(underpin_catalog::Difference::is_note),
                "{major}: {}",
                change.sql
            );
            let mut lines = BTreeSet::new();
            for difference in differences {
                match &difference.attribute {
                    Some(attribute) => {
                        touched.insert((difference.key.kind.to_string(), attribute.clone()));
                        lines.insert(format!("{} {attribute}", difference.key));
                    }
                    None => drop(lines.insert(format!("{} there", difference.key))),
                }
            }
            found.insert((major, change.line), lines);
        }
    }
    assert_eq!(before, facts(&client, "all changes").await, "{major}: reading changed something");
    (found, there.difference(&touched).cloned().collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attribute_that_changes_is_a_difference() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/catalog/changes.md");
    let page: &'static CaseFile = Box::leak(Box::new(CaseFile::read(&path)));
    let running: Vec<_> =
        majors().into_iter().map(|major| (major, tokio::spawn(observed(major, page)))).collect();
    let mut found = BTreeMap::new();
    let mut untouched: Option<BTreeSet<(String, String)>> = None;
    for (_, running) in running {
        let (by_change, left) = running.await.unwrap();
        found.extend(by_change);
        untouched = Some(match untouched {
            Some(others) => others.intersection(&left).cloned().collect(),
            None => left,
        });
    }
    let fences: Vec<_> = page.cases("changes").map(|section| section.own("changes").unwrap()).collect();
    if std::env::var_os("UNDERPIN_BLESS").is_some() {
        assert_eq!(majors(), [14, 15, 16, 17, 18], "a page is written of all majors");
        let texts = fences.iter().map(|fence| (*fence, written(&changes(&fence.text), &found, &majors())));
        page.rewrite(&texts.collect::<Vec<_>>());
    } else {
        for fence in fences {
            for change in changes(&fence.text) {
                for major in majors().into_iter().filter(|major| *major >= change.since) {
                    let found = &found[&(major, change.line.clone())];
                    assert_eq!(found, &expected(&fence.text, &change, major), "{major}: {}", change.sql);
                }
            }
        }
    }
    let untouched: Vec<String> =
        untouched.unwrap().into_iter().map(|(kind, attribute)| format!("{kind} {attribute}")).collect();
    assert_eq!(untouched, [""; 0], "no change on the page touches these");
}

/// The fixture of the page on a database of a major.
async fn with_everything(major: u32) -> Database<'static> {
    let page = CaseFile::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/catalog/changes.md"));
    let database = Server::shared(major).await.database("everything").await;
    let client = database.client().await;
    client.batch_execute(ROLES).await.unwrap();
    for fence in page.sections().iter().flat_map(|section| &section.fences) {
        if fence.info == "sql fixture" {
            client.batch_execute(&fence.text).await.unwrap();
        }
    }
    database
}

/// What PostgreSQL's own catalogs of objects are to us. A version that has one more is told here.
const MODELLED: &str = "pg_am pg_attrdef pg_class pg_constraint pg_default_acl pg_enum pg_event_trigger \
     pg_extension pg_namespace pg_policy pg_proc pg_publication pg_publication_namespace pg_publication_rel \
     pg_rewrite pg_statistic_ext pg_trigger pg_type";
/// Objects of the server and not of the database, data, and parts of what is named as a whole.
const NOT_OF_A_CATALOG: &str = "pg_amop pg_amproc pg_auth_members pg_authid pg_database \
     pg_largeobject_metadata pg_parameter_acl pg_tablespace";

#[tokio::test(flavor = "multi_thread")]
async fn no_kind_of_object_is_forgotten() {
    let named = include_str!("../../src/introspect/unmodelled.sql");
    for major in majors() {
        let database = Server::shared(major).await.database("kinds").await;
        let client = database.client().await;
        let rows = client.query(
            "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'oid' \
             WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r'",
            &[],
        );
        let catalogs: Vec<String> = rows.await.unwrap().iter().map(|row| row.get(0)).collect();
        assert!(catalogs.len() > 30, "{catalogs:?}");
        for catalog in catalogs {
            let word = |list: &str| list.split_whitespace().any(|known| known == catalog);
            let known = word(MODELLED) || word(NOT_OF_A_CATALOG) || named.contains(&format!("'{catalog}'"));
            assert!(known, "{major}: nobody reads {catalog}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn types_print_as_the_server_formats_them() {
    let modified = "a varchar(5), b char(3), c numeric(10,2), d numeric(9), e bit(4), f varbit(4), g time(3), \
        h timetz(2), i timestamp(0), j timestamptz(6), k interval(3), l interval year, \
        m interval day to second(3), n varchar(5)[], o numeric(10,2)[][], p interval hour[], q bit, r char, \
        s bpchar, t \"char\", u name, v float8, w float4, x boolean, y int2, z xml, aa json, ab jsonb, \
        ac \"Odd.Name\".\"a(b)\", ad \"Odd.Name\".\"a(b)\"[], ae \"row\", af \"row\"[], ag oidvector, ah int2vector";
    for major in majors() {
        let database = Server::shared(major).await.database("printed").await;
        let names = "CREATE SCHEMA \"Odd.Name\"; CREATE TYPE \"Odd.Name\".\"a(b)\" AS ENUM ('x'); \
            CREATE TABLE \"row\" (id integer)";
        database.run(&format!("{names}; CREATE TABLE t ({modified})")).await;
        let client = database.client().await;
        let catalog = introspect(&client).await.unwrap();
        client.batch_execute("SET search_path = ''").await.unwrap();
        let rows = client.query(
            "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute \
             WHERE attrelid = 'public.t'::regclass AND attnum > 0",
            &[],
        );
        let table = &catalog.tables[&RelationName::qualified("public", "t")];
        for row in rows.await.unwrap() {
            let (name, formatted): (String, String) = (row.get(0), row.get(1));
            let ours = table.columns[&underpin_catalog::Name::new(name)].type_ref.to_string();
            // A reserved word is quoted by the server, and by us when it is no plain word.
            assert_eq!(ours, formatted.replace("public.\"row\"", "public.row"), "{major}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_ours_and_extensions_are_left_out() {
    for major in majors() {
        let database = Server::shared(major).await.database("left_out").await;
        let client = database.client().await;
        let empty = introspect(&client).await.unwrap();
        let ours = "CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, n integer DEFAULT 1 CHECK (n > 0)); \
            CREATE INDEX ON _prisma_migrations (n); CREATE SCHEMA underpin; CREATE TABLE underpin.run (id serial); \
            CREATE FUNCTION underpin.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'; \
            CREATE TEMP TABLE gone (id integer PRIMARY KEY)";
        client.batch_execute(ours).await.unwrap();
        assert_eq!(empty, introspect(&client).await.unwrap(), "{major}");
        client.batch_execute("CREATE SCHEMA geo; CREATE EXTENSION ltree SCHEMA geo").await.unwrap();
        let mut with = introspect(&client).await.unwrap();
        assert_eq!(with.extensions.len(), empty.extensions.len() + 1);
        with.extensions.clone_from(&empty.extensions);
        with.namespaces.clone_from(&empty.namespaces);
        assert_eq!(with, empty, "{major}: members of an extension are the extension's");
        // What the application puts into an extension's own namespace is named.
        client
            .batch_execute(
                "CREATE SCHEMA tree; ALTER EXTENSION ltree ADD SCHEMA tree; \
                 CREATE TABLE tree.mine (id integer PRIMARY KEY)",
            )
            .await
            .unwrap();
        let named = introspect(&client).await.unwrap().unmodelled;
        let mine = ObjectKey::new(ObjectKind::Unmodelled("table".to_owned()), "tree.mine");
        assert_eq!(named.into_iter().collect::<Vec<_>>(), [mine], "{major}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dependencies_are_between_objects() {
    for major in majors() {
        let database = with_everything(major).await;
        let catalog = introspect(&database.client().await).await.unwrap();
        let told: BTreeSet<String> = catalog
            .dependencies
            .iter()
            .map(|dependency| format!("{} needs {}", dependency.dependent, dependency.on))
            .collect();
        for expected in [
            "view public.names needs table public.item",
            "materialized view public.counts needs table public.item",
            "column public.item.number needs sequence public.item_number_seq",
            "table public.item needs type public.status",
            "table public.item needs type public.price",
            "trigger public.item.touched needs routine public.touch()",
            "event trigger watched needs routine public.watch()",
            "constraint public.item.\"item_parentId_fkey\" needs table public.parent",
            "policy public.item.own needs table public.item",
        ] {
            assert!(told.contains(expected), "{major}: {expected} is not among {told:#?}");
        }
    }
}

/// Two states of a database that one transaction leads from to the other. What deparses to another text in each
/// is spread over the tables, so that a mixture of both is neither.
const FORTH: &str = "BEGIN; ALTER TABLE t0 RENAME COLUMN a TO b; ALTER TABLE t1 RENAME COLUMN a TO b; \
    ALTER TABLE t2 RENAME COLUMN a TO b; ALTER TABLE t3 RENAME COLUMN a TO b; COMMIT";

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_changes_is_read_as_it_was_at_one_moment() {
    for major in majors() {
        let database = Server::shared(major).await.database("changing").await;
        for table in 0..4 {
            let parts = "(id integer PRIMARY KEY, a integer CHECK (a > 0), g integer GENERATED ALWAYS AS (a * 2) STORED)";
            let more = "CREATE INDEX ON %t ((a + 1)) WHERE a > 5; CREATE VIEW %t_view AS SELECT id, a AS seen FROM %t";
            let table = format!("t{table}");
            database.run(&format!("CREATE TABLE {table} {parts}; {}", more.replace("%t", &table))).await;
        }
        let reader = database.client().await;
        let back = FORTH.replace("a TO b", "b TO a");
        let mut states = vec![introspect(&reader).await.unwrap().facts().hash()];
        let writer = database.client().await;
        writer.batch_execute(FORTH).await.unwrap();
        states.push(introspect(&reader).await.unwrap().facts().hash());
        assert_ne!(states[0], states[1]);
        let enough = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&enough);
        let changing = tokio::spawn(async move {
            let mut pauses = [3, 40, 11, 80, 25].into_iter().cycle().map(Duration::from_millis);
            while !until.load(Ordering::Relaxed) {
                for change in [back.as_str(), FORTH] {
                    writer.batch_execute(change).await.unwrap();
                    tokio::time::sleep(pauses.next().unwrap()).await;
                }
            }
        });
        let patience = Patience { tries: 1000, pause_ms: 1, ..Patience::default() };
        let mut seen = [0, 0];
        while seen.iter().any(|times| *times < 3) {
            let found = introspect_with(&reader, patience).await.unwrap().facts().hash();
            let state = states.iter().position(|state| *state == found);
            seen[state.unwrap_or_else(|| panic!("{major}: a state that never was"))] += 1;
        }
        enough.store(true, Ordering::Relaxed);
        changing.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_table_is_waited_for_in_short_tries() {
    for major in majors() {
        let database = Server::shared(major).await.database("held").await;
        database
            .run("CREATE TABLE held (id integer, a integer DEFAULT 1); CREATE VIEW v AS SELECT id FROM held")
            .await;
        let holder = database.client().await;
        holder.batch_execute("BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE").await.unwrap();
        let reader = database.client().await;
        let short = Patience { lock_timeout_ms: 50, tries: 3, pause_ms: 10, ..Patience::default() };
        let begun = Instant::now();
        let refused = introspect_with(&reader, short).await.unwrap_err();
        assert!(matches!(refused, IntrospectError::Locked { tries: 3 }), "{major}: {refused:?}");
        assert!(refused.hint().is_some());
        assert!(begun.elapsed() >= Duration::from_millis(150) && begun.elapsed() < Duration::from_secs(5));
        // The session is as it was: no transaction, no setting left.
        let left = "SELECT current_setting('lock_timeout') || current_setting('search_path')";
        let left: String = reader.query_one(left, &[]).await.unwrap().get(0);
        assert_eq!(left, "0\"$user\", public", "{major}");
        let waiting = tokio::spawn(async move { introspect(&reader).await });
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert!(!waiting.is_finished(), "{major}");
        holder.batch_execute("COMMIT").await.unwrap();
        let catalog = waiting.await.unwrap().unwrap();
        assert_eq!(catalog.tables.len(), 1, "{major}");
    }
}
