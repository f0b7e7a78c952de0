//! `--json`: one object on stdout, nothing on stderr, whatever the command finds; and the words of `--help`.

use serde_json::Value;
use underpin_testkit::{Database, ProjectFolder};

use super::{INIT, SECOND, SHOP, shop, strict};
use crate::support::{server, underpin};

/// Runs the command with `--json` and answers its object: nothing before it, nothing behind it.
async fn object(project: &ProjectFolder, database: &Database<'_>, arguments: &[&str], code: i32) -> Value {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    let said = underpin(project.path(), &database.url(), &arguments).await;
    assert_eq!(said.code, code, "{arguments:?}: {}", said.all());
    assert_eq!(said.stderr, "", "{arguments:?}");
    let object: Value = serde_json::from_str(&said.stdout)
        .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", said.all()));
    assert_eq!(object["version"], 1, "{arguments:?}: {object}");
    let told = object.get("exit_code").or_else(|| object["error"].get("exit"));
    if let Some(told) = told {
        assert_eq!(*told, code, "{arguments:?}: {object}");
    }
    object
}

/// All verbs, in every state that a database goes through.
#[tokio::test]
async fn every_verb_prints_one_object_in_every_state() {
    let database = server().await.database("json").await;
    let project =
        strict().migration(SECOND, "CREATE INDEX \"Shop_id_idx\" ON \"Shop\"(\"id\");\nCREATE UNIQUE INDEX \"Shop_name_key\" ON \"Shop\"(\"name\");\n");

    // Nothing is deployed.
    let status = object(&project, &database, &["status"], 10).await;
    assert_eq!(
        (status["has_ledger"].as_bool(), &status["pending"]),
        (Some(false), &serde_json::json!([INIT, SECOND]))
    );
    assert_eq!(object(&project, &database, &["recover"], 0).await["unfinished"], serde_json::json!([]));
    object(&project, &database, &["doctor"], 0).await;

    // Something is deployed, something is pending.
    let first = ProjectFolder::prisma7().migration(INIT, SHOP);
    let deployed = object(&first, &database, &["deploy"], 0).await;
    assert_eq!(
        (&deployed["applied"], &deployed["ending"]["kind"]),
        (&serde_json::json!([INIT]), &"applied".into())
    );
    let deployed = object(&first, &database, &["deploy"], 0).await;
    assert_eq!(
        (&deployed["applied"], &deployed["ending"]["kind"]),
        (&serde_json::json!([]), &"up_to_date".into())
    );

    // A refusal.
    database.run("INSERT INTO \"Shop\" (\"name\") VALUES ('twice'), ('twice')").await;
    let drop = strict().migration(SECOND, "DROP TABLE \"Shop\";\n");
    let refused = object(&drop, &database, &["deploy"], 10).await;
    let refusal = &refused["ending"]["migrations"][0]["refusals"][0];
    assert_eq!((&refusal["code"], &refusal["line"]), (&"drop-table".into(), &1.into()), "{refused}");
    assert!(refusal["way_out"].as_str().unwrap().contains("--allow drop-table"), "{refused}");

    // Half done: the twin fails on the rows.
    let failed = object(&project, &database, &["deploy"], 14).await;
    assert_eq!(
        (&failed["ending"]["kind"], &failed["ending"]["sqlstate"]),
        (&"failed".into(), &"23505".into())
    );
    let status = object(&project, &database, &["status"], 14).await;
    assert_eq!(status["half_applied"][0]["migration"], SECOND, "{status}");
    let recover = object(&project, &database, &["recover"], 14).await;
    assert_eq!(recover["unfinished"][0]["migration"], SECOND, "{recover}");
    object(&project, &database, &["recover", "--finish"], 14).await;
    let reverted = object(&project, &database, &["recover", "--revert"], 0).await;
    assert_eq!(reverted["reverted"]["migration"], SECOND, "{reverted}");

    // Claims, true and not.
    let marked = object(&project, &database, &["resolve", "--applied", SECOND], 0).await;
    assert_eq!((&marked["migration"], &marked["marked"]), (&SECOND.into(), &"applied".into()));
    let error = object(&project, &database, &["resolve", "--applied", SECOND], 2).await;
    assert_eq!(error["error"]["code"], "P3008", "{error}");
    let status = object(&project, &database, &["status"], 0).await;
    assert_eq!(status["applied"], serde_json::json!([INIT, SECOND]));
}

/// A deploy that gives up within its budget.
#[tokio::test]
async fn a_stopped_deploy_is_an_object_with_its_blocker() {
    let database = shop(10).await;
    let project = strict()
        .migration(SECOND, "ALTER TABLE \"Shop\" ADD COLUMN \"city\" TEXT;\n")
        .file("underpin.toml", "[deploy]\nsmall_table_kb = 0\n[lock]\nbudget_ms = 500\n");
    let reader = database.client().await;
    reader.batch_execute("BEGIN; SELECT * FROM \"Shop\"").await.unwrap();
    let pid: i32 = reader.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let stopped = object(&project, &database, &["deploy"], 13).await;
    let ending = &stopped["ending"];
    assert_eq!((&ending["kind"], &ending["half_done"]), (&"stopped".into(), &false.into()), "{stopped}");
    assert_eq!(ending["blockers"][0]["pid"], pid, "{stopped}");
}

#[tokio::test]
async fn help_names_the_verbs_the_flags_and_the_exit_codes() {
    let project = strict();
    let help = async |arguments: &[&str]| {
        let said = underpin(project.path(), "", arguments).await;
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{arguments:?}");
        said.stdout
    };
    let all = help(&["--help"]).await;
    for words in [
        "deploy",
        "status",
        "resolve",
        "doctor",
        "recover",
        "stats",
        "lint",
        "explain",
        "Exit codes:",
        "130, 143",
        "underpin recover",
    ] {
        assert!(all.contains(words), "{words}: {all}");
    }
    for verb in ["deploy", "status", "resolve", "doctor", "recover", "stats"] {
        let own = help(&[verb, "--help"]).await;
        for flag in ["--json", "--schema", "--config", "--migrations", "--url", "--settings"] {
            assert!(own.contains(flag), "{verb} {flag}: {own}");
        }
    }
    let deploy = help(&["deploy", "--help"]).await;
    for flag in ["--as-written", "--allow", "--events", "--postgres-bin"] {
        assert!(deploy.contains(flag), "{flag}: {deploy}");
    }
    let lint = help(&["lint", "--help"]).await;
    for flag in
        ["--since", "--format", "--output", "--fail-on", "--baseline", "--stats", "--url", "--settings"]
    {
        assert!(lint.contains(flag), "{flag}: {lint}");
    }
    assert!(help(&["--version"]).await.starts_with("underpin "));
}
