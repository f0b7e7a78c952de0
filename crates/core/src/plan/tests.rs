//! Plans of small files, read as a person would read them.

#![allow(clippy::unwrap_used)]

use underpin_catalog::{Name, RelationName, ServerVersion};
use underpin_sql::{
    Action, BatchWork, ColumnFacts, ConstraintFacts, ConstraintFactsKind, IndexFacts, RelationFacts,
    Surroundings, Transaction, TypeFacts, read,
};

use super::*;

const BIG: u64 = 2_254_857_830;

fn public(own: &str) -> RelationName {
    RelationName::qualified("public", own)
}

fn columns(list: &[(&str, &str, bool)]) -> Vec<ColumnFacts> {
    list.iter()
        .map(|(own, type_sql, not_null)| ColumnFacts {
            not_null: *not_null,
            type_name: type_sql.strip_prefix('"').map(|text| public(text.trim_end_matches('"'))),
            ..ColumnFacts::plain(Name::new(*own), *type_sql)
        })
        .collect()
}

/// `User` and `Team` are big, `Tag` is small; `User` references `Team` and uses the enum `Role`.
fn around() -> Surroundings {
    let mut around = Surroundings::empty(ServerVersion::of_major(16), Name::new("public"));
    let key = |own: &str, columns: &[&str], kind| {
        let columns = columns.iter().map(|own| Name::new(*own)).collect();
        ConstraintFacts::plain(Name::new(own), kind, columns)
    };
    let mut user = RelationFacts {
        bytes: Some(BIG),
        rows_estimate: Some(12_000_000.0),
        primary_key: vec![Name::new("id")],
        columns: columns(&[
            ("id", "text", true),
            ("email", "text", true),
            ("name", "text", false),
            ("teamId", "integer", false),
            ("role", "\"Role\"", true),
        ]),
        ..RelationFacts::empty_table()
    };
    user.constraints.push(key("User_pkey", &["id"], ConstraintFactsKind::PrimaryKey));
    user.constraints.push(ConstraintFacts {
        referenced: Some(public("Team")),
        ..key("User_teamId_fkey", &["teamId"], ConstraintFactsKind::ForeignKey)
    });
    let team = RelationFacts {
        bytes: Some(BIG),
        primary_key: vec![Name::new("id")],
        columns: columns(&[("id", "integer", true), ("name", "text", false)]),
        referenced_by: vec![public("User")],
        ..RelationFacts::empty_table()
    };
    let tag = RelationFacts {
        bytes: Some(8192),
        columns: columns(&[("id", "integer", true)]),
        ..RelationFacts::empty_table()
    };
    around.relations.extend([(public("User"), user), (public("Team"), team), (public("Tag"), tag)]);
    let index = |columns: &[&str], unique, constraint: Option<&str>| IndexFacts {
        unique,
        constraint: constraint.map(Name::new),
        ..IndexFacts::plain(public("User"), columns.iter().map(|own| Name::new(*own)).collect())
    };
    around.indexes.insert(public("User_pkey"), index(&["id"], true, Some("User_pkey")));
    around.indexes.insert(public("User_email_key"), index(&["email"], true, None));
    around.indexes.insert(public("User_name_idx"), index(&["name"], false, None));
    around.types.insert(
        public("Role"),
        TypeFacts { kind: None, constrained_domain: false, used_by: vec![public("User")] },
    );
    around
}

fn planned_with(sql: &str, policy: &Policy) -> FilePlan {
    plan(&read(sql).unwrap(), &around(), policy)
}

fn planned(sql: &str) -> FilePlan {
    planned_with(sql, &Policy::default())
}

fn texts(plan: &FilePlan) -> Vec<String> {
    plan.steps
        .iter()
        .map(|step| match &step.action {
            Action::Execute { sql } | Action::BuildIndex { sql, .. } => sql.as_str().to_owned(),
            Action::Batches(batches) => match &batches.work {
                BatchWork::Set(set) => format!("batches: {set}"),
                BatchWork::Insert { head, .. } => format!("batches: {head}"),
            },
        })
        .collect()
}

