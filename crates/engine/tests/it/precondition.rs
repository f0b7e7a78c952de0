//! What pending migrations presuppose of the rows, asked of real servers.

use std::time::{Duration, Instant};

use underpin_core::precondition::{Answer, Counted, Kind, Verdict, exit_code};
use underpin_engine::deploy::Target;
use underpin_engine::precondition::{Asked, Asking, ask};
use underpin_prisma::url::Password;
use underpin_shadow::StartOptions;
use underpin_testkit::{Server, majors};

use super::setting::target;

const ASKING: Asking = Asking { budget: Duration::from_secs(60), values: false };

/// A ledger in which nothing is, so that all that the folder has is pending.
const LEDGER: &str =
    "CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL,
    finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz,
    started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count int NOT NULL DEFAULT 0);";

const PENDING: &str = "20260101000000_pending";

async fn asked(target: &Target, asking: Asking) -> Asked {
    ask(target, asking).await.unwrap_or_else(|problem| panic!("{}", problem.message))
}

fn counted(answer: &Answer) -> &Counted {
    match answer {
        Answer::Counted(counted) => counted,
        Answer::Unknown(why) => panic!("nobody looked: {why}"),
    }
}

/// `kind verdict rows/looked_at: samples` of each.
fn lines(asked: &Asked) -> Vec<String> {
    let line = |(precondition, answer): &(_, Answer)| {
        let precondition: &underpin_core::precondition::Precondition = precondition;
        let verdict = precondition.verdict(answer);
        let found = match answer {
            Answer::Unknown(why) => why.clone(),
            Answer::Counted(counted) => {
                let samples: Vec<String> = counted
                    .samples
                    .iter()
                    .map(|sample| format!("{}{:?}", sample.keys.join(" = "), sample.values).replace("[]", ""))
                    .collect();
                format!("{}/{} {}", counted.rows, counted.looked_at, samples.join("; "))
            }
        };
        format!("{:?} {verdict:?} {found}", precondition.kind).trim_end().to_owned()
    };
    asked.answers.iter().map(line).collect()
}

