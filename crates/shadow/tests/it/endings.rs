//! However the owner ends, neither the server nor its directory stays.

use std::path::Path;
use std::time::Duration;

use underpin_shadow::{Shadow, StartOptions};

use crate::ground::{
    Playing, Role, entries, hear_server, installation, open_folder, role, runs, say, signal_to,
    wait_for_the_end, within,
};

const SOON: Duration = Duration::from_secs(20);

/// In the role of the owner: starts a server and waits.
async fn own_a_server() -> bool {
    let Some(place) = role() else { return false };
    let options = StartOptions { place: Some(place.into()), ..StartOptions::default() };
    let shadow = Shadow::start(&installation(15).await, &options).await.unwrap();
    say(shadow.pid());
    say(shadow.socket_dir().display());
    wait_for_the_end();
    true
}

fn owner(test: &str, place: &Path) -> Playing {
    Role::new(&format!("endings::{test}"), &place.to_string_lossy()).play()
}

fn leaves_nothing(test: &str, end: impl FnOnce(&Playing)) {
    let place = open_folder();
    let mut owner = owner(test, place.path());
    let (server, directory) = hear_server(&mut owner);
    assert!(runs(server) && directory.exists());
    end(&owner);
    assert!(!owner.end().success(), "the owner ended by the signal");
    within(SOON, "the server ends", || !runs(server));
    within(SOON, "its directory goes", || !directory.exists());
}

#[tokio::test]
async fn kill_9() {
    if !own_a_server().await {
        leaves_nothing("kill_9", |owner| signal_to(&owner.pid().to_string(), "-KILL"));
    }
}

/// The whole process group, as `timeout -s KILL` and CI runners do.
#[tokio::test]
async fn kill_9_of_the_group() {
    if !own_a_server().await {
        leaves_nothing("kill_9_of_the_group", |owner| owner.signal_group("-KILL"));
    }
}

#[tokio::test]
async fn ctrl_c() {
    if !own_a_server().await {
        leaves_nothing("ctrl_c", |owner| owner.signal_group("-INT"));
    }
}

#[tokio::test]
async fn terminal_closed() {
    if !own_a_server().await {
        leaves_nothing("terminal_closed", |owner| owner.signal_group("-HUP"));
    }
}

/// Killed while the directory is created, filled, or the server starts. Before the supervisor is there (for a
/// millisecond, on a busy machine for longer) it is the next start that clears up.
#[tokio::test]
async fn kill_9_on_the_way() {
    if own_a_server().await {
        return;
    }
    let place = open_folder();
    for after_ms in [6, 8, 10, 12, 14, 16, 18, 20, 25, 40, 55, 70, 85, 100] {
        let owner = owner("kill_9_on_the_way", place.path());
        std::thread::sleep(Duration::from_millis(after_ms));
        signal_to(&owner.pid().to_string(), "-KILL");
        owner.end();
    }
    let options = StartOptions { place: Some(place.path().into()), ..StartOptions::default() };
    Shadow::start(&installation(15).await, &options).await.unwrap().stop().await.unwrap();
    within(SOON, "all directories go", || entries(place.path()).is_empty());
}

/// With the supervisor killed too, the next start in the same place clears up.
#[tokio::test]
async fn the_next_start_sweeps() {
    if own_a_server().await {
        return;
    }
    let place = open_folder();
    let mut owner = owner("the_next_start_sweeps", place.path());
    let (server, directory) = hear_server(&mut owner);
    let supervisor = parent_of(server);
    assert_ne!(supervisor, owner.pid());
    signal_to(&supervisor.to_string(), "-KILL");

    let options = StartOptions { place: Some(place.path().into()), ..StartOptions::default() };
    let neighbour = Shadow::start(&installation(15).await, &options).await.unwrap();
    assert!(runs(server) && directory.exists(), "the owner lives, so its directory is in use");
    neighbour.stop().await.unwrap();

    signal_to(&owner.pid().to_string(), "-KILL");
    owner.end();
    assert!(runs(server) && directory.exists(), "nobody is left to clear up");
    let next = Shadow::start(&installation(15).await, &options).await.unwrap();
    assert!(!runs(server) && !directory.exists());
    assert_eq!(entries(place.path()), [next.socket_dir().file_name().unwrap().to_str().unwrap()]);
    next.stop().await.unwrap();
}

/// What ends a container's or a service's processes reaches the supervisor too; it stays for the clean-up.
#[tokio::test]
async fn supervisor_asked_to_end() {
    let shadow = Shadow::start(&installation(15).await, &StartOptions::default()).await.unwrap();
    let (server, directory) = (shadow.pid(), shadow.socket_dir().to_owned());
    let supervisor = parent_of(server);
    for signal in ["-TERM", "-INT", "-HUP"] {
        signal_to(&supervisor.to_string(), signal);
    }
    std::thread::sleep(Duration::from_millis(50));
    assert!(runs(supervisor) && runs(server));
    drop(shadow);
    assert!(!runs(server) && !directory.exists());
}

/// With only the supervisor killed, the owner clears up itself.
#[tokio::test]
async fn supervisor_killed() {
    let shadow = Shadow::start(&installation(15).await, &StartOptions::default()).await.unwrap();
    let (server, directory) = (shadow.pid(), shadow.socket_dir().to_owned());
    signal_to(&parent_of(server).to_string(), "-KILL");
    shadow.stop().await.unwrap();
    assert!(!runs(server) && !directory.exists());
}

fn parent_of(pid: u32) -> u32 {
    let about = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    about.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim().parse().unwrap()
}
