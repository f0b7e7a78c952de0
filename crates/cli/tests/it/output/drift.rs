//! `underpin drift`: a page for people, an object that its schema describes, exit 11.

use serde_json::Value;
use underpin_testkit::workspace_root;

use super::{shop, strict};
use crate::support::underpin;

#[tokio::test]
async fn drift_is_a_page_an_object_and_an_exit_code() {
    let database = shop(3).await;
    let clean = underpin(strict().path(), &database.url(), &["drift"]).await;
    assert_eq!(clean.code, 0, "{}", clean.all());
    assert!(clean.stdout.contains("The database is what its history up to 20260101000000_init says it is"));

    database.run("ALTER TABLE \"Shop\" ADD COLUMN by_hand TEXT; CREATE TABLE extra (id INT); CREATE TABLE scratch (id INT)").await;
    let project = strict().file(
        "underpin.toml",
        "[[drift.ignore]]\nobject = \"table *.scratch\"\nbecause = \"the report's\"\n[[drift.ignore]]\nobject = \"table gone\"\nbecause = \"x\"\n",
    );
    let said = underpin(project.path(), &database.url(), &["drift"]).await;
    assert_eq!(said.code, 11, "{}", said.all());
    for part in [
        "2 differences between the database and its history up to 20260101000000_init:",
        "\npublic.\"Shop\"\n  + column by_hand: in the database, and no migration makes it",
        "\npublic.extra\n  + table public.extra: in the database",
        "Prisma's own comparison sees all of this too.",
        "not counted: table public.scratch, because the report's",
        "[drift] ignores \"table gone\", and nothing of it differs",
    ] {
        assert!(said.stdout.contains(part), "no {part:?} in:\n{}", said.stdout);
    }

    let json = underpin(project.path(), &database.url(), &["drift", "--json"]).await;
    let object: Value = serde_json::from_str(&json.stdout).unwrap();
    let schema = std::fs::read_to_string(workspace_root().join("docs/schema/drift.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> = validator.iter_errors(&object).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{}", json.stdout);
    assert_eq!((json.code, &object["exit_code"], &object["version"]), (11, &11.into(), &1.into()));
    assert_eq!(object["deviations"].as_array().unwrap().len(), 2);
}
