//! How long a statement works on the rows that are there, and whether that is too long.
//!
//! A duration is an interval with its source, because nobody knows a number. Its lower end is the
//! quickest rate that was measured, with everything in memory; its upper end the slowest, on a
//! machine that has its own application to serve ([`LOAD`]) and finds nothing in memory
//! ([`DISK_BYTES_PER_S`]). An unknown size counts as large, and the assumption is said.
//!
//! # The rates
//!
//! Million rows a second, on a table of 2,000,000 rows in 234 MB (117 bytes a row: two integers, 70
//! bytes of text), warm, default settings. *A*: PostgreSQL 15.18, two shared cores under load. *B*:
//! the same machine class on 2026-11-21 (AMD EPYC of 2024, 2 cores, `shared_buffers` 128 MB, fsync
//! on), PostgreSQL 15.18 and 17, three rounds
//! beside other work; the slowest and the quickest, the slower ones of 17 lie within [`LOAD`].
//!
//! | work | A | B | taken |
//! |---|---|---|---|
//! | scan for `SET NOT NULL` | 18 | 7.7 to 12 | 7.7 to 18 |
//! | scan for a `CHECK` | 14 | 10 to 17, 21 on PostgreSQL 17 | 10 to 21 |
//! | scan for a foreign key (10,000 referenced rows) | 4.2 | 4.7 to 7.4 | 4.2 to 7.4 |
//! | btree on an `int` (22 bytes an entry) | 3.1 | 1.7 to 2.8 | 1.7 to 3.1 |
//! | btree on 70 bytes of text (96 bytes an entry), on a `uuid` | 0.78 | 0.29 to 1.1 | 0.29 to 1.1 |
//! | rewrite, `int` to `bigint`, no index | 0.72 | 1.1 to 1.6 | 0.72 to 1.6 |
//! | rewrite, default `gen_random_uuid()` | 0.42 | 0.37 to 0.50 | 0.37 to 0.5 |
//! | `UPDATE` of every row | 0.26 | 0.25 to 0.70 | 0.25 to 0.7 |
//! | `DELETE` of every row | – | 1.2 to 2.2 | 1.2 to 2.2 |
//! | catalog only | 0.4 ms | 1.3 to 1.4 ms with the round trip | under 10 ms |
//!
//! `./run bench rates` measures them again, and fails on a machine that is four times slower or quicker
//! than *A* at one of them.

use super::finding::{Blocks, Estimate, Severity};
use super::stats::{Heat, ROW_BYTES, Source, Stats, TableStats};
use crate::quantity::{bytes, count, duration};
use underpin_catalog::RelationName;

/// What a statement does to the rows that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    /// Nothing: it changes the catalog alone.
    Catalog,
    /// Reads every row for `SET NOT NULL`.
    ScanForNull,
    /// Reads every row for a `CHECK`, a partition's bounds or the condition of an `UPDATE`.
    ScanForCheck,
    /// Reads every row for a foreign key and looks its key up.
    ScanForReference,
    /// Builds one new index.
    Build(Key),
    /// Writes every row anew, and each index of the table: a type change, `VACUUM FULL`, `SET LOGGED`.
    Rewrite,
    /// The same with a default that is asked for each row.
    RewriteWithDefault,
    /// `UPDATE` of every row, with an entry in each index.
    Update,
    /// `DELETE` of every row; the entries of its indexes stay until `VACUUM`.
    Delete,
}

/// How wide the key of an index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A number, a date, a boolean.
    Narrow,
    /// Text, a `uuid`, several columns.
    Wide,
    /// Its type is not known: anything between the two.
    Unknown,
}

/// How large a table is, and who says so.
#[derive(Clone, Debug, PartialEq)]
pub struct Size {
    /// Rows.
    pub rows: f64,
    /// The rows themselves.
    pub heap_bytes: f64,
    /// Values kept outside their rows.
    pub toast_bytes: f64,
    /// Each index.
    pub index_bytes: Vec<f64>,
    /// Who says so, for [`Estimate::source`]: `statistics file`.
    pub source: &'static str,
    /// What was taken for granted.
    pub assumptions: Vec<String>,
}

