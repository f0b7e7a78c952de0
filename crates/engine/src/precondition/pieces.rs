//! One question to the rows of a table, in pieces of its pages that take a moment each.
//!
//! A piece is a range of pages (`ctid`), so that the next one begins where the last one ended, whatever indexes
//! there are. A row that is updated meanwhile moves, and may be seen twice or not at all: the numbers are those of
//! a look, not of a snapshot, which would hold back VACUUM for as long as the look takes.

use std::time::{Duration, Instant};

use tokio_postgres::{Client, Row};
use underpin_catalog::{Name, RelationName, Sql, sql};
use underpin_core::precondition::{Counted, Sample};

use super::PIECE_LIMIT;

/// So many rows are shown.
pub(super) const SAMPLES_MAX: usize = 5;

/// So many of the rows that are equal to each other are named.
const KEYS_MAX: usize = 3;

/// The first piece: 2 MB.
const BLOCKS_FIRST: i64 = 256;

/// How long a piece should take. The next one is twice as large, or half, until it does.
const PIECE: Duration = Duration::from_millis(250);

/// How often a piece is tried again for which a lock was not free, or which a replica cancelled.
const TRIES: u32 = 5;

const PAUSE: Duration = Duration::from_millis(200);

/// No wait for a lock is longer.
const LOCK_TIMEOUT_MS: u32 = 200;

/// Why a question has no answer.
#[derive(Debug)]
pub(super) enum Stopped {
    /// The server said no, and this is why.
    Refused(String),
    /// The connection is lost.
    Lost(tokio_postgres::Error),
}

/// A table that has pages.
#[derive(Debug)]
pub(super) struct Leaf {
    oid: u32,
    name: RelationName,
}

/// A question, and until when it may be asked.
#[derive(Debug)]
pub(super) struct Pieces<'a> {
    pub(super) client: &'a Client,
    /// What conditions call the table.
    pub(super) own: Name,
    /// The columns of its primary key.
    pub(super) key: &'a [Name],
    /// Columns whose values are shown too.
    pub(super) values: Vec<Name>,
    pub(super) deadline: Instant,
}

/// What a piece came to.
enum Piece {
    Rows(Vec<Row>),
    /// It took too long.
    TimedOut,
}

