//! What the real engine said (7.10 and 7.8, `diagnoseMigrationHistory`) for each of these ledgers.

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{Checksum, FolderOrder};

const CURRENT: Option<PrismaVersion> = Some(PrismaVersion::new(7, 10, 0));
const BEFORE_7_9: Option<PrismaVersion> = Some(PrismaVersion::new(7, 8, 0));

fn history() -> History {
    let scripts: [(&str, &str); 3] = [("1_a", "select 1;"), ("2_b", "select 2;"), ("3_c", "select 3;")];
    let migrations =
        scripts.iter().map(|(name, script)| Migration::new(*name, Some(script.as_bytes()))).collect();
    History::new(migrations, FolderOrder::Collation)
}

fn checksum(name: &str) -> String {
    let history = history();
    let script = history.get(name).and_then(|migration| migration.script.as_ref());
    script.map_or_else(|| Checksum::of(name).to_string(), |script| script.checksum().to_string())
}

/// Rows in order, each with its migration, its checksum (`ok` for the file's) and its state.
fn ledger(rows: &[(&str, &str, RowState)]) -> Vec<LedgerRow> {
    rows.iter()
        .zip(0..)
        .map(|((name, sum, state), minutes)| {
            let started = Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes);
            let sum = if *sum == "ok" { checksum(name) } else { (*sum).to_owned() };
            let mut row = LedgerRow::started(minutes.to_string(), (*name).to_owned(), sum, started);
            match state {
                RowState::Applied => row.finished_at = Some(started),
                RowState::RolledBack => row.rolled_back_at = Some(started),
                RowState::Failed => {}
            }
            row
        })
        .collect()
}

use RowState::{Applied, Failed, RolledBack};

fn aligned(rows: &[(&str, &str, RowState)]) -> Alignment {
    align(&history(), &ledger(rows), CURRENT)
}

fn edited_names(alignment: &Alignment) -> Vec<&str> {
    alignment.edited.iter().map(|edited| edited.name.as_str()).collect()
}

#[test]
fn an_empty_ledger_makes_everything_pending() {
    let alignment = aligned(&[]);
    assert_eq!(alignment.pending, ["1_a", "2_b", "3_c"]);
    assert_eq!(alignment.gap, Some(Gap::DatabaseIsBehind { unapplied: alignment.pending.clone() }));
    assert!(alignment.out_of_order.is_empty());
}

#[test]
fn a_complete_ledger_leaves_nothing() {
    let alignment = aligned(&[("1_a", "ok", Applied), ("2_b", "ok", Applied), ("3_c", "ok", Applied)]);
    assert_eq!(alignment.applied, ["1_a", "2_b", "3_c"]);
    assert!(alignment.pending.is_empty() && alignment.gap.is_none() && alignment.edited.is_empty());
}

#[test]
fn a_rolled_back_migration_is_pending_and_status_sees_it_since_7_9() {
    let rows = [("1_a", "ok", Applied), ("2_b", "bad", RolledBack), ("3_c", "ok", Applied)];
    let current = aligned(&rows);
    assert_eq!(current.pending, ["2_b"]);
    assert_eq!(current.rolled_back, ["2_b"]);
    assert_eq!(current.out_of_order, ["2_b"]);
    assert_eq!(edited_names(&current), [""; 0]);
    assert_eq!(current.gap, Some(Gap::DatabaseIsBehind { unapplied: vec!["2_b".into()] }));

    let older = align(&history(), &ledger(&rows), BEFORE_7_9);
    assert_eq!(older.pending, ["2_b"], "deploy was always right");
    assert_eq!(older.gap, None);
}

#[test]
fn a_second_row_after_a_rollback_is_the_one_that_counts() {
    let rows =
        [("1_a", "ok", Applied), ("2_b", "bad", RolledBack), ("2_b", "ok", Applied), ("3_c", "ok", Applied)];
    let alignment = aligned(&rows);
    assert!(alignment.gap.is_none() && alignment.pending.is_empty());
    assert!(alignment.edited.is_empty() && alignment.duplicates.is_empty());
    assert!(alignment.rolled_back.is_empty());
}

#[test]
fn the_first_live_row_of_a_name_decides_about_edits() {
    let rows = [
        ("1_a", "ok", Applied),
        ("2_b", "ok", Applied),
        ("2_b", "bad", Applied),
        ("3_c", "bad", Failed),
        ("gone", "x", Applied),
        ("gone", "x", Applied),
    ];
    let alignment = aligned(&rows);
    assert_eq!(edited_names(&alignment), ["3_c"]);
    assert_eq!(alignment.failed.len(), 1);
    assert_eq!(alignment.duplicates, ["2_b", "gone"]);
    assert_eq!(alignment.unknown, ["gone"]);
    assert_eq!(
        alignment.gap,
        Some(Gap::DirectoryIsBehind { unpersisted: vec!["gone".into(), "gone".into()] })
    );
}

#[test]
fn diverged_histories_name_the_last_common_folder() {
    let alignment = aligned(&[("3_c", "bad", Applied), ("gone", "x", Applied)]);
    assert_eq!(
        alignment.gap,
        Some(Gap::Diverged {
            last_common: None,
            unapplied: vec!["1_a".into(), "2_b".into()],
            unpersisted: vec!["gone".into()],
        })
    );
    assert_eq!(alignment.out_of_order, ["1_a", "2_b"]);

    let rows =
        [("1_a", "ok", Applied), ("3_c", "ok", Applied), ("gone", "x", RolledBack), ("gone2", "x", Applied)];
    let diverged = |unpersisted: &[&str]| {
        Some(Gap::Diverged {
            last_common: Some("1_a".into()),
            unapplied: vec!["2_b".into()],
            unpersisted: unpersisted.iter().map(|&name| name.to_owned()).collect(),
        })
    };
    assert_eq!(aligned(&rows).gap, diverged(&["gone2"]));
    assert_eq!(align(&history(), &ledger(&rows), BEFORE_7_9).gap, diverged(&["gone", "gone2"]));
}

#[test]
fn a_failed_row_without_a_folder_still_counts() {
    let alignment = aligned(&[("0_gone", "x", Failed)]);
    assert_eq!(alignment.failed.len(), 1);
    assert_eq!(alignment.unknown, ["0_gone"]);
    assert!(matches!(alignment.gap, Some(Gap::Diverged { last_common: None, .. })));
}

#[test]
fn an_applied_folder_without_its_script_is_told() {
    let history =
        History::new(vec![Migration::new("1_a", None), Migration::new("2_b", None)], FolderOrder::Collation);
    let alignment = align(&history, &ledger(&[("1_a", "x", Applied)]), CURRENT);
    assert_eq!(alignment.scripts_missing, ["1_a"]);
    assert_eq!(alignment.pending, ["2_b"]);
    assert!(alignment.edited.is_empty());
}
