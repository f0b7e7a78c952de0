//! Folders and ledgers that a deploy stops at, and odd ones that it takes.

use underpin_testkit::ProjectFolder;

use super::{INIT, SECOND, SHOP, State, project, refused};
use crate::support::{ledger, server, underpin};

#[tokio::test]
async fn there_are_no_migrations() {
    let database = server().await.database("none").await;
    let before = State::of(&database).await;
    refused(&ProjectFolder::prisma7(), &database.url(), &["prisma/migrations", "no migration"]).await;
    let bare = ProjectFolder::prisma7();
    std::fs::remove_dir_all(bare.migrations()).unwrap();
    refused(&bare, &database.url(), &["prisma/migrations"]).await;
    assert_eq!(State::of(&database).await, before);
}

#[tokio::test]
async fn the_sql_is_not_valid() {
    let database = server().await.database("invalid").await;
    let before = State::of(&database).await;
    // Also in the last of several files, and behind letters of more than one byte.
    let wrong = "-- Größe\nCREATE TABLE \"Möbel\" (\n  \"ö\" int,,\n);\n";
    let project = project().migration(SECOND, wrong);
    let words = [&format!("prisma/migrations/{SECOND}/migration.sql:3:11") as &str, "42601", "syntax error"];
    refused(&project, &database.url(), &words).await;
    let project = project.migration(SECOND, "CREATE TABLE \"a\" (\n  \"b\" text DEFAULT 'open\n);\n");
    refused(&project, &database.url(), &[&format!("{SECOND}/migration.sql:2:"), "unterminated"]).await;
    assert_eq!(State::of(&database).await, before);
}

/// What the parser takes and the server does not is told with its line, and nothing of the file is left.
#[tokio::test]
async fn the_server_refuses_a_statement() {
    let database = server().await.database("refused").await;
    let project = project()
        .migration(SECOND, "CREATE TABLE \"a\" ();\n\nALTER TABLE \"nowhere\" ADD COLUMN \"x\" int;\n");
    let said = underpin(project.path(), &database.url(), &["deploy"]).await;
    assert_eq!(said.code, 2, "{}", said.all());
    for words in [SECOND, "line 3", "42P01", "nowhere", "Nothing of it is left", "\n  - "] {
        assert!(said.stderr.contains(words), "{words}: {}", said.all());
    }
    assert_eq!(ledger(&database).await.len(), 1);
    assert_eq!(database.rows("SELECT to_regclass('a') IS NULL").await, ["t"]);
}

#[tokio::test]
async fn a_file_is_not_what_was_applied() {
    let database = server().await.database("edited").await;
    let project = project();
    let deployed = underpin(project.path(), &database.url(), &["deploy"]).await;
    assert_eq!(deployed.code, 0, "{}", deployed.all());
    let before = State::of(&database).await;
    let edited =
        project.migration(INIT, &format!("{SHOP}-- edited\n")).migration(SECOND, "CREATE TABLE \"a\" ();\n");
    let stored = &ledger(&database).await[0].checksum;
    let words = [INIT, "edited after it was applied", stored, "--allow edited-migration", "version control"];
    refused(&edited, &database.url(), &words).await;
    assert_eq!(State::of(&database).await, before);
}

#[tokio::test]
async fn the_ledger_knows_more_than_the_folder() {
    let database = server().await.database("more").await;
    let both = project().migration(SECOND, "CREATE TABLE \"a\" ();\n");
    let deployed = underpin(both.path(), &database.url(), &["deploy"]).await;
    assert_eq!(deployed.code, 0, "{}", deployed.all());
    let before = State::of(&database).await;
    let other = project().migration("20260103000000_third", "CREATE TABLE \"b\" ();\n");
    refused(&other, &database.url(), &[SECOND, "--allow unknown-migration", "commit"]).await;
    assert_eq!(State::of(&database).await, before);
}

