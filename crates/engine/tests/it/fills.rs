//! The rows that are there get their new shape in batches: whatever their key is, whoever else writes and however
//! fast, and without statistics.
//!
//! With pgroll, a table whose key is `GENERATED ALWAYS` cannot be filled (its issue 1035), one without a key is read
//! anew for every batch, and on a table that was never analyzed the rate falls to a fifth.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_postgres::Client;
use underpin_core::event::Event;
use underpin_core::plan::Mode;
use underpin_engine::deploy::Ending;
use underpin_testkit::{Server, major_by_turn, majors, outer_majors};

use crate::setting::{Running, deployed, strict, target};

/// Tables by what is special about them, how each is made, and its thousand rows. They have a value in `was` and none
/// in `becomes`.
const TABLES: &[(&str, &str, &str)] = &[
    (
        "serial",
        "CREATE TABLE \"serial\" (id serial PRIMARY KEY, was text, becomes text);
",
        "INSERT INTO \"serial\" (was) SELECT 'row ' || n FROM generate_series(1, 1000) n",
    ),
    (
        "identity",
        "CREATE TABLE \"identity\" (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, was text, becomes text);
",
        "INSERT INTO \"identity\" (was) SELECT 'row ' || n FROM generate_series(1, 1000) n",
    ),
    (
        "uuid",
        "CREATE TABLE \"uuid\" (id uuid PRIMARY KEY, was text, becomes text);
",
        "INSERT INTO \"uuid\" SELECT md5(n::text)::uuid, 'row ' || n FROM generate_series(1, 1000) n",
    ),
    (
        "cuid",
        "CREATE TABLE \"cuid\" (id text PRIMARY KEY, was text, becomes text);
",
        "INSERT INTO \"cuid\" SELECT (ARRAY['c', 'C', 'ä', 'it''s ', '', '-'])[1 + n % 6] || md5(n::text), 'row ' || n FROM generate_series(1, 1000) n",
    ),
    (
        "composite",
        "CREATE TABLE \"composite\" (shop int, \"orderNumber\" text, was text, becomes text, PRIMARY KEY (shop, \"orderNumber\"));
",
        "INSERT INTO \"composite\" SELECT n % 7, n::text, 'row ' || n FROM generate_series(1, 1000) n",
    ),
    (
        "instants",
        "CREATE TABLE \"instants\" (at timestamptz, kind char(3), was text, becomes text, PRIMARY KEY (at, kind));
",
        "INSERT INTO \"instants\" SELECT now() + (n % 9) * interval '1.000001 s', n::text, 'row ' || n FROM generate_series(1, 999) n;
         INSERT INTO \"instants\" VALUES ('infinity', '', 'row')",
    ),
    (
        "partitioned",
        "CREATE TABLE \"partitioned\" (id int, was text, becomes text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
         CREATE TABLE part_1 PARTITION OF \"partitioned\" FOR VALUES FROM (1) TO (400);
         CREATE TABLE part_2 PARTITION OF \"partitioned\" FOR VALUES FROM (400) TO (900);
         CREATE TABLE part_3 PARTITION OF \"partitioned\" DEFAULT;
",
        "INSERT INTO \"partitioned\" SELECT n, 'row ' || n FROM generate_series(1, 1000) n",
    ),
    (
        "inherited",
        "CREATE TABLE \"inherited\" (id int PRIMARY KEY, was text, becomes text);
         CREATE TABLE heir (PRIMARY KEY (id)) INHERITS (\"inherited\");
",
        "INSERT INTO \"inherited\" SELECT n, 'row ' || n FROM generate_series(1, 500) n;
         INSERT INTO heir SELECT n, 'row ' || n FROM generate_series(501, 1000) n",
    ),
    (
        "parent",
        "CREATE TABLE \"parent\" (id int PRIMARY KEY, was text, becomes text);
",
        "INSERT INTO \"parent\" SELECT n, 'row ' || n FROM generate_series(1, 1000) n",
    ),
    (
        "child",
        "CREATE TABLE \"child\" (id int PRIMARY KEY, up int REFERENCES \"parent\" ON DELETE CASCADE, was text, becomes text);
",
        "INSERT INTO \"child\" SELECT n, 1 + n % 1000, 'row ' || n FROM generate_series(1, 1000) n",
    ),
    (
        "touched",
        "CREATE TABLE \"touched\" (id int PRIMARY KEY, was text, becomes text, \"updatedAt\" timestamptz);
         CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.\"updatedAt\" := now(); NEW.becomes := btrim(NEW.becomes); RETURN NEW; END $$;
         CREATE TRIGGER touch BEFORE UPDATE ON \"touched\" FOR EACH ROW EXECUTE FUNCTION touch();
",
        "INSERT INTO \"touched\" SELECT n, 'row ' || n FROM generate_series(1, 1000) n",
    ),
    (
        "secured",
        "CREATE TABLE \"secured\" (id int PRIMARY KEY, was text, becomes text);
         ALTER TABLE \"secured\" ENABLE ROW LEVEL SECURITY;
         CREATE POLICY even ON \"secured\" USING (id % 2 = 0);
",
        "INSERT INTO \"secured\" SELECT n, 'row ' || n FROM generate_series(1, 1000) n",
    ),
];

const BASE: &str = "20260101000000_base";
const FILL: &str = "20260301000000_fill";

fn fill(table: &str) -> String {
    format!(
        "UPDATE \"{table}\" SET \"becomes\" = upper(\"was\") WHERE \"becomes\" IS NULL AND \"was\" IS NOT NULL;\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_every_kind_of_table_is_filled_in_batches() {
    let base: Vec<&str> = TABLES.iter().map(|(_, made, _)| *made).collect();
    let fills: Vec<String> = TABLES.iter().map(|(table, ..)| fill(table)).collect();
    let (base, fills) = (base.concat(), fills.concat());
    for major in outer_majors() {
        let server = Server::shared(major).await;
        let database = server.database("fills").await;
        deployed(&target(&database, &[(BASE, &base)]), &strict(Mode::Online)).await;
        for (.., rows) in TABLES {
            database.run(rows).await;
        }
        let target = target(&database, &[(BASE, &base), (FILL, &fills)]);
        let outcome = deployed(&target, &strict(Mode::Online)).await;
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {outcome:#?}");
        for (table, ..) in TABLES {
            let left = format!(
                "SELECT count(*), count(*) FILTER (WHERE becomes IS DISTINCT FROM upper(was)) FROM \"{table}\""
            );
            assert_eq!(database.rows(&left).await, ["1000|0"], "{major}: {table}");
        }
        let batches = "SELECT count(*) FROM underpin.step WHERE sql LIKE 'UPDATE%' AND cursor IS NOT NULL";
        assert_eq!(database.rows(batches).await, [TABLES.len().to_string()], "{major}");
    }
}

/// Without a key there is nothing to go along. That is told, and nobody's rows are locked unasked.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_a_key_is_not_filled_unasked() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = server.database("keyless").await;
    let base = (BASE, "CREATE TABLE \"keyless\" (was text, becomes text);\n");
    deployed(&target(&database, &[base]), &strict(Mode::Online)).await;
    database.run("INSERT INTO \"keyless\" SELECT 'row ' || n FROM generate_series(1, 1000) n").await;
    let sql = fill("keyless");
    let target = target(&database, &[base, (FILL, &sql)]);
    let outcome = deployed(&target, &strict(Mode::Online)).await;
    let Ending::Refused { migrations } = &outcome.ending else { panic!("{outcome:#?}") };
    let refusal = &migrations[0].refusals[0];
    assert_eq!(refusal.code.as_str(), "bulk-update", "{refusal:#?}");
    assert!(format!("{refusal:?}").contains("no primary key"), "{refusal:#?}");
    assert_eq!(database.rows("SELECT count(becomes) FROM \"keyless\"").await, ["0"]);
}

/// A role that may not see all rows would fill some and leave the rest, and never know it.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_does_not_see_all_rows_fills_none() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = server.database("blind").await;
    let role = format!("blind_{}", database.name());
    database
        .run(&format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'blind'; GRANT ALL ON DATABASE {} TO {role}; GRANT ALL ON SCHEMA public TO {role}",
            database.name()
        ))
        .await;
    let as_role = |target: underpin_engine::deploy::Target| {
        let mut target = target;
        target.url.user = role.clone();
        target.url.password = Some(underpin_prisma::Password::new("blind"));
        target
    };
    let base = (
        BASE,
        "CREATE TABLE \"blind\" (id int PRIMARY KEY, was text, becomes text);
         ALTER TABLE \"blind\" ENABLE ROW LEVEL SECURITY;
         ALTER TABLE \"blind\" FORCE ROW LEVEL SECURITY;
         CREATE POLICY even ON \"blind\" USING (id % 2 = 0);\n",
    );
    deployed(&as_role(target(&database, &[base])), &strict(Mode::Online)).await;
    database.run("INSERT INTO \"blind\" SELECT n, 'row ' || n FROM generate_series(1, 1000) n").await;
    let sql = fill("blind");
    let outcome = deployed(&as_role(target(&database, &[base, (FILL, &sql)])), &strict(Mode::Online)).await;
    let told = format!("{outcome:?}");
    assert!(
        !matches!(outcome.ending, Ending::Applied) && told.contains("row-level security policy"),
        "{told}"
    );
    assert_eq!(database.rows("SELECT count(becomes) FROM \"blind\"").await, ["0"]);
}

