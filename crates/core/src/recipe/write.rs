//! The files of a plan: Prisma's text for the way from one database to the next, with triggers and fills put in.
//!
//! What has to be one step for a running client is one transaction: a column and the triggers that fill it, the
//! same when both go, and a primary key that gives way to another. All else stands alone, so that our own deploy
//! can take its online form.

use std::collections::BTreeMap;

use underpin_catalog::model::{Firing, Trigger, TriggerTiming};
use underpin_catalog::{RelationName, Sql, sql};
use underpin_prisma::PrismaCatalog;
use underpin_prisma::migrate::{Migration, Step};

use super::Phased;
use super::counting::Counted;
use super::draft::{Draft, Keep};
use super::renamed_tables::{bare, renaming};
use super::turn::Turn;
use super::{keyless, swap};
use crate::rollout::{Directives, Gone, Phase, Query, guard};
use crate::sync::{self, Others, Pair, Synced, Value};
use crate::sync_tables::Across;

/// A file of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseText {
    /// What it says of itself.
    pub directives: Directives,
    /// Its statements.
    pub body: String,
}

impl PhaseText {
    /// The phase.
    pub fn phase(&self) -> Phase {
        self.directives.phase
    }

    /// The text of its `migration.sql` in a folder of this name.
    pub fn text(&self, folder: &str) -> String {
        let guard = match self.phase().is_held() {
            true => format!("{};\n\n", guard(folder)),
            false => String::new(),
        };
        format!("{}\n{guard}{}", self.directives.head(), self.body)
    }
}

/// The triggers of a table, and the sequences of its columns.
#[derive(Clone, Default)]
struct Switch {
    turns: Vec<Turn>,
    synced: Option<Synced>,
    /// What goes with columns of this table.
    crossings: Vec<Across>,
    keeps: Vec<Keep>,
    counted: Vec<Counted>,
}

pub(super) fn phased(mut draft: Draft<'_>, name: &str) -> Phased {
    let mut switches: BTreeMap<RelationName, Switch> = BTreeMap::new();
    for (table, _) in &draft.pairs {
        switches.entry(draft.bare(table)).or_default().synced = Some(synced(&draft, table));
    }
    for turn in &draft.turns {
        switches.entry(turn.table.clone()).or_default().turns.push(turn.clone());
    }
    for keep in &draft.keeps {
        switches.entry(keep.table.clone()).or_default().keeps.push(keep.clone());
    }
    for counted in &draft.counted {
        switches.entry(draft.bare(&counted.table)).or_default().counted.push(counted.clone());
    }
    let bodies = [
        (Phase::Expand, expand(&draft, &switches)),
        (Phase::Backfill, backfill(&draft)),
        (Phase::Contract, contract(&draft, &switches)),
    ];
    let mut verify = draft.verify.clone();
    let disagree = |(table, pair): &(RelationName, Pair)| sync::disagree(&draft.bare(table), pair);
    verify.extend(draft.pairs.iter().map(|pair| (Phase::Contract, disagree(pair))));
    let mut last = None;
    let mut phases = Vec::new();
    for (phase, parts) in bodies {
        if parts.is_empty() {
            continue;
        }
        let is_contract = phase == Phase::Contract;
        let verify = verify.iter().filter(|(of, _)| *of == phase);
        phases.push(PhaseText {
            directives: Directives {
                rollout: name.to_owned(),
                phase,
                after: last,
                gone: if is_contract { all_named(&draft.gone, &draft) } else { Vec::new() },
                park: if is_contract { all_named(&draft.park, &draft) } else { Vec::new() },
                verify: verify.filter_map(|(_, query)| Query::new(query.clone()).ok()).collect(),
            },
            body: parts.join("\n"),
        });
        last = Some(phase);
    }
    let mut around = draft.around.clone();
    for (before, behind) in draft.exchanges.iter().map(|exchange| exchange.around(&draft)) {
        around.0.extend(before);
        around.1.extend(behind);
    }
    let (ended, _) = draft.exchanged();
    let told: Vec<String> =
        draft.exchanges.iter().filter_map(|exchange| exchange.told(&draft, &ended)).collect();
    draft.notes.extend(told);
    draft.notes.extend(keyless::notes(&draft, &phases));
    Phased {
        around,
        counting: draft.counting,
        used: draft.used.into_iter().collect(),
        notes: draft.notes,
        expanded: draft.expanded,
        filled: draft.filled,
        refills: draft.refills,
        synced: switches.into_values().filter_map(|switch| switch.synced).collect(),
        phases,
    }
}

