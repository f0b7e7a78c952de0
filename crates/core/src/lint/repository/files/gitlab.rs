//! `.gitlab-ci.yml`: each `script`, with the services and the rules of its job.

use super::super::RepositoryFile;
use super::super::leaf::Leaf;
use super::super::place::{Database, Place, Stage, for_development, only_when_merged, words};
use super::super::yaml;
use super::{Text, grouped};

/// Keys at the top that are no jobs.
const NOT_JOBS: [&str; 9] =
    ["stages", "variables", "default", "include", "workflow", "image", "services", "cache", "pages"];

pub(super) fn texts(file: &RepositoryFile) -> Vec<Text> {
    let leaves = yaml::leaves(&file.text);
    let has_database = |leaf: &Leaf| {
        ["postgres", "postgis", "pgvector", "mysql", "mariadb"].iter().any(|name| leaf.text.contains(name))
    };
    let for_all = leaves.iter().any(|leaf| {
        (leaf.is_below(&["0", "services"]) || leaf.is_below(&["0", "default", "services"]))
            && has_database(leaf)
    });
    let mut found = Vec::new();
    for (path, job) in grouped(&leaves, 2) {
        let name = &path[1];
        if NOT_JOBS.contains(&name.as_str()) {
            continue;
        }
        let below = |key: &'static str| {
            job.iter().copied().filter(move |leaf| leaf.path.get(2).is_some_and(|own| own == key))
        };
        let made_here = for_all || below("services").any(has_database);
        let production =
            below("environment").any(|leaf| words(leaf.value()).any(|word| word.starts_with("prod")));
        let conditions: Vec<String> = below("rules")
            .filter(|leaf| leaf.path.last().is_some_and(|key| key == "if"))
            .map(|leaf| leaf.value().to_owned())
            .collect();
        let of_branches = conditions.iter().any(|condition| condition.contains("merge_request"))
            || below("only").any(|leaf| leaf.value().contains("merge_requests"));
        let merged = !of_branches && conditions.iter().any(|condition| only_when_merged(condition));
        let database = match (made_here, production) {
            (true, _) => Database::Throwaway,
            (false, true) => Database::Lasting,
            (false, false) if for_development(name) => Database::Throwaway,
            (false, false) => Database::Unknown,
        };
        let stage = if database == Database::Lasting { Stage::Release } else { Stage::Pipeline };
        let mut place = Place::new(stage, format!("the job {name}"));
        place.database = database;
        place.for_branches = of_branches && !merged;
        for key in ["before_script", "script", "after_script"] {
            for leaf in below(key) {
                found.push(Text {
                    at: leaf.at,
                    text: leaf.text.clone(),
                    place: place.clone(),
                    // Rules are alternatives, so none of them is a condition of its own.
                    conditions: Vec::new(),
                });
            }
        }
    }
    found
}
