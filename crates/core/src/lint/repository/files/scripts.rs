//! Shell scripts: one that a container starts with is the start; of the others only the name tells.

use super::super::RepositoryFile;
use super::super::place::{Place, Stage, watches, words};
use super::{Around, Text, is_for_development};

pub(super) fn texts(file: &RepositoryFile, around: &Around) -> Vec<Text> {
    if is_for_development(file) || watches(&file.text) {
        return Vec::new();
    }
    let name = file.path.rsplit('/').next().unwrap_or_default();
    let named = |wanted: &[&str]| words(name).any(|word| wanted.contains(&word.as_str()));
    let place = if around.started.contains(name) {
        Place::new(Stage::Start, format!("each start of a container, which begins with {name}"))
    } else if named(&["entrypoint"]) {
        Place::new(Stage::Start, "each start of the container")
    } else if named(&["deploy", "release", "prod", "production", "upgrade"]) {
        Place::new(Stage::Release, format!("{name}, a release by its name")).guessed()
    } else {
        Place::new(Stage::ByHand, name).guessed()
    };
    vec![Text { at: 0, text: file.text.clone(), place, conditions: Vec::new() }]
}
