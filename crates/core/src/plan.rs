//! What one migration file becomes: steps that keep the application going, or refusals.
//!
//! Decided here: which statements run as written, which are replaced by their online twin, which are
//! not run at all and what to do instead, and where transactions end. How a twin is made is
//! `underpin_sql`'s knowledge; whether it really ends in the same catalog is proven by the engine.
//!
//! A relation is *exempt* when nobody can notice what happens to it: it is new in this file, absent,
//! or no larger than [`Policy::small_table_bytes`]. What concerns exempt relations alone runs as
//! written. In [`Mode::AsWritten`] everything does.

mod boundaries;
mod refusal;
mod stand_in;

use std::collections::BTreeSet;

use serde::Serialize;
use underpin_catalog::{Name, RelationName};
use underpin_sql::effect::{Persistence, Setting, SettingScope, TransactionControl};
use underpin_sql::{
    Duration, Effect, Fills, NoTwin, Parking, Statement, Step, Surroundings, Transaction, as_written,
    for_the_rest_of_the_file, twin,
};

use self::boundaries::set_boundaries;
pub use self::refusal::Refusal;
use crate::notice::{self, Noticed};
pub use crate::reason::ReasonCode;
use crate::rollout::Gone;
use crate::world::World;

/// How much the planner may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing: the statements in their order, as Prisma sends them.
    AsWritten,
    /// Online twins where they are needed, refusals where there is none.
    Online,
}

/// What the team decided.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How much the planner may change.
    pub mode: Mode,
    /// Up to this size of its main fork a table is worked on as written: the work is done before
    /// anybody waits for long.
    pub small_table_bytes: u64,
    /// Reasons that somebody has considered and overruled.
    pub allow: BTreeSet<ReasonCode>,
}

impl Default for Policy {
    fn default() -> Self {
        Self { mode: Mode::Online, small_table_bytes: 1024 * 1024, allow: BTreeSet::new() }
    }
}

/// What a file takes away with leave.
#[derive(Clone, Debug, Default)]
pub struct GivenUp {
    /// What no client needs any more.
    pub gone: Vec<Gone>,
    /// What of it is put away before it is dropped.
    pub parking: Parking,
}

/// What a file becomes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FilePlan {
    /// The steps in order. Complete also when there are refusals, for showing.
    pub steps: Vec<Step>,
    /// At least one statement was replaced by its twin, so the result has to be proven.
    pub twinned: bool,
    /// Why the file is not run. Empty when it may.
    pub refusals: Vec<Refusal>,
    /// What nobody can know before it runs.
    pub opaque: Vec<Remark>,
    /// Settings of the session that the file changes; the executor resets the session behind it.
    pub settings: Vec<SettingChange>,
    /// What was understood otherwise than it is written.
    pub notes: Vec<Remark>,
    plain: bool,
}

/// Something to say about a line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// The line of the statement, from 1.
    pub line: u32,
    /// What.
    pub text: String,
}

/// A `SET`, `SET LOCAL` or `RESET` of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingChange {
    /// The line of the statement, from 1.
    pub line: u32,
    /// The setting.
    pub name: String,
    /// How long the file means it to last.
    pub scope: SettingScope,
}

impl FilePlan {
    /// The plan that an earlier run has begun to execute. It is taken up as it was written down: a
    /// plan made anew could differ, because tables have grown and steps have taken effect.
    pub fn resumed(steps: Vec<Step>, twinned: bool) -> Self {
        Self {
            steps,
            twinned,
            refusals: Vec::new(),
            opaque: Vec::new(),
            settings: Vec::new(),
            notes: Vec::new(),
            plain: false,
        }
    }

    /// Whether the plan is the file as written, in one transaction, on exempt relations alone: then
    /// the whole file may be sent at once.
    pub fn is_plain(&self) -> bool {
        self.plain
    }
}

/// Plans one file.
pub fn plan(statements: &[Statement], surroundings: &Surroundings, policy: &Policy) -> FilePlan {
    plan_released(statements, &GivenUp::default(), surroundings, policy)
}