/// As the first phase of a rollout has it.
const KEEP: &str = "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.becomes := upper(NEW.was); RETURN NEW; END $$;
    CREATE TRIGGER keep BEFORE INSERT ON \"serial\" FOR EACH ROW WHEN (NEW.becomes IS NULL) EXECUTE FUNCTION keep();\n";

/// Inserts behind all others and moves rows from page to page, as fast as it can.
async fn storms(client: Client, end: Arc<AtomicBool>) {
    let storm = "INSERT INTO \"serial\" (was) SELECT 'storm' FROM generate_series(1, 2000);
                 UPDATE \"serial\" SET pad = repeat('x', (random() * 500)::int) WHERE id = (SELECT (random() * 1000)::int)";
    while !end.load(Ordering::SeqCst) {
        client.batch_execute(storm).await.unwrap();
    }
}

/// What comes meanwhile has its value by a trigger, or is none of the statement's business: one statement would not
/// have seen it either.
#[tokio::test(flavor = "multi_thread")]
async fn a_fill_comes_to_its_end_though_rows_come_faster_than_it_fills() {
    let server = Server::shared(*majors().last().unwrap()).await;
    for has_trigger in [true, false] {
        let database = server.database("storm").await;
        let keep = if has_trigger { KEEP } else { "" };
        let base = format!("{}ALTER TABLE \"serial\" ADD COLUMN pad text;\n{keep}", TABLES[0].1);
        deployed(&target(&database, &[(BASE, &base)]), &strict(Mode::Online)).await;
        database.run(&TABLES[0].2.replace("1000", "20000")).await;
        let sql = fill("serial");
        let mut request = strict(Mode::Online);
        // A batch is small, so rows come faster.
        request.settings.deploy.batch_target_ms = 1;
        let running = Running::deploy(&target(&database, &[(BASE, &base), (FILL, &sql)]), &request);
        running.tells(|event| matches!(event, Event::Progress { .. }).then_some(())).await;
        let end = Arc::new(AtomicBool::new(false));
        let mut storm = Vec::new();
        for _ in 0..3 {
            storm.push(tokio::spawn(storms(database.client().await, end.clone())));
        }
        let outcome = running.outcome().await;
        end.store(true, Ordering::SeqCst);
        for one in storm {
            one.await.unwrap();
        }
        assert!(matches!(outcome.ending, Ending::Applied), "{outcome:#?}");
        let left = match has_trigger {
            true => "SELECT count(*) FROM \"serial\" WHERE becomes IS NULL",
            false => "SELECT count(*) FROM \"serial\" WHERE becomes IS NULL AND was <> 'storm'",
        };
        assert_eq!(database.rows(left).await, ["0"], "{has_trigger}");
    }
}