/// How long somebody may wait. Milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// Reads, behind ACCESS EXCLUSIVE.
    pub reads_ms: u64,
    /// Writes, behind SHARE and what is like it.
    pub writes_ms: u64,
}

/// Whether `lock_timeout` ends the wait for the lock, and so the wait of everybody behind it in the
/// queue. It does not end the work that begins when the lock is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Some `lock_timeout` other than 0 is in force.
    Bounded,
    /// None is: one long transaction on the table, and everybody waits for it.
    Unbounded,
}

/// Rows of a table of which nobody said how large it is.
pub const ASSUMED_ROWS: f64 = 10_000_000.0;

/// A row of its heap, wider than those that the rates were measured on: 2 GB in all.
pub const ASSUMED_ROW_BYTES: f64 = 2.0 * 1_073_741_824.0 / ASSUMED_ROWS;

/// An entry of an index of which nobody said how large it is: between a number's 22 and a text's 96.
pub const ASSUMED_ENTRY_BYTES: f64 = 45.0;

/// How much slower than the slowest measured rate: the processors also serve the application.
pub const LOAD: f64 = 3.0;

/// What a small cloud volume reads or writes in a second (the base rate of AWS gp3, 125 MB/s).
pub const DISK_BYTES_PER_S: f64 = 125e6;

/// From here on an index of a size is rebuilt within these times, bytes a second: from the two btree
/// rows of the table, whose bytes a second are alike.
const INDEX_BYTES_PER_S: Interval = Interval { slow: 28e6, quick: 75e6 };

/// What a change of the catalog takes, which every statement makes, milliseconds.
const CATALOG_MS: Interval = Interval { slow: 10.0, quick: 0.4 };

/// From the slowest to the quickest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower rate.
    pub slow: f64,
    /// The higher rate.
    pub quick: f64,
}

impl Work {
    /// Million rows a second; `None` for work that no row costs time.
    pub fn rate(self) -> Option<Interval> {
        let (slow, quick) = match self {
            Self::Catalog => return None,
            Self::ScanForNull => (7.7, 18.0),
            Self::ScanForCheck => (10.0, 21.0),
            Self::ScanForReference => (4.2, 7.4),
            Self::Build(Key::Narrow) => (1.7, 3.1),
            Self::Build(Key::Wide) => (0.29, 1.1),
            Self::Build(Key::Unknown) => (0.29, 3.1),
            Self::Rewrite => (0.72, 1.6),
            Self::RewriteWithDefault => (0.37, 0.5),
            Self::Update => (0.25, 0.7),
            Self::Delete => (1.2, 2.2),
        };
        Some(Interval { slow, quick })
    }

    /// Whether wider rows take longer in proportion: what sorts keys or looks them up pays by the row.
    fn pays_by_width(self) -> bool {
        match self {
            Self::ScanForNull
            | Self::ScanForCheck
            | Self::Rewrite
            | Self::RewriteWithDefault
            | Self::Update => true,
            Self::Catalog | Self::ScanForReference | Self::Build(_) | Self::Delete => false,
        }
    }

    /// Whether each index of the table is built anew too.
    fn rebuilds_indexes(self) -> bool {
        match self {
            Self::Rewrite | Self::RewriteWithDefault => true,
            Self::Catalog
            | Self::ScanForNull
            | Self::ScanForCheck
            | Self::ScanForReference
            | Self::Build(_)
            | Self::Update
            | Self::Delete => false,
        }
    }

