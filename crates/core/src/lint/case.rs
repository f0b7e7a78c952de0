//! What a rule is asked about: one statement, or one file, with everything around it.

use std::cell::OnceCell;
use std::ops::Range;

use underpin_catalog::{LockMode, Name, RelationName};
use underpin_sql::effect::{ConstraintKind, ReindexTarget, Rows};
use underpin_sql::failure::TransactionSoFar;
use underpin_sql::in_force::{InForce, Limit, Settings};
use underpin_sql::sending::{Block, Sending, Standing};
use underpin_sql::{Duration, Effect, LockClaim, RelationKind, Statement, Step, twin};

use super::cost::{self, Key, Queue, Size, Work};
use super::effects::FileEffects;
use super::enum_swap::EnumSwap;
use super::finding::{Blocks, Confidence, Estimate, Finding, Fix, FixStatement, LockFact, Severity};
use super::lines::Lines;
use super::linter::{Circumstances, size_of};
use super::phases::Columns;
use super::stats::Heat;
use crate::world::World;

/// A file, as it is sent.
#[derive(Debug)]
pub(crate) struct FileCase<'a> {
    pub(crate) path: &'a str,
    pub(crate) text: &'a str,
    pub(crate) lines: &'a Lines<'a>,
    pub(crate) statements: &'a [Statement],
    pub(crate) sending: &'a Sending,
    pub(crate) in_force: &'a InForce,
    pub(crate) around: &'a Circumstances<'a>,
    /// Found when the first rule asks.
    pub(crate) swaps: OnceCell<Vec<EnumSwap>>,
    /// What it does, by what it does it to.
    pub(crate) effects: FileEffects<'a>,
    /// The columns that earlier phases of its rollout have added.
    pub(crate) added_before: Columns,
}

/// A statement, when its turn comes, or one of those inside its program.
#[derive(Clone, Debug)]
pub(crate) struct Case<'a> {
    pub(crate) file: &'a FileCase<'a>,
    /// Which statement of the file, from 0.
    pub(crate) at: usize,
    pub(crate) statement: &'a Statement,
    /// Where it stands in the file, in bytes: inside a DO block that of the inner statement.
    pub(crate) place: Range<usize>,
    /// What each of its effects takes.
    pub(crate) acts: &'a [Act<'a>],
    /// The database before it.
    pub(crate) world: &'a World,
    /// What its transaction did before it.
    pub(crate) so_far: &'a TransactionSoFar,
}

/// An effect with its locks on relations that others may use, and its work.
#[derive(Debug)]
pub(crate) struct Act<'a> {
    pub(crate) effect: &'a Effect,
    pub(crate) locks: Vec<LockClaim>,
    pub(crate) duration: Duration,
    /// One of its locks keeps the application waiting, on a relation that others use or on a new one.
    pub(crate) blocks: bool,
    /// Where it stands in the file, in bytes.
    pub(crate) place: Range<usize>,
}

impl<'a> Act<'a> {
    pub(crate) fn of(effect: &'a Effect, place: Range<usize>, world: &World) -> Self {
        let (mut locks, duration) = effect.locks_and_duration(world.facts());
        let blocks = locks.iter().any(|claim| claim.mode.blocks_application());
        locks.retain(|claim| world.concerns_others(&claim.relation));
        Self { effect, locks, duration, blocks, place }
    }
}

/// A statement that was judged: what later ones of its transaction inherit.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The strongest lock on each relation that others may use, strongest first.
    pub(crate) locks: Vec<LockClaim>,
    /// The longest work.
    pub(crate) duration: Duration,
    /// How long, when it depends on the size of a table.
    pub(crate) estimate: Option<Estimate>,
    /// The relation that the work is on.
    pub(crate) worked_on: Option<RelationName>,
    /// What a query of it reads, when nobody knows how long that takes.
    pub(crate) queried: Vec<RelationName>,
}

