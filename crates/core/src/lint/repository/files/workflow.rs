//! GitHub workflows: each `run`, with the events that start it and the database that its job has.

use super::super::RepositoryFile;
use super::super::leaf::Leaf;
use super::super::place::{Database, Place, Stage, only_when_merged, words};
use super::super::yaml;
use super::{Text, grouped};

pub(super) fn texts(file: &RepositoryFile) -> Vec<Text> {
    let leaves = yaml::leaves(&file.text);
    // `on` is read as a word here, not as YAML 1.1's true. `pull_request:` alone has no value.
    let events = events(&file.text, &leaves);
    let of_branches = events
        .iter()
        .any(|event| matches!(event.as_str(), "pull_request" | "pull_request_target" | "merge_group"));
    let everywhere: Vec<&Leaf> = leaves.iter().filter(|leaf| leaf.is_below(&["0", "env"])).collect();
    let jobs: Vec<Leaf> = leaves.iter().filter(|leaf| leaf.is_below(&["0", "jobs"])).cloned().collect();
    let mut found = Vec::new();
    for (path, job) in grouped(&jobs, 3) {
        let name = &path[2];
        let of_job: Vec<&Leaf> =
            job.iter().copied().filter(|leaf| leaf.is_below(&["0", "jobs", "*", "env"])).collect();
        let made_here = job.iter().any(|leaf| makes_database(leaf));
        let to_production = job.iter().any(|leaf| {
            let environment = leaf.is_at(&["0", "jobs", "*", "environment"])
                || leaf.is_at(&["0", "jobs", "*", "environment", "name"]);
            environment && words(leaf.value()).any(|word| word.starts_with("prod"))
        });
        let job_condition = job.iter().find(|leaf| leaf.is_at(&["0", "jobs", "*", "if"]));
        let steps: Vec<Leaf> =
            job.iter().copied().filter(|leaf| leaf.is_below(&["0", "jobs", "*", "steps"])).cloned().collect();
        for (_, step) in grouped(&steps, 5) {
            let Some(run) = step.iter().find(|leaf| leaf.path.len() == 6 && leaf.path[5] == "run") else {
                continue;
            };
            let condition = step.iter().find(|leaf| leaf.path.len() == 6 && leaf.path[5] == "if");
            let conditions: Vec<String> =
                job_condition.into_iter().chain(condition).map(|leaf| leaf.value().to_owned()).collect();
            let own: Vec<&Leaf> = step
                .iter()
                .copied()
                .filter(|leaf| leaf.path.get(5).is_some_and(|key| key == "env"))
                .collect();
            // The nearest address counts.
            let said = [&own, &of_job, &everywhere].into_iter().find_map(|level| address(level));
            let database = match said {
                Some(known) => known,
                None if made_here || run.text.contains("localhost") => Database::Throwaway,
                None if to_production => Database::Lasting,
                None => Database::Unknown,
            };
            let merged = conditions.iter().any(|condition| only_when_merged(condition));
            let stage = if database == Database::Lasting { Stage::Release } else { Stage::Pipeline };
            let mut place = Place::new(stage, format!("the job {name}"));
            place.database = database;
            place.for_branches = of_branches && !merged;
            found.push(Text { at: run.at, text: run.text.clone(), place, conditions });
        }
    }
    found
}

/// The names of the events: `on: push`, `on: [push]`, or the keys below `on:`.
fn events(text: &str, leaves: &[Leaf]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for leaf in leaves.iter().filter(|leaf| leaf.is_below(&["0", "on"])) {
        match leaf.path.get(2).filter(|key| key.parse::<usize>().is_err()) {
            Some(event) => found.push(event.clone()),
            None => found.extend(leaf.value().split_whitespace().map(str::to_owned)),
        }
    }
    // A key without a value is no leaf.
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("on:") || line.starts_with("\"on\":") || line.starts_with("'on':") {
            inside = true;
        } else if !line.starts_with([' ', '#', '-']) && !line.trim().is_empty() {
            inside = false;
        } else if inside {
            found.extend(line.trim().strip_suffix(':').map(str::to_owned));
        }
    }
    found
}

/// A service, an action or a command that makes a database for this run.
fn makes_database(leaf: &Leaf) -> bool {
    const MAKERS: [&str; 10] = [
        "postgres",
        "postgis",
        "pgvector",
        "timescale",
        "mysql",
        "mariadb",
        "supabase start",
        "docker compose up",
        "docker-compose up",
        "create-branch-action",
    ];
    let place = match leaf.path.get(3).map(String::as_str) {
        Some("services") => leaf.path.last().is_some_and(|key| key == "image"),
        Some("steps") => leaf.path.last().is_some_and(|key| key == "uses" || key == "run"),
        _ => false,
    };
    place && MAKERS.iter().any(|maker| leaf.text.contains(maker)) && !leaf.text.contains("secrets.")
}

/// What the addresses of some variables say.
fn address(variables: &[&Leaf]) -> Option<Database> {
    variables.iter().find_map(|leaf| {
        let name = leaf.path.last()?.to_uppercase();
        if !(name.contains("URL") || name.contains("DATABASE")) {
            return None;
        }
        let value = leaf.value();
        const HERE: [&str; 7] = ["localhost", "127.0.0.1", "@postgres", "@db", "file:", "0.0.0.0", "@mysql"];
        if HERE.iter().any(|sign| value.contains(sign)) {
            return Some(Database::Throwaway);
        }
        if !value.contains("secrets.")
            || !(name.contains("DATABASE")
                || name.contains("DIRECT")
                || name.contains("POSTGRES")
                || name.contains("DB"))
        {
            return None;
        }
        let of_tests = words(value).any(|word| {
            ["test", "tests", "testing", "ci", "dev", "development", "preview", "staging", "e2e", "shadow"]
                .contains(&word.as_str())
        });
        Some(if of_tests { Database::Unknown } else { Database::Lasting })
    })
}