const TABLES: &str = r#"
    CREATE TYPE "Mood" AS ENUM ('good', 'bad', 'gone');
    CREATE TABLE "Odd ""name""" ("the id" int PRIMARY KEY, "Null?" int, "eq'ual" text, refers int, amount numeric(10,4),
        number text, feels "Mood", long varchar(40));
    CREATE TABLE "Other" (id int PRIMARY KEY);
    CREATE TABLE parted (id int, part int, x int, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
    CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
    CREATE TABLE "Parted 2" PARTITION OF parted FOR VALUES IN (2) PARTITION BY LIST (part);
    CREATE TABLE parted_2_2 PARTITION OF "Parted 2" FOR VALUES IN (2);
    CREATE TABLE no_key (x int);
    INSERT INTO "Other" SELECT n FROM generate_series(1, 100) n;
    INSERT INTO "Odd ""name""" SELECT n, n, 'e' || n, n % 100 + 1, 1.25, n, 'good', 'short' FROM generate_series(1, 30000) n;
    UPDATE "Odd ""name""" SET "Null?" = NULL, number = '12x' WHERE "the id" IN (7, 29000);
    UPDATE "Odd ""name""" SET "eq'ual" = 'same', refers = 1000, amount = 1.2345 WHERE "the id" IN (3, 4, 20000);
    UPDATE "Odd ""name""" SET feels = 'gone', long = repeat('l', 30) WHERE "the id" = 5;
    INSERT INTO parted SELECT n, n % 2 + 1, n / 2 FROM generate_series(1, 1000) n;
    UPDATE parted SET x = NULL WHERE id = 10;
    INSERT INTO no_key VALUES (1), (1), (NULL), (NULL);
"#;

const CHANGES: &str = r#"
    ALTER TABLE "Odd ""name""" ALTER COLUMN "Null?" SET NOT NULL;
    CREATE UNIQUE INDEX ON "Odd ""name""" ("eq'ual");
    ALTER TABLE "Odd ""name""" ADD FOREIGN KEY (refers) REFERENCES "Other";
    ALTER TABLE "Odd ""name""" ADD CHECK ("Odd ""name"""."amount" > 1.24);
    ALTER TABLE "Odd ""name""" ALTER COLUMN amount TYPE numeric(10,2);
    ALTER TABLE "Odd ""name""" ALTER COLUMN number TYPE int USING number::int;
    ALTER TABLE "Odd ""name""" ALTER COLUMN long TYPE varchar(20);
    CREATE TYPE "Mood_new" AS ENUM ('good', 'bad');
    ALTER TABLE "Odd ""name""" ALTER COLUMN feels TYPE "Mood_new" USING (feels::text::"Mood_new");
    ALTER TABLE parted ALTER COLUMN x SET NOT NULL;
    CREATE UNIQUE INDEX ON parted (x, part);
    CREATE UNIQUE INDEX ON no_key (x);
    ALTER TABLE "Other" ADD COLUMN must text NOT NULL;
    CREATE UNIQUE INDEX ON "Other" ((id % 100));
    ALTER TABLE "Other" ADD EXCLUDE USING gist (int4range(id, id) WITH &&);
"#;

#[tokio::test]
async fn each_kind_is_counted_on_every_major() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("precheck").await;
        database.run(LEDGER).await;
        database.run(TABLES).await;
        let target = target(&database, &[(PENDING, CHANGES)]);
        let asked = asked(&target, ASKING).await;
        assert_eq!(
            lines(&asked),
            [
                "Null Violated 2/30000 7; 29000",
                "Duplicate Violated 3/30000 3 = 4 = 20000",
                "Orphan Violated 3/30000 3; 4; 20000",
                "Check Violated 3/30000 3; 4; 20000",
                "Loss Violated 3/30000 3; 4; 20000",
                "Cast Violated 2/30000 7; 29000",
                "Cast Violated 1/30000 5",
                "Cast Violated 1/30000 5",
                "Null Violated 1/1000 10, 1",
                "Duplicate Holds 0/1000",
                "Duplicate Violated 2/4",
                "Null Violated 100/100",
                "Duplicate Holds 0/100",
                "Other Unknown no query asks for them",
            ],
            "{major}"
        );
        assert_eq!(exit_code(&asked.answers), 10);
        assert_eq!(asked.pending, [PENDING]);
        // Values are for who asks for them.
        let values = ask(&target, Asking { values: true, ..ASKING }).await.unwrap();
        let shown = |kind: Kind| {
            let (_, answer) = values.answers.iter().find(|(asked, _)| asked.kind == kind).unwrap();
            format!("{:?}", counted(answer).samples[0].values)
        };
        assert_eq!(shown(Kind::Null), "[None]");
        assert_eq!(shown(Kind::Duplicate), "[Some(\"same\")]");
        assert_eq!(shown(Kind::Orphan), "[Some(\"1000\")]");
        // Nothing was changed, and nothing is left open.
        database.left_alone().await;
    }
}