impl Seen {
    pub(crate) fn of(case: &Case<'_>) -> Self {
        let mut locks: Vec<LockClaim> = Vec::new();
        for claim in case.acts.iter().flat_map(|act| &act.locks) {
            // Every query on a table locks all its indexes, so who keeps an index keeps its table.
            let index = case.world.facts().index(&claim.relation);
            let relation = index.map_or(&claim.relation, |index| &index.table);
            match locks.iter_mut().find(|known| known.relation == *relation) {
                Some(known) => known.mode = known.mode.max(claim.mode),
                None => locks.push(LockClaim { relation: relation.clone(), mode: claim.mode }),
            }
        }
        locks.sort_by(|a, b| b.mode.cmp(&a.mode).then_with(|| a.relation.cmp(&b.relation)));
        let longest = case.acts.iter().max_by_key(|act| act.duration);
        let worked_on = longest.and_then(|act| case.worked_on(act.effect));
        let used = worked_on.as_ref().filter(|table| case.world.concerns_others(table));
        let estimate = match (longest, used) {
            (Some(act), Some(table)) => case.estimate(act, table).map(|(estimate, _)| estimate),
            _ => None,
        };
        Self {
            duration: longest.map_or(Duration::Instant, |act| act.duration),
            worked_on: used.cloned(),
            queried: case.queried(),
            locks,
            estimate,
        }
    }
}

impl<'a> Case<'a> {
    /// How it is sent.
    pub(crate) fn standing(&self) -> &Standing {
        &self.file.sending.statements[self.at]
    }

    /// Whether PostgreSQL finds it in a transaction block.
    pub(crate) fn in_block(&self) -> bool {
        self.standing().block.is_block()
    }

    /// Whether the file itself says `BEGIN` around it.
    pub(crate) fn in_explicit_block(&self) -> bool {
        self.standing().block == Block::Explicit
    }

    /// The settings before it.
    pub(crate) fn in_force(&self) -> &Settings {
        &self.file.in_force.before[self.at]
    }

    /// Whether a `lock_timeout` ends its wait in the queue.
    pub(crate) fn queue(&self) -> Queue {
        self.file.queue(self.at)
    }

    /// The relation that an effect works on: the table of an index, the partition that is searched.
    pub(crate) fn worked_on(&self, effect: &Effect) -> Option<RelationName> {
        let facts = self.world.facts();
        match effect {
            Effect::AttachPartition { partition, .. } => Some(facts.resolve(partition)),
            Effect::Reindex { target: ReindexTarget::Index(index), .. } | Effect::DropIndex { index, .. } => {
                facts.index(index).map(|index| index.table.clone())
            }
            Effect::ConstrainDomain { name, .. } => {
                facts.type_facts(name).and_then(|facts| facts.used_by.first().cloned())
            }
            _ => effect.table().map(|table| facts.resolve(table)),
        }
    }

    /// How long the work of an effect takes, on a table of which others may be waiting, and on which size that
    /// rests. `None` when it does not depend on the size.
    pub(crate) fn estimate(&self, act: &Act<'_>, table: &RelationName) -> Option<(Estimate, Size)> {
        let works = self.works(act);
        if works.is_empty() {
            return None;
        }
        let size = size_of(self.file.around, self.world, table);
        Some((cost::estimate(&works, &size), size))
    }

    /// What queries of the statement read of others' rows, views followed, where that is not known to be quickly
    /// read.
    fn queried(&self) -> Vec<RelationName> {
        let facts = self.world.facts();
        let queries = self.acts.iter().filter(|act| act.duration == Duration::Unknown);
        let mut all: Vec<_> =
            queries.flat_map(|act| reads(act.effect)).map(|name| facts.resolve(name)).collect();
        let mut at = 0;
        while let Some(name) = all.get(at) {
            let view = facts.relation(name).filter(|facts| facts.kind == RelationKind::View);
            let read =
                view.into_iter().flat_map(|view| &view.reads).map(|read| facts.resolve(&read.relation));
            let read: Vec<_> = read.filter(|name| !all.contains(name)).collect();
            all.extend(read);
            at += 1;
        }
        all.retain(|name| self.is_used(name) && !self.is_quickly_read(name));
        all.sort();
        all.dedup();
        all
    }

