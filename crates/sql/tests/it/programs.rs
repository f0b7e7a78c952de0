//! Programs: those of the corpus, and what PostgreSQL locks for one.

use std::collections::{BTreeMap, BTreeSet};

use underpin_catalog::{LockMode, Name, RelationName, ServerVersion};
use underpin_sql::effect::{Program, Reach};
use underpin_sql::{Effect, Statement, Surroundings, mentioned, read};
use underpin_testkit::corpus::histories;
use underpin_testkit::observe::{Observatory, Subject, observing_server};

/// Every statement of the corpus that carries a program, with its text.
fn with_programs(wanted: impl Fn(&Effect) -> bool) -> Vec<(String, Statement)> {
    let mut found = Vec::new();
    for history in histories() {
        for name in &history.names {
            let Ok(statements) = read(&history.sql(name)) else { continue };
            let programs = statements.into_iter().filter(|statement| statement.effects.iter().any(&wanted));
            found.extend(programs.map(|statement| (format!("{}/{name}", history.name), statement)));
        }
    }
    found
}

fn program(statement: &Statement) -> &Program {
    match statement.effects.as_slice() {
        [Effect::Do(program)] => program,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_program_of_the_corpus_is_read() {
    let mut kinds = BTreeMap::<&str, usize>::new();
    let mut reaches = BTreeMap::<Reach, usize>::new();
    for (name, statement) in with_programs(|effect| matches!(effect, Effect::Do(_))) {
        let program = program(&statement);
        assert!(!program.statements.is_empty(), "{name}: {}", statement.text);
        let kind = if !program.opaque.is_empty() {
            "opaque"
        } else if program.is_straight() {
            "straight"
        } else if program.leaves_behind_what_it_says() {
            "as needed"
        } else {
            "partly"
        };
        *kinds.entry(kind).or_default() += 1;
        for inner in &program.statements {
            *reaches.entry(inner.reach).or_default() += 1;
            let bytes = inner.bytes.clone().unwrap();
            let text = &statement.text[bytes];
            assert!(!text.is_empty() && !text.ends_with(';'), "{name}: {text}");
        }
    }
    // The one in part sets rows in batches and commits behind each.
    assert_eq!(kinds, [("as needed", 28), ("partly", 1), ("straight", 1)].into());
    assert_eq!(reaches, [(Reach::Once, 4), (Reach::IfNeeded, 47), (Reach::Repeatedly, 1)].into());
}

#[test]
fn every_function_of_the_corpus_is_read() {
    let mut opaque = BTreeSet::new();
    let (mut bodies, mut reads, mut rows) = (0, 0, 0);
    for (name, statement) in with_programs(|effect| matches!(effect, Effect::CreateRoutine { .. })) {
        let Effect::CreateRoutine { body, .. } = &statement.effects[0] else { panic!("{name}") };
        bodies += 1;
        reads += body.reads.len();
        rows += usize::from(!body.row_columns.is_empty());
        opaque.extend(body.opaque.iter().cloned());
    }
    assert_eq!((bodies, reads, rows), (37, 26, 25));
    assert_eq!(opaque, BTreeSet::new());
}

#[test]
fn what_a_program_names_is_looked_up() {
    let sql = r#"DO $$ BEGIN
        ALTER TABLE a ADD CONSTRAINT c FOREIGN KEY (x) REFERENCES b;
        DO 'BEGIN ALTER TABLE d ADD COLUMN m mood; END';
        EXECUTE 'UPDATE e SET x = 1 FROM f';
        IF EXISTS (SELECT FROM pg_type) THEN ALTER TABLE g DROP COLUMN x; END IF;
    END $$"#;
    let found = mentioned(&read(sql).unwrap());
    let names: Vec<_> = found.relations.iter().map(RelationName::shown).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e", "f", "g"]);
    assert_eq!(found.types, [RelationName::bare("mood")].into());
    assert!(found.follows_foreign_keys);
}

/// Half a body is what an editor holds while somebody types, and a fuzzer always.
#[test]
fn half_a_program_is_no_trouble() {
    let is_code = |effect: &Effect| matches!(effect, Effect::Do(_) | Effect::CreateRoutine { .. });
    let mut read_again = 0;
    for (_, statement) in with_programs(is_code) {
        let text = &statement.text;
        let Some(from) = text.find('$').and_then(|at| Some(at + 2 + text[at + 1..].find('$')?)) else {
            continue;
        };
        let Some(to) = text.rfind('$').and_then(|at| text[..at].rfind('$')) else { continue };
        let tag = &text[to..=text[to + 1..].find('$').map_or(to, |at| to + 1 + at)];
        if from >= to {
            continue;
        }
        let step = ((to - from) / 200).max(1);
        for cut in (from..to).step_by(step).filter(|cut| text.is_char_boundary(*cut)) {
            let half = format!("{}{tag}{}", &text[..cut], &text[to + tag.len()..]);
            if let Ok(statements) = read(&half) {
                read_again += statements.len();
            }
        }
    }
    assert!(read_again > 5_000, "{read_again}");
}

const SEED: &str = r#"
    CREATE TABLE "User" (id int PRIMARY KEY, name text);
    CREATE TABLE "Post" (id int PRIMARY KEY, author int, title text, CONSTRAINT fk FOREIGN KEY (author) REFERENCES "User");
    CREATE TABLE log (what text);
    INSERT INTO "User" SELECT i, 'x' FROM generate_series(1, 100) i;
    INSERT INTO "Post" SELECT i, i, 'x' FROM generate_series(1, 100) i;
"#;

/// Bodies without conditions, loops and handlers that matter: PostgreSQL locks for them what it locks for
/// their statements one after the other.
const BODIES: &[&str] = &[
    r#"ALTER TABLE "User" ADD COLUMN age int;"#,
    r#"UPDATE "Post" SET title = 'y'; CREATE INDEX i ON "Post" (title);"#,
    r#"ALTER TABLE "Post" DROP CONSTRAINT fk; INSERT INTO log VALUES ('gone');"#,
    r#"EXECUTE 'ALTER TABLE "User" ALTER name SET NOT NULL';"#,
    r#"EXECUTE format('DROP TABLE %I', 'Post');"#,
    r#"CREATE TABLE fresh (id int REFERENCES "User"); CREATE INDEX ON fresh (id);"#,
    r#"PERFORM 1 FROM "User" FOR UPDATE; DELETE FROM log;"#,
    r#"IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'new') THEN
         ALTER TABLE "Post" ADD CONSTRAINT new FOREIGN KEY (author) REFERENCES "User"; END IF;"#,
    r#"BEGIN ALTER TABLE log ADD COLUMN at timestamp; EXCEPTION WHEN duplicate_column THEN NULL; END;"#,
    r#"FOR i IN 1..2 LOOP UPDATE "User" SET name = 'z' WHERE id = i; END LOOP;"#,
    r#"IF (SELECT count(*) FROM log) = 0 THEN LOCK TABLE "Post" IN SHARE MODE; END IF;"#,
];

/// Functions in SQL, whose bodies the server looks at when it makes them, and one that it does not look at.
const FUNCTIONS: &[&str] = &[
    r#"CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM "User" u JOIN "Post" p ON p.author = u.id'"#,
    r#"CREATE FUNCTION f(n text) RETURNS void LANGUAGE sql AS
       'INSERT INTO log VALUES (n); UPDATE "User" SET name = n WHERE id IN (SELECT author FROM "Post")'"#,
    r#"CREATE FUNCTION f() RETURNS bigint RETURN (SELECT count(*) FROM log)"#,
    r#"CREATE FUNCTION f() RETURNS void BEGIN ATOMIC DELETE FROM log; SELECT; END"#,
    r#"CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DELETE FROM log; END $$"#,
];

#[tokio::test(flavor = "multi_thread")]
async fn a_program_takes_the_locks_of_its_statements() {
    let server = observing_server(15).await;
    let observatory = Observatory::seeded(&server, SEED).await;
    let mut facts = Surroundings::empty(ServerVersion::of_major(15), Name::new("public"));
    for statement in read(SEED).unwrap() {
        statement.effects.iter().for_each(|effect| facts.apply(effect));
    }
    let programs = BODIES.iter().map(|body| format!("DO $$ BEGIN {body} END $$"));
    for sql in programs.chain(FUNCTIONS.iter().map(|sql| (*sql).to_owned())) {
        let observed = observatory.observe(Subject { sql: &sql, ..Subject::default() }).await;
        assert_eq!(observed.message, None, "{sql}");
        let observed: BTreeMap<RelationName, LockMode> =
            observed.locks.into_iter().map(|(name, mode)| (facts.resolve(&name), mode)).collect();
        let [statement] = read(&sql).unwrap().try_into().unwrap();
        let claimed = statement.effects[0].locks(&facts);
        let claimed: BTreeMap<_, _> = claimed.into_iter().map(|claim| (claim.relation, claim.mode)).collect();
        assert_eq!(claimed, observed, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_concurrent_build_fails_in_a_program() {
    let server = observing_server(15).await;
    let observatory = Observatory::seeded(&server, SEED).await;
    for sql in [
        "DO $$ BEGIN CREATE INDEX CONCURRENTLY i ON log (what); END $$",
        "DO $$ BEGIN EXECUTE 'CREATE INDEX CONCURRENTLY i ON log (what)'; END $$",
    ] {
        let observed = observatory.observe(Subject { sql, ..Subject::default() }).await;
        assert_eq!(observed.sqlstate.as_deref(), Some("25001"), "{sql}");
    }
}