/// What the first phase of a rollout says of the rows, in pieces and with keys; what later ones say is not asked.
#[tokio::test]
async fn a_first_phase_is_asked_for_what_it_says_of_itself() {
    const FIRST: &str = r#"-- underpin: rollout split
-- underpin: phase expand
-- underpin: verify SELECT count(*) FROM "User" AS own WHERE (SELECT own.name IS DISTINCT FROM back.name FROM (SELECT split_part(taken.name, ' ', 1) AS first) AS becomes CROSS JOIN LATERAL (SELECT becomes.first AS name) AS back)
-- underpin: verify SELECT count(*) FROM "User" WHERE nick IS NULL
-- underpin: verify SELECT count(*) FROM "User" AS own WHERE own.nick::int < 0
-- underpin: verify SELECT count(*) FROM (SELECT 1 FROM "User" GROUP BY nick HAVING count(*) > 1) AS twice
ALTER TABLE "User" ADD COLUMN first text;
"#;
    const SECOND: &str = r#"-- underpin: rollout split
-- underpin: phase backfill after expand
-- underpin: verify SELECT count(*) FROM "User" WHERE nick IS NULL
UPDATE "User" SET first = name;
"#;
    let first = FIRST.replace("taken.name", "own.name");
    let server = Server::shared(majors()[0]).await;
    let database = server.database("precheck_phase").await;
    database.run(LEDGER).await;
    database
        .run(
            "CREATE TABLE \"User\" (id int PRIMARY KEY, name text, nick text);
             INSERT INTO \"User\" SELECT n, 'user' || n, 'x' FROM generate_series(1, 1000) n;
             UPDATE \"User\" SET name = 'two words' WHERE id IN (3, 700); UPDATE \"User\" SET nick = NULL WHERE id = 5",
        )
        .await;
    let target = target(&database, &[(PENDING, &first), ("20260101000001_second", SECOND)]);
    let found = asked(&target, ASKING).await;
    assert_eq!(
        lines(&found),
        [
            "Loss Violated 2/1000 3; 700",
            "Verify Violated 1/1000 5",
            // Not which value it was.
            "Verify Unknown an expression fails for a row (22P02)",
            "Verify Unknown the query is more than a count of rows of one table; underpin deploy asks it",
        ]
    );
    let places: Vec<_> = found.answers.iter().map(|(asked, _)| asked.place.line).collect();
    assert_eq!(places, [3, 4, 5, 6]);
    assert_eq!(found.answers[0].0.columns, ["name"].map(underpin_catalog::Name::new));
    database.left_alone().await;
}

