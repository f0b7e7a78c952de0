//! Folder and ledger that do not tell the same story: both of us say the same about it, and what we say beyond Prisma's
//! words (edited files, names that the folder does not have) stops our deploy until somebody allows it.

use underpin_prisma::Script;
use underpin_testkit::{Database, Oracle, ProjectFolder, Said};

use super::{INIT, SECOND, SHOP};
use crate::support::{ledger, server, underpin};

const OTHER: &str = "20260102120000_other";
const THIRD: &str = "20260103000000_third";

fn project(names: &[&str]) -> ProjectFolder {
    names.iter().fold(ProjectFolder::prisma7(), |project, name| {
        let sql = if *name == INIT { SHOP.to_owned() } else { format!("CREATE TABLE \"{name}\" ();\n") };
        project.migration(name, &sql)
    })
}

/// A database to which Prisma has deployed these.
async fn deployed_by_prisma(database: &Database<'_>, names: &[&str]) {
    let deployed = Oracle::prisma7().await.deploy(project(names).path(), &database.url()).await;
    assert_eq!(deployed.code, 0, "{}", deployed.all());
}

/// What `status` says behind the number of migrations; the commands that it recommends are each one's own.
fn report(said: &Said) -> String {
    let (_, report) =
        said.stdout.split_once("found in prisma/migrations").unwrap_or_else(|| panic!("{}", said.all()));
    format!("{report}{}", said.stderr.rsplit("prisma/schema.prisma.").next().unwrap_or_default())
        .replace("prisma migrate deploy", "underpin deploy")
        .replace("prisma migrate resolve", "underpin resolve")
        .trim()
        .to_owned()
}

/// Both say the same, and then perhaps we say more. Answers what we said.
async fn same_status(project: &ProjectFolder, database: &Database<'_>) -> Said {
    let theirs = Oracle::prisma7().await.status(project.path(), &database.url()).await;
    let ours = underpin(project.path(), &database.url(), &["status"]).await;
    assert!(report(&ours).starts_with(&report(&theirs)), "{}\n{}", theirs.all(), ours.all());
    if theirs.code != 0 {
        assert_eq!(ours.code, 10, "{}", ours.all());
    }
    ours
}

/// Both deploy `folder` to databases where Prisma has deployed `before`. We are allowed what `allow` says. The ledgers
/// must be equal.
async fn same_deploy(before: &[&str], folder: &[&str], allow: &[&str]) {
    let server = server().await;
    let project = project(folder);
    let mut ledgers = Vec::new();
    for we in [true, false] {
        let database = server.database("history").await;
        deployed_by_prisma(&database, before).await;
        let deployed = if we {
            let arguments: Vec<&str> = ["deploy"].iter().chain(allow).copied().collect();
            underpin(project.path(), &database.url(), &arguments).await
        } else {
            Oracle::prisma7().await.deploy(project.path(), &database.url()).await
        };
        assert_eq!(deployed.code, 0, "{}", deployed.all());
        ledgers.push(ledger(&database).await);
    }
    assert_eq!(ledgers[0], ledgers[1]);
}

#[tokio::test]
async fn what_is_pending_is_the_same_also_out_of_order() {
    let database = server().await.database("behind").await;
    let all = project(&[INIT, SECOND, THIRD]);
    let none = same_status(&all, &database).await;
    assert!(none.stdout.contains(&format!("{INIT}\n{SECOND}\n{THIRD}")), "{}", none.all());
    deployed_by_prisma(&database, &[INIT, THIRD]).await;
    let ours = same_status(&all, &database).await;
    assert!(ours.stdout.contains(&format!("note: {SECOND} is pending, and later ones are already applied")));
    same_deploy(&[INIT, THIRD], &[INIT, SECOND, THIRD], &[]).await;
}

/// Prisma's `status` finds nothing wrong with a ledger that knows more than the folder. A deploy from the wrong commit
/// looks like that, so ours asks.
#[tokio::test]
async fn a_ledger_that_knows_more_stops_us_until_it_is_allowed() {
    let database = server().await.database("more").await;
    deployed_by_prisma(&database, &[INIT, SECOND]).await;
    let before = ledger(&database).await;
    let fewer = project(&[INIT]);
    let status = same_status(&fewer, &database).await;
    assert_eq!(status.code, 10, "{}", status.all());
    assert!(
        status.stdout.contains(&format!("In the database and not in the folder: {SECOND}")),
        "{}",
        status.all()
    );
    let refused = underpin(fewer.path(), &database.url(), &["deploy"]).await;
    assert_eq!(refused.code, 2, "{}", refused.all());
    assert!(refused.stderr.contains(SECOND) && refused.stderr.contains("--allow unknown-migration"));
    let allowed = underpin(fewer.path(), &database.url(), &["deploy", "--allow", "unknown-migration"]).await;
    assert!(allowed.code == 0 && allowed.stdout.contains("No pending migrations"), "{}", allowed.all());
    assert_eq!(ledger(&database).await, before);
}

