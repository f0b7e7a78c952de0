//! Where a command runs: in which stage of a release, with what kind of database, how many times.
//!
//! What a file says for certain is a fact here; what only a name says (`Dockerfile.dev`, a script called
//! `deploy`) lowers the confidence of what is found there, or means that people run it by hand.

use super::super::finding::Confidence;

/// Where a command runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// When.
    pub(super) stage: Stage,
    /// As a person says it: `the job deploy`.
    pub(super) shown: String,
    /// Which database it works on.
    pub(super) database: Database,
    /// It runs for branches that are not merged.
    pub(super) for_branches: bool,
    /// How many copies of it start at the same time.
    pub(super) replicas: Option<u32>,
    /// How sure the stage is.
    pub(super) confidence: Confidence,
}

/// When a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// On a developer's machine, or when a person types its name.
    ByHand,
    /// In a pipeline, and nothing says what for.
    Pipeline,
    /// While the application or its image is built.
    Build,
    /// Once for a release, before or after the application is replaced.
    Release,
    /// Whenever the application starts.
    Start,
}

/// Which database a command works on, as far as the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Database {
    /// One that was made for this run and goes away with it.
    Throwaway,
    /// One whose address is a secret, or an environment called production.
    Lasting,
    /// Not said.
    Unknown,
}

impl Place {
    /// A place of which only the stage is known.
    pub(super) fn new(stage: Stage, shown: impl Into<String>) -> Self {
        Self {
            stage,
            shown: shown.into(),
            database: Database::Unknown,
            for_branches: false,
            replicas: None,
            confidence: Confidence::High,
        }
    }

    /// The same, with a guess in it.
    pub(super) fn guessed(self) -> Self {
        Self { confidence: Confidence::Medium, ..self }
    }
}

/// The words of a name: `docker-compose.dev.yml` has `docker`, `compose`, `dev`, `yml`.
pub(super) fn words(name: &str) -> impl Iterator<Item = String> {
    name.split(|sign: char| !sign.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// Whether a name says that the thing is for development, tests or show.
pub(super) fn for_development(name: &str) -> bool {
    const WORDS: [&str; 23] = [
        "dev",
        "devel",
        "develop",
        "development",
        "devcontainer",
        "local",
        "localhost",
        "test",
        "tests",
        "testing",
        "e2e",
        "spec",
        "ci",
        "example",
        "examples",
        "sample",
        "samples",
        "playground",
        "sandbox",
        "fixture",
        "fixtures",
        "docs",
        "override",
    ];
    words(name).any(|word| WORDS.contains(&word.as_str()))
}

/// Whether a name says that the thing is started once for a release, and not with the application.
pub(super) fn runs_once(name: &str) -> bool {
    const WORDS: [&str; 9] =
        ["migrate", "migrations", "migration", "migrator", "prisma", "setup", "init", "seed", "job"];
    words(name).any(|word| WORDS.contains(&word.as_str()))
}

/// Whether a text starts a server that watches its files: nobody does that in production.
pub(super) fn watches(text: &str) -> bool {
    const SIGNS: [&str; 12] = [
        "run dev",
        "next dev",
        "nodemon",
        "ts-node-dev",
        "tsx watch",
        "--watch",
        "start:dev",
        "pnpm dev",
        "yarn dev",
        "bun dev",
        "turbo dev",
        "vite dev",
    ];
    SIGNS.iter().any(|sign| text.contains(sign))
}

/// Whether a condition lets a command run in development alone, or leaves production out.
pub(super) fn excludes_production(condition: &str) -> bool {
    let lower = condition.to_lowercase();
    let development = words(&lower).any(|word| {
        ["dev", "development", "local", "test", "testing", "e2e", "preview", "ci"].contains(&word.as_str())
    });
    let negated = lower.contains("!=") || lower.starts_with("not ") || lower.contains("-ne ");
    let production = lower.contains("prod");
    (development && !negated) || (production && negated)
}

/// Whether a condition lets a command run for what is merged alone.
pub(super) fn only_when_merged(condition: &str) -> bool {
    let lower = condition.to_lowercase();
    let signs = [
        "main",
        "master",
        "prod",
        "'push'",
        "\"push\"",
        "= push",
        "merged",
        "refs/tags",
        "release",
        "vercel_env",
    ];
    let signed = signs.iter().any(|sign| lower.contains(sign));
    signed && !lower.contains("!=") && !lower.starts_with("not ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_for_development() {
        for name in [
            "docker-compose.dev.yml",
            ".devcontainer/x.sh",
            "test/Dockerfile",
            "start:dev",
            "compose.override.yaml",
        ] {
            assert!(for_development(name), "{name}");
        }
        for name in ["Dockerfile", "docker-compose.yml", "deploy/start.sh", "device/latest.sh", "start:prod"]
        {
            assert!(!for_development(name), "{name}");
        }
    }

    #[test]
    fn conditions_on_the_environment() {
        for condition in
            ["[ $NODE_ENV = development ]", "[ $NODE_ENV != production ]", "not [ $ENV = production ]"]
        {
            assert!(excludes_production(condition), "{condition}");
        }
        for condition in ["[ $NODE_ENV = production ]", "[ -n $MIGRATE ]", "[ $ENV != dev ]"] {
            assert!(!excludes_production(condition), "{condition}");
        }
        for condition in
            ["github.event_name == 'push'", "github.ref == 'refs/heads/main'", "[ $VERCEL_ENV = production ]"]
        {
            assert!(only_when_merged(condition), "{condition}");
        }
        assert!(!only_when_merged("github.event_name == 'pull_request'"));
    }
}
