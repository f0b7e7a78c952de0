//! Programs, and what is said of them.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;

use underpin_catalog::{Name, RelationName};

use crate::effect::{Binding, Effect, Program, RoutineBody};
use crate::{Statement, read};

fn statement(sql: &str) -> Statement {
    let mut all = read(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert_eq!(all.len(), 1, "{sql}");
    all.pop().unwrap()
}

fn program(statement: &Statement) -> &Program {
    match statement.effects.as_slice() {
        [Effect::Do(program)] => program,
        other => panic!("{other:?}"),
    }
}

fn word(effect: &Effect) -> String {
    match serde_json::to_value(effect).unwrap() {
        serde_json::Value::Object(fields) => fields.keys().next().unwrap().clone(),
        other => other.as_str().unwrap().to_owned(),
    }
}

/// A line for each statement: how often, what, and where.
fn said(sql: &str) -> String {
    let statement = statement(sql);
    let program = program(&statement);
    let mut all = String::new();
    for inner in &program.statements {
        let words: Vec<_> = inner.effects.iter().map(word).collect();
        writeln!(all, "{:?} {}: {}", inner.reach, words.join(" "), &sql[statement.place_of(inner)]).unwrap();
    }
    for what in &program.opaque {
        writeln!(all, "? {what}").unwrap();
    }
    if program.commits {
        all.push_str("commits\n");
    }
    all
}

#[test]
fn statements_one_after_the_other_are_straight() {
    let sql = "/* é */ DO LANGUAGE plpgsql $body$
DECLARE n int := 3; c CURSOR FOR SELECT 1; t \"User\".id%TYPE;
BEGIN
  n := n + 1;
  ALTER TABLE a ADD COLUMN x int; -- why
  SELECT count(*) INTO STRICT n, t FROM b;
  PERFORM count(*) FROM b;
  RAISE NOTICE 'n is %', n;
  INSERT INTO b SELECT 1 RETURNING i INTO n;
  GET DIAGNOSTICS n = ROW_COUNT;
  CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;
  NULL;
END $body$";
    assert_eq!(
        said(sql),
        "Once add_column: ALTER TABLE a ADD COLUMN x int
Once select: SELECT count(*) INTO STRICT n, t FROM b
Once select: PERFORM count(*) FROM b
Once insert: INSERT INTO b SELECT 1 RETURNING i INTO n
Once create_routine: CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END
"
    );
    assert!(program(&statement(sql)).is_straight());
}

#[test]
fn a_condition_is_told_by_what_it_asks() {
    let of = |condition: &str| {
        said(&format!("DO $$ BEGIN IF {condition} THEN DROP TABLE a; ELSE DROP TABLE b; END IF; END $$"))
    };
    for catalogs in [
        "EXISTS (SELECT 1 FROM pg_constraint WHERE conname = 'x')",
        "NOT EXISTS (SELECT FROM information_schema.columns) AND to_regclass('a') IS NULL",
        "to_regclass('public.a') IS NOT NULL",
    ] {
        assert_eq!(
            of(catalogs),
            "IfNeeded drop_table: DROP TABLE a\nIfNeeded drop_table: DROP TABLE b\n",
            "{catalogs}"
        );
    }
    for other in ["true", "n > 3", "current_setting('server_version_num')::int > 120000"] {
        assert_eq!(
            of(other),
            "Perhaps drop_table: DROP TABLE a\nPerhaps drop_table: DROP TABLE b\n",
            "{other}"
        );
    }
    // A table of the user's, whatever it is called.
    let boss = of("EXISTS (SELECT FROM pg_boss)");
    assert!(boss.starts_with("Once select: IF EXISTS (SELECT FROM pg_boss)\nPerhaps drop_table"), "{boss}");
}

#[test]
fn a_condition_may_ask_the_catalogs_through_a_variable() {
    for (question, condition) in [
        ("SELECT count(*) INTO n FROM pg_indexes WHERE indexname = 'i';", "n = 0"),
        ("n := (SELECT count(*) FROM pg_type);", "n = 0"),
        ("PERFORM 1 FROM pg_class WHERE relname = 'a';", "NOT FOUND"),
    ] {
        let sql = format!(
            "DO $$ DECLARE n int; BEGIN {question} IF {condition} THEN CREATE TABLE a (); END IF; END $$"
        );
        assert_eq!(said(&sql), "IfNeeded create_table: CREATE TABLE a ()\n");
    }
    let sql = "DO $$ DECLARE n int; BEGIN SELECT count(*) INTO n FROM a; IF n = 0 THEN DROP TABLE a; END IF; END $$";
    assert!(said(sql).ends_with("Perhaps drop_table: DROP TABLE a\n"));
}

#[test]
fn every_branch_is_read() {
    let sql = "DO $$ BEGIN
  IF a THEN DROP TABLE t1; ELSIF EXISTS (SELECT FROM pg_class) THEN DROP TABLE t2; ELSE DROP TABLE t3; END IF;
  CASE x WHEN 1, 2 THEN DROP TABLE t4; ELSE DROP TABLE t5; END CASE;
  CASE WHEN y THEN NULL; END CASE;
  <<outer>> FOR i IN REVERSE 10..1 BY 2 LOOP DROP TABLE t6; CONTINUE outer WHEN i = 3; EXIT; END LOOP outer;
  FOR r IN SELECT * FROM t7 LOOP UPDATE t8 SET x = r.x; END LOOP;
  FOREACH s SLICE 1 IN ARRAY ARRAY['a'] LOOP DROP TABLE t9; END LOOP;
  WHILE i < 3 LOOP i := i + 1; LOOP DROP TABLE t10; END LOOP; END LOOP;
  DROP TABLE t11;
END $$";
    let drops: Vec<_> = said(sql)
        .lines()
        .map(|line| line.replace("drop_table: DROP TABLE ", "").replace(" LOOP UPDATE", ""))
        .collect();
    assert_eq!(
        drops,
        [
            "Perhaps t1",
            "Perhaps t2",
            "Perhaps t3",
            "Perhaps t4",
            "Perhaps t5",
            "Repeatedly t6",
            "Once select: FOR r IN SELECT * FROM t7",
            "Repeatedly update: UPDATE t8 SET x = r.x",
            "Repeatedly t9",
            "Repeatedly t10",
            "Once t11"
        ]
    );
}

#[test]
fn a_handler_undoes_its_block_and_nothing_else() {
    let of = |inner: &str, condition: &str| {
        said(&format!(
            "DO $$ BEGIN DROP TABLE a; BEGIN {inner} EXCEPTION WHEN {condition} THEN NULL; END; END $$"
        ))
    };
    let one = "CREATE TYPE t AS ENUM ('a');";
    assert!(of(one, "duplicate_object").ends_with("a\nIfNeeded create_type: CREATE TYPE t AS ENUM ('a')\n"));
    assert!(of(one, "SQLSTATE '42710' OR duplicate_table").contains("IfNeeded create_type"));
    assert!(of(one, "others").contains("Once drop_table: DROP TABLE a\nPerhaps create_type"));
    // The one that is there takes the one that is not with it.
    let two = of("CREATE TABLE b (); CREATE TABLE c ();", "duplicate_table");
    assert!(
        two.contains("Perhaps create_table: CREATE TABLE b")
            && two.contains("Perhaps create_table: CREATE TABLE c")
    );
    let tolerant = "CREATE TABLE IF NOT EXISTS b (); CREATE INDEX IF NOT EXISTS i ON b (x);";
    assert!(!of(tolerant, "duplicate_table").contains("Perhaps"));
    let handler = said(
        "DO $$ BEGIN NULL; EXCEPTION WHEN OTHERS THEN DROP TABLE a; WHEN no_data THEN DROP TABLE b; END $$",
    );
    assert_eq!(handler, "Perhaps drop_table: DROP TABLE a\nPerhaps drop_table: DROP TABLE b\n");
}

#[test]
fn what_comes_behind_a_way_out_may_not_come() {
    assert_eq!(
        said("DO $$ BEGIN IF to_regclass('a') IS NULL THEN RETURN; END IF; DROP TABLE a; END $$"),
        "IfNeeded drop_table: DROP TABLE a\n"
    );
    assert_eq!(
        said("DO $$ BEGIN IF x THEN RETURN; END IF; DROP TABLE a; END $$"),
        "Perhaps drop_table: DROP TABLE a\n"
    );
    assert_eq!(
        said("DO $$ <<b>> BEGIN EXIT b WHEN x; DROP TABLE a; END b $$"),
        "Perhaps drop_table: DROP TABLE a\n"
    );
}

#[test]
fn execute_is_read_when_it_is_constant() {
    for (expression, expected) in [
        ("'DROP TABLE a'", "Once drop_table"),
        ("'DROP TABLE ' || 'a'", "Once drop_table"),
        ("$x$DROP TABLE a$x$ USING 3", "Once drop_table"),
        ("format('DROP TABLE %I CASCADE', 'Ab')", "Once drop_table"),
        ("'DROP TABLE a; DROP TABLE b'", "Once drop_table"),
        (
            "format('ALTER TABLE %I DROP COLUMN x', r.name)",
            "? EXECUTE of a statement that begins with \"ALTER TABLE\"",
        ),
        ("'DROP TABLE \"' || name || '\"'", "? EXECUTE of a statement that begins with \"DROP TABLE\""),
        ("query", "? EXECUTE of a statement that it composes"),
        ("format(template, 'a')", "? EXECUTE of a statement that it composes"),
    ] {
        let said = said(&format!("DO $a$ BEGIN EXECUTE {expression}; END $a$"));
        assert!(said.starts_with(expected), "{expression}: {said}");
    }
    let both = said("DO $a$ BEGIN EXECUTE 'DROP TABLE a; DROP TABLE b'; END $a$");
    assert_eq!(both, "Once drop_table: EXECUTE 'DROP TABLE a; DROP TABLE b'\n".repeat(2));
}

#[test]
fn what_cannot_be_read_is_said() {
    for (sql, expected) in [
        ("DO LANGUAGE plpython3u $$ plpy.execute('DROP TABLE a') $$", "? a program in plpython3u\n"),
        ("DO $$ BEGIN FROB THE KNOB; END $$", "? a statement that cannot be read, \"FROB THE KNOB\"\n"),
        ("DO $$ DROP TABLE a; $$", "? a body that cannot be read at \"DROP TABLE a;\"\n"),
        ("DO $$ BEGIN DROP TABLE a; COMMIT; $$", "? a body that ends before its time\ncommits\n"),
        ("DO $$ BEGIN DROP TABLE 'a $$", "? a body that cannot be read at \"BEGIN DROP TABLE 'a\"\n"),
        ("DO ''", "? a body that ends before its time\n"),
    ] {
        assert_eq!(said(sql), expected, "{sql}");
    }
}

#[test]
fn a_program_may_end_transactions() {
    assert!(
        said("DO $$ BEGIN UPDATE a SET x = 1; COMMIT AND CHAIN; ROLLBACK; END $$").ends_with("commits\n")
    );
    assert!(said("DO $$ BEGIN DO 'BEGIN COMMIT; END'; END $$").ends_with("commits\n"));
    assert!(!said("DO $$ BEGIN CREATE TEMP TABLE a (i int) ON COMMIT DROP; END $$").contains("commits"));
}

#[test]
fn places_are_known_where_the_text_is_as_it_is() {
    let place =
        |sql: &str| program(&statement(sql)).statements[0].bytes.clone().map(|bytes| sql[bytes].to_owned());
    assert_eq!(place("DO 'BEGIN DROP TABLE a; END'").as_deref(), Some("DROP TABLE a"));
    assert_eq!(place("DO 'BEGIN DROP TABLE a; RAISE ''b''; END'"), None);
    let sql = "DO $a$ BEGIN DO $b$ BEGIN DROP TABLE a; END $b$; END $a$";
    let outer = statement(sql);
    let Effect::Do(inner) = &program(&outer).statements[0].effects[0] else { panic!() };
    assert_eq!(&sql[outer.place_of(&inner.statements[0])], "DROP TABLE a");
}

#[test]
fn depth_has_an_end() {
    let nested = |levels: usize| {
        (0..levels).fold("BEGIN DROP TABLE a; END".to_owned(), |body, level| {
            format!("BEGIN DO $l{level}${body}$l{level}$; END")
        })
    };
    let sql = format!("DO $x${}$x$", nested(40));
    assert!(!program(&statement(&sql)).leaves_behind_what_it_says());
    let sql = format!("DO $x${}$x$", nested(2));
    assert!(program(&statement(&sql)).leaves_behind_what_it_says());
    for (open, close) in [
        ("BEGIN ", "END; "),
        ("IF a THEN ", "END IF; "),
        ("LOOP ", "END LOOP; "),
        ("CASE WHEN a THEN ", "END CASE; "),
    ] {
        let sql = format!("DO $x$ BEGIN {}{}END $x$", open.repeat(20_000), close.repeat(20_000));
        assert!(program(&statement(&sql)).opaque.is_empty(), "{open}");
    }
}

fn body(sql: &str) -> RoutineBody {
    match statement(sql).effects.as_slice() {
        [Effect::CreateRoutine { body, .. }] => body.clone(),
        other => panic!("{other:?}"),
    }
}

/// Such as `User(id name)`, for each statement.
fn named(body: &RoutineBody) -> Vec<String> {
    let line = |read: &crate::effect::BodyRead| {
        let relations: Vec<_> = read.relations.iter().map(RelationName::shown).collect();
        let columns: Vec<_> = read.columns.iter().map(Name::as_str).collect();
        format!("{}({})", relations.join(" "), columns.join(" "))
    };
    body.reads.iter().map(line).collect()
}

#[test]
fn a_function_names_what_it_will_look_for() {
    let sql = body(
        r#"CREATE FUNCTION f(p int) RETURNS int LANGUAGE sql AS 'SELECT u.name FROM "User" u WHERE id = p AND f.q = 1'"#,
    );
    assert_eq!((named(&sql), sql.binding), (vec!["User(id name q)".to_owned()], Binding::Checked));
    let bound = body("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT x FROM a; END");
    assert_eq!((named(&bound), bound.binding), (vec!["a(x)".to_owned()], Binding::Bound));
    let trigger = body(
        r#"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$
           DECLARE total int; r record;
           BEGIN
             IF NEW.status <> OLD."oldStatus" THEN
               SELECT sum(amount) INTO total FROM "Item" WHERE "orderId" = NEW.id;
             END IF;
             FOR r IN SELECT id FROM a LOOP
               INSERT INTO log (what, at) VALUES (r.id, now()) ON CONFLICT (what) DO UPDATE SET n = total;
             END LOOP;
             IF EXISTS (SELECT FROM pg_class) THEN EXECUTE 'DELETE FROM b WHERE c = 1'; END IF;
             EXECUTE format('TRUNCATE %I', TG_TABLE_NAME);
             NEW.total := total;
             RETURN NEW;
           END $$"#,
    );
    assert_eq!(named(&trigger), ["Item(amount orderId)", "a(id)", "log(at n what)", "b(c)"]);
    let of_row: Vec<_> = trigger.row_columns.iter().map(Name::as_str).collect();
    assert_eq!(of_row, ["id", "oldStatus", "status", "total"]);
    assert_eq!(trigger.opaque, ["EXECUTE of a statement that begins with \"TRUNCATE\""]);
    assert_eq!(trigger.binding, Binding::Late);
    let c = body("CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'lib', 'symbol'");
    assert_eq!(c, RoutineBody::default());
}