/// A condition that takes a second for each of a thousand rows.
#[tokio::test]
async fn the_budget_is_kept_whatever_a_question_takes() {
    let server = Server::shared(majors()[0]).await;
    let database = server.database("precheck_slow").await;
    database.run(LEDGER).await;
    database
        .run(
            "CREATE TABLE t (id int PRIMARY KEY, x int); INSERT INTO t SELECT n, n FROM generate_series(1, 1000) n;
             CREATE FUNCTION slow(int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT $1 FROM pg_sleep(1)'",
        )
        .await;
    let slow = "ALTER TABLE t ADD CHECK (slow(x) > 0);\nCREATE UNIQUE INDEX ON t (slow(x));\n\
                ALTER TABLE t ALTER COLUMN x SET NOT NULL;";
    let started = Instant::now();
    let asking = Asking { budget: Duration::from_secs(3), ..ASKING };
    let asked = asked(&target(&database, &[(PENDING, slow)]), asking).await;
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    let verdicts: Vec<Verdict> = asked.answers.iter().map(|(asked, answer)| asked.verdict(answer)).collect();
    assert_eq!(verdicts, [Verdict::Unknown, Verdict::Unknown, Verdict::Holds], "{:?}", lines(&asked));
    assert_eq!(exit_code(&asked.answers), 2);
    database.left_alone().await;
}

/// A large table of which a part is enough to say no.
#[tokio::test]
async fn what_was_seen_in_time_is_told_as_at_least() {
    let server = Server::shared(majors()[0]).await;
    let database = server.database("precheck_part").await;
    database.run(LEDGER).await;
    database
        .run(
            "CREATE TABLE t (id int PRIMARY KEY, x int, fill text); ALTER TABLE t ALTER COLUMN fill SET STORAGE PLAIN;
             INSERT INTO t SELECT n, NULL, repeat('x', 2000) FROM generate_series(1, 20000) n;
             CREATE FUNCTION slow(int) RETURNS bool LANGUAGE sql VOLATILE AS 'SELECT $1 IS NOT NULL FROM pg_sleep(0.001)'",
        )
        .await;
    let asking = Asking { budget: Duration::from_secs(4), ..ASKING };
    let pending = target(&database, &[(PENDING, "ALTER TABLE t ADD CHECK (slow(x));")]);
    let asked = asked(&pending, asking).await;
    let found = counted(&asked.answers[0].1);
    assert!(
        !found.all && found.rows > 0 && found.rows == found.looked_at && found.looked_at < 20_000,
        "{found:?}"
    );
    assert_eq!(exit_code(&asked.answers), 10);
}

/// Rows that come and go while somebody looks: no piece waits for them, and none of them is locked.
#[tokio::test]
async fn rows_that_come_meanwhile_are_not_waited_for() {
    let server = Server::shared(majors()[0]).await;
    let database = server.database("precheck_busy").await;
    database.run(LEDGER).await;
    database.run("CREATE TABLE t (id serial PRIMARY KEY, x int); INSERT INTO t (x) SELECT n FROM generate_series(1, 50000) n").await;
    let writer = database.client().await;
    let writing = tokio::spawn(async move {
        let mut worst = Duration::ZERO;
        for _ in 0..200 {
            let started = Instant::now();
            writer
                .batch_execute("INSERT INTO t (x) VALUES (NULL), (1); UPDATE t SET x = x WHERE id % 997 = 0")
                .await
                .unwrap();
            worst = worst.max(started.elapsed());
        }
        worst
    });
    let pending = target(
        &database,
        &[(PENDING, "ALTER TABLE t ALTER COLUMN x SET NOT NULL;\nCREATE UNIQUE INDEX ON t (x);")],
    );
    let mut seen = Vec::new();
    while !writing.is_finished() {
        let asked = asked(&pending, ASKING).await;
        seen.push(counted(&asked.answers[0].1).rows);
    }
    writing.await.unwrap();
    assert!(seen.len() > 1 && seen.is_sorted() && *seen.last().unwrap() <= 200, "{seen:?}");
    let last = asked(&pending, ASKING).await;
    assert_eq!((counted(&last.answers[0].1).rows, counted(&last.answers[1].1).rows), (200, 201));
}

#[tokio::test]
async fn what_may_not_or_cannot_be_read_is_not_known() {
    let server = Server::shared(majors()[0]).await;
    let database = server.database("precheck_locked").await;
    database.run(LEDGER).await;
    database
        .run("CREATE TABLE t (id int PRIMARY KEY, x int); INSERT INTO t VALUES (1, NULL); CREATE TABLE u (id int, x int); INSERT INTO u VALUES (1, NULL)")
        .await;
    let pending = target(
        &database,
        &[(
            PENDING,
            "ALTER TABLE t ALTER COLUMN x SET NOT NULL;\nALTER TABLE u ALTER COLUMN x SET NOT NULL;",
        )],
    );
    let name = database.name();
    database
        .run(&format!(
            "CREATE ROLE \"{name}\" LOGIN PASSWORD 'x'; GRANT SELECT ON t, _prisma_migrations TO \"{name}\";
             ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY none ON t USING (false)"
        ))
        .await;
    let mut reader = pending.clone();
    (reader.url.user, reader.url.password) = (name.to_owned(), Some(Password::new("x")));
    let asked = asked(&reader, ASKING).await;
    let told = lines(&asked);
    assert!(told[0].contains("row-level security") && told[1].contains("permission denied"), "{told:?}");
    assert_eq!(exit_code(&asked.answers), 2);
}

/// The answer of a replica is as good.
#[tokio::test]
async fn a_replica_answers() {
    let major = majors().into_iter().max().unwrap();
    let mut server =
        Server::start(major, StartOptions { durable: true, ..StartOptions::default() }).await.unwrap();
    let pending = {
        let database = server.database("precheck_replica").await;
        database.run(LEDGER).await;
        database.run(TABLES).await;
        target(&database, &[(PENDING, CHANGES)])
    };
    std::fs::write(server.shadow().data_dir().join("standby.signal"), "").unwrap();
    server.shadow_mut().restart().await.unwrap();
    let asked = asked(&pending, ASKING).await;
    assert_eq!(
        lines(&asked)[..2],
        ["Null Violated 2/30000 7; 29000", "Duplicate Violated 3/30000 3 = 4 = 20000"]
    );
}