#[tokio::test]
async fn histories_that_diverge_are_told_in_the_same_words() {
    let server = server().await;
    for (before, folder) in [
        (&[INIT, SECOND][..], &[INIT, OTHER][..]),
        (&[SECOND], &[INIT, OTHER]),
        (&[INIT, SECOND, THIRD], &[INIT, OTHER, THIRD]),
    ] {
        let database = server.database("diverged").await;
        deployed_by_prisma(&database, before).await;
        let ours = same_status(&project(folder), &database).await;
        assert!(ours.stdout.contains("The last common migration is"), "{}", ours.all());
    }
    same_deploy(&[INIT, SECOND], &[INIT, OTHER], &["--allow", "unknown-migration"]).await;
}

/// Several folders are replaced by one that is marked applied: Prisma's way of squashing.
#[tokio::test]
async fn a_squashed_history_is_up_to_date_for_both() {
    let server = server().await;
    let mut ledgers = Vec::new();
    for we in [true, false] {
        let database = server.database("squashed").await;
        deployed_by_prisma(&database, &[INIT, SECOND]).await;
        let squashed = project(&[OTHER]).file("underpin.toml", "[deploy]\nallow = [\"unknown-migration\"]\n");
        let marked = if we {
            underpin(squashed.path(), &database.url(), &["resolve", "--applied", OTHER]).await
        } else {
            Oracle::prisma7().await.resolve_applied(squashed.path(), &database.url(), OTHER).await
        };
        assert_eq!(marked.code, 0, "{}", marked.all());
        let status = same_status(&squashed, &database).await;
        assert!(status.stdout.contains("Database schema is up to date!"), "{}", status.all());
        let deployed = underpin(squashed.path(), &database.url(), &["deploy"]).await;
        assert!(deployed.code == 0 && deployed.stdout.contains("No pending"), "{}", deployed.all());
        let theirs = Oracle::prisma7().await.deploy(squashed.path(), &database.url()).await;
        assert!(theirs.stdout.contains("No pending"), "{}", theirs.all());
        ledgers.push(ledger(&database).await);
    }
    assert_eq!(ledgers[0], ledgers[1]);
}

/// Two rows of one name, both applied: somebody copied rows. Neither of us minds.
#[tokio::test]
async fn a_row_that_is_there_twice_is_one_migration() {
    let database = server().await.database("twice").await;
    deployed_by_prisma(&database, &[INIT, SECOND]).await;
    database
        .run(
            "INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, started_at, applied_steps_count)
             SELECT gen_random_uuid(), checksum, finished_at, migration_name, started_at, 1 FROM _prisma_migrations",
        )
        .await;
    let both = project(&[INIT, SECOND]);
    let status = same_status(&both, &database).await;
    assert_eq!(status.code, 0, "{}", status.all());
    let deployed = underpin(both.path(), &database.url(), &["deploy"]).await;
    assert!(deployed.code == 0 && deployed.stdout.contains("No pending"), "{}", deployed.all());
}

/// Prisma's `deploy` and `status` do not look at checksums; we do, by the rules of its `dev`: line endings do not count,
/// and very old engines left out the zero of a small byte.
#[tokio::test]
async fn an_edited_file_is_told_and_line_endings_are_no_edit() {
    let database = server().await.database("edited").await;
    let url = database.url();
    let checksum = |text: &str| Script::from_bytes(text.as_bytes()).checksum();
    let as_it_was =
        |text: &str| checksum(text).bytes().iter().map(|byte| format!("{byte:x}")).collect::<String>();
    let mut texts = (0..).map(|n| format!("-- {n}\nCREATE TABLE \"b\" ();\n"));
    let short = texts.find(|text| as_it_was(text).len() < 64).unwrap();
    let original = ProjectFolder::prisma7().migration(INIT, SHOP).migration(SECOND, &short);
    let deployed = Oracle::prisma7().await.deploy(original.path(), &url).await;
    assert_eq!(deployed.code, 0, "{}", deployed.all());
    let old = format!(
        "UPDATE _prisma_migrations SET checksum = '{}' WHERE migration_name = '{SECOND}'",
        as_it_was(&short)
    );
    database.run(&old).await;
    let crlf = original.migration(INIT, &SHOP.replace('\n', "\r\n"));
    let status = same_status(&crlf, &database).await;
    assert_eq!(status.code, 0, "{}", status.all());

    let edited = crlf.migration(INIT, "CREATE TABLE \"Shop\" (\"id\" SERIAL PRIMARY KEY);\n");
    let before = ledger(&database).await;
    let status = same_status(&edited, &database).await;
    assert_eq!(status.code, 10, "{}", status.all());
    for words in [&format!("Migration {INIT} was edited after it was applied"), &before[0].checksum] {
        assert!(status.stdout.contains(words), "{words}: {}", status.all());
    }
    let refused = underpin(edited.path(), &url, &["deploy"]).await;
    assert!(refused.code == 2 && refused.stderr.contains("--allow edited-migration"), "{}", refused.all());
    let allowed = underpin(edited.path(), &url, &["deploy", "--allow", "edited-migration"]).await;
    assert!(allowed.code == 0 && allowed.stdout.contains("No pending"), "{}", allowed.all());
    assert_eq!(ledger(&database).await, before);
}