fn ends(plan: &FilePlan) -> Vec<Transaction> {
    plan.steps.iter().map(|step| step.transaction).collect()
}

fn codes(plan: &FilePlan) -> Vec<&'static str> {
    plan.refusals.iter().map(|refusal| refusal.code.as_str()).collect()
}

#[test]
fn what_concerns_new_and_small_tables_alone_is_plain() {
    let sql = r#"
        CREATE TYPE "Kind" AS ENUM ('a');
        CREATE TABLE "Post" (id int PRIMARY KEY, "tagId" int);
        CREATE INDEX "Post_tagId_idx" ON "Post"("tagId");
        ALTER TABLE "Post" ADD CONSTRAINT "Post_tagId_fkey" FOREIGN KEY ("tagId") REFERENCES "Tag"(id);
        ALTER TABLE "Tag" DROP COLUMN label, ALTER COLUMN id TYPE bigint;
        UPDATE "Tag" SET id = id + 1;
        DROP TABLE "Gone";"#;
    let plan = planned(sql);
    assert!(plan.is_plain(), "{plan:#?}");
    assert_eq!(plan.steps.len(), 7);
    assert!(!plan.twinned);
}

#[test]
fn what_takes_an_instant_on_a_big_table_runs_as_written() {
    let plan = planned(r#"ALTER TABLE "User" ADD COLUMN bio text, ADD COLUMN n int NOT NULL DEFAULT 0"#);
    assert_eq!(
        texts(&plan),
        [r#"ALTER TABLE "User" ADD COLUMN bio text, ADD COLUMN n int NOT NULL DEFAULT 0"#]
    );
    assert!(!plan.is_plain() && !plan.twinned && plan.refusals.is_empty());
}

#[test]
fn what_would_make_others_wait_is_done_by_its_twin() {
    let plan = planned(
        r#"CREATE INDEX "User_teamId_idx" ON "User"("teamId");
           ALTER TABLE "User" ALTER COLUMN name SET NOT NULL;
           UPDATE "User" SET name = 'x' WHERE name IS NULL;
           DROP INDEX "User_name_idx";"#,
    );
    assert_eq!(
        texts(&plan),
        [
            r#"CREATE INDEX CONCURRENTLY "User_teamId_idx" ON "User" USING btree ("teamId")"#,
            r#"ALTER TABLE "User" ADD CONSTRAINT underpin_280b0411d316_not_null CHECK (name IS NOT NULL) NOT VALID"#,
            r#"ALTER TABLE "User" VALIDATE CONSTRAINT underpin_280b0411d316_not_null"#,
            r#"ALTER TABLE "User" ALTER COLUMN name SET NOT NULL"#,
            r#"ALTER TABLE "User" DROP CONSTRAINT underpin_280b0411d316_not_null"#,
            "batches: name = 'x'",
            r#"DROP INDEX CONCURRENTLY "User_name_idx""#,
        ]
    );
    use Transaction::{Alone, EndsHere, Own, Shared};
    assert_eq!(ends(&plan), [Alone, EndsHere, Own, Shared, EndsHere, Own, Alone]);
    assert!(plan.twinned && plan.refusals.is_empty());
}

#[test]
fn a_column_is_filled_once_more_when_null_is_refused_in_it() {
    let sql =
        r#"UPDATE "User" SET name = 'x' WHERE email > ''; ALTER TABLE public."User" ALTER name SET NOT NULL"#;
    let plan = planned(sql);
    let kinds: Vec<_> = plan
        .steps
        .iter()
        .map(|step| match &step.action {
            Action::Batches(batches) => batches.filter.as_ref().unwrap().as_str(),
            _ => "",
        })
        .collect();
    assert_eq!(kinds, ["email > ''", "", "(email > '') AND \"name\" IS NULL", "", "", ""]);
    let ids: BTreeSet<_> = plan.steps.iter().map(|step| &step.id).collect();
    assert_eq!(ids.len(), 6);
    // A column that the file itself adds is unknown to the release that runs.
    let added = r#"ALTER TABLE "User" ADD COLUMN c int; UPDATE "User" SET c = 1; ALTER TABLE "User" ALTER c SET NOT NULL"#;
    assert_eq!(codes(&planned(added)), ["required-column-without-default"]);
    let default = added.replace("c int;", "c int DEFAULT 3;");
    assert_eq!(codes(&planned(&default)), Vec::<&str>::new());
}

/// What the batches read goes before the check is there: filling once more would be refused (42703), and with it
/// the proof of the whole file.
#[test]
fn a_column_is_not_filled_again_from_one_that_is_gone() {
    let set = r#"UPDATE "User" SET name = email WHERE name IS NULL;"#;
    let allow = [ReasonCode::DropColumn, ReasonCode::RenameColumn, ReasonCode::DropUnique].into();
    let policy = Policy { allow, ..Policy::default() };
    let fills = |later: &str| {
        let plan = planned_with(&format!("{set} {later}"), &policy);
        assert_eq!(codes(&plan), [""; 0], "{later}");
        plan.steps.iter().filter(|step| matches!(step.action, Action::Batches(_))).count()
    };
    assert_eq!(fills(r#"ALTER TABLE "User" ALTER name SET NOT NULL"#), 2);
    assert_eq!(fills(r#"ALTER TABLE "User" ALTER name SET NOT NULL; ALTER TABLE "User" DROP email"#), 2);
    assert_eq!(fills(r#"ALTER TABLE "User" ALTER name SET NOT NULL, DROP email"#), 1);
    assert_eq!(fills(r#"ALTER TABLE "User" DROP email; ALTER TABLE "User" ALTER name SET NOT NULL"#), 1);
    let renamed = r#"ALTER TABLE "User" RENAME email TO mail; ALTER TABLE "User" ALTER name SET NOT NULL"#;
    assert_eq!(fills(renamed), 1);
}

/// The batches go along the key as it is called when their turn comes, not as it was before the file.
#[test]
fn a_key_is_followed_through_the_file() {
    let keys = |sql: &str| -> Vec<Vec<Name>> {
        let allow = [
            ReasonCode::RenameColumn,
            ReasonCode::DropColumn,
            ReasonCode::DropUnique,
            ReasonCode::BulkUpdate,
        ]
        .into();
        let plan = planned_with(sql, &Policy { allow, ..Policy::default() });
        assert_eq!(codes(&plan), [""; 0], "{sql}");
        let key = |step: &Step| match &step.action {
            Action::Batches(batches) => Some(batches.key.clone()),
            Action::Execute { .. } | Action::BuildIndex { .. } => None,
        };
        plan.steps.iter().filter_map(key).collect()
    };
    let update = "UPDATE \"User\" SET \"name\" = 'x';";
    assert_eq!(keys(update), [[Name::new("id")]]);
    let renamed = format!("ALTER TABLE \"User\" RENAME COLUMN \"id\" TO \"key\"; {update}");
    assert_eq!(keys(&renamed), [[Name::new("key")]]);
    let gone = format!("ALTER TABLE \"User\" DROP COLUMN \"id\"; {update}");
    assert!(keys(&gone).is_empty());
    let dropped = format!("ALTER TABLE \"User\" DROP CONSTRAINT \"User_pkey\"; {update}");
    assert!(keys(&dropped).is_empty());
}

#[test]
fn planning_twice_gives_the_same() {
    let sql = r#"CREATE INDEX a ON "User"(name); ALTER TABLE "User" ALTER name SET NOT NULL; UPDATE "User" SET name = '';"#;
    assert_eq!(planned(sql), planned(sql));
}

#[test]
fn what_breaks_the_running_release_is_refused_with_a_way_out() {
    let refused = |sql: &str, code: &str| {
        let plan = planned(sql);
        assert_eq!(codes(&plan), [code], "{sql}: {:#?}", plan.refusals);
        let allowed =
            planned_with(sql, &Policy { allow: [code.parse().unwrap()].into(), ..Policy::default() });
        assert_eq!(codes(&allowed), Vec::<&str>::new(), "{sql}");
        assert_eq!(allowed.steps.len(), 1, "{sql}");
        plan.refusals[0].clone()
    };
    let dropped = refused("-- AlterTable\nALTER TABLE \"User\" DROP COLUMN name", "drop-column");
    assert_eq!(dropped.line, 2);
    assert_eq!(dropped.relation, Some(public("User")));
    assert!(
        dropped.why.contains("column name is dropped on User (2.1 GB, about 12,000,000 rows)"),
        "{}",
        dropped.why
    );
    assert!(dropped.way_out.ends_with("--allow drop-column"), "{}", dropped.way_out);
    refused(r#"ALTER TABLE "User" RENAME COLUMN name TO "fullName""#, "rename-column");
    refused(r#"ALTER TABLE "User" RENAME TO "Account""#, "rename-table");
    refused(r#"ALTER TABLE "User" SET SCHEMA s"#, "rename-table");
    refused(r#"DROP TABLE "User""#, "drop-table");
    refused(r#"ALTER TABLE "User" ALTER COLUMN name TYPE varchar(10)"#, "change-type");
    refused(r#"ALTER TABLE "User" ALTER COLUMN name TYPE varchar"#, "change-type");
    refused(r#"ALTER TABLE "User" ADD COLUMN age int NOT NULL"#, "required-column-without-default");
    refused(r#"DROP INDEX "User_email_key""#, "drop-unique");
    refused(r#"ALTER TABLE "User" DROP CONSTRAINT "User_pkey""#, "drop-unique");
    refused(r#"DROP TYPE "Role""#, "drop-type");
    refused(r#"ALTER TYPE "Role" RENAME TO "Role_old""#, "rename-type");
    refused(r#"ALTER TYPE "Role" RENAME VALUE 'a' TO 'b'"#, "rename-enum-value");
    refused(r#"TRUNCATE "User""#, "truncate");
    refused(r#"LOCK TABLE "User""#, "lock-table");
    refused(r#"DELETE FROM "User" WHERE name IS NULL"#, "bulk-delete");
    refused(r#"UPDATE "User" SET name = lower(name)"#, "bulk-update");
    refused(r#"ALTER TABLE "User" ADD COLUMN n serial"#, "rewrite");
    refused(r#"ALTER TABLE "User" ADD EXCLUDE USING gist (name WITH =)"#, "index-build");
}

#[test]
fn one_action_without_a_twin_speaks_for_its_statement() {
    let sql = r#"ALTER TABLE "User" ADD CONSTRAINT q CHECK (name <> ''), ADD COLUMN n serial"#;
    let plan = planned(sql);
    assert_eq!(codes(&plan), ["rewrite"]);
    assert!(plan.refusals[0].why.contains("a sequence of its own"), "{}", plan.refusals[0].why);
    // Allowed, it takes the check along, which then is not done online either.
    let allowed = planned_with(sql, &Policy { allow: [ReasonCode::Rewrite].into(), ..Policy::default() });
    assert_eq!(codes(&allowed), ["table-scan"]);
}

#[test]
fn what_does_not_break_it_is_not_refused() {
    for sql in [
        r#"ALTER TABLE "User" ALTER COLUMN name TYPE text"#,
        r#"ALTER TABLE "User" ALTER COLUMN name DROP NOT NULL, ALTER COLUMN name SET DEFAULT ''"#,
        r#"ALTER TABLE "User" DROP CONSTRAINT "User_teamId_fkey""#,
        r#"UPDATE "User" SET name = 'x' WHERE id = 'u1'"#,
        r#"DELETE FROM "User" WHERE id IN ('u1', 'u2')"#,
        r#"INSERT INTO "User" (id, email) VALUES ('a', 'b')"#,
        r#"ALTER TABLE "User" ADD COLUMN x int; ALTER TABLE "User" DROP COLUMN x"#,
        r#"CREATE UNIQUE INDEX again ON "User"(email); DROP INDEX "User_email_key""#,
        r#"ALTER TYPE "Role" ADD VALUE 'new'"#,
        r#"CREATE TYPE "T" AS ENUM ('a'); ALTER TYPE "T" RENAME TO "U"; DROP TYPE "U""#,
    ] {
        assert_eq!(planned(sql).refusals, [], "{sql}");
    }
}

#[test]
fn locks_on_two_big_tables_are_never_held_together() {
    let plan = planned(
        r#"ALTER TABLE "User" ADD COLUMN a int; ALTER TABLE "User" ADD COLUMN b int;
           CREATE TABLE n (i int); ALTER TABLE "Team" ADD COLUMN a int; SELECT * FROM "User";"#,
    );
    use Transaction::{EndsHere, Shared};
    assert_eq!(ends(&plan), [Shared, Shared, EndsHere, EndsHere, EndsHere]);
}

#[test]
fn the_other_end_of_a_foreign_key_counts() {
    let plan = planned(
        r#"CREATE TABLE n (i int, t int REFERENCES "Team"(id)); ALTER TABLE "User" ADD COLUMN a int"#,
    );
    assert!(!plan.is_plain());
    assert_eq!(ends(&plan), [Transaction::EndsHere, Transaction::Shared]);
    assert_eq!(plan.steps[0].locks.len(), 1);
    assert_eq!(plan.steps[0].locks[0].relation, public("Team"));
    // Even when nobody looked the other end up.
    let mut around = around();
    around.relations.remove(&public("Team"));
    around.relations.get_mut(&public("User")).unwrap().bytes = Some(0);
    let dropped = plan_of(r#"DROP TABLE "User""#, &around);
    assert!(!dropped.is_plain());
}

fn plan_of(sql: &str, around: &Surroundings) -> FilePlan {
    plan(&read(sql).unwrap(), around, &Policy::default())
}

#[test]
fn a_block_of_the_file_stays_together() {
    let plan = planned(
        r#"CREATE TABLE a (i int);
           BEGIN; ALTER TABLE "User" ADD COLUMN a int; ALTER TABLE "Team" ADD COLUMN a int; COMMIT;
           CREATE TABLE b (i int);"#,
    );
    use Transaction::{EndsHere, Shared};
    assert_eq!(ends(&plan), [EndsHere, Shared, EndsHere, Shared]);
    assert!(!plan.is_plain());
    let twinned = planned(r#"BEGIN; CREATE INDEX x ON "User"(name); COMMIT"#);
    assert_eq!(codes(&twinned), ["transaction-block"]);
    let alone = planned(r#"BEGIN; CREATE INDEX CONCURRENTLY x ON "User"(name); COMMIT"#);
    assert_eq!(codes(&alone), ["transaction-control"]);
    assert_eq!(codes(&planned("BEGIN; ROLLBACK")), ["transaction-control"]);
    assert_eq!(planned("BEGIN; CREATE TABLE a (i int)").notes.len(), 1);
}

#[test]
fn what_means_its_transaction_keeps_it() {
    let sql = r#"CREATE TEMP TABLE m ON COMMIT DROP AS SELECT id FROM "User";
                 UPDATE "User" SET name = 'x' WHERE id = 'a'; ALTER TABLE "Team" ADD COLUMN x int"#;
    use Transaction::{EndsHere, Shared};
    assert_eq!(ends(&planned(sql)), [Shared, Shared, Shared]);
    let sql = r#"CREATE TABLE a (i int); SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
                 INSERT INTO a SELECT 1 FROM "User"; INSERT INTO a SELECT 1 FROM "Team""#;
    assert_eq!(ends(&planned(sql)), [EndsHere, Shared, Shared, Shared]);
    assert_eq!(codes(&planned("BEGIN ISOLATION LEVEL SERIALIZABLE")), ["transaction-control"]);
}

#[test]
fn a_file_ends_its_transaction_and_its_settings_for_the_next_one() {
    let files = [
        r#"CREATE TEMPORARY TABLE t AS SELECT 1; SET search_path = elsewhere;"#,
        r#"CREATE INDEX CONCURRENTLY i ON "User" ("email");"#,
        r#"ALTER TABLE "User" DROP COLUMN "email";"#,
        r#"CREATE TABLE "New" ("id" integer);"#,
        r#"ALTER TABLE "New" DROP COLUMN "id"; ALTER TABLE "User" DROP COLUMN "name";"#,
    ]
    .map(|text| read(text).unwrap());
    let nothing = GivenUp::default();
    let files = files.iter().map(|file| (file.as_slice(), &nothing));
    let refused = refusals(files, &around(), &Policy::default());
    let codes: Vec<Vec<&str>> =
        refused.iter().map(|list| list.iter().map(|refusal| refusal.code.as_str()).collect()).collect();
    assert_eq!(codes, [vec![], vec![], vec!["drop-column"], vec![], vec!["drop-column"]], "{refused:?}");
}

#[test]
fn a_new_column_that_a_trigger_fills_may_become_required() {
    let expand = |body: &str| {
        format!(
            r#"BEGIN; ALTER TABLE "User" ADD COLUMN "title" TEXT;
               CREATE FUNCTION "fill"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$;
               CREATE TRIGGER "fill" BEFORE INSERT ON "User" FOR EACH ROW EXECUTE FUNCTION "fill"(); COMMIT"#
        )
    };
    let judged = |body: &str| {
        let files = [expand(body).as_str(), r#"ALTER TABLE "User" ALTER COLUMN "title" SET NOT NULL"#]
            .map(|text| read(text).unwrap());
        let nothing = GivenUp::default();
        let files = files.iter().map(|file| (file.as_slice(), &nothing));
        let refused = refusals(files, &around(), &Policy::default());
        refused.concat().iter().map(|refusal| refusal.code).collect::<Vec<_>>()
    };
    assert_eq!(judged(r#"NEW."title" := NEW."name";"#), []);
    assert_eq!(judged(r#"NEW."email" := NEW."name";"#), [ReasonCode::RequiredColumnWithoutDefault]);
}

#[test]
fn with_a_column_that_no_client_needs_go_its_keys() {
    let codes_of = |sql: &str, column: &str| {
        let gone = vec![Gone::Column { table: RelationName::bare("User"), column: Name::new(column) }];
        let given_up = GivenUp { gone, ..GivenUp::default() };
        let plan = plan_released(&read(sql).unwrap(), &given_up, &around(), &Policy::default());
        codes(&plan).join(" ")
    };
    let both = r#"DROP INDEX "User_email_key"; ALTER TABLE "User" DROP COLUMN "email""#;
    assert_eq!(codes_of(both, "email"), "");
    assert_eq!(codes_of(both, "name"), "drop-unique drop-column");
}

/// The statements, a transaction in each line.
fn parked(sql: &str, parking: Parking, mode: Mode) -> (Vec<String>, Vec<String>) {
    let gone = vec![
        Gone::Column { table: RelationName::bare("User"), column: Name::new("name") },
        Gone::Table(RelationName::bare("Tag")),
    ];
    let policy = Policy { mode, ..Policy::default() };
    let plan = plan_released(&read(sql).unwrap(), &GivenUp { gone, parking }, &around(), &policy);
    let mut lines = vec![String::new()];
    for step in &plan.steps {
        let Action::Execute { sql } = &step.action else { panic!("{step:?}") };
        let words = sql.as_str().split_whitespace().take(3).collect::<Vec<_>>().join(" ");
        if step.transaction == Transaction::Own {
            lines.push(String::new());
        }
        lines.last_mut().unwrap().push_str(&format!("{words}; "));
        if step.transaction != Transaction::Shared {
            lines.push(String::new());
        }
    }
    lines.retain(|line| !line.is_empty());
    (lines, codes(&plan).iter().map(ToString::to_string).collect())
}

#[test]
fn what_is_parked_is_put_away_before_it_goes() {
    let column = Parking {
        columns: [(RelationName::bare("User"), Name::new("name"))].into(),
        migration: "20260301000000_change_3_contract".to_owned(),
        ..Parking::default()
    };
    let drop = r#"ALTER TABLE "User" DROP COLUMN "name""#;
    for mode in [Mode::Online, Mode::AsWritten] {
        let (transactions, refused) = parked(drop, column.clone(), mode);
        assert_eq!(refused, Vec::<String>::new());
        assert_eq!(
            transactions,
            [
                "CREATE SCHEMA IF; CREATE TABLE IF; CREATE TABLE \"underpin_parked\".\"User.name@20260301000000\"; \
                 ALTER TABLE \"underpin_parked\".\"User.name@20260301000000\"; \
                 CREATE FUNCTION \"underpin_parked\".\"User.name@20260301000000\"(); \
                 CREATE TRIGGER \"User.name@20260301000000_in\"; CREATE TRIGGER \"User.name@20260301000000_up\"; ",
                "INSERT INTO \"underpin_parked\".\"User.name@20260301000000\"; ",
                "DROP TRIGGER \"User.name@20260301000000_in\"; DROP TRIGGER \"User.name@20260301000000_up\"; \
                 DROP FUNCTION \"underpin_parked\".\"User.name@20260301000000\"(); \
                 INSERT INTO underpin_parked.register; ALTER TABLE \"User\"; ",
            ],
            "{mode:?}"
        );
        // A transaction of the file is not taken apart.
        let whole = format!("BEGIN; {drop}; COMMIT");
        assert_eq!(parked(&whole, column.clone(), mode).1, ["not-parked"], "{mode:?}");
    }
    let table = Parking {
        tables: [RelationName::bare("Tag")].into(),
        migration: "by_hand".to_owned(),
        ..Parking::default()
    };
    let (transactions, refused) = parked(r#"BEGIN; DROP TABLE "Tag"; COMMIT"#, table.clone(), Mode::Online);
    assert_eq!((transactions.len(), refused.len()), (1, 0), "{transactions:?} {refused:?}");
    assert!(transactions[0].contains("ALTER TABLE \"public\".\"Tag\""), "{transactions:?}");
    assert_eq!(parked(r#"DROP TABLE "Tag" CASCADE"#, table, Mode::Online).1, ["not-parked"]);
}

#[test]
fn nobody_waits_for_what_is_not_there() {
    let plan = planned(r#"DROP TABLE IF EXISTS "Gone"; CREATE TABLE a (i int); DROP TABLE a"#);
    assert!(plan.steps.iter().all(|step| step.locks.is_empty()), "{plan:#?}");
}

#[test]
fn a_new_enum_value_is_committed_before_it_is_used() {
    let plan = planned(
        r#"ALTER TYPE "Role" ADD VALUE 'owner'; ALTER TABLE "Tag" ADD COLUMN r "Role" DEFAULT 'owner'"#,
    );
    assert_eq!(ends(&plan), [Transaction::EndsHere, Transaction::Shared]);
    let unused = planned(r#"ALTER TYPE "Role" ADD VALUE 'owner'; ALTER TABLE "Tag" ADD COLUMN r int"#);
    assert!(unused.is_plain());
}

#[test]
fn settings_hold_for_the_file_and_move_the_search_path() {
    let sql = r#"SET LOCAL statement_timeout = '5s'; SET search_path TO other, public;
                 CREATE TABLE t (i int); ALTER TABLE "User" ADD COLUMN a int; ALTER TABLE "Team" ADD COLUMN a int"#;
    let plan = planned(sql);
    assert_eq!(plan.settings.len(), 2);
    assert_eq!(texts(&plan)[0], r#"SET statement_timeout TO "5s""#);
    assert_eq!(plan.steps[3].locks[0].relation, public("User"));
    assert!(planned("SET LOCAL lock_timeout = '5s'; CREATE TABLE t (i int)").is_plain());
    assert_eq!(
        texts(&planned("SET LOCAL lock_timeout = '5s'; CREATE TABLE t (i int)"))[0],
        "SET LOCAL lock_timeout = '5s'"
    );
}

#[test]
fn what_nobody_can_know_is_told_and_kept_apart() {
    let plan = planned(
        r#"ALTER TABLE "User" ADD COLUMN a int; DO $$ BEGIN EXECUTE x; END $$; CREATE TABLE t (i int)"#,
    );
    assert_eq!(plan.opaque.len(), 1);
    assert_eq!(ends(&plan), [Transaction::EndsHere, Transaction::EndsHere, Transaction::Shared]);
}

#[test]
fn a_straight_program_is_judged_like_its_statements() {
    let harmless = planned(r#"DO $$ BEGIN RAISE NOTICE 'x'; ALTER TABLE "Tag" ADD COLUMN a int; END $$"#);
    assert!(harmless.is_plain(), "{:?}", harmless.opaque);
    let build = planned(r#"DO $$ BEGIN CREATE INDEX i ON "User" (name); END $$"#);
    assert_eq!(codes(&build), ["index-build"]);
    assert!(build.refusals[0].why.contains("a DO block is one transaction"), "{}", build.refusals[0].why);
    assert_eq!(codes(&planned(r#"DO $$ BEGIN EXECUTE 'DROP TABLE "Team"'; END $$"#)), ["drop-table"]);
    let own = planned("DO $$ BEGIN CREATE TABLE t (i int); CREATE INDEX ON t (i); END $$");
    assert!(own.is_plain());
    let calls = planned("DO $$ BEGIN PERFORM f(); END $$");
    assert_eq!(calls.opaque[0].text, "the query calls f, which may do anything");
}

#[test]
fn a_program_with_conditions_runs_as_written_and_is_told() {
    let plan = planned(
        r#"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_indexes WHERE indexname = 'i') THEN
             CREATE INDEX i ON "User" (name); END IF; END $$;
           ALTER TABLE "Team" ADD COLUMN a int"#,
    );
    assert_eq!(codes(&plan), Vec::<&str>::new());
    assert_eq!(plan.opaque.len(), 1);
    assert_eq!(plan.steps[0].locks[0].relation, public("User"));
    // What it locks is not held while it waits for another table.
    assert_eq!(ends(&plan), [Transaction::EndsHere, Transaction::Shared]);
}

#[test]
fn what_a_program_may_have_dropped_is_not_taken_for_gone() {
    let plan = planned(
        r#"DO $$ BEGIN IF (SELECT count(*) FROM "Tag") = 0 THEN DROP TABLE "User"; END IF; END $$;
           CREATE INDEX i ON "User" (name)"#,
    );
    assert!(plan.twinned);
}

#[test]
fn as_written_is_as_written() {
    let policy = Policy { mode: Mode::AsWritten, ..Policy::default() };
    let plan = planned_with(
        r#"DROP TABLE "Team"; CREATE INDEX x ON "User"(name); DROP INDEX CONCURRENTLY y"#,
        &policy,
    );
    assert_eq!(plan.refusals, []);
    assert_eq!(ends(&plan), [Transaction::Shared, Transaction::Shared, Transaction::Alone]);
    assert!(!plan.twinned);
}

#[test]
fn prismas_new_enum_is_one_reason_and_not_three() {
    let sql = r#"BEGIN;
        CREATE TYPE "Role_new" AS ENUM ('a', 'b');
        ALTER TABLE "User" ALTER COLUMN role TYPE "Role_new" USING (role::text::"Role_new");
        ALTER TYPE "Role" RENAME TO "Role_old";
        ALTER TYPE "Role_new" RENAME TO "Role";
        DROP TYPE "Role_old";
        COMMIT;"#;
    assert_eq!(codes(&planned(sql)), ["change-type"]);
}

#[test]
fn every_code_is_read_as_it_is_written() {
    for code in ReasonCode::ALL {
        assert_eq!(code.as_str().parse(), Ok(code));
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
    }
    assert!("whatever".parse::<ReasonCode>().is_err());
}
