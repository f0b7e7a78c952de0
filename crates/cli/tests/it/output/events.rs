//! `--events`: every event is one line of JSON, in order, stamped, and tells the whole run.

use serde_json::Value;

use super::{INIT, SECOND, shop, strict};
use crate::support::{server, underpin};

fn parsed(text: &str) -> Vec<Value> {
    let events: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    for event in &events {
        assert!(event["event"].is_string() && event["at"].as_str().unwrap().ends_with('Z'), "{event}");
    }
    let at: Vec<&str> = events.iter().map(|event| event["at"].as_str().unwrap()).collect();
    assert!(at.is_sorted(), "{at:?}");
    events
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

const CHANGES: &str = "ALTER TABLE \"Shop\" ADD COLUMN \"city\" TEXT;\n\
                       CREATE INDEX \"Shop_name_idx\" ON \"Shop\"(\"name\");\n\
                       UPDATE \"Shop\" SET \"city\" = 'Leipzig';\n";

/// To stderr with `-`, where nothing else is with `--json`, and to a file, beside the words for a person.
#[tokio::test]
async fn a_run_is_told_from_its_beginning_to_its_end() {
    let project = strict().migration(SECOND, CHANGES);
    let file = project.path().join("events.ndjson");
    let to_file = ["deploy", "--events", file.to_str().unwrap()];
    for (arguments, to_stderr) in [(&["deploy", "--json", "--events", "-"][..], true), (&to_file, false)] {
        let database = shop(2000).await;
        let said = underpin(project.path(), &database.url(), arguments).await;
        assert_eq!(said.code, 0, "{}", said.all());
        let text = if to_stderr { said.stderr } else { std::fs::read_to_string(&file).unwrap() };
        let events = parsed(&text);
        let first = &events[0];
        assert_eq!(
            (&first["event"], &first["pending"]),
            (&"run_started".into(), &serde_json::json!([SECOND])),
            "{first}"
        );
        assert_eq!(first["run"].as_str().unwrap().len(), 36, "{first}");
        let own = database.rows("SELECT run FROM underpin.lease").await;
        assert_eq!(own, [first["run"].as_str().unwrap()], "the run that the journal names");
        let last = events.last().unwrap();
        assert_eq!((&last["event"], &last["exit_code"]), (&"run_finished".into(), &0.into()), "{last}");
        assert_eq!(last["applied"], serde_json::json!([SECOND]));
        let kinds = kinds(&events);
        for kind in
            ["proven", "migration_started", "step_started", "progress", "step_applied", "migration_applied"]
        {
            assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
        }
        let of = |kind: &str| -> Vec<&Value> {
            events.iter().filter(|event| event["event"] == kind).map(|event| &event["step"]).collect()
        };
        assert_eq!(of("step_started"), of("step_applied"), "each step that began is applied, in that order");
        assert_eq!(of("step_started").len(), 3);
    }
}

#[tokio::test]
async fn a_run_that_ends_badly_says_how() {
    let database = shop(10).await;
    let project = strict().migration(SECOND, "ALTER TABLE \"Shop\" ADD COLUMN \"name\" TEXT;\n");
    let said = underpin(project.path(), &database.url(), &["deploy", "--json", "--events", "-"]).await;
    assert_eq!(said.code, 2, "{}", said.all());
    let events = parsed(&said.stderr);
    let stopped = events.iter().find(|event| event["event"] == "migration_stopped").unwrap();
    assert_eq!((&stopped["sqlstate"], &stopped["half_done"]), (&"42701".into(), &false.into()), "{stopped}");
    assert_eq!(events.last().unwrap()["exit_code"], 2);
}

/// The same events without a terminal: no colours, no cursor movements, and the words are on stderr.
#[tokio::test]
async fn words_go_to_stderr_and_have_no_colours() {
    let database = server().await.database("words").await;
    let said = underpin(strict().path(), &database.url(), &["deploy"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    assert!(!said.all().contains('\u{1b}'), "{}", said.all());
    assert!(said.stderr.contains(&format!("Applying migration `{INIT}`")), "{}", said.all());
    assert!(said.stdout.contains("All migrations have been successfully applied."), "{}", said.all());
    assert!(!said.stdout.contains("Applying"), "{}", said.all());
}