    /// Bytes that go to or come from the disk when nothing is in memory.
    fn moved_bytes(self, size: &Size) -> f64 {
        let all = size.heap_bytes + size.toast_bytes;
        match self {
            Self::Catalog => 0.0,
            Self::ScanForNull | Self::ScanForCheck | Self::ScanForReference => size.heap_bytes,
            // Read the heap, write the index and its log.
            Self::Build(_) => size.heap_bytes + 2.0 * size.rows * ASSUMED_ENTRY_BYTES,
            // Read the table, write it, and write it once more into the log.
            Self::Rewrite | Self::RewriteWithDefault => 3.0 * all,
            // Toasted values that do not change are not written again.
            Self::Update => 3.0 * size.heap_bytes,
            Self::Delete => 2.0 * size.heap_bytes,
        }
    }

    /// Seconds: the quickest and the slowest.
    fn seconds(self, size: &Size) -> (f64, f64) {
        let Some(rate) = self.rate() else { return (CATALOG_MS.quick / 1e3, CATALOG_MS.slow / 1e3) };
        let rows = match self.pays_by_width() {
            true if self.rebuilds_indexes() => {
                size.rows.max((size.heap_bytes + size.toast_bytes) / ROW_BYTES)
            }
            true => size.rows.max(size.heap_bytes / ROW_BYTES),
            false => size.rows,
        };
        let mut least = CATALOG_MS.quick / 1e3 + rows / (rate.quick * 1e6);
        let mut most = CATALOG_MS.slow / 1e3
            + rows / (rate.slow * 1e6) * LOAD
            + self.moved_bytes(size) / DISK_BYTES_PER_S;
        if self.rebuilds_indexes() {
            let indexes: f64 = size.index_bytes.iter().sum();
            least += indexes / INDEX_BYTES_PER_S.quick;
            most += indexes / INDEX_BYTES_PER_S.slow * LOAD + 2.0 * indexes / DISK_BYTES_PER_S;
        }
        (least, most)
    }
}

impl Key {
    /// Of a column's type as `format_type` prints it; anything that is not known to be narrow is wide.
    pub fn of_type(type_sql: &str) -> Self {
        let narrow = [
            "smallint",
            "integer",
            "bigint",
            "boolean",
            "date",
            "timestamp",
            "time",
            "real",
            "double",
            "oid",
        ];
        let word = type_sql.split(['(', ' ', '[']).next().unwrap_or_default();
        if type_sql.is_empty() {
            Self::Unknown
        } else if narrow.contains(&word) && !type_sql.ends_with("[]") {
            Self::Narrow
        } else {
            Self::Wide
        }
    }
}

impl Size {
    /// The size of a table that existed before the file that is judged; `index_count` is how many
    /// indexes the history says it has. The name is a qualified one.
    /// Where nobody says how large it is, it has `assumed_rows`. `said` is the table as people call it.
    pub fn of(
        stats: &Stats,
        table: &RelationName,
        said: &str,
        index_count: usize,
        assumed_rows: f64,
    ) -> Self {
        match stats.table(table) {
            Some(known) if known.source != Source::Nobody => Self::known(&known, said, index_count),
            _ => Self::assumed(said, index_count, assumed_rows, !stats.tables.is_empty()),
        }
    }

    fn known(table: &TableStats, shown: &str, index_count: usize) -> Self {
        let mut assumptions = Vec::new();
        let heap_bytes = table.heap_bytes as f64;
        // An empty table that was never analyzed is empty, and nobody has to assume it.
        let rows = table.rows.map(|rows| rows as f64).unwrap_or_else(|| {
            let rows = (heap_bytes / ROW_BYTES).ceil();
            if rows > 0.0 {
                assumptions.push(format!(
                    "{shown} was never analyzed: its {} are taken for {} rows",
                    bytes(table.heap_bytes),
                    count(rows)
                ));
            }
            rows
        });
        let index_bytes = match table.indexes.is_empty() {
            true => vec![rows * ASSUMED_ENTRY_BYTES; index_count],
            false => table.indexes.iter().map(|index| index.bytes as f64).collect(),
        };
        if table.is_outdated {
            assumptions.push(format!(
                "the size of {shown} is that of its last VACUUM or ANALYZE: it was locked when sizes were read"
            ));
        }
        let source = match table.source {
            Source::File => "statistics file",
            Source::Live => "live database",
            Source::Settings | Source::Nobody => "settings",
        };
        Self { rows, heap_bytes, toast_bytes: table.toast_bytes as f64, index_bytes, source, assumptions }
    }

