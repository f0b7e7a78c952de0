//! What is parked, and the real Prisma: it sees nothing of it, in no command.

use serde_json::Value;
use underpin_core::rollout::guard;
use underpin_testkit::{Database, Oracle, ProjectFolder, workspace_root};

use crate::support::{server, underpin};

const INIT: &str = "CREATE TYPE \"Kind\" AS ENUM ('IN', 'OUT');\n\
    CREATE TABLE \"User\" (\"id\" SERIAL NOT NULL, \"legacy\" TEXT, CONSTRAINT \"User_pkey\" PRIMARY KEY (\"id\"));\n\
    CREATE TABLE \"Log\" (\"id\" SERIAL NOT NULL, \"kind\" \"Kind\" NOT NULL, CONSTRAINT \"Log_pkey\" PRIMARY KEY (\"id\"));\n";

const CONTRACT: &str = "20260301000000_gone_3_contract";

fn contract() -> String {
    let said = |verb: &str| {
        ["column \"User\".\"legacy\"", "table \"Log\"", "type \"Kind\""]
            .map(|what| format!("-- underpin: {verb} {what}\n"))
            .concat()
    };
    format!(
        "-- underpin: rollout gone\n-- underpin: phase contract\n{}{}{};\n\
         ALTER TABLE \"User\" DROP COLUMN \"legacy\";\nDROP TABLE \"Log\";\nDROP TYPE \"Kind\";\n",
        said("gone"),
        said("park"),
        guard(CONTRACT)
    )
}

async fn asked(project: &ProjectFolder, database: &Database<'_>, arguments: &[&str], code: i32) -> Value {
    let said = underpin(project.path(), &database.url(), arguments).await;
    assert_eq!(said.code, code, "{arguments:?}: {}", said.all());
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.all()))
}

fn assert_form(found: &Value, schema: &str) {
    let path = workspace_root().join("docs/schema").join(schema);
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> = validator.iter_errors(found).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{found:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn prisma_sees_nothing_of_what_is_parked() {
    let six: (u32, fn() -> ProjectFolder) = (6, ProjectFolder::prisma6);
    for (major, folder) in [six, (7, ProjectFolder::prisma7)] {
        let prisma = if major == 6 { Oracle::prisma6().await } else { Oracle::prisma7().await };
        let database = server().await.database("parked").await;
        let (url, named) = (database.url(), database.name());
        let project = folder().migration("20260101000000_init", INIT);
        assert_eq!(underpin(project.path(), &url, &["deploy"]).await.code, 0);
        database.run("INSERT INTO \"User\" (\"legacy\") SELECT 'l' || n FROM generate_series(1, 9) n; INSERT INTO \"Log\" (\"kind\") VALUES ('IN')").await;
        let models = "model User {\n  id Int @id @default(autoincrement())\n}\n";
        let project = project.migration(CONTRACT, &contract()).models(models);
        assert_eq!(underpin(project.path(), &url, &["deploy"]).await.code, 0);

        let shut = asked(&project, &database, &["rollout", "status", "gone", "--json"], 12).await;
        assert_form(&shut, "rollout.schema.json");
        let release =
            ["rollout", "release", "gone", "--now", "--database", named, "--attest", "Ada: unused", "--json"];
        assert_form(&asked(&project, &database, &release, 0).await, "rollout.schema.json");
        assert_eq!(underpin(project.path(), &url, &["deploy"]).await.code, 0);

        let status = prisma.status(project.path(), &url).await;
        assert!(
            status.code == 0 && status.all().contains("Database schema is up to date"),
            "{}",
            status.all()
        );
        let developed = prisma.run(project.path(), &url, &["migrate", "dev"]).await;
        assert!(developed.code == 0 && developed.stdout.contains("Already in sync"), "{}", developed.all());
        let schema = "prisma/schema.prisma";
        let from: &[&str] = match major {
            7 => &["--from-config-datasource", "--to-schema", schema],
            _ => &["--from-url", &url, "--to-schema-datamodel", schema],
        };
        let diff =
            prisma.run(project.path(), &url, &[&["migrate", "diff", "--exit-code"], from].concat()).await;
        assert_eq!(diff.code, 0, "{}", diff.all());
        let pulled = prisma.run(project.path(), &url, &["db", "pull", "--print"]).await;
        assert!(pulled.code == 0 && !pulled.all().contains("parked"), "{}", pulled.all());
        assert_eq!(underpin(project.path(), &url, &["drift"]).await.code, 0);

        let all = asked(&project, &database, &["purge", "--json"], 0).await;
        assert_form(&all, "purge.schema.json");
        assert_eq!(all["parked"].as_array().unwrap().len(), 3, "{all:#}");
        let name = "Log@20260301000000";
        let kept = asked(&project, &database, &["purge", name, "--database", named, "--json"], 12).await;
        assert_form(&kept, "purge.schema.json");
        let gone = ["purge", name, "--database", named, "--now", "--json"];
        assert_form(&asked(&project, &database, &gone, 0).await, "purge.schema.json");
        let left = "SELECT count(*) FROM underpin_parked.\"User.legacy@20260301000000\"";
        assert_eq!(database.rows(left).await, ["9"]);

        // Led back before anything of it is applied: in the same form.
        let another = server().await.database("led").await;
        assert_eq!(
            underpin(folder().migration("20260101000000_init", INIT).path(), &another.url(), &["deploy"])
                .await
                .code,
            0
        );
        assert_eq!(underpin(project.path(), &another.url(), &["deploy"]).await.code, 0);
        let abort = ["rollout", "abort", "gone", "--database", another.name(), "--json"];
        assert_form(&asked(&project, &another, &abort, 0).await, "rollout.schema.json");
    }
}
