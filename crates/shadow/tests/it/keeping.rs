//! What is kept comes back, whole or not at all, and takes no more room than it may.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use underpin_shadow::{Installation, Kept, Shadow, StartOptions};

use crate::ground::{Role, ask, connect, entries, installation, open_folder, role, say};

const ROOM: u64 = 1 << 30;

async fn start(installation: &Installation) -> Shadow {
    Shadow::start(installation, &StartOptions::default()).await.unwrap()
}

async fn start_from(kept: &Kept, key: &str, installation: &Installation) -> Option<Shadow> {
    Shadow::start_from(kept, key, installation, &StartOptions::default()).await.unwrap()
}

async fn execute(shadow: &Shadow, statement: &str) {
    connect(&shadow.config("postgres")).await.batch_execute(statement).await.unwrap();
}

async fn count(shadow: &Shadow) -> String {
    ask(&connect(&shadow.config("postgres")).await, "SELECT count(*)::text FROM t").await
}

/// The test's own second process, in a cache that no other test and no user has.
async fn alone(test: &str) {
    let cache = open_folder();
    let bin = installation(15).await.bin;
    let mut process = Role::new(&format!("keeping::{test}"), "alone")
        .env("UNDERPIN_CACHE_DIR", cache.path())
        .env("UNDERPIN_POSTGRES_BIN", bin)
        .play();
    assert_eq!(process.hear(), "well");
    assert!(process.end().success());
}

fn kept_files() -> Vec<PathBuf> {
    let folder = Path::new(&std::env::var_os("UNDERPIN_CACHE_DIR").unwrap()).join("kept");
    entries(&folder).into_iter().map(|name| folder.join(name)).collect()
}

#[tokio::test]
async fn later_servers_start_from_what_was_kept() {
    if role().is_none() {
        return alone("later_servers_start_from_what_was_kept").await;
    }
    let installation = installation(15).await;
    let kept = Kept::of(&installation, ROOM).await.unwrap();
    let mut first = start(&installation).await;
    execute(&first, "CREATE TABLE t AS SELECT 1 AS i").await;
    first.keep(&kept, "one").await.unwrap();
    // The server that was kept goes on, and what it does then is its own.
    execute(&first, "INSERT INTO t VALUES (2)").await;
    assert_eq!(count(&first).await, "2");
    first.stop_and_keep(&kept, "two").await.unwrap();

    for (key, rows) in [("one", "1"), ("two", "2"), ("one", "1")] {
        let shadow = start_from(&kept, key, &installation).await.unwrap();
        assert_eq!(count(&shadow).await, rows);
        execute(&shadow, "INSERT INTO t VALUES (3)").await;
        shadow.stop().await.unwrap();
    }
    assert!(start_from(&kept, "three", &installation).await.is_none());
    say("well");
}

#[tokio::test]
async fn what_is_broken_is_not_there() {
    if role().is_none() {
        return alone("what_is_broken_is_not_there").await;
    }
    let installation = installation(15).await;
    let kept = Kept::of(&installation, ROOM).await.unwrap();
    let shadow = start(&installation).await;
    shadow.stop_and_keep(&kept, "one").await.unwrap();
    let file = kept_files().remove(0);
    let whole = fs::read(&file).unwrap();

    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    assert!(start_from(&kept, "one", &installation).await.is_none());
    assert!(!kept.has("one"), "it is not looked at again");

    let mut changed = whole.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    fs::write(&file, changed).unwrap();
    assert!(start_from(&kept, "one", &installation).await.is_none());

    fs::write(&file, &whole).unwrap();
    start_from(&kept, "one", &installation).await.unwrap().stop().await.unwrap();

    // Its last transactions may be in no file.
    let mut killed = start(&installation).await;
    killed.crash().await.unwrap();
    killed.stop_and_keep(&kept, "killed").await.unwrap();
    assert!(!kept.has("killed"));
    // Another installation does not find it.
    let other =
        Installation { version: underpin_catalog::ServerVersion::from_number(150_001), ..installation };
    assert!(!Kept::of(&other, ROOM).await.unwrap().has("one"));
    say("well");
}

#[tokio::test]
async fn the_least_recently_used_goes() {
    if role().is_none() {
        return alone("the_least_recently_used_goes").await;
    }
    let installation = installation(15).await;
    let kept = Kept::of(&installation, ROOM).await.unwrap();
    let mut shadow = start(&installation).await;
    let days_ago = |days: u64| SystemTime::now() - Duration::from_secs(days * 24 * 3600);
    let used = |key: &str, at: SystemTime| {
        let file = kept_files().into_iter().find(|file| file.to_string_lossy().ends_with(key)).unwrap();
        fs::File::open(file).unwrap().set_modified(at).unwrap();
    };
    for key in ["a", "b", "c"] {
        shadow.keep(&kept, key).await.unwrap();
        used(key, days_ago(9));
    }
    let length = fs::metadata(&kept_files()[0]).unwrap().len();
    // Using it makes it the youngest.
    start_from(&kept, "a", &installation).await.unwrap().stop().await.unwrap();
    used("b", days_ago(10));
    let killed_while_it_wrote = kept_files()[0].with_extension("new-killed");
    fs::write(&killed_while_it_wrote, "half").unwrap();
    fs::File::open(&killed_while_it_wrote).unwrap().set_modified(days_ago(1)).unwrap();
    let tight = Kept::of(&installation, length * 7 / 2).await.unwrap();
    shadow.keep(&tight, "d").await.unwrap();
    let there = |key: &&str| kept.has(key);
    assert_eq!(["a", "b", "c", "d"].iter().filter(|key| there(key)).collect::<Vec<_>>(), [&"a", &"c", &"d"]);
    assert!(!killed_while_it_wrote.exists());

    used("c", days_ago(31));
    shadow.keep(&tight, "d").await.unwrap();
    assert!(kept.has("a") && !kept.has("c"), "not used for a month");
    let none = Kept::of(&installation, 1).await.unwrap();
    shadow.stop_and_keep(&none, "e").await.unwrap();
    assert_eq!(kept_files().len(), 0);
    say("well");
}

/// Killed at any moment of keeping: what is there afterwards is whole.
#[tokio::test]
async fn kill_9_while_it_is_kept() {
    match role().as_deref() {
        None => alone("kill_9_while_it_is_kept").await,
        Some("keeper") => {
            let installation = installation(15).await;
            let kept = Kept::of(&installation, ROOM).await.unwrap();
            let mut shadow = start(&installation).await;
            say("keeps");
            for turn in 0.. {
                shadow.keep(&kept, &format!("turn{}", turn % 2)).await.unwrap();
            }
        }
        Some(_) => {
            let installation = installation(15).await;
            start(&installation).await.stop().await.unwrap();
            let kept = Kept::of(&installation, ROOM).await.unwrap();
            for after_ms in [200, 400, 600, 800, 1000, 2000] {
                let mut keeper = Role::new("keeping::kill_9_while_it_is_kept", "keeper").play();
                assert_eq!(keeper.hear(), "keeps");
                std::thread::sleep(Duration::from_millis(after_ms));
                crate::ground::signal_to(&keeper.pid().to_string(), "-KILL");
                keeper.end();
                for key in ["turn0", "turn1"] {
                    if kept.has(key) {
                        let shadow = start_from(&kept, key, &installation).await.expect("it is whole");
                        shadow.stop().await.unwrap();
                    }
                }
            }
            assert!(kept.has("turn0"), "something was kept");
            say("well");
        }
    }
}
