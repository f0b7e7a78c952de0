//! `underpin precheck`: an object that its schema describes, exit codes, and what cannot be asked.

use serde_json::Value;
use underpin_testkit::{ProjectFolder, workspace_root};

use crate::support::{server, underpin};

const INIT: &str = "CREATE TABLE \"Order\" (\"id\" INTEGER PRIMARY KEY, \"total\" TEXT);\n";

#[tokio::test]
async fn what_the_rows_say_is_told_as_one_object() {
    let database = server().await.database("precheck").await;
    let project = ProjectFolder::prisma7().migration("20260101000000_init", INIT);
    let url = database.url();
    let check = async |project: &ProjectFolder, arguments: &[&str]| {
        let said = underpin(project.path(), &url, &[&["precheck", "--json"], arguments].concat()).await;
        let object: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}", said.all()));
        let schema =
            std::fs::read_to_string(workspace_root().join("docs/schema/precheck.schema.json")).unwrap();
        let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
        let wrong: Vec<String> = validator.iter_errors(&object).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{wrong:#?}\n{object:#}");
        assert_eq!(object["exit_code"], said.code);
        object
    };
    // A database in which nothing is refuses nothing.
    let empty = check(&project, &[]).await;
    assert_eq!((&empty["exit_code"], &empty["pending"][0]), (&0.into(), &"20260101000000_init".into()));
    assert_eq!(underpin(project.path(), &url, &["deploy"]).await.code, 0);
    database.run("INSERT INTO \"Order\" VALUES (1, '1.50'), (2, 'much')").await;
    let none = underpin(project.path(), &url, &["precheck"]).await;
    assert!(none.code == 0 && none.stdout.ends_with("No migration is pending.\n"), "{}", none.all());

    let project = project.migration(
        "20260201000000_total",
        "ALTER TABLE \"Order\" ALTER COLUMN \"total\" TYPE INTEGER USING \"total\"::INTEGER;\n",
    );
    let found = check(&project, &["--values"]).await;
    assert_eq!(found["exit_code"], 10);
    let only = &found["preconditions"][0];
    assert_eq!(
        (&only["kind"], &only["rows"], &only["all"]),
        (&"cast".into(), &2.into(), &true.into()),
        "{only:#}"
    );
    assert_eq!(only["samples"][1], serde_json::json!({ "keys": ["2"], "values": ["much"] }));
    assert!(check(&project, &[]).await["preconditions"][0]["samples"][0].get("values").is_none());

    let said = underpin(project.path(), &url, &["precheck", "--values"]).await;
    assert!(said.stdout.contains("        rows: 1 (1.50); 2 (much)\n"), "{}", said.all());
    let unmanaged = server().await.database("precheck_unmanaged").await;
    unmanaged.run("CREATE TABLE t ()").await;
    let said = underpin(project.path(), &unmanaged.url(), &["precheck"]).await;
    assert!(said.code == 2 && said.stderr.contains("P3005"), "{}", said.all());
}
