//! What the rows say about pending migrations: for a person, or as one object.

use serde::Serialize;
use underpin_core::precondition::{Answer, Kind, Place, Precondition, Sample, Verdict, exit_code};
use underpin_core::quantity::thousands;
use underpin_engine::precondition::Asked;

use super::consequences::hanging;
use super::lint::facts::clean;
use super::lint::several;

/// Everything that is told.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    version: u32,
    pub(crate) exit_code: u8,
    /// The pending migrations.
    pending: Vec<String>,
    preconditions: Vec<One>,
    budget_ms: u64,
    spent_ms: u64,
}

/// A precondition, with what the rows say.
#[derive(Debug, Serialize)]
struct One {
    #[serde(flatten)]
    place: Place,
    statement: String,
    kind: Kind,
    sqlstate: Option<&'static str>,
    table: String,
    columns: Vec<String>,
    why: String,
    verdict: Verdict,
    /// So many rows stand against it; `None` when nobody could look.
    rows: Option<u64>,
    /// Among so many.
    looked_at: Option<u64>,
    /// Whether these were all rows of the table.
    all: bool,
    /// Some of them.
    samples: Vec<Sample>,
    /// Why nobody could look.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<String>,
    /// A statement before it that changes rows of the table.
    #[serde(skip_serializing_if = "Option::is_none")]
    behind: Option<Place>,
}

impl Told {
    pub(crate) fn of(asked: &Asked, budget_s: u64) -> Self {
        Self {
            version: 1,
            exit_code: exit_code(&asked.answers),
            pending: asked.pending.clone(),
            preconditions: asked.answers.iter().map(|(asked, answer)| One::of(asked, answer)).collect(),
            budget_ms: budget_s.saturating_mul(1_000),
            spent_ms: u64::try_from(asked.spent.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl One {
    fn of(asked: &Precondition, answer: &Answer) -> Self {
        let (counted, unknown) = match answer {
            Answer::Counted(counted) => (Some(counted), None),
            Answer::Unknown(why) => (None, Some(why.clone())),
        };
        Self {
            place: asked.place.clone(),
            statement: asked.statement.clone(),
            kind: asked.kind,
            sqlstate: asked.sqlstate,
            table: asked.table.shown(),
            columns: asked.columns.iter().map(|column| column.as_str().to_owned()).collect(),
            why: asked.why.clone(),
            verdict: asked.verdict(answer),
            rows: counted.map(|counted| counted.rows),
            looked_at: counted.map(|counted| counted.looked_at),
            all: counted.is_some_and(|counted| counted.all),
            samples: counted.map(|counted| counted.samples.clone()).unwrap_or_default(),
            unknown,
            behind: asked.behind.clone(),
        }
    }

    fn mark(&self) -> &'static str {
        match self.verdict {
            Verdict::Holds => "ok",
            Verdict::Violated => "FAIL",
            Verdict::MayBeMended | Verdict::Unknown => "?",
        }
    }

    /// What was found, in a sentence or two.
    fn words(&self) -> String {
        let mut words = match (self.rows, &self.unknown) {
            (None, why) => format!("{}; nobody looked: {}", self.why, why.as_deref().unwrap_or("no time")),
            (Some(0), _) if self.all => format!(
                "no row of {} {}{}",
                self.table,
                self.kind.words(self.rows.unwrap_or_default()),
                self.of_what()
            ),
            (Some(0), _) => format!(
                "no row of the first {} of {} {}{}; there was no time for the others",
                self.number(self.looked_at),
                self.table,
                self.kind.words(self.rows.unwrap_or_default()),
                self.of_what()
            ),
            (Some(_), _) => format!(
                "{}{} of {} {}{}{}",
                if self.all { "" } else { "at least " },
                several_rows(self.rows.unwrap_or_default()),
                self.table,
                self.kind.words(self.rows.unwrap_or_default()),
                self.of_what(),
                if self.all { String::new() } else { format!("; looked at {}", self.number(self.looked_at)) },
            ),
        };
        if let (Some(sqlstate), Verdict::Violated) = (self.sqlstate, self.verdict) {
            words.push_str(&format!(": refused with {sqlstate}"));
        }
        if let Some(behind) = &self.behind {
            words.push_str(&format!(
                "; {}:{} changes rows of it before, which nobody can count yet",
                behind.migration, behind.line
            ));
        }
        words
    }

    /// ` in (a, b)`.
    fn of_what(&self) -> String {
        match self.columns.as_slice() {
            [] => String::new(),
            columns => format!(" in ({})", columns.join(", ")),
        }
    }

    fn number(&self, count: Option<u64>) -> String {
        several_rows(count.unwrap_or_default())
    }

    /// The rows that are shown, as far as they have keys.
    fn rows_shown(&self) -> Option<String> {
        let one = |sample: &Sample| {
            let keys = sample.keys.join(" = ");
            let values: Vec<&str> =
                sample.values.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect();
            match (keys.is_empty(), values.is_empty()) {
                (true, true) => None,
                (true, false) => Some(values.join(", ")),
                (false, true) => Some(keys),
                (false, false) => Some(format!("{keys} ({})", values.join(", "))),
            }
        };
        let shown: Vec<String> = self.samples.iter().filter_map(one).collect();
        (!shown.is_empty()).then(|| format!("rows: {}", shown.join("; ")))
    }
}

fn several_rows(count: u64) -> String {
    match count {
        1 => "1 row".to_owned(),
        more => format!("{} rows", thousands(more as f64)),
    }
}

/// The page, in lines of at most `columns` characters where words allow it. `folder` is that of the migrations.
pub(crate) fn page(told: &Told, folder: &str, columns: usize) -> String {
    if told.pending.is_empty() {
        return "No migration is pending.".to_owned();
    }
    let mut page = String::new();
    let mut place = None;
    for one in &told.preconditions {
        if place != Some(&one.place) {
            page.push_str(&format!("{folder}/{}/migration.sql:{}\n", one.place.migration, one.place.line));
            place = Some(&one.place);
        }
        page.push_str(&format!("  {:<4}  {}\n", one.mark(), hanging(&clean(&one.words()), 8, columns)));
        if let Some(rows) = one.rows_shown() {
            page.push_str(&format!("        {}\n", hanging(&clean(&rows), 8, columns)));
        }
    }
    if !told.preconditions.is_empty() {
        page.push('\n');
    }
    let count = |verdict: Verdict| told.preconditions.iter().filter(|one| one.verdict == verdict).count();
    let open = count(Verdict::MayBeMended) + count(Verdict::Unknown);
    page.push_str(&format!("{}, ", several(told.pending.len(), "pending migration")));
    page.push_str(&match told.preconditions.len() {
        0 => "which presuppose nothing of the rows".to_owned(),
        all => format!(
            "{} of the rows: {} ok, {} failing, {open} not known",
            several(all, "precondition"),
            count(Verdict::Holds),
            count(Verdict::Violated)
        ),
    });
    page
}
