//! `underpin explain-tx`: what is printed, what it says is so under the real Prisma, and what cannot be told.

use underpin_testkit::{Oracle, ProjectFolder, Said};

use crate::support::{server, underpin};

const MIXED: &str = "CREATE TABLE a (i int);\n\
                     SET LOCAL lock_timeout = '1s';\n\
                     CREATE INDEX CONCURRENTLY i ON a (i);\n";

async fn explain(project: &ProjectFolder, arguments: &[&str]) -> Said {
    let all = [&["explain-tx"], arguments].concat();
    underpin(project.path(), "", &all).await
}

fn project(sql: &str) -> ProjectFolder {
    ProjectFolder::prisma7().migration("1_first", sql)
}

const FOLDER: &str = "prisma/migrations/1_first";

#[tokio::test]
async fn the_same_file_is_one_transaction_or_several() {
    let project = project(MIXED);
    let split = explain(&project, &["--prisma", "7.4", FOLDER]).await;
    assert_eq!(split.code, 0, "{}", split.all());
    let expected = "\
prisma/migrations/1_first/migration.sql
  Prisma 7.4.0 sends each statement by itself
  3 transactions: when one fails, those before it stay

   line  transaction  in            statement
      1            1  no block      CREATE TABLE a (i int)
      2            2  no block      SET LOCAL lock_timeout = …
                                    note: lock_timeout is not in force for any statement: there is no transaction block
      3            3  no block      CREATE INDEX CONCURRENTLY i ON a (i)

";
    assert_eq!(split.stdout, expected);
    assert_eq!(split.stderr, "Prisma 7.4.0: as asked for\n");

    let whole = explain(&project, &["--prisma=6.19", FOLDER]).await;
    let expected = "\
prisma/migrations/1_first/migration.sql
  Prisma 6.19.0 sends the file whole, as one message
  1 transaction: all of it takes effect, or nothing

   line  transaction  in            statement
      1            1  one message   CREATE TABLE a (i int)
      2            1  one message   SET LOCAL lock_timeout = …
      3            1  one message   CREATE INDEX CONCURRENTLY i ON a (i)
                                    error: refused in a transaction block (25001): several statements of one \
message are a transaction block

";
    assert_eq!(whole.stdout, expected);
}

#[tokio::test]
async fn the_statement_that_flips_a_file_is_named() {
    let project = project(&format!("{MIXED}REINDEX TABLE a;\nDO $$ BEGIN END $$;\n"))
        .file("node_modules/prisma/package.json", r#"{"version": "7.8.0"}"#);
    let said = explain(&project, &[&format!("{FOLDER}/migration.sql")]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    assert_eq!(said.stderr, "Prisma 7.8.0: installed, says node_modules/prisma/package.json\n");
    for line in [
        "because its parser cannot read line 4: Expected: an SQL statement, found: REINDEX (line 4, column 1)",
        "note: Prisma's parser cannot read this: Expected: an SQL statement, found: REINDEX",
        "error: refused in a transaction block (25001)",
        "The parser of Prisma since 7.4 cannot read lines 4, 5.",
    ] {
        assert!(said.stdout.contains(line), "{line} is missing in:\n{}", said.stdout);
    }
}

#[tokio::test]
async fn json_says_the_same() {
    let project = project("SET lock_timeout = '2s';\nBEGIN;\nSELECT 1;\n");
    let said = explain(&project, &["--json", "--prisma", "7.10.0", FOLDER]).await;
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    let told: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(told["version"], 1);
    assert_eq!(told["prisma"]["version"], "7.10.0");
    let file = &told["files"][0];
    assert_eq!(file["cut"]["kind"], "statements");
    assert_eq!(file["transactions"], 2);
    assert_eq!(file["statements"][2]["block"], "explicit");
    assert_eq!(file["statements"][2]["undone"], true);
    assert_eq!(file["left_behind"][0]["name"], "lock_timeout");
    assert_eq!(file["left_behind"][0]["value"], "2s");
    let open = file["statements"][1]["notes"][0]["text"].as_str().unwrap();
    assert!(open.contains("still open"), "{open}");
}

#[tokio::test]
async fn what_cannot_be_told_says_why() {
    let bad = project("CREATE TABEL a ();\n");
    let said = explain(&bad, &["--prisma", "7", FOLDER]).await;
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("migration.sql:1:8"), "{}", said.all());
    for arguments in [&["--prisma", "seven", FOLDER][..], &["--prisma", "7", "nowhere.sql"]] {
        let said = explain(&bad, arguments).await;
        assert_eq!(said.code, 2, "{}", said.all());
        assert!(said.stderr.contains("\n  - "), "no hint: {}", said.all());
    }
}

/// `RESET` goes back to what the connection was given.
#[tokio::test]
async fn a_session_begins_with_what_the_url_sets() {
    let project = project("SET lock_timeout = '1s';\nRESET lock_timeout;\nSET statement_timeout = '9s';\n");
    let url = "postgresql://user:hidden@host/app?options=-c%20lock_timeout%3D2s%20-c%20app.key%3Dhidden";
    let given = "Prisma 7.10.0: as asked for\nSet by the database URL: app.key, lock_timeout = 2s\n";
    let typed = explain(&project, &["--prisma", "7.10", "--url", url, FOLDER]).await;
    assert_eq!((typed.code, typed.stderr.as_str()), (0, given));
    let left: Vec<_> = typed.stdout.lines().filter(|line| line.contains(" stays ")).collect();
    assert_eq!(left, ["  statement_timeout stays 9s for the migrations that follow in this deploy."]);

    let arguments = ["explain-tx", "--json", "--prisma", "7.10", "--config", "prisma.config.mjs", FOLDER];
    let own = underpin(project.path(), url, &arguments).await;
    let told: serde_json::Value = serde_json::from_str(&own.stdout).unwrap();
    assert_eq!(told["set_by_url"], serde_json::json!(["app.key", "lock_timeout = 2s"]));
    assert_eq!(told["files"][0]["left_behind"][0]["name"], "statement_timeout");
    assert!(!own.all().contains("hidden") && !typed.all().contains("hidden"));

    for wrong in [["--url", "mysql://h/d"], ["--schema", "nowhere.prisma"]] {
        let said = explain(&project, &[&["--prisma", "7.10"], &wrong[..], &[FOLDER]].concat()).await;
        assert_eq!(said.code, 2, "{}", said.all());
    }
}

/// One session applies all pending files: what a file leaves behind is in force in the next one.
#[tokio::test(flavor = "multi_thread")]
async fn prisma_keeps_settings_from_file_to_file() {
    let project =
        ProjectFolder::prisma7().migration("1_first", "SET lock_timeout = '1234ms';\nSELECT 1;\n").migration(
            "2_second",
            "CREATE TABLE seen AS SELECT current_setting('lock_timeout') AS lock_timeout;\n",
        );
    let database = server().await.database("explain").await;
    let deployed = Oracle::prisma7().await.deploy(project.path(), &database.url()).await;
    assert_eq!(deployed.code, 0, "{}", deployed.all());
    assert_eq!(database.rows("SELECT lock_timeout FROM seen").await, ["1234ms"]);
    let said = explain(&project, &["--prisma", "7.10", FOLDER]).await;
    let leak = "lock_timeout stays 1234ms for the migrations that follow in this deploy.";
    assert!(said.stdout.contains(leak), "{}", said.stdout);
}