    /// It has no rows of its own, or few enough to be read within the budget of writers.
    fn is_quickly_read(&self, name: &RelationName) -> bool {
        let kind = self.world.facts().relation(name).map(|facts| facts.kind);
        let has_none = matches!(kind, Some(RelationKind::View | RelationKind::Sequence));
        if has_none || !self.may_have_rows(name) {
            return true;
        }
        let known = self.file.around.stats.table(name).and_then(|known| known.rows);
        known.is_some() && {
            let size = size_of(self.file.around, self.world, name);
            let budget_ms = self.file.around.settings.budgets().writes_ms;
            cost::estimate(&[Work::ScanForCheck], &size).most_ms <= budget_ms as f64
        }
    }

    fn works(&self, act: &Act<'_>) -> Vec<Work> {
        let work = match (act.duration, act.effect) {
            (Duration::Instant | Duration::WaitsForSnapshots | Duration::Unknown, _) => return Vec::new(),
            (_, Effect::Update(changed)) => match changed.rows {
                Rows::All => Work::Update,
                Rows::Filtered | Rows::Constants(_) => Work::ScanForCheck,
            },
            (_, Effect::Delete(changed)) => match changed.rows {
                Rows::All => Work::Delete,
                Rows::Filtered | Rows::Constants(_) => Work::ScanForCheck,
            },
            (Duration::Scan, Effect::SetNotNull { .. }) => Work::ScanForNull,
            (Duration::Scan, Effect::AddConstraint(added)) => match added.kind {
                ConstraintKind::ForeignKey { .. } => Work::ScanForReference,
                ConstraintKind::NotNull | ConstraintKind::PrimaryKey => Work::ScanForNull,
                ConstraintKind::Check | ConstraintKind::Unique | ConstraintKind::Exclude => {
                    Work::ScanForCheck
                }
            },
            (Duration::Scan, _) => Work::ScanForCheck,
            (Duration::Build, effect) => Work::Build(self.key_of(effect)),
            (Duration::Rewrite, Effect::AddColumn(_)) => Work::RewriteWithDefault,
            (Duration::Rewrite, _) => Work::Rewrite,
        };
        vec![work]
    }

    /// How wide the keys of the index are that an effect builds.
    fn key_of(&self, effect: &Effect) -> Key {
        let (table, columns): (_, Vec<_>) = match effect {
            Effect::CreateIndex(created) => {
                (&created.table, created.columns.iter().map(Option::as_ref).collect())
            }
            Effect::AddConstraint(added) => (&added.table, added.columns.iter().map(Some).collect()),
            _ => return Key::Unknown,
        };
        match columns.as_slice() {
            [Some(column)] => self
                .world
                .facts()
                .relation(table)
                .and_then(|facts| facts.column(column))
                .map_or(Key::Unknown, |column| Key::of_type(&column.type_sql)),
            [None] => Key::Unknown,
            _ => Key::Wide,
        }
    }

    /// How busy a table is, when somebody counted.
    pub(crate) fn heat(&self, table: &RelationName, blocks: Blocks) -> Option<Heat> {
        let name = self.world.facts().resolve(table);
        self.file.around.stats.table(&name).and_then(|known| known.heat(blocks))
    }

    /// How sure we can be of what is said about a relation.
    pub(crate) fn confidence(&self, relation: &RelationName) -> Confidence {
        let facts = self.world.facts();
        let looked_at = facts.relation(relation).is_some_and(|known| known.whole || facts.complete);
        match looked_at || facts.index(relation).is_some() {
            true if facts.complete => Confidence::High,
            true => Confidence::Medium,
            false => Confidence::Low,
        }
    }