/// Plans a file of which it is established that no client needs what is given up. What else it would break is refused
/// as ever.
pub fn plan_released(
    statements: &[Statement],
    given_up: &GivenUp,
    surroundings: &Surroundings,
    policy: &Policy,
) -> FilePlan {
    let mut planner = Planner::around(surroundings, policy);
    planner.add_file(statements, given_up);
    planner.finish(statements)
}

/// Why each of several files, executed one after the other, is not run; for each file a list, empty
/// when it may. With each stands what is given up, as in [`plan_released`]. What an earlier file makes is
/// there for the later ones; transactions and settings end with their file.
pub fn refusals<'a>(
    files: impl IntoIterator<Item = (&'a [Statement], &'a GivenUp)>,
    surroundings: &Surroundings,
    policy: &Policy,
) -> Vec<Vec<Refusal>> {
    let mut planner = Planner::around(surroundings, policy);
    files
        .into_iter()
        .map(|(statements, given_up)| {
            planner.add_file(statements, given_up);
            planner.end_file(surroundings);
            std::mem::take(&mut planner.plan.refusals)
        })
        .collect()
}

/// A step, with what the planner knows about it beyond the step itself.
struct Planned {
    step: Step,
    /// Which `BEGIN … COMMIT` of the file it stands in.
    block: Option<usize>,
    /// Relations of its claims whose users would notice.
    noticed: BTreeSet<RelationName>,
    /// It may do more than its claims say.
    opaque: bool,
    /// What to execute instead when the file is not one transaction.
    when_split: Option<Step>,
}

struct Planner<'a> {
    policy: &'a Policy,
    world: World,
    open_block: Option<usize>,
    begun: bool,
    blocks: usize,
    planned: Vec<Planned>,
    fills: Fills,
    exempt_only: bool,
    controls: bool,
    given_up: GivenUp,
    plan: FilePlan,
}

impl<'a> Planner<'a> {
    fn around(surroundings: &Surroundings, policy: &'a Policy) -> Self {
        Self {
            policy,
            world: World::around(surroundings, policy.small_table_bytes),
            open_block: None,
            begun: false,
            blocks: 0,
            planned: Vec::new(),
            fills: Fills::default(),
            exempt_only: true,
            controls: false,
            given_up: GivenUp::default(),
            plan: FilePlan {
                steps: Vec::new(),
                twinned: false,
                refusals: Vec::new(),
                opaque: Vec::new(),
                settings: Vec::new(),
                notes: Vec::new(),
                plain: false,
            },
        }
    }

    fn add_file(&mut self, statements: &[Statement], given_up: &GivenUp) {
        self.given_up.clone_from(given_up);
        for (ordinal, statement) in statements.iter().enumerate() {
            self.add(ordinal, statement, &statements[ordinal + 1..]);
        }
    }

    /// What is executed next stands in another transaction, with the settings of a new session.
    fn end_file(&mut self, surroundings: &Surroundings) {
        self.open_block = None;
        self.begun = false;
        self.planned.clear();
        self.fills.clear();
        self.world.reset_search_path(&surroundings.search_path);
    }

    fn add(&mut self, ordinal: usize, statement: &Statement, rest: &[Statement]) {
        if let [Effect::TransactionControl(control)] = statement.effects.as_slice() {
            self.control(*control, statement);
            return;
        }
        self.remark(statement);
        self.keep_together(statement);
        let mut steps = self.steps_of(ordinal, statement, rest);
        self.fills.follow(statement, &steps, self.world.facts());
        if let (Some(_), Some(alone)) =
            (self.open_block, steps.iter().find(|step| step.transaction == Transaction::Alone))
        {
            self.refuse(refusal::refuses_block(statement.line, &alone.intent));
        }
        if self.uses_new_value_later(statement, rest)
            && let Some(last) = steps.last_mut()
        {
            last.transaction = Transaction::EndsHere;
        }
        let when_split = if self.open_block.is_none() {
            for_the_rest_of_the_file(statement, ordinal, self.world.facts())
        } else {
            None
        };
        let opaque = judged(statement).any(|effect| opaque(effect).is_some());
        for mut step in steps {
            // Nobody else can wait for what is not there yet, and nobody at all for what is not there.
            step.locks
                .retain(|claim| self.world.is_known(&claim.relation) && !self.world.is_new(&claim.relation));
            let noticed: BTreeSet<_> = step
                .locks
                .iter()
                .filter(|claim| !self.world.is_exempt(&claim.relation))
                .map(|claim| claim.relation.clone())
                .collect();
            self.exempt_only &= noticed.is_empty();
            self.planned.push(Planned {
                step,
                block: self.open_block,
                noticed,
                opaque,
                when_split: when_split.clone(),
            });
        }
        for effect in &statement.effects {
            self.world.apply(effect);
        }
    }