    fn assumed(shown: &str, index_count: usize, rows: f64, asked: bool) -> Self {
        let heap_bytes = rows * ASSUMED_ROW_BYTES;
        let why = match asked {
            true => "nobody says how large it is",
            false => "no sizes were given (--stats or --url)",
        };
        Self {
            rows,
            heap_bytes,
            toast_bytes: 0.0,
            index_bytes: vec![rows * ASSUMED_ENTRY_BYTES; index_count],
            source: "assumed size",
            assumptions: vec![format!(
                "{shown} has {} rows in {}: {why}",
                count(rows),
                bytes(heap_bytes as u64)
            )],
        }
    }
}

/// How long all of this takes, one after the other. What was assumed about the size is in
/// [`Size::assumptions`].
pub fn estimate(works: &[Work], size: &Size) -> Estimate {
    let (mut least, mut most) = (0.0, 0.0);
    for work in works {
        let (quick, slow) = work.seconds(size);
        least += quick;
        most += slow;
    }
    Estimate {
        least_ms: least * 1e3,
        most_ms: (most.max(least)) * 1e3,
        source: format!("measured rates at {} rows ({})", count(size.rows), size.source),
    }
}

/// How long a change of the catalog takes, whatever the size of the table.
pub fn instant() -> Estimate {
    Estimate {
        least_ms: CATALOG_MS.quick,
        most_ms: CATALOG_MS.slow,
        source: "measured rates of changes of the catalog".to_owned(),
    }
}

/// An estimate in a sentence: `40 to 160 s at 30 million rows`.
pub fn sentence(estimate: &Estimate, size: &Size) -> String {
    format!("{} at {} rows", duration(estimate.least_ms, estimate.most_ms), count(size.rows))
}

/// How bad it is that somebody waits while a statement works.
///
/// `estimate` is how long the lock is held, `None` when nobody can tell. `heat` is that of those whom
/// the lock blocks ([`TableStats::heat`]), `None` counts as hot. The queue is what forms *before* the
/// work, while the statement waits for its lock; only there does `lock_timeout` help.
///
/// | the lock is held | hot or unknown | warm | cold |
/// |---|---|---|---|
/// | within the budget, queue bounded | info | info | info |
/// | within the budget, queue unbounded | caution | caution | info |
/// | perhaps beyond the budget | danger | caution | caution |
/// | certainly beyond the budget | danger | danger | caution |
///
/// Whom nobody waits for but vacuum and other DDL is info. Nothing here is a blocker: those are
/// statements that fail or lose data, however long they take.
pub fn judge(
    blocks: Blocks,
    estimate: Option<&Estimate>,
    heat: Option<Heat>,
    queue: Queue,
    budgets: &Budgets,
) -> Severity {
    let budget_ms = match blocks {
        Blocks::Maintenance => return Severity::Info,
        Blocks::Writes => budgets.writes_ms as f64,
        Blocks::ReadsAndWrites => budgets.reads_ms.min(budgets.writes_ms) as f64,
    };
    let (least_ms, most_ms) = estimate.map_or((0.0, f64::INFINITY), |known| (known.least_ms, known.most_ms));
    let heat = heat.unwrap_or(Heat::Hot);
    if most_ms <= budget_ms {
        return match (queue, heat) {
            (Queue::Bounded, _) | (Queue::Unbounded, Heat::Cold) => Severity::Info,
            (Queue::Unbounded, Heat::Warm | Heat::Hot) => Severity::Caution,
        };
    }
    match (heat, least_ms > budget_ms) {
        (Heat::Hot, _) | (Heat::Warm, true) => Severity::Danger,
        (Heat::Warm, false) | (Heat::Cold, _) => Severity::Caution,
    }
}

#[cfg(test)]
mod tests;
