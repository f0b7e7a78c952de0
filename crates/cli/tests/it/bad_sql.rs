//! Files that are no migration, or far too much of one: lint, audit and explain-tx tell what they are and where,
//! and neither crash, hang nor take the machine's memory.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::Value;

/// What one run of 50 MB may take: ten times what it takes in a quiet moment, without optimisation.
const LIMIT: Duration = Duration::from_secs(120);
const PEAK_MB_MAX: i64 = 900;
const LARGE: usize = 50_000_000;

/// What a run said. `findings` are rule, line and message of lint; the other commands have none.
struct Said {
    code: i32,
    peak_mb: i64,
    findings: Vec<(String, u64, String)>,
    stderr: String,
}

/// Runs this test again in a process that does nothing else, because the kernel tells the peak of the largest
/// child there was. Gives `None` in that process, after it has run the command.
fn measured(test: &str, folder: &Path, arguments: &[&str]) -> Option<Said> {
    const CHILD: &str = "UNDERPIN_TEST_MEASURED";
    if let Some(arguments) = std::env::var_os(CHILD) {
        let arguments = arguments.into_string().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_underpin"));
        command.args(arguments.split('\n')).stdin(Stdio::null());
        let file = |name: &str| std::fs::File::create(name).unwrap();
        let status = command.stdout(file("stdout")).stderr(file("stderr")).status().unwrap();
        let used = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
        std::fs::write("measured", format!("{} {}", status.code().unwrap(), used.max_rss() / 1_000)).unwrap();
        return None;
    }
    let begin = Instant::now();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test]).env(CHILD, arguments.join("\n")).current_dir(folder);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(begin.elapsed() < LIMIT, "{arguments:?} took {:?}", begin.elapsed());
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let numbers = read("measured");
    let (code, peak_mb) = numbers.split_once(' ').unwrap();
    Some(Said {
        code: code.parse().unwrap(),
        peak_mb: peak_mb.parse().unwrap(),
        findings: findings(&read("stdout")),
        stderr: read("stderr"),
    })
}

