//! Kubernetes manifests and Helm templates: the containers of a `Deployment` start as often as it has
//! replicas; a `Job` runs once.

use super::super::RepositoryFile;
use super::super::leaf::Leaf;
use super::super::place::{Place, Stage};
use super::super::yaml;
use super::{Text, commands, grouped, is_for_development};

pub(super) fn texts(file: &RepositoryFile) -> Vec<Text> {
    if is_for_development(file) {
        return Vec::new();
    }
    let leaves = yaml::leaves(&file.text);
    let mut found = Vec::new();
    for (document, leaves) in grouped(&leaves, 1) {
        let value = |keys: &[&str]| {
            let path: Vec<&str> = [&[document[0].as_str()], keys].concat();
            leaves.iter().find(|leaf| leaf.is_at(&path)).map(|leaf| leaf.value())
        };
        let (stage, kind) = match value(&["kind"]) {
            Some(kind @ ("Deployment" | "StatefulSet" | "DaemonSet" | "Rollout")) => (Stage::Start, kind),
            Some(kind @ ("Job" | "CronJob" | "Pod")) => (Stage::Release, kind),
            _ => continue,
        };
        let name = value(&["metadata", "name"]).unwrap_or("of this file");
        let mut place = Place::new(stage, format!("each start of a pod of {kind} {name}"));
        // A template's `{{ .Values.replicas }}` is no number, and an autoscaler may say another one.
        place.replicas = value(&["spec", "replicas"]).and_then(|number| number.parse().ok());
        let own: Vec<&Leaf> = leaves.iter().copied().filter(|leaf| is_of_container(leaf)).collect();
        for (at, text) in commands(&own) {
            found.push(Text { at, text, place: place.clone(), conditions: Vec::new() });
        }
    }
    found
}

/// `command` or `args` of a container.
fn is_of_container(leaf: &Leaf) -> bool {
    leaf.path
        .iter()
        .position(|key| key == "command" || key == "args")
        .is_some_and(|at| at >= 2 && matches!(leaf.path[at - 2].as_str(), "containers" | "initContainers"))
}