    fn control(&mut self, control: TransactionControl, statement: &Statement) {
        self.controls = true;
        match control {
            TransactionControl::Begin => {
                self.end_transaction();
                self.open_block();
                self.begun = true;
            }
            TransactionControl::Commit => {
                self.end_transaction();
                self.open_block = None;
                self.begun = false;
            }
            TransactionControl::BeginWith
            | TransactionControl::Rollback
            | TransactionControl::Savepoint
            | TransactionControl::TwoPhase => {
                self.plan.refusals.push(refusal::transaction_control(statement));
            }
        }
    }

    fn open_block(&mut self) {
        self.open_block = Some(self.blocks);
        self.blocks += 1;
    }

    /// Some statements mean the transaction that they stand in, and Prisma up to 7.3 sends a file as
    /// one: what follows them stays together, as if the file said `BEGIN`.
    fn keep_together(&mut self, statement: &Statement) {
        let mut effects = statement.effects.iter().flat_map(Effect::flattened);
        let temporary = effects.any(|effect| {
            let persistence = match effect {
                Effect::CreateTable(created) => created.persistence,
                Effect::CreateTableAs { persistence, .. } => *persistence,
                _ => Persistence::Permanent,
            };
            persistence == Persistence::Temporary
        });
        let of_transaction = statement
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Set(setting) if setting.name.starts_with("transaction")));
        if self.open_block.is_none() && (temporary || of_transaction) {
            if of_transaction {
                self.end_transaction();
            }
            self.open_block();
        }
    }

    fn end_transaction(&mut self) {
        if let Some(last) = self.planned.last_mut()
            && last.step.transaction == Transaction::Shared
        {
            last.step.transaction = Transaction::EndsHere;
        }
    }

    fn remark(&mut self, statement: &Statement) {
        for what in judged(statement).filter_map(opaque) {
            self.plan.opaque.push(Remark { line: statement.line, text: what });
        }
        for effect in statement.effects.iter().flat_map(Effect::flattened) {
            if let Effect::Set(Setting { name, scope, .. }) = effect {
                self.plan.settings.push(SettingChange {
                    line: statement.line,
                    name: name.clone(),
                    scope: *scope,
                });
            }
        }
    }

    /// The steps that put away what a statement drops.
    fn parked(&mut self, ordinal: usize, statement: &Statement) -> Option<Vec<Step>> {
        let none = match self.given_up.parking.steps(statement, ordinal, self.world.facts())? {
            Ok(steps) if self.open_block.is_none() || is_one_transaction(&steps) => {
                self.plan.twinned = true;
                return Some(steps);
            }
            Ok(_) => NoTwin {
                why: "its values are copied before it, and the file has it between BEGIN and COMMIT"
                    .to_owned(),
                effect: 0,
            },
            Err(none) => none,
        };
        self.refuse(refusal::not_parked(statement, &none));
        None
    }

    /// The statement's own step, or its twin's.
    fn steps_of(&mut self, ordinal: usize, statement: &Statement, rest: &[Statement]) -> Vec<Step> {
        if self.policy.mode == Mode::AsWritten {
            // Who forgoes online forms has not forgone what is to be kept.
            let parked = self.parked(ordinal, statement);
            return parked.unwrap_or_else(|| vec![as_written(statement, ordinal, self.world.facts())]);
        }
        let is_replaced = self.open_block.is_some() && stand_in::follows(statement, rest, self.world.facts());
        let broken: Vec<_> = judged(statement)
            .filter(|_| !is_replaced)
            .filter_map(|effect| notice::broken(effect, &self.world))
            .filter(|broken| !self.is_given_up(broken))
            .map(|broken| refusal::breaks(statement.line, &broken, &self.world))
            .collect();
        for refusal in broken {
            self.refuse(refusal);
        }
        if let Some(steps) = self.parked(ordinal, statement) {
            return steps;
        }
        let noticed: Vec<_> = judged(statement).map(|effect| notice::noticed(effect, &self.world)).collect();
        let light = judged(statement).any(|effect| notice::has_lighter_twin(effect, &self.world));
        if noticed.iter().all(Option::is_none) && !light {
            return vec![as_written(statement, ordinal, self.world.facts())];
        }
        match twin(statement, ordinal, self.world.facts()) {
            Ok(steps) if self.open_block.is_none() => {
                self.plan.twinned = true;
                return self.fills.again(steps, ordinal, self.world.facts());
            }
            // The file asks for all or nothing, and a twin is neither on the way.
            Ok(_) => {
                for noticed in noticed.iter().flatten() {
                    self.refuse(refusal::transaction_block(statement.line, noticed, &self.world));
                }
            }
            Err(none) => self.refuse_all(statement.line, &noticed, &none),
        }
        vec![as_written(statement, ordinal, self.world.facts())]
    }

    /// Whether it is established that no client needs what goes.
    fn is_given_up(&self, broken: &notice::Broken) -> bool {
        let facts = self.world.facts();
        let same_column = |table: &RelationName, column: &Name, other: &RelationName, same: &Name| {
            column == same && facts.resolve(table) == facts.resolve(other)
        };
        let same_type =
            |one: &RelationName, other: &RelationName| facts.resolve_type(one) == facts.resolve_type(other);
        let is_same = |one: &Gone, said: &Gone| match (one, said) {
            (Gone::Column { table, column }, Gone::Column { table: other, column: same }) => {
                same_column(table, column, other, same)
            }
            // Both get another name: the one that goes, and the one that nobody knew.
            (Gone::Column { table, column }, Gone::SwappedColumn { table: other, column: same, by }) => {
                same_column(table, column, other, same) || same_column(table, column, other, by)
            }
            (Gone::Table(one), Gone::Table(other)) | (Gone::Index(one), Gone::Index(other)) => {
                facts.resolve(one) == facts.resolve(other)
            }
            (Gone::Type(one), Gone::Type(other)) => same_type(one, other),
            (Gone::Type(one), Gone::SwappedType { name, by }) => {
                same_type(one, name) || same_type(one, &name.sibling(by.clone()))
            }
            (
                Gone::Column { .. }
                | Gone::Table(_)
                | Gone::Index(_)
                | Gone::Type(_)
                | Gone::SwappedColumn { .. }
                | Gone::SwappedType { .. },
                _,
            ) => false,
        };
        let is_said = |gone: &Gone| self.given_up.gone.iter().any(|other| is_same(gone, other));
        match &broken.gone {
            None => false,
            // Whoever upserts by a key names its columns.
            Some(gone @ Gone::Index(key)) => is_said(gone) || self.key_columns(key).iter().any(is_said),
            Some(gone) => is_said(gone),
        }
    }

    /// The columns of a unique key, by the name of its index or constraint.
    fn key_columns(&self, key: &RelationName) -> Vec<Gone> {
        let facts = self.world.facts();
        let Some(index) = facts.index(key) else { return Vec::new() };
        let columns = index.columns.iter().flatten();
        columns.map(|column| Gone::Column { table: index.table.clone(), column: column.clone() }).collect()
    }

    /// The effect that stands in the way. Where the team allows that one, the statement runs as written
    /// and as a whole, so the others need leave as well.
    fn refuse_all(&mut self, line: u32, noticed: &[Option<Noticed>], none: &NoTwin) {
        let first = noticed.get(none.effect).and_then(Option::as_ref);
        let others = match first {
            Some(first) if !self.policy.allow.contains(&first.code) => &[],
            _ => noticed,
        };
        for noticed in first.into_iter().chain(others.iter().flatten()) {
            self.refuse(refusal::no_twin(line, noticed, none, &self.world));
        }
    }

    fn refuse(&mut self, refusal: Refusal) {
        let said = self.plan.refusals.iter().any(|other| {
            (other.code, other.line, &other.relation) == (refusal.code, refusal.line, &refusal.relation)
        });
        let allowed =
            refusal.code != ReasonCode::TransactionControl && self.policy.allow.contains(&refusal.code);
        if !said && !allowed {
            self.plan.refusals.push(refusal);
        }
    }

    /// A new enum value cannot be used in the transaction that adds it (55P04).
    fn uses_new_value_later(&self, statement: &Statement, rest: &[Statement]) -> bool {
        self.open_block.is_none()
            && statement.effects.iter().flat_map(Effect::flattened).any(|effect| match effect {
                Effect::AddEnumValue { value, .. } => rest.iter().any(|later| later.says(value)),
                _ => false,
            })
    }

    fn finish(mut self, statements: &[Statement]) -> FilePlan {
        if self.begun {
            self.plan.notes.push(Remark {
                line: statements.last().map_or(1, |statement| statement.line),
                text: "the file ends inside BEGIN; the transaction is committed here".to_owned(),
            });
        }
        let one_transaction = !self.controls
            && self.planned.iter().all(|planned| planned.step.transaction == Transaction::Shared);
        self.plan.plain = one_transaction
            && self.exempt_only
            && !self.plan.twinned
            && self.plan.refusals.is_empty()
            && self.plan.opaque.is_empty();
        if !self.plan.plain && self.policy.mode == Mode::Online {
            set_boundaries(&mut self.planned);
        }
        let last = self.planned.len().saturating_sub(1);
        let split =
            self.planned[..last].iter().any(|planned| planned.step.transaction != Transaction::Shared);
        for planned in self.planned {
            let step = match planned.when_split {
                Some(session) if split => {
                    self.plan.notes.push(Remark {
                        line: session.line,
                        text: "SET LOCAL is applied to the rest of the file, which is executed in several transactions"
                            .to_owned(),
                    });
                    Step { transaction: planned.step.transaction, ..session }
                }
                _ => planned.step,
            };
            self.plan.steps.push(step);
        }
        self.plan
    }
}