impl Pieces<'_> {
    /// The tables that have the rows of one: itself, and all that are below it.
    pub(super) async fn leaves(&self, table: &RelationName) -> Result<Vec<Leaf>, Stopped> {
        let rows = match self.piece(&Sql::verbatim(LEAVES), &[&table.to_string()]).await? {
            Piece::Rows(rows) => rows,
            Piece::TimedOut => return Err(Stopped::Refused(NO_TIME.to_owned())),
        };
        if rows.iter().any(|row| row.get::<_, bool>(3)) {
            return Err(Stopped::Refused("rows of it are on another server".to_owned()));
        }
        let leaf = |row: &Row| Leaf {
            oid: row.get(0),
            name: RelationName::qualified(row.get::<_, &str>(1), row.get::<_, &str>(2)),
        };
        Ok(rows.iter().map(leaf).collect())
    }

    /// Whether there is a row at all; the first ones are counted.
    pub(super) async fn first(&self, table: &RelationName, rows_max: u64) -> Result<Counted, Stopped> {
        let limit = Sql::verbatim(rows_max.to_string());
        let query = sql!("SELECT count(*) FROM (SELECT FROM {} LIMIT {}) AS there", table, limit);
        match self.piece(&query, &[]).await? {
            Piece::TimedOut => Err(Stopped::Refused(NO_TIME.to_owned())),
            Piece::Rows(rows) => {
                let rows = number(&rows, 0);
                Ok(Counted { rows, looked_at: rows, all: rows < rows_max, samples: Vec::new() })
            }
        }
    }

    /// The rows that satisfy a condition.
    pub(super) async fn matching(&self, leaf: &Leaf, condition: &str) -> Result<Counted, Stopped> {
        let mut counted = Counted::default();
        let condition = Sql::verbatim(condition);
        let (mut begin, mut blocks) = (0, BLOCKS_FIRST);
        loop {
            let end = self.blocks(leaf).await?;
            if begin >= end {
                counted.all = true;
                return Ok(counted);
            }
            let range = self.range(begin, begin + blocks);
            let from = sql!("FROM ONLY {} AS {} WHERE {}", leaf.name, self.own, range);
            let query =
                sql!("SELECT (SELECT count(*) {}), (SELECT count(*) {} AND ({}))", from, from, condition);
            let started = Instant::now();
            match self.piece(&query, &[]).await? {
                Piece::Rows(rows) => {
                    counted.looked_at += number(&rows, 0);
                    let found = number(&rows, 1);
                    counted.rows += found;
                    if found > 0 && counted.samples.len() < SAMPLES_MAX {
                        counted.samples.extend(self.samples(&from, &condition).await?);
                        counted.samples.truncate(SAMPLES_MAX);
                    }
                    begin += blocks;
                    blocks = match started.elapsed() {
                        took if took < PIECE / 2 => blocks.saturating_mul(2),
                        took if took > PIECE * 2 => (blocks / 2).max(1),
                        _ => blocks,
                    };
                }
                Piece::TimedOut if self.left().is_zero() => return Ok(counted),
                Piece::TimedOut if blocks == 1 && counted.looked_at == 0 => {
                    return Err(Stopped::Refused(NO_TIME.to_owned()));
                }
                Piece::TimedOut if blocks == 1 => return Ok(counted),
                Piece::TimedOut => blocks = (blocks / 16).max(1),
            }
            if self.left().is_zero() {
                counted.all = begin >= end;
                return Ok(counted);
            }
        }
    }

    /// The rows that are equal to another one. As this cannot be asked in pieces, it is asked about a part of the
    /// table, then about a larger one, as far as there is time.
    pub(super) async fn equal(
        &self,
        leaf: &Leaf,
        keys: &[String],
        among: Option<&str>,
    ) -> Result<Counted, Stopped> {
        let listed = Sql::verbatim(keys.join(", "));
        let among = Sql::verbatim(among.map(|among| format!(" AND ({among})")).unwrap_or_default());
        let mut counted = Counted::default();
        let end = self.blocks(leaf).await?;
        let mut blocks = (BLOCKS_FIRST * 8).min(end);
        loop {
            // The last part has what came meanwhile, too.
            let is_all = blocks >= end;
            let range = if is_all { Sql::verbatim("true") } else { self.range(0, blocks) };
            let from = sql!("FROM ONLY {} AS {} WHERE {}", leaf.name, self.own, range);
            let groups = sql!("{}{} GROUP BY {} HAVING count(*) > 1", from, among, listed);
            let query = sql!(
                "SELECT (SELECT count(*) {}), (SELECT coalesce(sum(n), 0)::bigint FROM (SELECT count(*) AS n {}) AS alike)",
                from,
                groups
            );
            match self.within(self.left(), &query, &[]).await? {
                Piece::TimedOut => return Ok(counted),
                Piece::Rows(rows) => {
                    counted = Counted {
                        looked_at: number(&rows, 0),
                        rows: number(&rows, 1),
                        all: is_all,
                        samples: Vec::new(),
                    };
                }
            }
            if counted.rows > 0 {
                counted.samples = self.groups(&groups, keys).await?;
            }
            if is_all || self.left().is_zero() {
                return Ok(counted);
            }
            blocks = blocks.saturating_mul(8).min(end);
        }
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    async fn blocks(&self, leaf: &Leaf) -> Result<i64, Stopped> {
        match self.within(PIECE_LIMIT, &Sql::verbatim(BLOCKS), &[&leaf.oid]).await? {
            Piece::Rows(rows) => Ok(rows.first().and_then(|row| row.get::<_, Option<i64>>(0)).unwrap_or(0)),
            Piece::TimedOut => Err(Stopped::Refused(NO_TIME.to_owned())),
        }
    }

    /// Pages from one to before another.
    fn range(&self, begin: i64, end: i64) -> Sql {
        let page = |block: i64| Sql::verbatim(format!("'({},0)'::tid", block.min(i64::from(u32::MAX) - 1)));
        sql!("{}.ctid >= {} AND {}.ctid < {}", self.own, page(begin), self.own, page(end))
    }

    async fn samples(&self, from: &Sql, condition: &Sql) -> Result<Vec<Sample>, Stopped> {
        if self.key.is_empty() && self.values.is_empty() {
            return Ok(Vec::new());
        }
        let query = sql!(
            "SELECT {}, {} {} AND ({}) LIMIT {}",
            self.texts(self.key),
            self.texts(&self.values),
            from,
            condition,
            Sql::verbatim(SAMPLES_MAX.to_string())
        );
        let Piece::Rows(rows) = self.piece(&query, &[]).await? else { return Ok(Vec::new()) };
        let sample =
            |row: &Row| Sample { keys: joined(row.get(0)).into_iter().collect(), values: row.get(1) };
        Ok(rows.iter().map(sample).collect())
    }

    async fn groups(&self, groups: &Sql, keys: &[String]) -> Result<Vec<Sample>, Stopped> {
        let shown: Vec<Sql> = keys.iter().map(|key| Sql::verbatim(format!("({key})::text"))).collect();
        let shown = match self.values.is_empty() {
            true => Sql::verbatim("ARRAY[]::text[]"),
            false => sql!("ARRAY[{}]", shown),
        };
        let named = match self.key.is_empty() {
            true => Sql::verbatim("ARRAY[]::text[]"),
            // An array of texts for each: PostgreSQL has no arrays of arrays of other lengths.
            false => {
                let order: Vec<Sql> = self.key.iter().map(|key| sql!("{}.{}", self.own, key)).collect();
                let text = sql!("array_to_string({}, ', ')", self.texts(self.key));
                let some = Sql::verbatim(KEYS_MAX.to_string());
                sql!("(array_agg({} ORDER BY {}))[1:{}]", text, order, some)
            }
        };
        let query =
            sql!("SELECT {}, {} {} LIMIT {}", named, shown, groups, Sql::verbatim(SAMPLES_MAX.to_string()));
        let Piece::Rows(rows) = self.within(self.left().max(PIECE_LIMIT), &query, &[]).await? else {
            return Ok(Vec::new());
        };
        let sample = |row: &Row| Sample { keys: row.get(0), values: row.get(1) };
        Ok(rows.iter().map(sample).collect())
    }

    /// Columns as an array of texts.
    fn texts(&self, columns: &[Name]) -> Sql {
        if columns.is_empty() {
            return Sql::verbatim("ARRAY[]::text[]");
        }
        let text = |column: &Name| sql!("{}.{}::text", self.own, column);
        sql!("ARRAY[{}]", columns.iter().map(text).collect::<Vec<Sql>>())
    }

    /// A piece that may take as long as pieces may, and no longer than there is time.
    async fn piece(
        &self,
        query: &Sql,
        parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    ) -> Result<Piece, Stopped> {
        self.within(self.left().min(PIECE_LIMIT), query, parameters).await
    }

    async fn within(
        &self,
        limit: Duration,
        query: &Sql,
        parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    ) -> Result<Piece, Stopped> {
        // 0 would be no limit.
        let limit_ms = limit.as_millis().max(1);
        let begin = format!(
            "BEGIN READ ONLY; SET LOCAL statement_timeout = {limit_ms}; SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}; \
             SET LOCAL row_security = off; SET LOCAL max_parallel_workers_per_gather = 0"
        );
        let mut tried = 1;
        loop {
            let done = async {
                self.client.batch_execute(&begin).await?;
                self.client.query(query.as_str(), parameters).await
            };
            let done = done.await;
            let ended = self.client.batch_execute("ROLLBACK").await;
            let error = match done {
                Ok(rows) => return ended.map(|()| Piece::Rows(rows)).map_err(Stopped::Lost),
                Err(error) => error,
            };
            let Some(said) = error.as_db_error() else { return Err(Stopped::Lost(error)) };
            match said.code().code() {
                "57014" => return Ok(Piece::TimedOut),
                // Somebody has locked the table; a replica cancels what is in the way of its log.
                "55P03" | "40001" | "40P01" if tried < TRIES => {
                    tried += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                // What it says would show a value.
                code if code.starts_with("22") => {
                    return Err(Stopped::Refused(format!("an expression fails for a row ({code})")));
                }
                _ => return Err(Stopped::Refused(crate::shadow_history::said(&error))),
            }
        }
    }
}

/// A number of the first row.
fn number(rows: &[Row], at: usize) -> u64 {
    rows.first().map_or(0, |row| u64::try_from(row.get::<_, i64>(at)).unwrap_or(0))
}

/// A key of several columns as one text; `None` when there is no key.
fn joined(key: Vec<String>) -> Option<String> {
    (!key.is_empty()).then(|| key.join(", "))
}

const NO_TIME: &str = "it takes longer than there is time for";

const BLOCKS: &str = "SELECT pg_catalog.pg_relation_size($1::oid) OPERATOR(pg_catalog./) pg_catalog.current_setting('block_size')::pg_catalog.int8";

/// By the name as text; those that have no pages of their own are left out.
const LEAVES: &str = "WITH RECURSIVE below AS (
        SELECT $1::text::regclass::oid AS oid
        UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN below b ON i.inhparent = b.oid
    )
    SELECT c.oid, n.nspname::text, c.relname::text, c.relkind = 'f'
    FROM below b JOIN pg_catalog.pg_class c USING (oid) JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm', 'f') ORDER BY 2, 3";
