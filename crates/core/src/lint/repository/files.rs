//! From files to the commands in them, each with the place where it runs. A file for each kind of file.
//!
//! A kind that is not here holds no command that anybody is told about: READMEs above all.

mod compose;
mod dockerfile;
mod gitlab;
mod hosts;
mod manifests;
mod package;
mod scripts;
mod workflow;

use std::collections::{BTreeMap, BTreeSet};

use super::RepositoryFile;
use super::place::{Place, Stage};

pub(super) use package::Packages;

/// Shell text of a file, with where it stands and where it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    /// Where it begins in the file, bytes.
    pub(super) at: usize,
    /// As long as what stands in the file.
    pub(super) text: String,
    /// Where it runs.
    pub(super) place: Place,
    /// What the file says about when it runs, beside the text's own conditions.
    pub(super) conditions: Vec<String>,
}

/// What files say about each other.
#[derive(Debug, Default)]
pub(super) struct Around {
    /// Scripts of all packages, and what they depend on.
    pub(super) packages: Packages,
    /// Names of shell scripts that a container or a process starts with.
    pub(super) started: BTreeSet<String>,
    /// Whether Vercel builds the application.
    pub(super) on_vercel: bool,
}

/// The kind of a file, from its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `package.json`.
    Package,
    /// A Dockerfile.
    Dockerfile,
    /// A compose file.
    Compose,
    /// A GitHub workflow or composite action.
    Workflow,
    /// `.gitlab-ci.yml`.
    Gitlab,
    /// `Procfile`.
    Procfile,
    /// A shell script.
    Script,
    /// A host's configuration in JSON.
    HostJson,
    /// A host's configuration in TOML.
    HostToml,
    /// A host's configuration in YAML.
    HostYaml,
    /// A Kubernetes manifest or a template of one.
    Manifest,
}

impl Kind {
    /// Of a path with `/`.
    pub(super) fn of(path: &str) -> Option<Self> {
        let lower = path.to_lowercase();
        let name = lower.rsplit('/').next().unwrap_or_default();
        let folders = || lower.rsplit('/').skip(1);
        let yaml = name.ends_with(".yml") || name.ends_with(".yaml");
        Some(match name {
            "package.json" => Self::Package,
            "procfile" => Self::Procfile,
            ".gitlab-ci.yml" | ".gitlab-ci.yaml" => Self::Gitlab,
            "vercel.json" | "railway.json" => Self::HostJson,
            "netlify.toml" | "railway.toml" | "fly.toml" | "nixpacks.toml" => Self::HostToml,
            "render.yaml" | "render.yml" | "heroku.yml" => Self::HostYaml,
            _ if name.starts_with("dockerfile") || name.ends_with(".dockerfile") => Self::Dockerfile,
            _ if yaml && (name.starts_with("docker-compose") || name.starts_with("compose")) => Self::Compose,
            _ if yaml && (lower.starts_with(".github/") || lower.contains("/.github/")) => Self::Workflow,
            _ if name.ends_with(".sh") || name.ends_with(".bash") => Self::Script,
            _ if name.contains("entrypoint") && !name.contains('.') => Self::Script,
            _ if yaml
                && folders().any(|folder| {
                    [
                        "k8s",
                        "kubernetes",
                        "helm",
                        "charts",
                        "chart",
                        "templates",
                        "manifests",
                        "kustomize",
                        "deploy",
                    ]
                    .contains(&folder)
                }) =>
            {
                Self::Manifest
            }
            _ => return None,
        })
    }
}

impl Around {
    /// Of all files.
    pub(super) fn of(files: &[RepositoryFile]) -> Self {
        let mut around = Self {
            packages: Packages::of(files),
            started: BTreeSet::new(),
            on_vercel: files.iter().any(|file| file.path.ends_with("vercel.json")),
        };
        for file in files {
            let starts: Vec<Text> = match Kind::of(&file.path) {
                Some(Kind::Dockerfile | Kind::Compose | Kind::Procfile | Kind::Manifest) => {
                    texts(file, &around)
                }
                _ => continue,
            };
            for text in starts.iter().filter(|text| text.place.stage == Stage::Start) {
                around.started.extend(scripts_in(&text.text));
            }
        }
        // A script that is started starts others.
        let scripts: Vec<&RepositoryFile> =
            files.iter().filter(|file| Kind::of(&file.path) == Some(Kind::Script)).collect();
        loop {
            let before = around.started.len();
            for file in &scripts {
                if around.started.contains(file.path.rsplit('/').next().unwrap_or_default()) {
                    around.started.extend(scripts_in(&file.text));
                }
            }
            if around.started.len() == before {
                return around;
            }
        }
    }
}

/// The names of shell scripts in shell text.
fn scripts_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|sign: char| sign.is_whitespace() || "\"';&|".contains(sign));
    let names = words.filter_map(|word| word.rsplit('/').next());
    let is_script =
        |name: &&str| name.ends_with(".sh") || name.ends_with(".bash") || name.contains("entrypoint");
    names.filter(is_script).map(str::to_owned).collect()
}

/// The commands of a file.
pub(super) fn texts(file: &RepositoryFile, around: &Around) -> Vec<Text> {
    match Kind::of(&file.path) {
        Some(Kind::Package) => package::texts(file, around),
        Some(Kind::Dockerfile) => dockerfile::texts(file),
        Some(Kind::Compose) => compose::texts(file),
        Some(Kind::Workflow) => workflow::texts(file),
        Some(Kind::Gitlab) => gitlab::texts(file),
        Some(Kind::Procfile) => hosts::procfile(file),
        Some(Kind::Script) => scripts::texts(file, around),
        Some(Kind::HostJson) => hosts::json(file),
        Some(Kind::HostToml) => hosts::toml(file),
        Some(Kind::HostYaml) => hosts::yaml(file),
        Some(Kind::Manifest) => manifests::texts(file),
        None => Vec::new(),
    }
}

/// Whether the file as a whole is for development.
fn is_for_development(file: &RepositoryFile) -> bool {
    super::place::for_development(&file.path)
}

/// Leaves by the keys that they share, for the first `depth` of them.
fn grouped(leaves: &[super::leaf::Leaf], depth: usize) -> BTreeMap<Vec<String>, Vec<&super::leaf::Leaf>> {
    let mut groups: BTreeMap<Vec<String>, Vec<&super::leaf::Leaf>> = BTreeMap::new();
    for leaf in leaves.iter().filter(|leaf| leaf.path.len() > depth) {
        groups.entry(leaf.path[..depth].to_vec()).or_default().push(leaf);
    }
    groups
}

/// The commands in values: a list in lines is one command when its elements are words, and otherwise each
/// element that is shell text is one (`- sh`, `- -c`, `- npx prisma …`).
fn commands(leaves: &[&super::leaf::Leaf]) -> Vec<(usize, String)> {
    let is_element = |leaf: &super::leaf::Leaf| {
        leaf.path.last().is_some_and(|key| key.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut open: Option<&[String]> = None;
    for leaf in leaves {
        let list = is_element(leaf).then(|| &leaf.path[..leaf.path.len() - 1]);
        let is_word = !leaf.value().contains(char::is_whitespace);
        match found.last_mut() {
            Some((at, text)) if is_word && list.is_some() && list == open && *at + text.len() < leaf.at => {
                text.push_str(&" ".repeat(leaf.at - *at - text.len()));
                text.push_str(&leaf.text);
            }
            _ => found.push((leaf.at, leaf.text.clone())),
        }
        open = list.filter(|_| is_word);
    }
    found
}
