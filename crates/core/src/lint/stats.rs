//! Sizes, write rates and session defaults of a production database, without any of its data.
//!
//! There is one type for three sources: a file that `underpin stats` wrote, a live database, and
//! `[lint.tables]` of the settings, which win because a person said so. It holds facts and decides
//! nothing; what a size means for a statement is told in [`super::cost`].

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use underpin_catalog::{Name, RelationName, ServerVersion};
use underpin_sql::RelationKind;

use super::finding::Blocks;

/// What a statistics file holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stats {
    /// The form of the file.
    pub version: u32,
    /// When it was taken, by the server's clock.
    pub taken_at: Option<Timestamp>,
    /// `server_version_num`.
    pub server_version: Option<ServerVersion>,
    /// The database's name.
    pub database: Option<String>,
    /// From when on reads and writes were counted; with `counted_from`, the whole rate's ground.
    pub counted_since: Option<Timestamp>,
    /// What `counted_since` is.
    pub counted_from: Option<CountedFrom>,
    /// With what a session begins, for the role that took the statistics.
    pub session: Option<SessionDefaults>,
    /// What is set for roles and for the database (`ALTER ROLE … SET`), sorted. Only settings that
    /// change what a migration means or how long it may wait.
    #[serde(default)]
    pub defaults: Vec<StoredDefault>,
    /// Installed extensions with their versions.
    #[serde(default)]
    pub extensions: BTreeMap<String, String>,
    /// Tables and materialized views, in the order of their names.
    #[serde(default, with = "as_list")]
    pub tables: BTreeMap<RelationName, TableStats>,
}

/// When the server began to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountedFrom {
    /// Somebody reset the counters then.
    Reset,
    /// The counters were never reset, and the server does not say how old they are: they are at
    /// least as old as its start, so rates come out rather too high than too low.
    ServerStart,
}

/// With what a session begins. Milliseconds; 0 is "no limit", as in PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionDefaults {
    /// The role that these are the defaults of.
    pub role: String,
    /// `TimeZone`.
    pub time_zone: String,
    /// `lock_timeout`.
    pub lock_timeout_ms: u64,
    /// `statement_timeout`.
    pub statement_timeout_ms: u64,
    /// `idle_in_transaction_session_timeout`.
    pub idle_in_transaction_timeout_ms: u64,
}

/// A setting that a role or the database brings along.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredDefault {
    /// The role; `None` is every role.
    pub role: Option<String>,
    /// Whether it is for this database alone.
    pub this_database: bool,
    /// The setting.
    pub name: String,
    /// As it was written: `5s`.
    pub value: String,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableStats {
    /// Its name, always with the namespace.
    pub name: RelationName,
    /// What it is.
    pub kind: RelationKind,
    /// The partitioned table that it is a part of.
    pub partition_of: Option<RelationName>,
    /// An estimate: the rows of the last `ANALYZE`, grown as the table has grown since. `None` when it
    /// was never analyzed. A partitioned table's own is rarely there; [`Stats::table`] sums its parts.
    pub rows: Option<u64>,
    /// The rows themselves (the main fork), without indexes and toast.
    pub heap_bytes: u64,
    /// Values that are kept outside their rows, with the index that finds them.
    pub toast_bytes: u64,
    /// Sizes are those of the last `VACUUM` or `ANALYZE`: somebody had locked the table.
    #[serde(default)]
    pub is_outdated: bool,
    /// Its indexes, in the order of their names.
    #[serde(default)]
    pub indexes: Vec<IndexStats>,
    /// Rows written a second, since counting began.
    pub writes_per_s: Option<f64>,
    /// Scans a second, sequential and by index, since counting began.
    pub reads_per_s: Option<f64>,
    /// When it was last analyzed, by whomever.
    pub analyzed_at: Option<Timestamp>,
    /// How busy it is, when the settings say so; rates are not asked then.
    #[serde(skip)]
    pub declared_heat: Option<Heat>,
    /// Who says all this.
    #[serde(skip)]
    pub source: Source,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexStats {
    /// Its name; it lives where its table does.
    pub name: Name,
    /// Its size.
    pub bytes: u64,
    /// False for what a failed concurrent build left.
    pub is_valid: bool,
}

/// Who says how large a table is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// A file of `underpin stats`.
    #[default]
    File,
    /// The database itself, a moment ago.
    Live,
    /// `[lint.tables]` of the settings.
    Settings,
    /// Nobody: the settings say how busy it is and not how large.
    Nobody,
}

/// How likely it is that somebody comes by while a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heat {
    /// Less than once a minute.
    Cold,
    /// Between once a minute and once a second.
    Warm,
    /// Once a second or more: whatever lock is held, somebody waits.
    Hot,
}