/// A table that nobody has analyzed is read along its key like any other: each row about once, whatever the planner
/// believes.
#[tokio::test(flavor = "multi_thread")]
async fn without_statistics_no_batch_reads_the_table() {
    const ROWS: u64 = 60_000;
    for major in major_by_turn(0) {
        let server = Server::shared(major).await;
        let database = server.database("unanalyzed").await;
        let base = (
            BASE,
            "CREATE TABLE \"fresh\" (id serial PRIMARY KEY, was text, becomes text) WITH (autovacuum_enabled = false);\n",
        );
        deployed(&target(&database, &[base]), &strict(Mode::Online)).await;
        let rows =
            format!("INSERT INTO \"fresh\" (was) SELECT 'row ' || n FROM generate_series(1, {ROWS}) n");
        database.run(&rows).await;
        let sql = fill("fresh");
        let outcome = deployed(&target(&database, &[base, (FILL, &sql)]), &strict(Mode::Online)).await;
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {outcome:#?}");
        let analyzed = "SELECT reltuples::int FROM pg_class WHERE relname = 'fresh'";
        assert!(["-1", "0"].contains(&database.rows(analyzed).await[0].as_str()), "{major}");
        // Statistics come a moment after the session that made them has gone.
        database.left_alone().await;
        let read = "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'fresh'";
        let read: u64 = database.rows(read).await[0].parse().unwrap();
        assert!(read <= 2 * ROWS, "{major}: {read} rows were read from end to end");
        assert_eq!(database.rows("SELECT count(*) FROM \"fresh\" WHERE becomes IS NULL").await, ["0"]);
    }
}
