//! The template: made once, also when two need it at once, and again when the binary changes.

use std::fs;
use std::path::Path;

use underpin_shadow::{Shadow, StartOptions, Wanted, find};

use crate::ground::{Playing, Role, entries, installation, open_folder, role, say, write_program};

/// In the role of a starter: starts a server of the given binaries, and stops it.
async fn start_as_role() -> bool {
    let Some(bin) = role() else { return false };
    let wanted = Wanted { explicit_bin: Some(bin.into()), ..Wanted::of_major(15) };
    let shadow = Shadow::start(&find(&wanted).unwrap(), &StartOptions::default()).await.unwrap();
    shadow.stop().await.unwrap();
    say("started");
    true
}

/// Binaries that write down each run of `initdb`.
async fn counting(bin: &Path, log: &Path) {
    let real = installation(15).await.bin;
    let count = format!(
        "#!/bin/sh\necho run >>'{}'\nexec '{}' \"$@\"\n",
        log.display(),
        real.join("initdb").display()
    );
    write_program(&bin.join("initdb"), &count);
    let plain = format!("#!/bin/sh\nexec '{}' \"$@\"\n", real.join("postgres").display());
    write_program(&bin.join("postgres"), &plain);
    fs::write(log, "").unwrap();
    let everybody = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o666);
    fs::set_permissions(log, everybody).unwrap();
}

fn starter(test: &str, bin: &Path, cache: &Path) -> Playing {
    Role::new(&format!("template::{test}"), &bin.to_string_lossy()).env("UNDERPIN_CACHE_DIR", cache).play()
}

fn runs_of_initdb(log: &Path) -> usize {
    fs::read_to_string(log).unwrap().lines().count()
}

fn templates(cache: &Path) -> Vec<String> {
    entries(&cache.join("templates")).into_iter().filter(|name| !name.ends_with(".lock")).collect()
}

#[tokio::test]
async fn two_at_once_make_one() {
    if start_as_role().await {
        return;
    }
    let folder = open_folder();
    let (bin, cache, log) =
        (folder.path().join("bin"), folder.path().join("cache"), folder.path().join("log"));
    counting(&bin, &log).await;
    let mut both =
        [starter("two_at_once_make_one", &bin, &cache), starter("two_at_once_make_one", &bin, &cache)];
    for starter in &mut both {
        assert_eq!(starter.hear(), "started");
    }
    assert_eq!(runs_of_initdb(&log), 1);
    assert_eq!(templates(&cache).len(), 1);
}

#[tokio::test]
async fn an_updated_binary_gets_a_new_one() {
    if start_as_role().await {
        return;
    }
    let folder = open_folder();
    let (bin, cache, log) =
        (folder.path().join("bin"), folder.path().join("cache"), folder.path().join("log"));
    counting(&bin, &log).await;
    let start = || {
        let mut starter = starter("an_updated_binary_gets_a_new_one", &bin, &cache);
        assert_eq!(starter.hear(), "started");
        starter.end();
    };
    start();
    start();
    assert_eq!(runs_of_initdb(&log), 1, "the second start copies");
    let before = templates(&cache);

    // What a killed builder would have left.
    let left = cache.join("templates").join(format!("{}.new-killed", before[0].rsplit_once('-').unwrap().0));
    fs::create_dir(&left).unwrap();
    let program = bin.join("postgres");
    let text = fs::read_to_string(&program).unwrap() + "# updated\n";
    write_program(&program, &text);
    start();
    assert_eq!(runs_of_initdb(&log), 2);
    let after = templates(&cache);
    assert_eq!(after.len(), 1, "the old template and the killed builder's folder are gone: {after:?}");
    assert_ne!(before, after);
}

#[tokio::test]
async fn goes_with_its_binary() {
    if start_as_role().await {
        return;
    }
    let folder = open_folder();
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    let (cache, log) = (folder.path().join("cache"), folder.path().join("log"));
    for bin in [&one, &other] {
        counting(bin, &log).await;
    }
    let start = |bin: &Path| assert_eq!(starter("goes_with_its_binary", bin, &cache).hear(), "started");
    start(&one);
    start(&other);
    let both = templates(&cache);
    assert_eq!(both.len(), 2);
    fs::remove_dir_all(&one).unwrap();
    counting(&other, &log).await;
    start(&other);
    assert_eq!(templates(&cache).len(), 1);
}

/// Root's server account could otherwise change what later servers start from.
#[tokio::test]
async fn belongs_to_us_not_to_the_server() {
    use std::os::unix::fs::MetadataExt;
    if start_as_role().await {
        return;
    }
    let folder = open_folder();
    let (bin, cache, log) =
        (folder.path().join("bin"), folder.path().join("cache"), folder.path().join("log"));
    counting(&bin, &log).await;
    let mut starter = starter("belongs_to_us_not_to_the_server", &bin, &cache);
    assert_eq!(starter.hear(), "started");
    let template = cache.join("templates").join(&templates(&cache)[0]);
    for name in ["", "PG_VERSION", "base", "pg_hba.conf", "global/pg_control"] {
        let about = fs::metadata(template.join(name)).unwrap();
        assert_eq!(about.uid(), nix::unistd::geteuid().as_raw(), "{name}");
        assert_eq!(about.mode() & 0o022, 0, "{name}");
    }
}