/// What of a table is kept equal. Functions that expressions become are called by their full names, whoever
/// writes; where there are none, the names are those that Prisma writes.
fn synced(draft: &Draft<'_>, table: &RelationName) -> Synced {
    let pairs: Vec<Pair> =
        draft.pairs.iter().filter(|(own, _)| own == table).map(|(_, pair)| pair.clone()).collect();
    let mut shapes = pairs.iter().flat_map(|pair| pair.before.iter().chain(&pair.after));
    let has_functions = shapes.any(|shape| matches!(shape.value, Value::Expression(_)));
    let fires = |trigger: &Trigger| {
        trigger.timing == TriggerTiming::Before && trigger.for_each_row && trigger.fires != Firing::Disabled
    };
    let found = draft.case.catalog.tables.get(table);
    let others = match found.is_some_and(|found| found.triggers.values().any(fires)) {
        true => Others::Triggers,
        false => Others::None,
    };
    Synced { table: if has_functions { table.clone() } else { draft.bare(table) }, pairs, others }
}

fn all_named(gone: &[Gone], draft: &Draft<'_>) -> Vec<Gone> {
    gone.iter().map(|gone| named(gone, draft)).collect()
}

/// Names as the file's statements have them.
fn named(gone: &Gone, draft: &Draft<'_>) -> Gone {
    match gone {
        Gone::Column { table, column } => Gone::Column { table: draft.bare(table), column: column.clone() },
        Gone::Table(name) => Gone::Table(draft.bare(name)),
        Gone::Index(name) => Gone::Index(draft.bare(name)),
        Gone::Type(name) => Gone::Type(draft.bare(name)),
        Gone::SwappedColumn { table, column, by } => {
            Gone::SwappedColumn { table: draft.bare(table), column: column.clone(), by: by.clone() }
        }
        Gone::SwappedType { name, by } => Gone::SwappedType { name: draft.bare(name), by: by.clone() },
    }
}

/// What comes, and the triggers.
fn expand(draft: &Draft<'_>, switches: &BTreeMap<RelationName, Switch>) -> Vec<String> {
    let left_out = draft.case.after.default_namespace.as_ref();
    let mut parts: Vec<String> = Vec::new();
    for (from, to) in &draft.base.renamed {
        let table = draft.case.before.table(from).expect("what is renamed was there");
        let statements = renaming(table, &to.name, left_out);
        parts.push(transaction(&format!("-- RenameTable\n{}", lines(&statements))));
    }
    let around = |table: &RelationName, paragraph: Option<&str>| {
        let on = switches.get(table)?.on();
        let text = format!("{}\n{on}", paragraph.unwrap_or_default());
        (!on.is_empty()).then(|| transaction(text.trim_start()))
    };
    parts.extend(put_around(
        paragraphs(draft, &draft.base.catalog, &draft.expanded),
        around,
        switches.keys(),
    ));
    // Behind both tables and their keys: until here nobody writes what is new.
    for crossing in &draft.crossings {
        let [one, other] = crossing.across.tables();
        parts.push(transaction(&format!(
            "-- SyncOn: {} and {} are kept equal\n{}",
            one.name,
            other.name,
            lines(&crossing.across.switch_on())
        )));
    }
    parts
}

