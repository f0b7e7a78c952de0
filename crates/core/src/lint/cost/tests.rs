#![allow(clippy::unwrap_used)]

use super::super::stats::IndexStats;
use super::*;
use underpin_catalog::Name;

const BUDGETS: Budgets = Budgets { reads_ms: 1_000, writes_ms: 2_000 };

fn orders() -> RelationName {
    RelationName::qualified("public", "Order")
}

/// A table of rows like those that the rates were measured on.
fn table(rows: f64) -> TableStats {
    TableStats {
        rows: Some(rows as u64),
        heap_bytes: (rows * ROW_BYTES) as u64,
        ..TableStats::empty(&orders())
    }
}

fn size(table: TableStats) -> Size {
    let stats = Stats { tables: [(table.name.clone(), table)].into(), ..Stats::none() };
    Size::of(&stats, &orders(), "Order", 0, ASSUMED_ROWS)
}

fn said(work: Work, rows: f64) -> String {
    let size = size(table(rows));
    sentence(&estimate(&[work], &size), &size)
}

#[test]
fn what_lint_says_about_thirty_million_rows() {
    assert_eq!(said(Work::Catalog, 3e7), "under 10 ms at 30 million rows");
    assert_eq!(said(Work::ScanForNull, 3e7), "1.7 to 40 s at 30 million rows");
    assert_eq!(said(Work::ScanForCheck, 3e7), "1.4 to 37 s at 30 million rows");
    assert_eq!(said(Work::ScanForReference, 3e7), "4.1 to 50 s at 30 million rows");
    assert_eq!(said(Work::Build(Key::Narrow), 3e7), "9.7 to 100 s at 30 million rows");
    assert_eq!(said(Work::Build(Key::Wide), 3e7), "27 s to 6 min at 30 million rows");
    assert_eq!(said(Work::Rewrite, 3e7), "19 s to 3.5 min at 30 million rows");
    assert_eq!(said(Work::RewriteWithDefault, 3e7), "1 to 5.5 min at 30 million rows");
    assert_eq!(said(Work::Update, 3e7), "43 s to 7.4 min at 30 million rows");
}

/// The intervals are worth nothing when what was measured lies outside of them.
#[test]
fn an_interval_contains_every_measured_time() {
    let milliseconds = [
        (Work::ScanForNull, [111.0, 167.0, 259.0]),
        (Work::ScanForCheck, [143.0, 97.0, 201.0]),
        (Work::ScanForReference, [476.0, 270.0, 427.0]),
        (Work::Build(Key::Narrow), [645.0, 715.0, 1_449.0]),
        (Work::Build(Key::Wide), [2_564.0, 2_800.0, 6_925.0]),
        (Work::Rewrite, [2_778.0, 1_406.0, 3_226.0]),
        (Work::RewriteWithDefault, [4_762.0, 3_979.0, 6_452.0]),
        (Work::Update, [7_692.0, 2_848.0, 8_136.0]),
        (Work::Delete, [914.0, 1_400.0, 2_128.0]),
    ];
    let size = size(table(2e6));
    for (work, measured) in milliseconds {
        let Estimate { least_ms, most_ms, .. } = estimate(&[work], &size);
        for ms in measured {
            assert!((least_ms * 0.99..most_ms).contains(&ms), "{work:?}: {ms} in {least_ms} to {most_ms}");
        }
        assert!(most_ms / least_ms < 30.0, "{work:?}: {least_ms} to {most_ms} says nothing");
    }
}

#[test]
fn each_index_is_rebuilt_with_the_table() {
    let index = |bytes| IndexStats { name: Name::new("x"), bytes, is_valid: true };
    let bare = estimate(&[Work::Rewrite], &size(table(3e7)));
    let indexes = vec![index(750_000_000), index(3_000_000_000)];
    let with = size(TableStats { indexes, ..table(3e7) });
    let indexed = estimate(&[Work::Rewrite], &with);
    assert_eq!((indexed.least_ms - bare.least_ms).round(), 50_000.0);
    assert!(indexed.most_ms - bare.most_ms > 400_000.0);
    assert_eq!(estimate(&[Work::Update], &with), estimate(&[Work::Update], &size(table(3e7))));
}

#[test]
fn wide_rows_are_read_and_written_by_their_bytes() {
    let wide = size(TableStats { heap_bytes: 35_100_000_000, ..table(3e7) });
    let narrow = size(table(3e7));
    let ratio = |work| estimate(&[work], &wide).least_ms / estimate(&[work], &narrow).least_ms;
    assert_eq!((ratio(Work::ScanForCheck).round(), ratio(Work::Rewrite).round()), (10.0, 10.0));
    // A key is looked up or sorted once a row, however wide the row is.
    assert_eq!((ratio(Work::ScanForReference), ratio(Work::Build(Key::Narrow))), (1.0, 1.0));
}

