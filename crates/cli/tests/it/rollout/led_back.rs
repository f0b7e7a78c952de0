//! Behind `rollout abort`: what our commands say is left to do, and what the real Prisma does when nobody does it.

use std::path::Path;

use underpin_testkit::ProjectFolder;

use super::{BACKFILL, CONTRACT, EXPAND, INIT, columns, each_prisma, init, phases};
use crate::support::{ledger, server, underpin};

fn with_ways_back(project: ProjectFolder) -> ProjectFolder {
    project
        .file(
            &format!("prisma/migrations/{EXPAND}/down.sql"),
            "BEGIN;\nDROP TRIGGER \"zz_User_sync\" ON \"User\";\nDROP FUNCTION \"User_sync\"();\n\
             ALTER TABLE \"User\" DROP COLUMN \"displayName\";\nCOMMIT;\n",
        )
        .file(&format!("prisma/migrations/{BACKFILL}/down.sql"), "-- What was filled goes with its column.\n")
}

async fn says(project: &Path, url: &str, arguments: &[&str], code: i32, words: &[&str]) -> String {
    let said = underpin(project, url, arguments).await;
    assert_eq!(said.code, code, "{arguments:?}: {}", said.all());
    for words in words {
        assert!(said.stdout.contains(words), "{arguments:?} does not say {words:?}: {}", said.all());
    }
    said.stdout
}

#[tokio::test]
async fn status_says_what_is_left_to_do_and_prisma_begins_again_what_is_left_there() {
    for (prisma, folder) in each_prisma().await {
        let database = server().await.database("led_back").await;
        let (url, own) = (database.url(), database.name());
        says(init(folder()).path(), &url, &["deploy"], 0, &[]).await;
        database.run("INSERT INTO \"User\" (\"fullName\") VALUES ('a')").await;
        let project = with_ways_back(phases(folder()));
        let project = project.path();
        says(project, &url, &["deploy"], 0, &["Held: the contract of rollout rename"]).await;
        let abort = ["rollout", "abort", "rename", "--database", own];
        let refused = underpin(project, &url, &abort).await;
        let words = [
            "NO-GO: rollout rename stays as it is.",
            "would fail from then on (42703, 42P01): User.displayName would be gone",
            &format!("underpin rollout abort rename --database {own} --attest \"who: why\""),
        ];
        assert!(
            refused.code == 12 && words.iter().all(|words| refused.stderr.contains(words)),
            "{}",
            refused.all()
        );
        let abort = [&abort[..], &["--attest", "Ada: release 2 is taken back"]].concat();
        says(project, &url, &abort, 0, &["Rollout rename is where it began"]).await;

        let all = format!("{EXPAND}, {BACKFILL}, {CONTRACT}");
        let told = says(
            project,
            &url,
            &["status"],
            10,
            &[
                "underpin deploy executes none of them now",
                "no underpin deploy executes anything of it here",
                &format!("delete its folders, and take its change of the Prisma schema back: {all}"),
                "until then prisma migrate deploy would begin it again",
            ],
        )
        .await;
        assert!(!told.contains("run underpin deploy"), "it advises what does nothing: {told}");
        let json = says(project, &url, &["status", "--json"], 10, &[]).await;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let why: Vec<_> = json["waiting"].as_array().unwrap().iter().map(|one| &one["why"]).collect();
        assert_eq!(why, ["aborted"; 3], "{json:#}");
        let deploy = ["deploy"];
        says(project, &url, &deploy, 0, &["Led back: rollout rename. What is left to do: underpin status"])
            .await;
        assert_eq!(columns(&database).await, ["fullName", "id"], "nothing is expanded again");

        // Prisma knows nothing of it, up to the guard.
        let stopped = prisma.deploy(project, &url).await;
        assert!(stopped.code == 1 && stopped.all().contains("UPH01"), "{}", stopped.all());
        assert_eq!(columns(&database).await, ["displayName", "fullName", "id"]);
        let words =
            ["Rollout rename is on its way back", "underpin rollout abort rename --database NAME goes on"];
        says(project, &url, &["status"], 10, &words).await;
        says(project, &url, &deploy, 0, &[]).await;
        says(project, &url, &abort, 0, &["Rollout rename is where it began"]).await;
        assert_eq!(columns(&database).await, ["fullName", "id"]);

        // What is said to be left is all that is left.
        let clean = init(folder());
        says(clean.path(), &url, &["status"], 0, &["Database schema is up to date!"]).await;
        says(clean.path(), &url, &deploy, 0, &["No pending migrations to apply."]).await;
        let after = prisma.deploy(clean.path(), &url).await;
        assert!(after.code == 0 && after.stdout.contains("No pending migrations"), "{}", after.all());
        let names: Vec<String> = ledger(&database).await.into_iter().map(|row| row.name).collect();
        assert_eq!(names, [INIT]);
    }
}