fn findings(stdout: &str) -> Vec<(String, u64, String)> {
    let Ok(report) = serde_json::from_str::<Value>(stdout) else { return Vec::new() };
    let files = report["files"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let found = files.iter().flat_map(|file| file["findings"].as_array().unwrap());
    found
        .map(|one| (text(&one["rule"]), one["span"]["line"].as_u64().unwrap_or(0), text(&one["message"])))
        .collect()
}

fn lint(folder: &Path, arguments: &[&str]) -> (i32, Vec<(String, u64, String)>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_underpin"));
    command.args(["lint", "--format", "json"]).args(arguments).current_dir(folder).stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let stdout = text(output.stdout);
    (output.status.code().unwrap(), findings(&stdout), text(output.stderr))
}

/// Lint, audit and explain-tx over one file: each ends in time and in memory. Gives what lint found.
fn survives(test: &str, text: impl FnOnce() -> String) -> Option<Vec<(String, u64, String)>> {
    // In the other process only the command runs.
    if std::env::var_os("UNDERPIN_TEST_MEASURED").is_some() {
        return measured(test, Path::new("."), &[]).map(|said| said.findings);
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.sql"), text()).unwrap();
    let mut found = Vec::new();
    for arguments in [
        &["lint", "--format", "json", "a.sql"][..],
        &["audit", "a.sql"],
        &["explain-tx", "--prisma", "7.4", "a.sql"],
    ] {
        let said = measured(test, folder.path(), arguments)?;
        assert!([0, 2, 10].contains(&said.code), "{arguments:?}: {} {}", said.code, said.stderr);
        assert!(!said.stderr.contains("panicked"), "{arguments:?}: {}", said.stderr);
        assert!(said.peak_mb <= PEAK_MB_MAX, "{arguments:?} took {} MB", said.peak_mb);
        if arguments[0] == "lint" {
            found = said.findings;
        }
    }
    Some(found)
}

#[test]
fn a_string_that_never_ends() {
    let text = || format!("SELECT 1;\nSELECT '{}", "x\n".repeat(LARGE / 2));
    let Some(found) = survives("bad_sql::a_string_that_never_ends", text) else { return };
    assert_eq!((found[0].0.as_str(), found[0].1, found.len()), ("syntax-error", 2, 1), "{found:?}");
    assert!(found[0].2.starts_with("unterminated quoted string at or near \"'x…\""), "{found:?}");
}

#[test]
fn fifty_megabytes_of_noise() {
    // Of no pattern, and the same each time.
    let text = || {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(33 + (state >> 33) as u8 % 90)
        };
        (0..LARGE).map(|_| next()).collect()
    };
    let Some(found) = survives("bad_sql::fifty_megabytes_of_noise", text) else { return };
    assert_eq!((found[0].0.as_str(), found.len()), ("syntax-error", 1), "{found:?}");
}

#[test]
fn expressions_of_any_depth() {
    let text = || {
        let parentheses = format!("SELECT {}1{}", "(".repeat(1_000), ")".repeat(1_000));
        let sum = format!("SELECT 1{}", " + 1".repeat(300));
        let cases = format!("SELECT {}1{}", "CASE WHEN a THEN ".repeat(40), " END".repeat(40));
        format!("{parentheses};\n{sum};\n{cases};\nDROP TABLE a;\n")
    };
    let Some(found) = survives("bad_sql::expressions_of_any_depth", text) else { return };
    let unknown: Vec<u64> =
        found.iter().filter(|(rule, ..)| rule == "unknown-effect").map(|(_, line, _)| *line).collect();
    assert_eq!(unknown, [2, 3]);
    assert!(found.iter().any(|(rule, line, _)| rule == "drop-table" && *line == 4));
    // A server has no stack for this either.
    let deeper = tempfile::tempdir().unwrap();
    std::fs::write(deeper.path().join("a.sql"), format!("SELECT 1{}", " + 1".repeat(100_000))).unwrap();
    let (code, found, _) = lint(deeper.path(), &["a.sql"]);
    assert_eq!((code, found[0].0.as_str()), (10, "syntax-error"), "{found:?}");
}

#[test]
fn half_files_and_files_for_others_have_a_place() {
    let folder = tempfile::tempdir().unwrap();
    let cases: &[(&[u8], u64, &str)] = &[
        (b"SELECT 1;\nDO $a$ BEGIN DROP TABLE x; END $b$;\n", 2, "unterminated dollar-quoted string"),
        (b"SELECT 1;\n/* open /* nested */ DROP TABLE a;\n", 2, "unterminated /* comment"),
        (b"SELECT 1;\nSELECT 'open\nDROP TABLE a;\n", 2, "unterminated quoted string at or near \"'open…\""),
        (b"SELECT 1;\nSELECT \"open\n", 2, "unterminated quoted identifier"),
        (b"CREATE TABLE a (\n  i int,\n", 2, "syntax error at end of input"),
        (b"CREATE TABLE a (i int);\n\\connect other\nDROP TABLE a;\n", 2, "\\connect is a command of psql"),
        (b"\\i other.sql\n", 1, "\\i is a command of psql"),
        (b"SELECT 1;\n  \\copy a from 'x.csv'\n", 2, "\\copy is a command of psql"),
        (b"COPY a (i) FROM stdin;\n1\n\\.\nDROP TABLE a;\n", 2, "rows behind COPY"),
        (b"\xef\xbb\xbfSELECT 1;", 1, "byte order mark"),
        (b"\xff\xfeD\0R\0O\0P\0 \0T\0A\0B\0L\0E\0", 1, "UTF-16"),
        (b"SELECT 1;\nSELECT '\0';\n", 2, "a zero byte"),
        ("DROP\u{200b} TABLE a;\n".as_bytes(), 1, "the invisible character U+200B"),
        (b"\x1f\x8b\x08\x00\x01\x02\xff\xfe", 1, "a zero byte"),
        (b"SELECT 1;\n\x89PNG\r\n", 2, "syntax error"),
    ];
    for (bytes, line, words) in cases {
        std::fs::write(folder.path().join("a.sql"), bytes).unwrap();
        let (code, found, stderr) = lint(folder.path(), &["a.sql"]);
        let shown = String::from_utf8_lossy(bytes);
        assert_eq!(code, 10, "{shown:?}: {stderr}");
        let [(rule, at, message)] = &found[..] else { panic!("{shown:?}: {found:?}") };
        assert_eq!((rule.as_str(), at), ("syntax-error", line), "{shown:?}: {message}");
        assert!(message.contains(words), "{shown:?}: {message}");
    }
    // These are SQL, whatever they look like.
    let fine: &[(&[u8], &str)] = &[
        (b"DO $a$ BEGIN EXECUTE $b$ DO $c$ BEGIN DROP TABLE x; END $c$ $b$; END $a$;", "drop-table"),
        ("-- \u{202e}\nALTER TABLE \u{5d0} DROP COLUMN \u{5d1};".as_bytes(), "drop-column"),
        (b"-- caf\xe9\nDROP TABLE caf\xe9;", "drop-table"),
    ];
    for (bytes, rule) in fine {
        std::fs::write(folder.path().join("a.sql"), bytes).unwrap();
        let (_, found, _) = lint(folder.path(), &["a.sql"]);
        assert!(found.iter().any(|(found, ..)| found == rule), "{rule}: {found:?}");
    }
}

#[test]
fn the_whole_word_is_marked() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.sql"), "SELECT 1;\nDROP TABEL a;\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_underpin"));
    let output =
        command.args(["lint", "--format", "json", "a.sql"]).current_dir(folder.path()).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let span = &report["files"][0]["findings"][0]["span"];
    let place = ["line", "column", "end_line", "end_column"].map(|key| span[key].as_u64().unwrap());
    assert_eq!(place, [2, 6, 2, 11]);
}

