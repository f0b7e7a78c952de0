//! `resolve` by either of us is read right by the other, and writes the same rows.

use underpin_testkit::{Database, Oracle, ProjectFolder, Said};

use super::failed::FAILS;
use super::{INIT, Projects, SECOND, SHOP, prisma_agrees, we_agree};
use crate::support::{Row, ledger, server, underpin};

#[derive(Clone, Copy, Debug)]
enum Who {
    Prisma,
    We,
}

async fn resolve(who: Who, project: &ProjectFolder, url: &str, claim: &str, name: &str) -> Said {
    let arguments = ["migrate", "resolve", claim, name];
    match who {
        Who::Prisma => Oracle::prisma7().await.run(project.path(), url, &arguments).await,
        Who::We => underpin(project.path(), url, &arguments[1..]).await,
    }
}

async fn deploy(who: Who, project: &ProjectFolder, url: &str) -> Said {
    match who {
        Who::Prisma => Oracle::prisma7().await.deploy(project.path(), url).await,
        Who::We => underpin(project.path(), url, &["deploy"]).await,
    }
}

/// Prisma fails at the second migration; then `who` makes the claim.
async fn failed_and_resolved(who: Who, database: &Database<'_>, claim: &str) -> Projects {
    let projects = Projects::with(|project| project.migration(INIT, SHOP).migration(SECOND, FAILS));
    let failed = deploy(Who::Prisma, &projects.seven, &database.url()).await;
    assert!(failed.stderr.contains("P3018"), "{}", failed.all());
    let resolved = resolve(who, &projects.seven, &database.url(), claim, SECOND).await;
    assert_eq!(resolved.code, 0, "{}", resolved.all());
    let words = format!("Migration {SECOND} marked as {}.", claim.trim_start_matches("--").replace('-', " "));
    assert!(resolved.stdout.contains(&words), "{}", resolved.all());
    projects
}

#[tokio::test]
async fn applied_by_one_is_up_to_date_for_the_other() {
    let server = server().await;
    let mut ledgers = Vec::new();
    for who in [Who::We, Who::Prisma] {
        let database = server.database("applied").await;
        let projects = failed_and_resolved(who, &database, "--applied").await;
        prisma_agrees(&projects, &database).await;
        we_agree(&projects.seven, &database).await;
        ledgers.push(ledger(&database).await);
    }
    assert_eq!(ledgers[0], ledgers[1]);
    let rows = &ledgers[0];
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert!(
        rows[1].rolled_back && !rows[1].finished && rows[1].logs.is_some(),
        "the failed row stays: {rows:?}"
    );
    let marked =
        Row { rolled_back: false, finished: true, logs: Some(String::new()), steps: 0, ..rows[1].clone() };
    assert_eq!(rows[2], marked);
}

#[tokio::test]
async fn rolled_back_by_one_is_run_again_by_the_other() {
    let server = server().await;
    let mut ledgers = Vec::new();
    for (resolver, deployer) in [(Who::We, Who::Prisma), (Who::Prisma, Who::We), (Who::We, Who::We)] {
        let database = server.database("rolled_back").await;
        let url = database.url();
        let projects = failed_and_resolved(resolver, &database, "--rolled-back").await;
        // A second time is fine too, and changes nothing.
        let before = ledger(&database).await;
        let again = resolve(resolver, &projects.seven, &url, "--rolled-back", SECOND).await;
        assert_eq!(again.code, 0, "{}", again.all());
        assert_eq!(ledger(&database).await, before);
        let status = underpin(projects.seven.path(), &url, &["status"]).await;
        assert!(status.code == 10 && status.stdout.contains(SECOND), "{}", status.all());

        database.run("DROP TABLE IF EXISTS \"Left\"; CREATE TABLE \"Missing\" (x int)").await;
        let deployed = deploy(deployer, &projects.seven, &url).await;
        assert!(deployed.code == 0 && deployed.stdout.contains(SECOND), "{}", deployed.all());
        prisma_agrees(&projects, &database).await;
        we_agree(&projects.seven, &database).await;
        ledgers.push(ledger(&database).await);
    }
    for other in &ledgers[1..] {
        assert_eq!(&ledgers[0], other);
    }
    let states: Vec<_> =
        ledgers[0].iter().map(|row| (row.name.as_str(), row.finished, row.rolled_back)).collect();
    assert_eq!(states, [(INIT, true, false), (SECOND, false, true), (SECOND, true, false)]);
}