#[test]
fn toasted_values_are_copied_by_a_rewrite_alone() {
    let toasted = size(TableStats { toast_bytes: 35_100_000_000, ..table(3e7) });
    let bare = size(table(3e7));
    assert!(
        estimate(&[Work::Rewrite], &toasted).least_ms > 10.0 * estimate(&[Work::Rewrite], &bare).least_ms
    );
    assert_eq!(estimate(&[Work::ScanForNull], &toasted), estimate(&[Work::ScanForNull], &bare));
}

#[test]
fn an_unknown_size_counts_as_large_and_says_so() {
    let unknown = Size::of(&Stats::none(), &orders(), "Order", 2, ASSUMED_ROWS);
    assert_eq!(
        unknown.assumptions,
        ["Order has 10 million rows in 2.0 GB: no sizes were given (--stats or --url)"]
    );
    assert_eq!(unknown.index_bytes.len(), 2);
    assert_eq!(
        estimate(&[Work::ScanForNull], &unknown).source,
        "measured rates at 10 million rows (assumed size)"
    );

    let other = TableStats { name: RelationName::qualified("public", "Shop"), ..table(5.0) };
    let elsewhere = Stats { tables: [(other.name.clone(), other)].into(), ..Stats::none() };
    let missing = Size::of(&elsewhere, &orders(), "Order", 0, ASSUMED_ROWS);
    assert!(missing.assumptions[0].ends_with("nobody says how large it is"), "{:?}", missing.assumptions);
}

#[test]
fn a_table_that_was_never_analyzed_is_as_long_as_its_bytes() {
    let size = size(TableStats { rows: None, ..table(3e6) });
    assert_eq!(size.rows, 3e6);
    assert_eq!(size.assumptions, ["Order was never analyzed: its 335 MB are taken for 3 million rows"]);
    let empty = self::size(TableStats { rows: None, ..table(0.0) });
    assert!(empty.assumptions.is_empty() && empty.rows == 0.0);
}

#[test]
fn heat_without_a_size_is_no_size() {
    let busy = TableStats { source: Source::Nobody, ..TableStats::empty(&orders()) };
    assert_eq!(size(busy).rows, ASSUMED_ROWS);
}

#[test]
fn keys_are_as_wide_as_their_type() {
    let narrow = ["integer", "bigint", "timestamp(3) without time zone", "date", "boolean"];
    assert!(narrow.iter().all(|one| Key::of_type(one) == Key::Narrow));
    let wide = ["text", "character varying(20)", "uuid", "integer[]", "\"Role\"", "numeric(10,2)"];
    assert!(wide.iter().all(|one| Key::of_type(one) == Key::Wide));
    assert_eq!(Key::of_type(""), Key::Unknown);
}

fn lasting(least_ms: f64, most_ms: f64) -> Option<Estimate> {
    Some(Estimate { least_ms, most_ms, source: String::new() })
}

/// The table of the manual, cell by cell.
#[test]
fn how_bad_it_is() {
    use Severity::{Caution, Danger, Info};
    let rows = [
        (lasting(0.4, 10.0), Queue::Bounded, [Info, Info, Info, Info]),
        (lasting(0.4, 10.0), Queue::Unbounded, [Caution, Caution, Caution, Info]),
        (lasting(200.0, 9_000.0), Queue::Bounded, [Danger, Danger, Caution, Caution]),
        (lasting(5_000.0, 9_000.0), Queue::Bounded, [Danger, Danger, Danger, Caution]),
        (None, Queue::Bounded, [Danger, Danger, Caution, Caution]),
    ];
    let heats = [None, Some(Heat::Hot), Some(Heat::Warm), Some(Heat::Cold)];
    for (estimate, queue, expected) in rows {
        let judged = heats.map(|heat| judge(Blocks::Writes, estimate.as_ref(), heat, queue, &BUDGETS));
        assert_eq!(judged, expected, "{estimate:?} {queue:?}");
        let idle = judge(Blocks::Maintenance, estimate.as_ref(), None, Queue::Unbounded, &BUDGETS);
        assert_eq!(idle, Info);
    }
}

#[test]
fn reads_have_the_smaller_budget() {
    let middling = lasting(100.0, 1_500.0);
    let judged = |blocks| judge(blocks, middling.as_ref(), None, Queue::Bounded, &BUDGETS);
    assert_eq!(judged(Blocks::Writes), Severity::Info);
    assert_eq!(judged(Blocks::ReadsAndWrites), Severity::Danger);
}
