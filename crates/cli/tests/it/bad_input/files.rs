//! What is typed and what the project's own files say wrongly.

use underpin_testkit::ProjectFolder;

use super::{State, project, refused, refused_by};
use crate::support::{command, ended, server, underpin};

#[tokio::test]
async fn the_settings_are_misspelt() {
    let database = server().await.database("settings").await;
    let before = State::of(&database).await;
    for (text, words) in [
        (
            "[lock]\nbudget_ms = 5\ntry_timout_ms = 100\n",
            &["underpin.toml:3", "try_timout_ms", "docs/settings.md"][..],
        ),
        ("[lock\n", &["underpin.toml:1"]),
        ("[deploy]\nsmall_table_kb = \"big\"\n", &["underpin.toml:2"]),
        ("[deploy]\nallow = [\"everything\"]\n", &["underpin.toml", "everything"]),
    ] {
        refused(&project().file("underpin.toml", text), &database.url(), words).await;
    }
    refused_by(&["deploy", "--settings", "nowhere.toml"], &project(), &database.url(), &["nowhere.toml"])
        .await;
    assert_eq!(State::of(&database).await, before);
}

#[tokio::test]
async fn the_url_cannot_be_used() {
    for (url, words) in [
        ("mysql://root@localhost/shop", &["mysql"][..]),
        ("postgresql://localhost:port/shop", &["port"]),
        ("shop", &["postgresql://"]),
        ("", &["DATABASE_URL"]),
    ] {
        refused(&project(), url, words).await;
    }
}

#[tokio::test]
async fn the_project_is_not_one() {
    let url = "postgresql://postgres@127.0.0.1:1/none";
    let bare = ProjectFolder::prisma7();
    std::fs::remove_file(bare.path().join("prisma/schema.prisma")).unwrap();
    refused(&bare, url, &["schema.prisma"]).await;
    let broken = project().file("prisma/schema.prisma", "datasource db {\n  provider = \n}\n");
    refused(&broken, url, &["schema.prisma"]).await;
    let throws = project().file("prisma.config.mjs", "throw new Error('no such thing')\n");
    refused(&throws, url, &["prisma.config.mjs", "no such thing"]).await;
    refused_by(&["deploy", "--schema", "elsewhere.prisma"], &project(), url, &["elsewhere.prisma"]).await;
    refused_by(&["deploy", "--migrations", "elsewhere"], &project(), url, &["elsewhere"]).await;
}

#[tokio::test]
async fn the_events_cannot_be_written() {
    let database = server().await.database("events").await;
    let before = State::of(&database).await;
    refused_by(&["deploy", "--events", "nowhere/events"], &project(), &database.url(), &["nowhere/events"])
        .await;
    assert_eq!(State::of(&database).await, before);
}

/// What is typed wrongly is told with what could be typed instead.
#[tokio::test]
async fn the_words_are_not_ours() {
    let project = project();
    for (arguments, words) in [
        (&["deply"][..], &["deply", "deploy"][..]),
        (&["deploy", "--alow", "drop-table"], &["--alow", "--allow"]),
        (&["deploy", "--allow", "drop-everything"], &["drop-everything", "a refusal tells the code"]),
        (&["resolve"], &["--applied", "--rolled-back"]),
        (&["resolve", "--applied", "a", "--rolled-back", "a"], &["cannot be used with"]),
        (&["recover", "--finish", "--revert"], &["cannot be used with"]),
        (&[], &["deploy", "status", "resolve", "doctor", "recover"]),
    ] {
        let said = underpin(project.path(), "postgresql://postgres@127.0.0.1:1/none", arguments).await;
        assert_eq!(said.code, 2, "{arguments:?}: {}", said.all());
        assert_eq!(said.stdout, "", "{arguments:?}");
        for word in words {
            assert!(said.stderr.contains(word), "{arguments:?} does not say {word:?}: {}", said.all());
        }
    }
}

/// A reader that goes away (`underpin status | head -1`) is no failure of ours.
#[tokio::test]
async fn nobody_reads() {
    let database = server().await.database("closed").await;
    let project = project();
    let mut deploy = command(project.path(), &database.url(), &["deploy"]).spawn().unwrap();
    drop((deploy.stdout.take(), deploy.stderr.take()));
    let said = ended(deploy).await;
    assert_eq!(said.code, 0, "{}", said.all());
}