/// Tables without a ledger: both refuse, and `resolve --applied` is the way in.
#[tokio::test]
async fn a_database_without_a_ledger_is_baselined() {
    let server = server().await;
    let projects = Projects::with(|project| {
        project.migration(INIT, SHOP).migration(SECOND, "CREATE TABLE \"New\" ();\n")
    });
    let mut ledgers = Vec::new();
    for (baseliner, deployer) in [(Who::We, Who::Prisma), (Who::Prisma, Who::We)] {
        let database = server.database("baseline").await;
        let url = database.url();
        database.run(SHOP).await;
        let refused = deploy(deployer, &projects.seven, &url).await;
        assert!(refused.code != 0 && refused.stderr.contains("P3005"), "{}", refused.all());
        let none = "SELECT to_regclass('_prisma_migrations') IS NULL";
        assert!(database.client().await.query_one(none, &[]).await.unwrap().get::<_, bool>(0));
        let based = resolve(baseliner, &projects.seven, &url, "--applied", INIT).await;
        assert_eq!(based.code, 0, "{}", based.all());
        let deployed = deploy(deployer, &projects.seven, &url).await;
        assert!(deployed.code == 0 && deployed.stdout.contains(SECOND), "{}", deployed.all());
        prisma_agrees(&projects, &database).await;
        we_agree(&projects.seven, &database).await;
        ledgers.push(ledger(&database).await);
    }
    assert_eq!(ledgers[0], ledgers[1]);
}

/// Views, enums and functions do not make a database "not empty", ordinary tables do.
#[tokio::test]
async fn what_counts_as_empty_is_the_same() {
    let server = server().await;
    let project = ProjectFolder::prisma7().migration(INIT, SHOP);
    for beside in [
        "CREATE VIEW v AS SELECT 1",
        "CREATE TYPE e AS ENUM ('a')",
        "CREATE SEQUENCE s",
        "CREATE TABLE p (x int) PARTITION BY LIST (x)",
        "CREATE UNLOGGED TABLE u ()",
        "CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.t ()",
    ] {
        let mut refused = Vec::new();
        for who in [Who::We, Who::Prisma] {
            let database = server.database("beside").await;
            database.run(beside).await;
            let said = deploy(who, &project, &database.url()).await;
            assert_eq!(said.code != 0, said.stderr.contains("P3005"), "{beside}: {}", said.all());
            refused.push(said.code != 0);
        }
        assert_eq!(refused[0], refused[1], "{beside}");
    }
}

/// A claim that cannot be is refused in Prisma's words: P3008, P3011, P3012, P3017.
#[tokio::test]
async fn impossible_claims_are_refused_in_the_same_words() {
    let server = server().await;
    let database = server.database("claims").await;
    let url = database.url();
    let project = ProjectFolder::prisma7().migration(INIT, SHOP);
    let deployed = deploy(Who::We, &project, &url).await;
    assert_eq!(deployed.code, 0, "{}", deployed.all());
    let before = ledger(&database).await;
    for (claim, name, code) in [
        ("--applied", INIT, "P3008"),
        ("--applied", "20990101000000_none", "P3017"),
        ("--rolled-back", "20990101000000_none", "P3011"),
        ("--rolled-back", INIT, "P3012"),
    ] {
        let theirs = resolve(Who::Prisma, &project, &url, claim, name).await;
        let ours = resolve(Who::We, &project, &url, claim, name).await;
        assert_eq!((theirs.code, ours.code), (1, 2), "{}{}", theirs.all(), ours.all());
        let words = |said: &Said| -> String {
            let from = said.stderr.find("Error: ").unwrap_or_else(|| panic!("{}", said.all()));
            said.stderr[from..].trim().to_owned()
        };
        assert!(words(&ours).starts_with(&format!("Error: {code}\n")), "{}", ours.all());
        assert_eq!(words(&ours), words(&theirs));
    }
    assert_eq!(ledger(&database).await, before);
}
