//! What Prisma does not see stops a plan before anything is written.

use underpin_testkit::ProjectFolder;

use super::{folders, plan};
use crate::support::{server, underpin};

const INIT: &str = "CREATE TABLE \"User\" (\"id\" INTEGER NOT NULL, \"fullName\" TEXT NOT NULL, CONSTRAINT \"User_pkey\" PRIMARY KEY (\"id\"));\n";
const AFTER: &str = "model User {\n  id          Int    @id\n  displayName String\n}\n";

#[tokio::test(flavor = "multi_thread")]
async fn what_prisma_does_not_see_stops_the_plan() {
    let function = "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.\"fullName\" := upper(NEW.\"fullName\"); RETURN NEW; END $$;";
    let cases: [(&str, String, &str); 9] = [
        ("view", "CREATE VIEW names AS SELECT \"fullName\" FROM \"User\";".to_owned(), "view public.names uses it"),
        (
            "policy",
            "ALTER TABLE \"User\" ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON \"User\" USING (\"fullName\" = current_user);".to_owned(),
            "policy public.\"User\".own uses it",
        ),
        ("index", "CREATE INDEX by_lower ON \"User\" (lower(\"fullName\"));".to_owned(), "index public.by_lower goes with it"),
        ("check", "ALTER TABLE \"User\" ADD CONSTRAINT named CHECK (\"fullName\" <> '');".to_owned(), "constraint public.\"User\".named goes with it"),
        (
            "generated",
            "ALTER TABLE \"User\" ADD COLUMN len INTEGER GENERATED ALWAYS AS (length(\"fullName\")) STORED;".to_owned(),
            "column public.\"User\".len uses it",
        ),
        (
            "trigger of the column",
            format!("{function} CREATE TRIGGER shout BEFORE UPDATE OF \"fullName\" ON \"User\" FOR EACH ROW EXECUTE FUNCTION shout();"),
            "trigger public.\"User\".shout uses it",
        ),
        (
            "trigger function",
            format!("{function} CREATE TRIGGER shout BEFORE INSERT ON \"User\" FOR EACH ROW EXECUTE FUNCTION shout();"),
            "which a trigger of the table calls, names it",
        ),
        (
            "statistics",
            "CREATE STATISTICS s ON \"id\", \"fullName\" FROM \"User\";".to_owned(),
            "statistics public.s goes with it",
        ),
        (
            "another rollout",
            "CREATE FUNCTION x() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; CREATE TRIGGER \"~underpin_1_insert_00000000\" BEFORE INSERT ON \"User\" FOR EACH ROW EXECUTE FUNCTION x();".to_owned(),
            "a rollout of it has not ended in the history",
        ),
    ];
    for (name, sql, told) in cases {
        let after = match name {
            // It is in the schema, or Prisma would drop it.
            "generated" => AFTER.replace("}\n", "  len Int? @default(dbgenerated())\n}\n"),
            _ => AFTER.to_owned(),
        };
        let project = ProjectFolder::prisma7()
            .models(&after)
            .migration("20260101000000_init", INIT)
            .migration("20260102000000_hidden", &sql);
        let said =
            underpin(project.path(), "", &["plan", "--name", "x", "--rename", "User.fullName:displayName"])
                .await;
        assert_eq!(said.code, 2, "{name}: {}", said.all());
        assert!(said.stderr.contains(told), "{name}: no {told:?} in:\n{}", said.all());
        assert_eq!(folders(&project).len(), 2, "{name}");
    }
}

/// A column that is swapped goes with what is of it, and Prisma's own migration would have kept that.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_swap_would_lose_stops_the_plan() {
    let init = "CREATE TYPE \"Status\" AS ENUM ('NEW', 'OLD');\nCREATE TABLE \"Order\" (\"id\" INTEGER NOT NULL, \"status\" \"Status\" NOT NULL, CONSTRAINT \"Order_pkey\" PRIMARY KEY (\"id\"));\n";
    let after = "enum Status {\n  NEW\n}\n\nmodel Order {\n  id     Int    @id\n  status Status\n}\n";
    let cases: [(&str, &str); 4] = [
        ("CREATE VIEW states AS SELECT status FROM \"Order\";", "view public.states uses it"),
        ("CREATE INDEX part ON \"Order\" (id) WHERE status = 'OLD';", "index public.part goes with it"),
        (
            "CREATE FUNCTION shown(s \"Status\") RETURNS text LANGUAGE sql RETURN s::text;",
            "routine public.shown(public.\"Status\") uses it",
        ),
        // What no rule looks for, the proof finds.
        (
            "ALTER TABLE \"Order\" ALTER COLUMN status SET STATISTICS 500;",
            "the phases do not leave column public.\"Order\".status as Prisma's own migration does",
        ),
    ];
    for (sql, told) in cases {
        let project = ProjectFolder::prisma7()
            .models(after)
            .migration("20260101000000_init", init)
            .migration("20260102000000_hidden", sql);
        let arguments = ["plan", "--name", "x", "--replace", "Status.OLD:NEW"];
        let said = underpin(project.path(), "", &arguments).await;
        assert!(said.code != 0 && said.stderr.contains(told), "no {told:?} in:\n{}", said.all());
        assert_eq!(folders(&project).len(), 2, "{sql}");
    }
}

/// What is written about a column, and who may do what with it, is the same behind a swap.
#[tokio::test(flavor = "multi_thread")]
async fn a_swap_keeps_the_comment_and_the_grants_of_a_column() {
    let project = ProjectFolder::prisma7()
        .models("model Event {\n  id    Int    @id\n  count BigInt\n}\n")
        .migration(
            "20260101000000_init",
            "CREATE TABLE \"Event\" (\"id\" INTEGER NOT NULL, \"count\" INTEGER NOT NULL, CONSTRAINT \"Event_pkey\" PRIMARY KEY (\"id\"));\n",
        )
        .migration(
            "20260102000000_about",
            "COMMENT ON COLUMN \"Event\".\"count\" IS 'it''s counted';\nGRANT SELECT (\"count\"), UPDATE (\"count\") ON \"Event\" TO PUBLIC;\n",
        );
    let database = server().await.database("about").await;
    let url = database.url();
    assert_eq!(underpin(project.path(), &url, &["deploy"]).await.code, 0);
    let about = "SELECT attacl::text, col_description(attrelid, attnum), format_type(atttypid, atttypmod)
                 FROM pg_attribute WHERE attrelid = '\"Event\"'::regclass AND attname = 'count'";
    let before = database.rows(about).await.remove(0);
    assert!(before.contains("=rw/") && before.ends_with("|it's counted|integer"), "{before}");
    plan(&project, &["--swap", "Event.count"]).await;
    assert_eq!(underpin(project.path(), &url, &["deploy"]).await.code, 0);
    let release = ["rollout", "release", "change", "--now", "--database", database.name()];
    let release = [&release[..], &["--attest", "the test: they are stopped"]].concat();
    for arguments in [&release[..], &["deploy"]] {
        let said = underpin(project.path(), &url, arguments).await;
        assert_eq!(said.code, 0, "{}", said.all());
    }
    let behind = database.rows(about).await.remove(0);
    assert_eq!(behind, before.replace("|integer", "|bigint"));
}
