//! Compose files: a service's `command` and `entrypoint` run whenever it starts.

use super::super::RepositoryFile;
use super::super::leaf::Leaf;
use super::super::place::{Place, Stage, for_development, runs_once, watches};
use super::super::yaml;
use super::{Text, commands, grouped, is_for_development};

pub(super) fn texts(file: &RepositoryFile) -> Vec<Text> {
    if is_for_development(file) {
        return Vec::new();
    }
    let leaves: Vec<Leaf> =
        yaml::leaves(&file.text).into_iter().filter(|leaf| leaf.is_below(&["0", "services"])).collect();
    let mut found = Vec::new();
    for (path, leaves) in grouped(&leaves, 3) {
        let name = &path[2];
        if for_development(name) || is_of_a_developer(&leaves) {
            continue;
        }
        let number = |keys: &[&str]| {
            leaves.iter().find(|leaf| leaf.is_at(keys)).and_then(|leaf| leaf.value().parse::<u32>().ok())
        };
        let replicas = number(&["0", "services", "*", "deploy", "replicas"])
            .or_else(|| number(&["0", "services", "*", "scale"]));
        // A service of its own for migrations is started once and ends.
        let once = runs_once(name);
        let own =
            |leaf: &&Leaf| matches!(leaf.path.get(3).map(String::as_str), Some("command" | "entrypoint"));
        let own: Vec<&Leaf> = leaves.iter().copied().filter(own).collect();
        for (at, text) in commands(&own) {
            let stage = if once { Stage::Release } else { Stage::Start };
            let mut place = Place::new(stage, format!("each start of the service {name}"));
            place.replicas = replicas;
            let place = if once { place.guessed() } else { place };
            found.push(Text { at, text, place, conditions: Vec::new() });
        }
    }
    found
}

/// The sources are mounted into it, its environment says so, or it watches its files.
fn is_of_a_developer(leaves: &[&Leaf]) -> bool {
    leaves.iter().any(|leaf| {
        let value = leaf.value();
        match leaf.path.get(3).map(String::as_str) {
            Some("volumes") => {
                value.starts_with(".:") || value.starts_with("./:") || value.starts_with("./src")
            }
            Some("environment") => {
                value.contains("NODE_ENV=dev")
                    || (leaf.path.last().is_some_and(|key| key == "NODE_ENV") && value == "development")
            }
            Some("command" | "entrypoint") => watches(value),
            _ => false,
        }
    })
}
