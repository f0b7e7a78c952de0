//! A plan asks which release may run on its way, and is not written when one fails where it has to run.

use serde_json::{Value, json};
use underpin_testkit::git::committed;
use underpin_testkit::{ProjectFolder, workspace_root};

use super::{begun, folders, read};
use crate::support::{server, underpin};

const OLD: &str = "model Order {\n  id     Int    @id\n  number String\n  items  Item[]\n}\n\n\
    model Item {\n  id       Int    @id\n  position String\n  orderId  Int\n  order    Order  @relation(fields: [orderId], references: [id])\n}\n";

const QUERY: &str = "export const all = (db) => db.$queryRaw`SELECT number FROM \"Order\" JOIN \"Item\" ON \"orderId\" = \"Order\".\"id\"`\n";

async fn planned(project: &ProjectFolder, more: &[&str]) -> (u8, Value) {
    let major = server().await.major().to_string();
    let own = ["plan", "--json", "--prisma", "7.10.0", "--pg-version", &major, "--name", "change"];
    let said = underpin(project.path(), "", &[&own, more].concat()).await;
    let object = serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.all()));
    (u8::try_from(said.code).unwrap(), object)
}

fn assert_form(found: &Value, schema: &str) {
    let schema = read(workspace_root().join("docs/schema").join(schema));
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let wrong: Vec<String> = validator.iter_errors(found).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_breaks_the_release_that_is_out_is_not_written() {
    let project = begun(OLD).file("src/orders.mjs", QUERY);
    committed(project.path());
    let before = folders(&project);
    // From the first phase on both tables have a column called number.
    let project = project
        .models(&OLD.replace("position String", "number String"))
        .file("src/orders.mjs", QUERY.replace("SELECT number", "SELECT \"Order\".number"));
    let (code, said) = planned(&project, &["--rename", "Item.position:number"]).await;
    let told = said.to_string();
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("42702") && told.contains("the query in src/orders.mjs:1"), "{told}");
    assert!(told.contains("_change_1_expand") && told.contains("_change_2_backfill"), "{told}");
    assert_eq!(folders(&project), before, "nothing is written");

    // The release that is out says which of the two it means.
    let project = project.models(OLD);
    committed_again(&project);
    let project = project.models(&OLD.replace("position String", "number String"));
    let (code, said) = planned(&project, &["--rename", "Item.position:number", "--base", "HEAD"]).await;
    assert_eq!(code, 0, "{said}");
    assert_form(&said, "plan.schema.json");
    let verdicts: Vec<&Value> =
        said["compat"]["releases"].as_array().unwrap().iter().map(|one| &one["verdicts"]).collect();
    assert_eq!(
        verdicts,
        [&json!(["runs", "runs", "runs", "no longer"]), &json!(["not yet", "not yet", "runs", "runs"])]
    );

    let major = server().await.major().to_string();
    let arguments = ["compat", "--json", "--prisma", "7.10.0", "--pg-version", &major, "--base", "HEAD"];
    let compat = underpin(project.path(), "", &arguments).await;
    let compat: Value = serde_json::from_str(&compat.stdout).unwrap();
    assert_form(&compat, "compat.schema.json");
    assert_eq!(compat["releases"][0]["verdicts"], *verdicts[0]);
}

fn committed_again(project: &ProjectFolder) {
    std::fs::remove_dir_all(project.path().join(".git")).unwrap();
    committed(project.path());
}

/// The schema was committed before its plan: what is out is not that.
#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_does_not_fit_the_history_is_not_what_is_out() {
    let project = begun(OLD).models(&OLD.replace("position String", "place String"));
    committed(project.path());
    let (code, said) = planned(&project, &["--rename", "Item.position:place"]).await;
    assert_eq!(code, 0, "{said}");
    let note = said["notes"][0].as_str().unwrap();
    assert!(note.contains("does not fit what the history ends in"), "{note}");
    let release = &said["compat"]["releases"][0];
    assert_eq!(release["name"], "a release that fits the history");
    assert_eq!(release["verdicts"], json!(["runs", "runs", "runs", "no longer"]));
}
