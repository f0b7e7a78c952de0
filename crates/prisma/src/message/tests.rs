//! Against what the real command line printed; the transcripts are beside the checkout.

use super::*;
use crate::{FolderOrder, History, LedgerRow, Migration, RowState, align};

/// A transcript of the real command line.
fn transcript(name: &str) -> String {
    #[allow(clippy::disallowed_methods)]
    let shared = std::env::var("UNDERPIN_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").to_owned());
    let path = format!("{shared}/oracle/transcripts/{name}.txt");
    #[allow(clippy::disallowed_methods)]
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Line ends may have lost their blanks on the way into a transcript.
fn assert_in(transcript_name: &str, text: &str) {
    let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    let transcript = trimmed(&transcript(transcript_name));
    assert!(transcript.contains(&trimmed(text)), "{transcript_name} lacks:\n{text}");
}

fn timestamp(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn relation_missing() -> DatabaseError {
    DatabaseError {
        severity: "ERROR".into(),
        parsed_severity: Some("ERROR".into()),
        code: "42P01".into(),
        message: "relation \"Nope\" does not exist".into(),
        file: Some("namespace.c".into()),
        line: Some(433),
        routine: Some("RangeVarGetRelidExtended".into()),
        ..DatabaseError::default()
    }
}

#[test]
fn a_failed_migration_is_told_as_by_prisma() {
    let error = PrismaError::MigrationFailed {
        name: "20240102000000_bad".into(),
        error: Box::new(relation_missing()),
        script: String::new(),
    };
    assert_in("p3018_fail", &error.printed());
    assert!(error.to_string().ends_with("}\n"));
}

#[test]
fn the_position_shows_the_lines_before_it() {
    let error = PrismaError::MigrationFailed {
        name: "20240101000000_syntax".into(),
        error: Box::new(DatabaseError {
            code: "42704".into(),
            message: "type \"intt\" does not exist".into(),
            position: Some(68),
            file: Some("parse_type.c".into()),
            line: Some(270),
            routine: Some("typenameType".into()),
            ..relation_missing()
        }),
        script: "CREATE TABLE t1 (a int);\n-- comment\nCREATE TABLE t2 (\n  a int,\n  b intt\n);\n".into(),
    };
    assert_in("position", &error.printed());
}

#[test]
fn every_other_error_is_prismas_to_the_byte() {
    for (name, error) in [
        (
            "p3018_fail",
            PrismaError::FailedMigrations {
                failed: vec![("20240102000000_bad".into(), timestamp("2026-11-21T09:44:49.855Z"))],
            },
        ),
        ("p3005_nonempty", PrismaError::SchemaNotEmpty),
        ("p3012", PrismaError::NotFailed { name: "20240101000000_init".into() }),
        ("p3012", PrismaError::AlreadyApplied { name: "20240101000000_init".into() }),
        ("p3015_missing_file", PrismaError::ScriptMissing { path: "migration.sql".into() }),
    ] {
        assert_in(name, &error.printed());
    }
    let lock = LockFile::parse("provider = \"mysql\"");
    let changed = PrismaError::provider_changed(&Provider::PostgreSql, &lock).unwrap();
    assert_in("p3019_provider", &changed.printed());
    let odd = PrismaError::provider_changed(&Provider::PostgreSql, &LockFile::parse("foo = 1\n")).unwrap();
    assert_in("lockfile_weird", &odd.printed());

    assert_in("p1001", &PrismaError::Unreachable { server: "127.0.0.1:1".into() }.printed_before_start());
    assert_in(
        "p1001",
        &PrismaError::NoDatabase { database: "does_not_exist_db".into(), server: "127.0.0.1:55415".into() }
            .printed_before_start(),
    );
}

#[test]
fn instants_have_as_many_digits_as_they_need() {
    for (text, expected) in [
        ("2026-11-21T09:44:49Z", "2026-11-21 09:44:49 UTC"),
        ("2026-11-21T09:44:49.855Z", "2026-11-21 09:44:49.855 UTC"),
        ("2026-11-21T10:33:32.492858Z", "2026-11-21 10:33:32.492858 UTC"),
        ("2026-11-21T10:33:32.000000001Z", "2026-11-21 10:33:32.000000001 UTC"),
    ] {
        assert_eq!(instant(timestamp(text)), expected);
    }
}

fn row(name: &str, state: RowState) -> LedgerRow {
    let start = Timestamp::UNIX_EPOCH;
    let mut row = LedgerRow::started("id".into(), name.into(), "x".into(), start);
    row.finished_at = (state == RowState::Applied).then_some(start);
    row
}

fn said(folders: &[&str], rows: &[LedgerRow]) -> (String, bool) {
    let folders = folders.iter().map(|name| Migration::new(*name, None)).collect();
    status(&align(&History::new(folders, FolderOrder::Collation), rows, None), !rows.is_empty())
}

#[test]
fn status_says_what_prisma_says() {
    let (a, b, c) = ("20240101000000_init", "20240102000000_b", "20240103000000_c");
    let diverged = said(&[a, c], &[row(a, RowState::Applied), row(b, RowState::Applied)]);
    assert_in("diverge", &diverged.0);
    let failed = said(&[a], &[row(a, RowState::Applied), row(a, RowState::Failed)]);
    assert_in("dup_records", &failed.0);
    let behind = said(&["1_", a, "zzz_no_timestamp"], &[]);
    assert_in("nonmigration_entries", &format!("{}\n{}", found(3), behind.0));
    let unmanaged = said(&[], &[]);
    assert_in("no_migrations_dir", &format!("{}\n{}", found(0), unmanaged.0));
    let fine = said(&[a], &[row(a, RowState::Applied), row(b, RowState::Applied)]);
    assert_in("missing_local", &format!("{}\n\n{}", found(1), fine.0));
    assert_eq!([diverged.1, failed.1, behind.1, unmanaged.1, fine.1], [false, false, false, false, true]);
}

#[test]
fn deploy_and_resolve_say_what_prisma_says() {
    assert_in("diverge", &deployed(&["20240101000000_init".into(), "20240102000000_b".into()]));
    assert_in("no_migrations_dir", nothing_pending());
    assert_in("p3018_fail", &marked("20240102000000_bad", "rolled back"));
    assert_in("p3005_nonempty", &marked("20240101000000_init", "applied"));
}
