use underpin_catalog::ServerVersion;
use underpin_sql::read;

use super::*;

const HISTORY: &str = "CREATE TYPE mood AS ENUM ('good', 'bad');
    CREATE TABLE a (id int PRIMARY KEY, x int, t text, n numeric(10,4), feels mood);
    CREATE TABLE b (id int PRIMARY KEY);";

/// A line for each precondition of pending migrations, which are divided by lines `-- next`.
fn told(pending: &str) -> Vec<String> {
    let mut around = Surroundings::empty(ServerVersion::of_major(16), Name::new("public"));
    for statement in read(HISTORY).unwrap() {
        statement.effects.iter().for_each(|effect| around.apply(effect));
    }
    around.forget_sizes();
    let files: Vec<(&str, Vec<Statement>)> =
        pending.split("-- next\n").map(|text| (text, read(text).unwrap())).collect();
    let names: Vec<String> = (1..=files.len()).map(|at| at.to_string()).collect();
    let pending: Vec<Pending<'_>> = files
        .iter()
        .zip(&names)
        .map(|((text, statements), name)| Pending { name, text, statements })
        .collect();
    let line = |found: Precondition| {
        let culprits = match found.culprits {
            Ok(Culprits::All) => "all".to_owned(),
            Ok(Culprits::AllOfSeveral) => "all of several".to_owned(),
            Ok(Culprits::Where(condition) | Culprits::OwnWhere(condition)) => condition,
            Ok(Culprits::Equal { keys, .. }) => format!("equal in {}", keys.join(", ")),
            Err(why) => format!("not asked: {why}"),
        };
        let behind = found.behind.map(|place| format!(" behind {}:{}", place.migration, place.line));
        let Place { migration, line } = found.place;
        let kind = format!("{:?}", found.kind).to_lowercase();
        format!("{migration}:{line} {kind} {culprits}{}", behind.unwrap_or_default())
    };
    preconditions(&pending, &around).into_iter().map(line).collect()
}

#[test]
fn each_kind_has_its_question() {
    assert_eq!(
        told(
            "ALTER TABLE a ALTER COLUMN x SET NOT NULL;
             CREATE UNIQUE INDEX ON a (t);
             ALTER TABLE a ADD FOREIGN KEY (x) REFERENCES b;
             ALTER TABLE a ADD CHECK (x > 0);
             ALTER TABLE a ALTER COLUMN n TYPE numeric(10,2);
             ALTER TABLE a ALTER COLUMN t TYPE int USING t::int;
             ALTER TABLE b ADD COLUMN must text NOT NULL;"
        ),
        [
            "1:1 null \"x\" IS NULL",
            "1:2 duplicate equal in \"t\"",
            "1:3 orphan own.\"x\" IS NOT NULL AND NOT EXISTS (SELECT FROM \"public\".\"b\" AS referenced WHERE \
             referenced.\"id\" = own.\"x\")",
            "1:4 check NOT (x > 0)",
            "1:5 loss \"n\" IS DISTINCT FROM (\"n\"::numeric(10,2))::numeric(10,4)",
            "1:6 cast \"t\" IS NOT NULL AND NOT pg_input_is_valid(\"t\"::text, 'integer')",
            "1:7 null all",
        ]
    );
}

#[test]
fn what_a_pending_migration_makes_has_no_rows_yet() {
    assert_eq!(
        told(
            "CREATE TABLE c (id int PRIMARY KEY, x int);
             ALTER TABLE c ALTER COLUMN x SET NOT NULL;
             ALTER TABLE a ADD COLUMN new int;
             CREATE UNIQUE INDEX ON a (new);
             ALTER TABLE a ADD FOREIGN KEY (x) REFERENCES c;\n-- next
             ALTER TABLE a ALTER COLUMN new SET NOT NULL;"
        ),
        ["1:5 orphan not asked: the table that it refers to is made by a pending migration", "2:1 null all"]
    );
}

#[test]
fn what_is_written_before_may_mend_it() {
    assert_eq!(
        told(
            "UPDATE a SET x = 0 WHERE x IS NULL;
             ALTER TABLE a ALTER COLUMN x SET NOT NULL;\n-- next
             ALTER TABLE a ADD COLUMN new int;\nUPDATE a SET new = x;\nALTER TABLE a ALTER COLUMN new SET NOT NULL;
             CREATE UNIQUE INDEX ON b (id);"
        ),
        ["1:2 null \"x\" IS NULL behind 1:1"]
    );
    let opaque = told("CALL anything();\nCREATE UNIQUE INDEX ON a (t);");
    assert_eq!(opaque, ["1:2 duplicate equal in \"t\" behind 1:1"]);
}

#[test]
fn only_all_rows_prove_that_it_holds() {
    let found = preconditions(&[], &Surroundings::empty(ServerVersion::of_major(16), Name::new("public")));
    assert!(found.is_empty());
    let mut asked = Precondition {
        place: Place { migration: "m".to_owned(), line: 1 },
        statement: String::new(),
        kind: Kind::Null,
        sqlstate: Some("23502"),
        table: RelationName::qualified("public", "a"),
        columns: Vec::new(),
        why: String::new(),
        culprits: Ok(Culprits::All),
        key: Vec::new(),
        behind: None,
    };
    let counted = |rows, all| Answer::Counted(Counted { rows, looked_at: 10, all, samples: Vec::new() });
    let verdicts = |asked: &Precondition| {
        [counted(0, true), counted(0, false), counted(1, false), Answer::Unknown(String::new())]
            .map(|answer| asked.verdict(&answer))
    };
    use Verdict::{Holds, MayBeMended, Unknown, Violated};
    assert_eq!(verdicts(&asked), [Holds, Unknown, Violated, Unknown]);
    asked.behind = Some(asked.place.clone());
    assert_eq!(verdicts(&asked), [Unknown, Unknown, MayBeMended, Unknown]);
}
