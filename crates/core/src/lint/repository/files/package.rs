//! `package.json`: the scripts that a host, an image or npm itself runs. The others are typed by people.

use std::collections::BTreeMap;

use super::super::RepositoryFile;
use super::super::json;
use super::super::place::{Place, Stage, for_development, watches, words};
use super::super::shell::Command;
use super::{Around, Kind, Text};

pub(super) fn texts(file: &RepositoryFile, around: &Around) -> Vec<Text> {
    // A package of tests or examples is nobody's production; `package.json` says nothing by its own name.
    if file.path.rsplit_once('/').is_some_and(|(folder, _)| for_development(folder)) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for leaf in json::leaves(&file.text) {
        let ["scripts", name] = leaf.path.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
            continue;
        };
        if watches(&leaf.text) {
            continue;
        }
        let mut place = Place::new(stage(name), format!("the script {name}"));
        if place.stage == Stage::Build {
            place.for_branches = match name {
                "vercel-build" => true,
                "build" | "prebuild" | "postbuild" => around.on_vercel,
                _ => false,
            };
        }
        found.push(Text { at: leaf.at, text: leaf.text, place: place.guessed(), conditions: Vec::new() });
    }
    found
}

/// When a script of this name runs.
pub(super) fn stage(name: &str) -> Stage {
    if for_development(name) {
        return Stage::ByHand;
    }
    let base = name.strip_prefix("pre").or_else(|| name.strip_prefix("post")).unwrap_or(name);
    match base {
        "start" | "serve" => return Stage::Start,
        // `postinstall` runs on every host that installs the package.
        "build" | "install" | "vercel-build" | "heroku-build" | "heroku-postbuild" | "gcp-build"
        | "now-build" => {
            return Stage::Build;
        }
        _ => {}
    }
    if words(name).any(|word| ["deploy", "release", "prod", "production", "live"].contains(&word.as_str())) {
        return if base.starts_with("start") {
            Stage::Start
        } else if base.starts_with("build") {
            Stage::Build
        } else {
            Stage::Release
        };
    }
    Stage::ByHand
}

/// The packages of a repository.
#[derive(Debug, Default)]
pub(in super::super) struct Packages {
    /// By folder; the root is empty.
    packages: BTreeMap<String, Package>,
}

#[derive(Debug, Default)]
struct Package {
    scripts: BTreeMap<String, String>,
    /// Where Prisma's CLI is a dependency: `dependencies`, `devDependencies`.
    prisma: Option<String>,
}

impl Packages {
    /// Of all files.
    pub(super) fn of(files: &[RepositoryFile]) -> Self {
        let mut packages = BTreeMap::new();
        for file in files.iter().filter(|file| Kind::of(&file.path) == Some(Kind::Package)) {
            let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let mut package = Package::default();
            for leaf in json::leaves(&file.text) {
                match &leaf.path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                    ["scripts", name] => {
                        package.scripts.insert((*name).to_owned(), leaf.text.clone());
                    }
                    [kind @ ("dependencies" | "devDependencies" | "optionalDependencies"), "prisma"] => {
                        package.prisma = Some((*kind).to_owned());
                    }
                    _ => {}
                }
            }
            packages.insert(folder.to_owned(), package);
        }
        Self { packages }
    }

    /// Whether `npx prisma` finds a CLI that somebody chose.
    pub(in super::super) fn have_prisma(&self) -> bool {
        self.packages.values().any(|package| package.prisma.is_some())
    }

    /// Whether it is gone where development dependencies are left out.
    pub(in super::super) fn have_prisma_for_development_alone(&self) -> bool {
        let mut kinds = self.packages.values().filter_map(|package| package.prisma.as_deref()).peekable();
        kinds.peek().is_some() && kinds.all(|kind| kind == "devDependencies")
    }

    /// The scripts that a command runs in a stage (`npm run x`, `pnpm --filter db x`), for a file at `path`.
    /// Those whose name puts them into a stage of their own are judged in their package, unless what belongs
    /// to a release is run at each start.
    pub(in super::super) fn run_by(
        &self,
        command: &Command,
        path: &str,
        in_stage: Stage,
    ) -> Vec<(String, String)> {
        let Some(program) = command.program() else { return Vec::new() };
        let words: Vec<&str> = command.words[program..].iter().map(|word| word.text.as_str()).collect();
        let names: Vec<&str> = match words[0] {
            "npm" | "pnpm" | "yarn" | "bun" | "turbo" => script_name(&words).into_iter().collect(),
            "run-s" | "run-p" | "npm-run-all" => {
                words[1..].iter().copied().filter(|word| !word.starts_with('-')).collect()
            }
            _ => return Vec::new(),
        };
        let mut found = Vec::new();
        for name in names {
            let hooks = [format!("pre{name}"), name.to_owned(), format!("post{name}")];
            let told_here =
                |own: Stage| own == Stage::ByHand || (own == Stage::Release && in_stage == Stage::Start);
            for name in hooks.iter().filter(|name| told_here(stage(name))) {
                found.extend(self.script(name, path).map(|text| (name.clone(), text.to_owned())));
            }
        }
        found
    }

    /// A script as a file at `path` means it: that of the nearest package above it, or the only one.
    fn script(&self, name: &str, path: &str) -> Option<&str> {
        let mut folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        loop {
            if let Some(text) = self.packages.get(folder).and_then(|package| package.scripts.get(name)) {
                return Some(text);
            }
            if folder.is_empty() {
                break;
            }
            folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
        }
        let mut all = self.packages.values().filter_map(|package| package.scripts.get(name));
        let only = all.next()?;
        all.next().is_none().then_some(only)
    }
}

/// The script's name in the words of a package manager.
fn script_name<'a>(words: &[&'a str]) -> Option<&'a str> {
    const WITH_VALUE: [&str; 8] = ["--filter", "-F", "--prefix", "-C", "--dir", "--cwd", "-w", "workspace"];
    const OWN: [&str; 8] =
        ["run", "run-script", "--", "-r", "-s", "--silent", "--workspace-root", "recursive"];
    let mut rest = words[1..].iter().copied();
    while let Some(word) = rest.next() {
        if WITH_VALUE.contains(&word) {
            rest.next();
        } else if !OWN.contains(&word) && !word.starts_with('-') {
            return Some(word);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_scripts_run() {
        for (name, expected) in [
            ("start", Stage::Start),
            ("prestart", Stage::Start),
            ("start:prod", Stage::Start),
            ("start:dev", Stage::ByHand),
            ("build", Stage::Build),
            ("postinstall", Stage::Build),
            ("vercel-build", Stage::Build),
            ("db:deploy", Stage::Release),
            ("migrate:prod", Stage::Release),
            ("db:reset", Stage::ByHand),
            ("db:reset:staging", Stage::ByHand),
            ("prisma:migrate", Stage::ByHand),
            ("test:deploy", Stage::ByHand),
        ] {
            assert_eq!(stage(name), expected, "{name}");
        }
    }

    #[test]
    fn scripts_are_found_behind_package_managers() {
        for (text, name) in [
            ("npm run db:push", "db:push"),
            ("pnpm --filter db run db:push", "db:push"),
            ("yarn workspace db db:push", "db:push"),
            ("bun run -s db:push -- --x", "db:push"),
        ] {
            let words: Vec<&str> = text.split(' ').collect();
            assert_eq!(script_name(&words), Some(name), "{text}");
        }
    }
}
