//! `underpin create` that cannot end as it should: killed, twice at once, with files that are not right.

use std::time::Duration;

use underpin_testkit::ProjectFolder;

use super::{CHANGES, folders, read};
use crate::support::{ended, start, underpin};

const INIT: &str = "CREATE TABLE \"User\" (\"id\" SERIAL NOT NULL, \"email\" TEXT NOT NULL, CONSTRAINT \"User_pkey\" PRIMARY KEY (\"id\"));\n\
    CREATE UNIQUE INDEX \"User_email_key\" ON \"User\"(\"email\");\n";

/// A project that lacks one migration.
fn project() -> ProjectFolder {
    ProjectFolder::prisma7().models(CHANGES[1].1).migration("20260101000000_init", INIT)
}

/// Every new folder is as a whole, whenever somebody looks.
fn check(project: &ProjectFolder) -> usize {
    let new: Vec<String> = folders(project).into_iter().filter(|folder| !folder.ends_with("_init")).collect();
    for folder in &new {
        let text = |file: &str| read(project.migrations().join(folder).join(file));
        assert!(text("migration.sql").ends_with("ON UPDATE CASCADE;\n"), "{folder}");
        assert!(text("down.sql").starts_with("-- Takes back"), "{folder}");
    }
    new.len()
}

#[tokio::test]
async fn a_killed_run_leaves_no_half_of_a_migration() {
    let project = project();
    let mut kills = 0;
    for delay_ms in [40, 150, 300, 450, 600, 750, 900] {
        let mut child = start(project.path(), "", &["create", "--name", "posts"]);
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        kills += usize::from(child.try_wait().unwrap().is_none());
        child.kill().await.unwrap();
        check(&project);
    }
    assert!(kills > 0, "every run ended before it was killed");
    let said = underpin(project.path(), "", &["create", "--name", "posts"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    assert_eq!(check(&project), 1);
    assert_eq!(std::fs::read_dir(project.path().join("prisma")).unwrap().count(), 2);
}

#[tokio::test]
async fn of_two_at_once_one_writes() {
    let project = project();
    let both = ["posts", "more posts"].map(|name| start(project.path(), "", &["create", "--name", name]));
    let mut codes = Vec::new();
    for child in both {
        let said = ended(child).await;
        assert!(
            said.code == 0 || said.stderr.contains("a migration came or changed meanwhile"),
            "{}",
            said.all()
        );
        codes.push(said.code);
    }
    codes.sort_unstable();
    assert!(codes == [0, 13] || codes == [0, 0], "{codes:?}");
    assert_eq!(check(&project), 1);
}

#[tokio::test]
async fn what_is_not_right_is_told_and_nothing_is_written() {
    let refused = async |project: &ProjectFolder, parts: &[&str]| {
        let before = folders(project);
        let said = underpin(project.path(), "", &["create", "--name", "x"]).await;
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{}", said.all());
        for part in parts {
            assert!(said.stderr.contains(part), "no {part:?} in:\n{}", said.stderr);
        }
        assert_eq!(folders(project), before);
    };
    let broken = project().models("model A {\n  id Int @id\n  b Strin\n  c Itn\n}\n");
    refused(&broken, &["P1012", "2 mistakes", "prisma/schema.prisma:7:", "prisma/schema.prisma:8:"]).await;
    let syntax =
        project().migration("20260102000000_slip", "SELECT 1;\nALTER TABEL \"User\" ADD COLUMN \"x\" INT;\n");
    refused(&syntax, &["42601", "prisma/migrations/20260102000000_slip/migration.sql:2:7", "TABEL"]).await;
    let failing = project().migration("20260102000000_gone", "SELECT 1;\n\nDROP TABLE \"Gone\";\n");
    refused(&failing, &["42P01", "20260102000000_gone/migration.sql:3", "\"Gone\" does not exist"]).await;
    let other = project().provider("mysql");
    refused(&other, &["P3019", "mysql"]).await;
    let without = project().file("prisma/migrations/20260102000000_empty/readme.md", "");
    refused(&without, &["P3015", "20260102000000_empty"]).await;
    let mysql = project().file("prisma/schema.prisma", "datasource db {\n  provider = \"mysql\"\n}\n");
    refused(&mysql, &["`mysql`, not `postgresql`"]).await;
}
