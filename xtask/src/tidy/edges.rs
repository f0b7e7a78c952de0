//! Which crate may depend on which: the picture of `ARCHITECTURE.md` as a table.
//!
//! An arrow that is not here is a design decision, to be made in that page first. Also: heavy
//! parts live in one crate (the SQL parser), and the pure crates have nothing that does I/O.

use super::{File, Offence};

/// Crate, and the crates of ours that it may name in `[dependencies]`.
const MAY_USE: [(&str, &[&str]); 9] = [
    ("catalog", &[]),
    ("prisma", &["catalog"]),
    ("sql", &["catalog"]),
    ("core", &["catalog", "prisma", "sql"]),
    ("shadow", &["catalog"]),
    ("engine", &["catalog", "prisma", "sql", "core", "shadow"]),
    ("cli", &["catalog", "prisma", "sql", "core", "engine"]),
    ("testkit", &["catalog", "shadow"]),
    ("xtask", &["catalog", "sql", "core", "shadow", "testkit"]),
];

/// Crates that do no I/O.
pub(super) const PURE: [&str; 4] = ["catalog", "prisma", "sql", "core"];

/// What a pure crate has no use for.
const IMPURE: [&str; 6] = ["tokio", "tokio-postgres", "rustls", "nix", "tempfile", "fastrand"];

/// Dependencies with one home: package and crate.
const AT_HOME: [(&str, &str); 2] = [("pg_query", "sql"), ("sqlparser", "sql")];

/// Checks every `Cargo.toml` of the workspace's members.
pub(super) fn check(files: &[File]) -> Vec<Offence> {
    // `fuzz/` is a workspace of its own, never shipped and never depended on.
    let is_ours = |file: &&File| file.path.contains('/') && !file.path.starts_with("fuzz/");
    let manifests = files.iter().filter(|file| file.path.ends_with("Cargo.toml")).filter(is_ours);
    manifests.flat_map(check_manifest).collect()
}

fn check_manifest(file: &File) -> Vec<Offence> {
    let Some(krate) = file.krate() else {
        return vec![Offence::file(&file.path, "a crate outside crates/ and xtask/")];
    };
    let manifest: toml::Table = match file.text.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![Offence::file(&file.path, format!("not TOML: {error}"))],
    };
    let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == krate) else {
        return vec![Offence::file(&file.path, "unknown crate: give it its row in xtask/src/tidy/edges.rs")];
    };
    let mut offences = Vec::new();
    for dependency in names_in(&manifest, "dependencies") {
        if let Some(ours) = dependency.strip_prefix("underpin-")
            && !allowed.contains(&ours)
        {
            offences.push(Offence::file(&file.path, format!("{krate} may not depend on {ours}")));
        }
        if PURE.contains(&krate) && IMPURE.contains(&dependency) {
            offences.push(Offence::file(
                &file.path,
                format!("{krate} is pure and may not depend on {dependency}"),
            ));
        }
    }
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        for dependency in names_in(&manifest, section) {
            if let Some((_, home)) = AT_HOME.iter().find(|(name, home)| *name == dependency && *home != krate)
            {
                offences
                    .push(Offence::file(&file.path, format!("{dependency} belongs to crates/{home} alone")));
            }
        }
    }
    offences
}

fn names_in<'a>(manifest: &'a toml::Table, section: &str) -> Vec<&'a str> {
    let table = manifest.get(section).and_then(toml::Value::as_table);
    table.map(|table| table.keys().map(String::as_str).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offences(path: &str, text: &str) -> Vec<String> {
        check(&[File::new(path, text)]).into_iter().map(|offence| offence.what).collect()
    }

    #[test]
    fn an_arrow_against_the_picture_is_found() {
        let text = "[dependencies]\nunderpin-core.workspace = true\nunderpin-catalog.workspace = true\n";
        assert_eq!(offences("crates/sql/Cargo.toml", text), ["sql may not depend on core"]);
        assert!(offences("crates/engine/Cargo.toml", text).is_empty());
    }

    #[test]
    fn the_testkit_is_for_tests() {
        let shipped = "[dependencies]\nunderpin-testkit.workspace = true\n";
        assert_eq!(offences("crates/cli/Cargo.toml", shipped), ["cli may not depend on testkit"]);
        assert!(offences("crates/cli/Cargo.toml", &shipped.replace("dep", "dev-dep")).is_empty());
        assert!(offences("xtask/Cargo.toml", shipped).is_empty());
    }

    #[test]
    fn pure_crates_stay_pure_and_the_parser_at_home() {
        let text = "[dependencies]\ntokio = \"1\"\n[dev-dependencies]\npg_query = \"18\"\n";
        assert_eq!(
            offences("crates/core/Cargo.toml", text),
            ["core is pure and may not depend on tokio", "pg_query belongs to crates/sql alone"]
        );
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        assert_eq!(offences("crates/misc/Cargo.toml", "").len(), 1);
        assert_eq!(offences("tools/x/Cargo.toml", "").len(), 1);
        assert_eq!(offences("Cargo.toml", "[workspace]").len(), 0);
    }
}
