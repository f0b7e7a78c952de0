//! Configurations of hosts: which key is a build, a release or a start at Vercel, Netlify, Render,
//! Railway, Fly, Heroku and Nixpacks.

use toml::de::{DeTable, DeValue};

use super::super::RepositoryFile;
use super::super::leaf::{Leaf, unescaped};
use super::super::place::{Place, Stage};
use super::super::{json as json_file, yaml as yaml_file};
use super::Text;

/// `vercel.json`, `railway.json`.
pub(super) fn json(file: &RepositoryFile) -> Vec<Text> {
    from_leaves(&json_file::leaves(&file.text), file)
}

/// `render.yaml`, `heroku.yml`.
pub(super) fn yaml(file: &RepositoryFile) -> Vec<Text> {
    let mut leaves = yaml_file::leaves(&file.text);
    for leaf in &mut leaves {
        leaf.path.remove(0);
    }
    from_leaves(&leaves, file)
}

/// `netlify.toml`, `railway.toml`, `fly.toml`, `nixpacks.toml`.
pub(super) fn toml(file: &RepositoryFile) -> Vec<Text> {
    let Ok(table) = DeTable::parse(&file.text) else { return Vec::new() };
    let mut leaves = Vec::new();
    collect(table.get_ref(), &mut Vec::new(), &file.text, &mut leaves);
    leaves.sort_by_key(|leaf| leaf.at);
    from_leaves(&leaves, file)
}

fn collect(table: &DeTable<'_>, path: &mut Vec<String>, text: &str, found: &mut Vec<Leaf>) {
    for (key, value) in table {
        path.push(key.get_ref().to_string());
        value_at(value.get_ref(), value.span(), path, text, found);
        path.pop();
    }
}

fn value_at(
    value: &DeValue<'_>,
    bytes: std::ops::Range<usize>,
    path: &mut Vec<String>,
    text: &str,
    found: &mut Vec<Leaf>,
) {
    match value {
        DeValue::Table(table) => collect(table, path, text, found),
        DeValue::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                path.push(index.to_string());
                value_at(element.get_ref(), element.span(), path, text, found);
                path.pop();
            }
        }
        DeValue::String(_) => {
            let raw = &text[bytes.clone()];
            let quotes = if raw.starts_with("\"\"\"") || raw.starts_with("'''") { 3 } else { 1 };
            let inside = bytes.start + quotes..(bytes.end - quotes).max(bytes.start + quotes);
            let shown = match raw.starts_with('"') {
                true => unescaped(&text[inside.clone()]),
                false => text[inside.clone()].to_owned(),
            };
            found.push(Leaf { path: path.clone(), at: inside.start, text: shown });
        }
        DeValue::Integer(_) => {
            found.push(Leaf { path: path.clone(), at: bytes.start, text: text[bytes].to_owned() });
        }
        DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
    }
}

/// `Procfile`: `web: command`.
pub(super) fn procfile(file: &RepositoryFile) -> Vec<Text> {
    let mut found = Vec::new();
    let mut at = 0;
    for line in file.text.split_inclusive('\n') {
        if let Some((name, command)) = line.split_once(':')
            && !name.trim_start().starts_with('#')
        {
            let name = name.trim();
            let place = match name {
                "release" => Place::new(Stage::Release, "the release phase"),
                _ => Place::new(Stage::Start, format!("each start of the process {name}")),
            };
            let at = at + line.len() - command.len();
            found.push(Text { at, text: command.to_owned(), place, conditions: Vec::new() });
        }
        at += line.len();
    }
    found
}

/// Which keys hold commands, and when they run. `*` is any key.
const KEYS: [(&[&str], Stage, &str); 21] = [
    (&["buildCommand"], Stage::Build, "every build"),
    (&["installCommand"], Stage::Build, "every build"),
    (&["build", "command"], Stage::Build, "every build"),
    (&["build", "buildCommand"], Stage::Build, "every build"),
    (&["context", "production", "command"], Stage::Release, "the build for production"),
    (&["context", "*", "command"], Stage::Build, "the builds for branches"),
    (&["services", "*", "buildCommand"], Stage::Build, "every build"),
    (&["services", "*", "preDeployCommand"], Stage::Release, "the pre-deploy command"),
    (&["services", "*", "startCommand"], Stage::Start, "each start"),
    (&["deploy", "startCommand"], Stage::Start, "each start"),
    (&["deploy", "preDeployCommand"], Stage::Release, "the pre-deploy command"),
    (&["deploy", "preDeployCommand", "*"], Stage::Release, "the pre-deploy command"),
    (&["deploy", "release_command"], Stage::Release, "the release command"),
    (&["processes", "*"], Stage::Start, "each start"),
    (&["release", "command"], Stage::Release, "the release phase"),
    (&["release", "command", "*"], Stage::Release, "the release phase"),
    (&["run", "*"], Stage::Start, "each start"),
    (&["run", "*", "command"], Stage::Start, "each start"),
    (&["run", "*", "command", "*"], Stage::Start, "each start"),
    (&["start", "cmd"], Stage::Start, "each start"),
    (&["phases", "*", "cmds", "*"], Stage::Build, "every build"),
];

/// Keys that say how many copies there are.
const REPLICAS: [&[&str]; 2] = [&["services", "*", "numInstances"], &["deploy", "numReplicas"]];

fn from_leaves(leaves: &[Leaf], file: &RepositoryFile) -> Vec<Text> {
    let mut found = Vec::new();
    let name = file.path.rsplit('/').next().unwrap_or_default();
    for leaf in leaves {
        let Some((_, stage, shown)) = KEYS.iter().find(|(keys, ..)| leaf.is_at(keys)) else { continue };
        let mut place = Place::new(*stage, *shown);
        // Both build every branch that is pushed unless somebody switched it off.
        place.for_branches = *stage == Stage::Build && matches!(name, "vercel.json" | "netlify.toml");
        place.replicas = leaves
            .iter()
            .find(|other| {
                REPLICAS.iter().any(|keys| other.is_at(keys))
                    && (other.path.len() < 3 || other.path[1] == leaf.path[1])
            })
            .and_then(|other| other.value().parse().ok());
        found.push(Text { at: leaf.at, text: leaf.text.clone(), place, conditions: Vec::new() });
    }
    found
}
