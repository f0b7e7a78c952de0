//! Where things lie: one integration-test binary for each crate (each links some 45 MB), a
//! `clippy.toml` that bans I/O in each pure crate, and the documents that readers expect.

use super::edges::PURE;
use super::{File, Offence};

/// What a reader of the repository looks for first.
const DOCUMENTS: [&str; 7] = [
    "README.md",
    "ARCHITECTURE.md",
    "GLOSSARY.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
];

/// What a pure crate's `clippy.toml` bans at the least.
const BANNED: [&str; 5] = [
    "std::env::var",
    "std::time::SystemTime::now",
    "std::fs::read_to_string",
    "std::process::Command::new",
    "std::println",
];

/// Checks the listing of the tree.
pub(super) fn check(files: &[File]) -> Vec<Offence> {
    let mut offences = Vec::new();
    for document in DOCUMENTS {
        if !files.iter().any(|file| file.path == document) {
            offences.push(Offence::file(document, "is missing"));
        }
    }
    for krate in PURE {
        let path = format!("crates/{krate}/clippy.toml");
        match files.iter().find(|file| file.path == path) {
            None => offences.push(Offence::file(&path, "is missing: it is what keeps a pure crate pure")),
            Some(file) => offences.extend(
                BANNED
                    .iter()
                    .filter(|banned| !file.text.contains(&format!("\"{banned}\"")))
                    .map(|banned| Offence::file(&path, format!("does not ban {banned}"))),
            ),
        }
    }
    let mut seen: Vec<&str> = Vec::new();
    for (file, krate) in files.iter().filter_map(|file| Some((file, test_binary_of(&file.path)?))) {
        if seen.contains(&krate) {
            let what = format!("a second test binary of {krate}: make it a module of the first");
            offences.push(Offence::file(&file.path, what));
        }
        seen.push(krate);
    }
    offences
}

/// The crate whose test binary begins in this file: Cargo makes one of each `tests/*.rs` and each
/// `tests/*/main.rs`.
fn test_binary_of(path: &str) -> Option<&str> {
    match path.strip_prefix("crates/")?.split('/').collect::<Vec<_>>()[..] {
        [krate, "tests", file] if file.ends_with(".rs") => Some(krate),
        [krate, "tests", _, "main.rs"] => Some(krate),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_test_binary_for_each_crate() {
        let paths = [
            "crates/sql/tests/it/main.rs",
            "crates/sql/tests/it/twins.rs",
            "crates/sql/tests/cases/index.md",
            "crates/core/tests/core.rs",
            "crates/core/tests/core/plan.rs",
        ];
        let files =
            |more: &[&str]| paths.iter().chain(more).map(|path| File::new(path, "")).collect::<Vec<_>>();
        let second = |files: &[File]| check(files).iter().filter(|o| o.what.starts_with("a second")).count();
        assert_eq!(second(&files(&[])), 0);
        assert_eq!(second(&files(&["crates/sql/tests/twins.rs", "crates/core/tests/it/main.rs"])), 2);
    }

    #[test]
    fn a_pure_crate_without_bans_is_found() {
        let files = [File::new("crates/catalog/clippy.toml", "disallowed-methods = [\"std::env::var\"]")];
        let offences = check(&files);
        assert!(offences.contains(&Offence::file("crates/catalog/clippy.toml", "does not ban std::println")));
        assert!(
            offences.iter().any(|o| o.path == "crates/core/clippy.toml" && o.what.starts_with("is missing"))
        );
        assert!(!offences.iter().any(|o| o.what == "does not ban std::env::var"));
    }

    #[test]
    fn a_missing_document_is_found() {
        assert!(check(&[]).contains(&Offence::file("LICENSE-MIT", "is missing")));
    }
}
