//! `underpin create --down`: ways back beside migrations that somebody wrote by hand.

use serde_json::Value;
use underpin_testkit::{ProjectFolder, workspace_root};

use super::read;
use crate::support::underpin;

const INIT: &str = "20260101000000_init";
const BY_HAND: &str = "20260102000000_by_hand";
const GIVEN: &str = "20260103000000_given_away";
const VALUE: &str = "20260104000000_value";

/// With what only a superuser takes back, and what nobody does.
fn project() -> ProjectFolder {
    ProjectFolder::prisma7()
        .migration(
            INIT,
            "CREATE EXTENSION pg_buffercache;\nCREATE TYPE \"Mood\" AS ENUM ('good');\n\
             CREATE TABLE \"User\" (\"id\" INTEGER PRIMARY KEY, \"email\" TEXT);\n",
        )
        .migration(
            BY_HAND,
            "DROP EXTENSION pg_buffercache;\n\
             CREATE VIEW \"Known\" AS SELECT \"id\" FROM \"User\" WHERE \"email\" IS NOT NULL;\n\
             CREATE UNIQUE INDEX \"User_email_lower\" ON \"User\"(lower(\"email\"));\n",
        )
        .migration(GIVEN, "ALTER TABLE \"User\" OWNER TO \"Owner of all\";\n")
        .migration(VALUE, "ALTER TYPE \"Mood\" ADD VALUE 'bad';\n")
}

async fn down(project: &ProjectFolder, arguments: &[&str]) -> Value {
    let said = underpin(project.path(), "", &[&["create", "--json", "--down"], arguments].concat()).await;
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{}", said.all());
    let object: Value = serde_json::from_str(&said.stdout).unwrap();
    let schema = read(workspace_root().join("docs/schema/create.schema.json"));
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let wrong: Vec<String> = validator.iter_errors(&object).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{object:#}");
    object
}

/// The folders, and what became of the file of each.
fn outcomes(object: &Value) -> Vec<String> {
    let told = object["migrations"].as_array().unwrap().iter();
    let down = object["rehearsal"]["down"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    told.zip(down).map(|(one, down)| format!("{} {}", text(&one["folder"]), text(&down["outcome"]))).collect()
}

#[tokio::test]
async fn the_last_migrations_get_their_way_back_and_keep_the_one_they_have() {
    let project = project();
    let own = format!("prisma/migrations/{GIVEN}/down.sql");
    let project = project.file(&own, "-- Nobody takes it back.\n");
    let dry = underpin(project.path(), "", &["create", "--down", "--dry-run"]).await;
    assert_eq!(dry.code, 0, "{}", dry.all());
    assert!(dry.stdout.starts_with("On PostgreSQL "), "{}", dry.all());
    assert!(
        dry.stdout.contains(&format!("would write prisma/migrations/{VALUE}/down.sql:\n")),
        "{}",
        dry.all()
    );
    assert!(!project.migrations().join(VALUE).join("down.sql").exists());

    let written = down(&project, &[]).await;
    assert_eq!(outcomes(&written), [format!("{BY_HAND} returns"), format!("{VALUE} returns")]);
    let text = |name: &str| read(project.migrations().join(name).join("down.sql"));
    for part in
        ["CREATE EXTENSION", "DROP VIEW \"public\".\"Known\"", "DROP INDEX \"public\".\"User_email_lower\""]
    {
        assert!(text(BY_HAND).contains(part), "no {part} in:\n{}", text(BY_HAND));
    }
    assert_eq!(text(GIVEN), "-- Nobody takes it back.\n");
    assert!(!project.migrations().join(INIT).join("down.sql").exists());
    let again = underpin(project.path(), "", &["create", "--down"]).await;
    assert_eq!(again.code, 0);
    assert!(again.stdout.starts_with("Nothing is written: the last migrations have"), "{}", again.all());

    // `check` tries the same files and says the same.
    let check = ["check", "--skip", "base", "--skip", "lint", "--skip", "schema"];
    let check = underpin(project.path(), "", &check).await;
    let fails = check.stdout.lines().filter(|line| line.contains("[down-")).collect::<Vec<_>>();
    assert!(fails.len() == 1 && fails[0].contains(GIVEN), "{}", check.all());
}

#[tokio::test]
async fn a_named_migration_gets_one_by_its_folder_or_its_path() {
    let project = project();
    let path = format!("prisma/migrations/{INIT}/");
    let written = down(&project, &[GIVEN, &path]).await;
    assert_eq!(outcomes(&written), [format!("{INIT} returns"), format!("{GIVEN} returns")]);
    let text = read(project.migrations().join(GIVEN).join("down.sql"));
    assert!(text.contains("ALTER TABLE \"public\".\"User\" OWNER TO"), "{text}");

    let refused = async |arguments: &[&str]| {
        let said = underpin(project.path(), "", &[&["create", "--down"], arguments].concat()).await;
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{}", said.all());
        said.stderr
    };
    assert!(refused(&[GIVEN]).await.contains("has a down.sql, which is left as it is"));
    assert!(refused(&["20260109000000_none"]).await.contains("there is no migration 20260109000000_none"));
    assert!(refused(&["--name", "x"]).await.contains("cannot be used with"));
    let project = project.migration("20260105000000_slip", "ALTER TABLE \"Gone\" ADD COLUMN \"x\" INT;\n");
    let said = underpin(project.path(), "", &["create", "--down", "20260105000000_slip"]).await;
    assert_eq!(said.code, 2, "{}", said.all());
    assert!(said.stderr.contains("20260105000000_slip/migration.sql:1"), "{}", said.all());
    let one = down(&project, &[BY_HAND]).await;
    assert_eq!(outcomes(&one), [format!("{BY_HAND} returns")]);
}