#[test]
fn ten_thousand_files_and_a_folder_that_leads_into_itself() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..10_000 {
        let below = folder.path().join(format!("{:02}", i % 100));
        std::fs::create_dir_all(&below).unwrap();
        std::fs::write(below.join(format!("{i:05}.sql")), "SELECT 1;\n").unwrap();
    }
    std::os::unix::fs::symlink(folder.path(), folder.path().join("07/again")).unwrap();
    let begin = Instant::now();
    let (code, found, stderr) = lint(folder.path(), &["."]);
    assert_eq!((code, found.len()), (0, 0), "{stderr}");
    assert!(begin.elapsed() < LIMIT, "{:?}", begin.elapsed());
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.sql"), "SELECT 1;").unwrap();
    std::os::unix::fs::symlink("gone", folder.path().join("b.sql")).unwrap();
    for arguments in [&["."][..], &["b.sql"], &["missing.sql"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_underpin"));
        let output = command.arg("lint").args(arguments).current_dir(folder.path()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains("cannot be read: No such file") && stderr.contains(".sql"), "{stderr}");
    }
}

#[test]
fn a_file_that_nobody_may_read_is_named_with_the_reason() {
    let refused = |folder: &Path, arguments: &[&str], words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_underpin"));
        let output = command.arg("lint").args(arguments).current_dir(folder).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        for word in words {
            assert!(stderr.contains(word), "{arguments:?} does not say {word:?}: {stderr}");
        }
    };
    // A link that leads to itself, which root cannot follow either.
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("migrations/1_init/migration.sql");
    std::fs::create_dir_all(script.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("migration.sql", &script).unwrap();
    let words = ["1_init/migration.sql", "cannot be read: Too many levels of symbolic links"];
    refused(folder.path(), &["migrations/1_init/migration.sql"], &words);
    refused(folder.path(), &["--migrations", "migrations"], &words);
    // Bits that forbid everybody to read, which root alone does not heed.
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret.sql");
    std::fs::write(&secret, "SELECT 1;").unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    match std::fs::File::open(&secret) {
        Ok(_) => assert_eq!(lint(folder.path(), &["secret.sql"]).0, 0),
        Err(_) => {
            let words = ["secret.sql", "cannot be read: Permission denied", "check its permissions"];
            refused(folder.path(), &["secret.sql"], &words);
        }
    }
}