    /// Whether a relation has rows that somebody may miss: it is a table, and was there before the file.
    pub(crate) fn is_used(&self, relation: &RelationName) -> bool {
        self.world.concerns_others(relation)
    }

    /// Whether it is a table (and not a view, say) or unknown.
    pub(crate) fn may_have_rows(&self, relation: &RelationName) -> bool {
        self.world.facts().relation(relation).is_none_or(|facts| {
            matches!(
                facts.kind,
                RelationKind::Table | RelationKind::Partitioned | RelationKind::MaterializedView
            ) && facts.rows_estimate != Some(0.0)
        })
    }

    /// How many rows a table has, as the end of a sentence; empty when nobody counted.
    pub(crate) fn rows(&self, relation: &RelationName) -> String {
        let name = self.world.facts().resolve(relation);
        match self.file.around.stats.table(&name).and_then(|known| known.rows) {
            Some(rows) => format!(" (about {} rows)", crate::quantity::thousands(rows as f64)),
            None => String::new(),
        }
    }

    /// The steps of the statement's online twin, when there is one.
    pub(crate) fn twin(&self) -> Option<Vec<Step>> {
        twin(self.statement, self.at, self.world.facts()).ok()
    }

    /// A relation as people write it.
    pub(crate) fn shown(&self, relation: &RelationName) -> String {
        self.file.shown(relation)
    }

    /// Begins a finding about the statement, or the one inside it.
    pub(crate) fn tell(&self, rule: &'static str, severity: Severity, message: impl Into<String>) -> Telling {
        let mut telling = self.file.tell(rule, severity, message);
        telling.finding.span = Some(self.file.lines.span(self.place.clone()));
        telling.finding.statement = Some(self.at + 1);
        telling
    }
}

/// What the query of an effect reads.
fn reads(effect: &Effect) -> &[RelationName] {
    match effect {
        Effect::Insert { reads, .. }
        | Effect::CreateTableAs { reads, with_data: true, .. }
        | Effect::Merge { reads, .. }
        | Effect::Select { reads, .. } => reads,
        Effect::CreateView(created) if created.materialized && created.with_data => &created.reads,
        Effect::Copy { table, writes: false } => table.as_slice(),
        // What a program, a procedure or an unknown statement reads, nobody knows: `unknown-effect` tells that.
        _ => &[],
    }
}

impl FileCase<'_> {
    /// A relation as people write it: without the namespace that they need not say.
    pub(crate) fn shown(&self, relation: &RelationName) -> String {
        shown(relation, &self.around.namespace)
    }

    /// Whether a `lock_timeout` ends the wait of a statement in the queue. What role, database and server give
    /// is known from statistics, when there are any.
    pub(crate) fn queue(&self, at: usize) -> Queue {
        match self.in_force.before[at].limit("lock_timeout") {
            Limit::Ms(_) | Limit::Unknown => Queue::Bounded,
            Limit::Unlimited => Queue::Unbounded,
            Limit::Default => match &self.around.stats.session {
                Some(session) if session.lock_timeout_ms > 0 => Queue::Bounded,
                _ => Queue::Unbounded,
            },
        }
    }

    /// The enums that the file makes anew.
    pub(crate) fn enum_swaps(&self) -> &[EnumSwap] {
        self.swaps.get_or_init(|| EnumSwap::all(self.statements))
    }

    /// Begins a finding about the file.
    pub(crate) fn tell(&self, rule: &'static str, severity: Severity, message: impl Into<String>) -> Telling {
        let finding = Finding::new(rule, severity, self.path, message);
        Telling { finding, home: self.around.namespace.clone() }
    }

    /// Begins a finding about a statement of the file.
    pub(crate) fn tell_at(
        &self,
        at: usize,
        rule: &'static str,
        severity: Severity,
        message: impl Into<String>,
    ) -> Telling {
        let mut telling = self.tell(rule, severity, message);
        telling.finding.span = Some(self.lines.span(self.statements[at].span.clone()));
        telling.finding.statement = Some(at + 1);
        telling
    }
}