/// `[lint.tables]`: what a person says about a table. What is not said is looked up or assumed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TableSettings {
    /// Rows.
    pub rows: Option<u64>,
    /// The heap, in megabytes of 1,048,576 bytes.
    pub heap_mb: Option<u64>,
    /// `hot`, `warm` or `cold`.
    pub heat: Option<Heat>,
}

/// A statistics file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatsError {
    /// Written by a later underpin, or no statistics file at all.
    #[error("this is version {0} of the statistics file, and this underpin reads version {VERSION}")]
    Version(u64),
    /// Not such a file.
    #[error("line {line}: {message}")]
    Form {
        /// From 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
}

/// The form of the file that is written and read.
pub const VERSION: u32 = 1;

/// A heap row of the table that the rates of [`super::cost`] were measured on. Where rows are known
/// and bytes are not, or the other way round, they are turned into each other with it.
pub const ROW_BYTES: f64 = 117.0;

/// Rates that were counted for less than a day are not used: most applications have a quiet hour.
const COUNTED_S_MIN: i64 = 86_400;

impl Stats {
    /// Knows nothing.
    pub fn none() -> Self {
        Self {
            version: VERSION,
            taken_at: None,
            server_version: None,
            database: None,
            counted_since: None,
            counted_from: None,
            session: None,
            defaults: Vec::new(),
            extensions: BTreeMap::new(),
            tables: BTreeMap::new(),
        }
    }

    /// Reads a statistics file.
    ///
    /// # Errors
    /// [`StatsError`]. A key that this version does not know is one.
    pub fn from_json(text: &str) -> Result<Self, StatsError> {
        #[derive(Deserialize)]
        struct Form {
            version: u64,
        }
        // The version first: what a later version looks like is not for us to complain about.
        let form: Form = serde_json::from_str(text).map_err(|error| StatsError::of(&error))?;
        if form.version != u64::from(VERSION) {
            return Err(StatsError::Version(form.version));
        }
        serde_json::from_str(text).map_err(|error| StatsError::of(&error))
    }

    /// The file: sorted, indented, with a line feed at its end, so that two of them can be compared.
    pub fn to_json(&self) -> String {
        let mut text =
            serde_json::to_string_pretty(self).expect("statistics hold nothing that JSON cannot say");
        text.push('\n');
        text
    }

    /// With what a person says about tables. A bare name is one of `namespace`.
    pub fn with_declared(mut self, declared: &BTreeMap<String, TableSettings>, namespace: &Name) -> Self {
        for (written, table) in declared {
            let name = match written.split_once('.') {
                Some((namespace, name)) => RelationName::qualified(namespace, name),
                None => RelationName { namespace: Some(namespace.clone()), name: Name::new(written) },
            };
            let known = self
                .tables
                .entry(name)
                .or_insert_with_key(|name| TableStats { source: Source::Nobody, ..TableStats::empty(name) });
            known.declare(table);
        }
        self
    }

    /// A table with the sums of its parts, if it is partitioned. The name is a qualified one.
    pub fn table(&self, name: &RelationName) -> Option<TableStats> {
        let mut found = self.tables.get(name)?.clone();
        if !self.counted_long_enough() {
            (found.writes_per_s, found.reads_per_s) = (None, None);
        }
        let said = found.source == Source::Settings;
        if found.kind != RelationKind::Partitioned || said {
            return Some(found);
        }
        let parts = self.parts(name);
        let rows = parts.iter().try_fold(0_u64, |sum, part| Some(sum.saturating_add(part.rows?)));
        let counted = self.counted_long_enough();
        let rate = |of: fn(&TableStats) -> Option<f64>| {
            parts.iter().filter_map(|part| of(part).filter(|_| counted)).reduce(|sum, one| sum + one)
        };
        // A partitioned table's own estimate is there when it was analyzed itself, which autovacuum
        // never does.
        found.rows = rows.or(found.rows);
        found.writes_per_s = rate(|part| part.writes_per_s);
        found.reads_per_s = rate(|part| part.reads_per_s);
        for part in parts {
            found.heap_bytes = found.heap_bytes.saturating_add(part.heap_bytes);
            found.toast_bytes = found.toast_bytes.saturating_add(part.toast_bytes);
            found.is_outdated |= part.is_outdated;
            found.indexes.extend(part.indexes.iter().cloned());
        }
        Some(found)
    }

    /// Where nobody wrote down since
    /// when it was counted, the rates are taken as they are.
    fn counted_long_enough(&self) -> bool {
        match (self.counted_since, self.taken_at) {
            (Some(since), Some(taken)) => taken.duration_since(since).as_secs() >= COUNTED_S_MIN,
            _ => true,
        }
    }