#[tokio::test]
async fn the_provider_is_another() {
    let database = server().await.database("provider").await;
    let before = State::of(&database).await;
    refused(&project().provider("mysql"), &database.url(), &["P3019", "migration_lock.toml:1", "mysql"])
        .await;
    let sqlite = project().file("prisma/schema.prisma", "datasource db {\n  provider = \"sqlite\"\n}\n");
    refused(&sqlite, &database.url(), &["schema.prisma:2", "sqlite"]).await;
    assert_eq!(State::of(&database).await, before);
}

/// Names with spaces, quotes, letters of other scripts and of the length that file systems allow.
#[tokio::test]
async fn odd_names_are_names() {
    let database = server().await.database("odd").await;
    let long = format!("9_{}", "x".repeat(240));
    let names = [
        "0 it's \"quoted\"",
        "1_ünïcode_名前",
        "2;DROP TABLE \"Shop\"",
        "3$$",
        "4%20\\n",
        "-5",
        long.as_str(),
    ];
    let project = names.iter().enumerate().fold(ProjectFolder::prisma7(), |project, (at, name)| {
        project.migration(name, &format!("CREATE TABLE \"t{at}\" ();\n"))
    });
    let deployed = underpin(project.path(), &database.url(), &["deploy"]).await;
    assert_eq!(deployed.code, 0, "{}", deployed.all());
    let mut recorded: Vec<String> = ledger(&database).await.into_iter().map(|row| row.name).collect();
    let mut expected: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    recorded.sort();
    expected.sort();
    assert_eq!(recorded, expected);
    let status = underpin(project.path(), &database.url(), &["status"]).await;
    assert_eq!(status.code, 0, "{}", status.all());
}

/// Nothing, only a comment, only spaces, line endings of Windows and of old Macs' editors, no last line ending.
#[tokio::test]
async fn odd_files_are_applied_once() {
    let database = server().await.database("odd").await;
    let texts = [
        "",
        "-- nothing",
        " \r\n\t\r\n",
        ";;;",
        "CREATE TABLE \"a\" ();\r\nCREATE TABLE \"b\" ()",
        "/* a\r\n */SELECT 1;\r\n",
    ];
    let project = texts
        .iter()
        .enumerate()
        .fold(project(), |project, (at, text)| project.migration(&format!("2026020{at}000000_odd"), text));
    let deployed = underpin(project.path(), &database.url(), &["deploy"]).await;
    assert_eq!(deployed.code, 0, "{}", deployed.all());
    let rows = ledger(&database).await;
    assert_eq!(rows.len(), 1 + texts.len());
    assert!(rows.iter().all(|row| row.finished && row.steps == 1 && row.logs.is_none()), "{rows:?}");
    let again = underpin(project.path(), &database.url(), &["deploy"]).await;
    assert!(again.code == 0 && again.stdout.contains("No pending"), "{}", again.all());
}

/// Ten megabytes of `INSERT`s, as a team's seed migration has them.
#[tokio::test]
async fn a_huge_file_is_a_file() {
    let database = server().await.database("huge").await;
    let mut sql = String::from("CREATE TABLE \"Word\" (\"id\" INT PRIMARY KEY, \"text\" TEXT NOT NULL);\n");
    let mut rows = 0;
    while sql.len() < 10 << 20 {
        rows += 1;
        sql.push_str(&format!("INSERT INTO \"Word\" VALUES ({rows}, '{}');\n", "it''s; ".repeat(20)));
    }
    let project = project().migration(SECOND, &sql);
    let deployed = underpin(project.path(), &database.url(), &["deploy"]).await;
    assert_eq!(deployed.code, 0, "{}", deployed.all());
    assert_eq!(database.rows("SELECT count(*) FROM \"Word\"").await, [rows.to_string()]);
    let status = underpin(project.path(), &database.url(), &["status"]).await;
    assert_eq!(status.code, 0, "{}", status.all());
}