/// A relation as people write it: without the namespace that they need not say.
pub(crate) fn shown(relation: &RelationName, home: &Name) -> String {
    match relation.namespace.as_ref() == Some(home) {
        true => relation.name.as_str().to_owned(),
        false => relation.shown(),
    }
}

/// A finding that is being put together.
#[derive(Debug)]
#[must_use]
pub(crate) struct Telling {
    finding: Finding,
    /// The namespace that people do not say.
    home: Name,
}

impl Telling {
    /// What it is about.
    pub(crate) fn about(mut self, object: impl Into<String>) -> Self {
        self.finding.object = Some(object.into());
        self
    }

    /// How sure we are.
    pub(crate) fn sure(mut self, confidence: Confidence) -> Self {
        self.finding.confidence = confidence;
        self
    }

    /// The locks that it is about: those that keep somebody waiting, strongest first.
    pub(crate) fn locking<'c>(mut self, claims: impl IntoIterator<Item = &'c LockClaim>) -> Self {
        let mut claims: Vec<_> = claims.into_iter().filter(|claim| claim.mode.blocks_application()).collect();
        claims.sort_by(|a, b| b.mode.cmp(&a.mode).then_with(|| a.relation.cmp(&b.relation)));
        let fact = |claim: &LockClaim| LockFact::new(shown(&claim.relation, &self.home), claim.mode);
        self.finding.locks.extend(claims.into_iter().map(fact));
        self
    }

    /// How long somebody waits.
    pub(crate) fn lasting(mut self, estimate: Option<(Estimate, Size)>) -> Self {
        if let Some((estimate, size)) = estimate {
            self.finding.assumptions.extend(size.assumptions);
            self.finding.estimate = Some(estimate);
        }
        self
    }

    /// How long somebody waits, worked out before.
    pub(crate) fn estimated(mut self, estimate: Estimate) -> Self {
        self.finding.estimate = Some(estimate);
        self
    }

    /// The error that PostgreSQL answers.
    pub(crate) fn failing(mut self, sqlstate: &str) -> Self {
        self.finding.sqlstate = Some(sqlstate.to_owned());
        self
    }

    /// What was taken for granted.
    pub(crate) fn assuming(mut self, assumption: impl Into<String>) -> Self {
        self.finding.assumptions.push(assumption.into());
        self
    }

    /// A read-only query whose rows say that it will happen.
    pub(crate) fn checked_by(mut self, query: impl Into<String>) -> Self {
        self.finding.check = Some(query.into());
        self
    }

    /// What to do, in words.
    pub(crate) fn instead(mut self, advice: impl Into<String>) -> Self {
        self.finding.fix.get_or_insert_default().advice = advice.into();
        self
    }

    /// The safe form, from the steps of a twin.
    pub(crate) fn with_twin(mut self, steps: Option<Vec<Step>>) -> Self {
        if let Some(steps) = steps {
            self.finding.fix.get_or_insert_default().statements = FixStatement::of(&steps);
        }
        self
    }

    /// The safe form.
    pub(crate) fn with_fix(mut self, fix: Fix) -> Self {
        self.finding.fix = Some(fix);
        self
    }

    /// The place within the statement, in bytes of the file.
    pub(crate) fn at(mut self, file: &FileCase<'_>, bytes: Range<usize>) -> Self {
        self.finding.span = Some(file.lines.span(bytes));
        self
    }

    /// The finding.
    pub(crate) fn done(self) -> Finding {
        self.finding
    }
}

/// The strongest mode among claims.
pub(crate) fn strongest<'c>(claims: impl IntoIterator<Item = &'c LockClaim>) -> Option<LockMode> {
    claims.into_iter().map(|claim| claim.mode).max()
}