    /// The parts with rows in them, at any depth.
    fn parts(&self, name: &RelationName) -> Vec<&TableStats> {
        // A file may claim anything, also that a table is a part of itself.
        let mut seen = BTreeSet::from([name]);
        let mut wanted = vec![name];
        let mut found = Vec::new();
        while let Some(parent) = wanted.pop() {
            for (part, stats) in &self.tables {
                if stats.partition_of.as_ref() == Some(parent) && seen.insert(part) {
                    match stats.kind {
                        RelationKind::Partitioned => wanted.push(part),
                        _ => found.push(stats),
                    }
                }
            }
        }
        found
    }
}

impl TableStats {
    /// A table of which nothing is known yet.
    pub fn empty(name: &RelationName) -> Self {
        Self {
            name: name.clone(),
            kind: RelationKind::Table,
            partition_of: None,
            rows: None,
            heap_bytes: 0,
            toast_bytes: 0,
            is_outdated: false,
            indexes: Vec::new(),
            writes_per_s: None,
            reads_per_s: None,
            analyzed_at: None,
            declared_heat: None,
            source: Source::default(),
        }
    }

    /// Of all indexes.
    pub fn index_bytes(&self) -> u64 {
        self.indexes.iter().fold(0, |sum, index| sum.saturating_add(index.bytes))
    }

    /// How likely it is that somebody waits behind a lock that blocks this; `None` where nobody
    /// counted.
    pub fn heat(&self, blocks: Blocks) -> Option<Heat> {
        if self.declared_heat.is_some() {
            return self.declared_heat;
        }
        let writes = self.writes_per_s?;
        match blocks {
            Blocks::Maintenance => Some(Heat::Cold),
            Blocks::Writes => Some(Heat::of(writes)),
            Blocks::ReadsAndWrites => Some(Heat::of(writes + self.reads_per_s?)),
        }
    }

    /// What a person says wins, and what follows from it too: the bytes of a table of which only the
    /// rows were said must not be those of an old file.
    fn declare(&mut self, declared: &TableSettings) {
        if declared.heat.is_some() {
            self.declared_heat = declared.heat;
        }
        if declared.rows.is_none() && declared.heap_mb.is_none() {
            return;
        }
        let row_bytes = self.row_bytes();
        let bytes = declared.heap_mb.map(|mb| mb as f64 * 1_048_576.0);
        let before = self.heap_bytes as f64;
        self.rows = declared.rows.or(bytes.map(|bytes| (bytes / row_bytes) as u64));
        let heap = bytes.or(declared.rows.map(|rows| rows as f64 * row_bytes)).unwrap_or_default();
        if before > 0.0 {
            let grown = heap / before;
            self.toast_bytes = (self.toast_bytes as f64 * grown) as u64;
            for index in &mut self.indexes {
                index.bytes = (index.bytes as f64 * grown) as u64;
            }
        }
        self.heap_bytes = heap as u64;
        self.source = Source::Settings;
    }

    /// The width of a row, as far as it can be told.
    fn row_bytes(&self) -> f64 {
        match self.rows {
            Some(rows) if rows > 0 && self.heap_bytes > 0 => self.heap_bytes as f64 / rows as f64,
            _ => ROW_BYTES,
        }
    }
}

impl Heat {
    /// From statements (or rows) a second.
    pub fn of(per_s: f64) -> Self {
        match per_s {
            1.0.. => Self::Hot,
            rate if rate * 60.0 >= 1.0 => Self::Warm,
            _ => Self::Cold,
        }
    }
}

impl StatsError {
    fn of(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        // The place is said apart.
        let message = text.split(" at line ").next().unwrap_or_default().to_owned();
        Self::Form { line: error.line().max(1), message }
    }
}

/// JSON has no keys of two parts, so tables are a list in the file.
mod as_list {
    use super::{BTreeMap, Deserialize, RelationName, TableStats};
    use serde::{Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        tables: &BTreeMap<RelationName, TableStats>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(tables.values())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<RelationName, TableStats>, D::Error> {
        let mut tables = BTreeMap::new();
        for table in Vec::<TableStats>::deserialize(from)? {
            let shown = table.name.shown();
            if table.name.namespace.is_none() {
                return Err(D::Error::custom(format!("table {shown} has no namespace")));
            }
            if tables.insert(table.name.clone(), table).is_some() {
                return Err(D::Error::custom(format!("table {shown} is listed twice")));
            }
        }
        Ok(tables)
    }
}

#[cfg(test)]
mod tests;