fn is_one_transaction(steps: &[Step]) -> bool {
    steps.iter().all(|step| step.transaction == Transaction::Shared)
}

/// The effects that a statement is judged by: of a DO block that is as good as its statements, theirs.
fn judged(statement: &Statement) -> impl Iterator<Item = &Effect> {
    statement.effects.iter().flat_map(|effect| match effect {
        Effect::Do(program) if program.is_straight() => effect.flattened(),
        _ => vec![effect],
    })
}

/// What nobody can know about an effect before it runs.
fn opaque(effect: &Effect) -> Option<String> {
    match effect {
        Effect::Do(program) => Some(match program.opaque.first() {
            Some(what) => format!("a DO block contains {what}, and may do anything"),
            None => "what a DO block does depends on conditions that are answered when it runs".to_owned(),
        }),
        Effect::Call { procedure } => Some(format!("procedure {} may do anything", procedure.shown())),
        Effect::Select { calls, .. } if !calls.is_empty() => {
            Some(format!("the query calls {}, which may do anything", calls.join(", ")))
        }
        Effect::Unknown { what } => Some(format!("{what} is not a statement whose effects are known")),
        Effect::Server { what } => Some(format!("{what} concerns the whole server")),
        _ => None,
    }
}

/// Whether a step works for longer than an instant on something that others use, or may.
fn is_long(planned: &Planned) -> bool {
    planned.step.duration != Duration::Instant
        && (!planned.noticed.is_empty()
            || planned.opaque
            || (planned.step.duration == Duration::Unknown && planned.step.locks.is_empty()))
}

#[cfg(test)]
mod tests;