/// The fills, and what is true behind them.
fn backfill(draft: &Draft<'_>) -> Vec<String> {
    let fill = |(table, pair): &(RelationName, Pair)| sync::fill(&draft.bare(table), pair);
    let mut fills = draft.first_fills.clone();
    fills.extend(draft.pairs.iter().map(fill));
    fills.extend(draft.crossings.iter().map(|crossing| crossing.fill.clone()));
    fills.extend(draft.fills.iter().cloned());
    let mut parts: Vec<String> = fills.iter().map(|fill| format!("-- Fill\n{fill};\n")).collect();
    let way = paragraphs(draft, &draft.expanded, &draft.filled);
    parts.extend(way.into_iter().map(|paragraph| paragraph.text));
    parts
}

/// The triggers go, and what only the old release needs.
fn contract(draft: &Draft<'_>, switches: &BTreeMap<RelationName, Switch>) -> Vec<String> {
    let left_out = draft.case.after.default_namespace.as_ref();
    let mut switches = switches.clone();
    for crossing in &draft.crossings {
        let switch = switches.entry(draft.bare(&crossing.loses)).or_default();
        switch.crossings.push(crossing.across.clone());
    }
    let views = draft.base.renamed.iter().map(|(from, _)| sql!("DROP VIEW {}", bare(from, left_out)));
    let mut parts: Vec<String> = views.map(|view| format!("-- DropView\n{view};\n")).collect();
    let (ended, _) = draft.exchanged();
    parts.extend(paragraphs(draft, &draft.filled, &ended).into_iter().map(|paragraph| paragraph.text));
    for exchange in &draft.exchanges {
        parts.push(transaction(&format!(
            "-- ChangePrimaryKey\n{}",
            lines(&exchange.statements(draft, &ended))
        )));
        let validated = exchange.validated(draft, &ended).into_iter();
        parts.extend(validated.map(|statement| format!("-- ValidateForeignKey\n{statement};\n")));
    }
    let together: Vec<RelationName> = swap::tables(draft).iter().map(|table| draft.bare(table)).collect();
    let around = |table: &RelationName, paragraph: Option<&str>| {
        let off = switches.get(table).filter(|_| !together.contains(table))?.off();
        (!off.is_empty()).then(|| transaction(&format!("{off}\n{}", paragraph.unwrap_or_default())))
    };
    let mut paragraphs = paragraphs(draft, &swap::swapped(draft), draft.case.after);
    if !together.is_empty() {
        let is_of =
            |paragraph: &Paragraph| paragraph.table.as_ref().is_some_and(|table| together.contains(table));
        let (own, mut others): (Vec<_>, Vec<_>) = paragraphs.into_iter().partition(is_of);
        let place = others.iter().position(|paragraph| !paragraph.is_first).unwrap_or(others.len());
        let offs = together.iter().filter_map(|table| switches.get(table)).map(Switch::off);
        let swap = format!("-- Swap\n{}", lines(&swap::statements(draft)));
        let own = own.into_iter().map(|paragraph| paragraph.text);
        let texts: Vec<String> = offs.chain([swap]).chain(own).collect();
        others
            .insert(place, Paragraph { table: None, is_first: false, text: transaction(&texts.join("\n")) });
        paragraphs = others;
    }
    let switched = switches.keys().filter(|table| !together.contains(table));
    parts.extend(put_around(paragraphs, around, switched));
    parts
}

/// A part of Prisma's script, and the table that it alters.
struct Paragraph {
    table: Option<RelationName>,
    /// It stands before all that alters tables: what it drops by name would go with its column.
    is_first: bool,
    text: String,
}

/// Prisma's script for the way from one database to the next.
fn paragraphs(draft: &Draft<'_>, from: &PrismaCatalog, to: &PrismaCatalog) -> Vec<Paragraph> {
    let mut migration = Migration::between(from, to, draft.case.version);
    migration.spare(draft.case.catalog, draft.case.scope);
    if migration.steps.is_empty() {
        return Vec::new();
    }
    let script = migration.script();
    let paragraph = |(step, place): (&Step<'_>, std::ops::Range<usize>)| Paragraph {
        table: match step {
            Step::AlterTable(alter) => Some(draft.bare(&alter.before.name)),
            _ => None,
        },
        is_first: matches!(
            step,
            Step::CreateNamespace(_)
                | Step::DropExtension(_)
                | Step::CreateExtension(_)
                | Step::AlterExtension { .. }
                | Step::CreateEnum(_)
                | Step::AlterEnum(_)
                | Step::DropForeignKey { .. }
                | Step::DropIndex { .. }
        ),
        text: script[place].to_owned(),
    };
    migration.steps.iter().zip(migration.places()).map(paragraph).collect()
}

/// The paragraphs. `around` makes one of a table's own paragraph and its triggers; a table of `switched` without
/// such a paragraph gets one at the end.
fn put_around<'a>(
    paragraphs: Vec<Paragraph>,
    around: impl Fn(&RelationName, Option<&str>) -> Option<String>,
    switched: impl Iterator<Item = &'a RelationName>,
) -> Vec<String> {
    let mut parts = Vec::new();
    let mut met: Vec<RelationName> = Vec::new();
    for Paragraph { table, text, .. } in paragraphs {
        let whole = table.as_ref().and_then(|table| around(table, Some(&text)));
        met.extend(table.filter(|_| whole.is_some()));
        parts.push(whole.unwrap_or(text));
    }
    for table in switched.filter(|table| !met.contains(table)) {
        parts.extend(around(table, None));
    }
    parts
}

/// Several statements as one step.
fn transaction(statements: &str) -> String {
    format!("BEGIN;\n\n{}\nCOMMIT;\n", statements.trim_end_matches('\n').to_owned() + "\n")
}

fn lines(statements: &[Sql]) -> String {
    statements.iter().map(|statement| format!("{statement};\n")).collect()
}

impl Switch {
    fn on(&self) -> String {
        let mut text = String::new();
        for turn in &self.turns {
            text.push_str(&format!("-- TurnOn: {} of {} becomes {}\n", turn.from, turn.column, turn.to));
            text.push_str(&lines(&turn.on()));
        }
        if let Some(synced) = &self.synced {
            for pair in &synced.pairs {
                let names = |shapes: &[sync::Shape]| {
                    shapes.iter().map(|shape| shape.column.to_string()).collect::<Vec<_>>().join(", ")
                };
                text.push_str(&format!(
                    "-- SyncOn: {} and {} are kept equal\n",
                    names(&pair.before),
                    names(&pair.after)
                ));
            }
            text.push_str(&lines(&sync::switch_on(synced)));
        }
        for keep in &self.keeps {
            text.push_str(&format!("-- KeepOn: {} is never without a value\n", keep.column));
            text.push_str(&lines(&keep.on()));
        }
        text.push_str(&self.numbered(Phase::Expand));
        text
    }

    /// The statements that give columns their sequences in a phase.
    fn numbered(&self, phase: Phase) -> String {
        let counted = self.counted.iter().filter(|counted| counted.phase == phase);
        counted.map(|counted| format!("-- Sequence\n{}", lines(&counted.statements))).collect()
    }

    fn off(&self) -> String {
        let mut text = String::new();
        if let Some(synced) = &self.synced {
            text.push_str("-- SyncOff\n");
            text.push_str(&lines(&sync::switch_off(synced)));
        }
        for across in &self.crossings {
            text.push_str("-- SyncOff\n");
            text.push_str(&lines(&across.switch_off()));
        }
        for turn in &self.turns {
            text.push_str("-- TurnOff\n");
            text.push_str(&lines(&turn.off()));
        }
        for keep in &self.keeps {
            text.push_str("-- KeepOff\n");
            text.push_str(&lines(&keep.off()));
        }
        text.push_str(&self.numbered(Phase::Contract));
        text
    }
}
