//! The run: a history goes through, file by file; what was asked for is judged.
//!
//! The linter carries what the database looks like from statement to statement and from file to file, knows
//! which transaction each statement runs in and which settings are in force there, and asks every rule. It
//! decides nothing itself: what is found is a rule's, what counts is decided behind it.

use std::cell::OnceCell;
use std::ops::Range;

use underpin_catalog::{Name, ServerVersion};
use underpin_prisma::client::ClientContract;
use underpin_sql::effect::{Persistence, Program};
use underpin_sql::failure::TransactionSoFar;
use underpin_sql::in_force::{Session, in_force};
use underpin_sql::sending::{Sender, sending};
use underpin_sql::{Effect, Statement, Surroundings, SyntaxError};

use super::case::{Act, Case, FileCase, Seen, shown};
use super::cost;
use super::effects::FileEffects;
use super::finding::LockFact;
use super::lines::Lines;
use super::phases::{Added, Deployed};
use super::report::{FileReport, StatementReport};
use super::rule::{Judge, Rule, rules};
use super::stats::Stats;
use super::unreadable::unreadable;
use crate::settings::LintSettings;
use crate::world::World;

/// What is known before the first file.
#[derive(Debug)]
pub struct Circumstances<'a> {
    /// The server that the files are for.
    pub server: ServerVersion,
    /// Who sends them.
    pub sender: Sender,
    /// What a session is given when it connects.
    pub session: Session,
    /// The namespace of names that say none.
    pub namespace: Name,
    /// The files are the whole history, so what they do not make is not there. Otherwise nobody knows.
    pub whole_history: bool,
    /// The files that are judged are deployed together: what one makes, nobody uses when the next runs.
    pub together: bool,
    /// How large tables are.
    pub stats: &'a Stats,
    /// Rows of a table of which `stats` does not say it; [`cost::ASSUMED_ROWS`] unless somebody knows better.
    pub assumed_rows: f64,
    /// Budgets, and which groups of rules run.
    pub settings: &'a LintSettings,
    /// The clients of the releases that run, when somebody said which.
    pub deployed: &'a [ClientContract],
}

impl<'a> Circumstances<'a> {
    /// A whole history that grew over years, on a database of which nothing is known but `stats`.
    pub fn of_history(
        server: ServerVersion,
        sender: Sender,
        stats: &'a Stats,
        settings: &'a LintSettings,
    ) -> Self {
        Self {
            server,
            sender,
            session: Session::default(),
            namespace: Name::new("public"),
            whole_history: true,
            together: false,
            stats,
            assumed_rows: cost::ASSUMED_ROWS,
            settings,
            deployed: &[],
        }
    }
}

/// A file of a history.
#[derive(Debug)]
pub struct Source<'a> {
    /// As findings name it, with `/`.
    pub path: &'a str,
    /// Its text.
    pub text: &'a str,
    /// Its statements, or why there are none.
    pub read: Result<Vec<Statement>, SyntaxError>,
}

/// Lints a history, one file after the other.
#[derive(Debug)]
pub struct Linter<'a> {
    around: Circumstances<'a>,
    rules: Vec<&'static Rule>,
    carried: Carried,
}

/// What a history carries from one file to the next. Who keeps it can go on behind a file as often as they
/// like, without reading again what was before.
#[derive(Clone, Debug)]
pub struct Carried {
    world: World,
    session: Session,
    judged_before: bool,
    added: Added,
}

impl<'a> Linter<'a> {
    /// A linter before the first file.
    pub fn new(around: Circumstances<'a>) -> Self {
        let mut start = Surroundings::empty(around.server, around.namespace.clone());
        start.complete = around.whole_history;
        start.time_zone = around.stats.session.as_ref().map(|session| session.time_zone.clone());
        let carried = Carried {
            world: World::around(&start, 0),
            session: around.session.clone(),
            judged_before: false,
            added: Added::default(),
        };
        Self::behind(around, carried)
    }

    /// A linter behind the files that have been carried along, which went through in the same circumstances.
    pub fn behind(around: Circumstances<'a>, carried: Carried) -> Self {
        let runs = |rule: &&Rule| rule.runs_with(&around.settings.groups);
        Self { rules: rules().filter(runs).collect(), carried, around }
    }

    /// What the files so far leave to the next one.
    pub fn carried(&self) -> &Carried {
        &self.carried
    }

    /// The clients of the releases that run when the next file is deployed.
    pub fn deployed(&mut self, clients: &'a [ClientContract]) {
        self.around.deployed = clients;
    }

    /// The database as the next file finds it.
    pub fn before_next(&self) -> Surroundings {
        let mut before = self.carried.world.facts().clone();
        before.search_path = vec![self.around.namespace.clone()];
        if !(self.around.together && self.carried.judged_before) {
            before.forget_sizes();
        }
        before
    }

    /// Takes a file's effects along without judging it.
    pub fn pass(&mut self, read: &Result<Vec<Statement>, SyntaxError>) {
        self.begin_file(true);
        match read {
            Ok(statements) => {
                for effect in statements.iter().flat_map(|statement| &statement.effects) {
                    self.carried.world.apply(effect);
                }
            }
            Err(_) => self.carried.world.forget(),
        }
    }

    /// Judges a file and takes its effects along.
    pub fn judge(&mut self, source: &Source<'_>) -> FileReport {
        // Files that are deployed together leave others no time.
        self.begin_file(!(self.around.together && self.carried.judged_before));
        self.carried.judged_before = true;
        let mut report =
            FileReport { path: source.path.to_owned(), statements: Vec::new(), findings: Vec::new() };
        let lines = Lines::of(source.text);
        let statements = match &source.read {
            Ok(statements) => statements,
            Err(error) => {
                report.findings.push(unreadable(source.path, &lines, error));
                self.carried.world.forget();
                return report;
            }
        };
        let deployed = Deployed::of(source.text, statements, self.carried.world.facts());
        let sending = sending(source.text, statements, self.around.sender);
        let in_force = in_force(statements, &sending, &self.carried.session);
        let file = FileCase {
            path: source.path,
            text: source.text,
            lines: &lines,
            statements,
            sending: &sending,
            in_force: &in_force,
            around: &self.around,
            swaps: OnceCell::new(),
            effects: FileEffects::of(statements),
            added_before: self.carried.added.before(source.text),
        };
        let mut seen: Vec<Seen> = Vec::with_capacity(statements.len());
        let (mut transaction, mut so_far) = (None, TransactionSoFar::default());
        let mut here = Vec::new();
        let mut told = vec![false; self.rules.len()];
        for (at, statement) in statements.iter().enumerate() {
            let acts = acts(statement, &self.carried.world);
            let standing = &sending.statements[at];
            if transaction.replace(standing.transaction) != Some(standing.transaction) {
                so_far = so_far.next_transaction();
            }
            let whole = Case {
                file: &file,
                at,
                statement,
                place: statement.span.clone(),
                acts: &acts,
                world: &self.carried.world,
                so_far: &so_far,
            };
            let parts = || {
                let parts = acts.chunk_by(|one, next| one.place == next.place);
                parts.map(|acts| Case { place: acts[0].place.clone(), acts, ..whole.clone() })
            };
            for (rule, told) in self.rules.iter().zip(&mut told) {
                match rule.judge {
                    Judge::Statement(judge) => judge(&whole, &mut here),
                    Judge::Part(judge) => parts().for_each(|part| judge(&part, &mut here)),
                    Judge::Once(judge) => {
                        for part in parts() {
                            let before = here.len();
                            if !*told {
                                judge(&part, &mut here);
                                *told = here.len() > before;
                            }
                        }
                    }
                    Judge::File(_) | Judge::Run => {}
                }
            }
            report.findings.append(&mut here);
            let one = Seen::of(&whole);
            report.statements.push(StatementReport {
                span: lines.span(statement.span.clone()),
                title: title(&statement.text),
                locks: one
                    .locks
                    .iter()
                    .map(|claim| LockFact::new(shown(&claim.relation, &self.around.namespace), claim.mode))
                    .collect(),
                work: word(one.duration).to_owned(),
                estimate: one.estimate.clone(),
                transaction: sending.statements[at].transaction + 1,
            });
            seen.push(one);
            so_far.note(statement, self.carried.world.facts());
            for effect in &statement.effects {
                self.carried.world.apply(effect);
            }
        }
        for rule in &self.rules {
            if let Judge::File(judge) = rule.judge {
                judge(&file, &seen, &mut report.findings);
            }
        }
        self.carried.session = in_force.after;
        self.carried.added.note(source.text, statements, self.carried.world.facts());
        if let Some(deployed) = deployed {
            report.findings.retain(|finding| deployed.concerns(finding));
        }
        report
    }

    /// When time passes between files, tables fill, clients come to know what is new, and another session
    /// deploys.
    fn begin_file(&mut self, time_passes: bool) {
        if time_passes {
            self.carried.session = self.around.session.clone();
        }
        self.carried.world.begin_file(time_passes, std::slice::from_ref(&self.around.namespace));
    }
}

/// What each effect takes of relations that others may use.
fn acts<'s>(statement: &'s Statement, world: &World) -> Vec<Act<'s>> {
    let parts = statement.effects.iter().flat_map(|effect| parts(statement, effect, world));
    parts.map(|(effect, place)| Act::of(effect, place, world)).collect()
}

/// Of a DO block what its statements do, to the relations that were there before it; and the block itself
/// when it does more than its text tells. Any other effect is its own part. Each with its place in the file.
fn parts<'s>(statement: &'s Statement, effect: &'s Effect, world: &World) -> Vec<(&'s Effect, Range<usize>)> {
    let whole = statement.span.clone();
    let Effect::Do(program) = effect else { return vec![(effect, whole)] };
    let mut parts = Vec::new();
    inner(statement, program, &whole, &mut parts);
    let made: Vec<_> = parts.iter().filter_map(|(part, _)| world.made_by(part)).collect();
    let is_made = |part: &Effect| {
        world.made_by(part).is_none()
            && part.table().is_some_and(|table| {
                // Whether it was made to last, the part does not say.
                let places = [Persistence::Permanent, Persistence::Temporary];
                places.iter().any(|place| made.contains(&world.facts().new_relation_name(table, *place)))
            })
    };
    parts.retain(|(part, _)| !is_made(part));
    if parts.is_empty() || !program.opaque.is_empty() {
        parts.insert(0, (effect, whole));
    }
    parts
}

/// The effects of a program's statements, at any depth. A place that is not known is that of what is around it.
fn inner<'s>(
    statement: &'s Statement,
    program: &'s Program,
    around: &Range<usize>,
    parts: &mut Vec<(&'s Effect, Range<usize>)>,
) {
    for one in &program.statements {
        let place = if one.bytes.is_some() { statement.place_of(one) } else { around.clone() };
        for effect in &one.effects {
            match effect {
                Effect::Do(program) => inner(statement, program, &place, parts),
                other => parts.push((other, place.clone())),
            }
        }
    }
}

/// The first words of a statement, on one line.
fn title(text: &str) -> String {
    const CHARACTERS_MAX: usize = 80;
    let mut title = String::new();
    for word in text.split_whitespace() {
        if title.chars().count() + word.chars().count() > CHARACTERS_MAX {
            if title.is_empty() {
                title.extend(word.chars().take(CHARACTERS_MAX));
            }
            title.push('…');
            break;
        }
        if !title.is_empty() {
            title.push(' ');
        }
        title.push_str(word);
    }
    title
}

fn word(duration: underpin_sql::Duration) -> &'static str {
    use underpin_sql::Duration;
    match duration {
        Duration::Instant => "instant",
        Duration::Scan => "scan",
        Duration::Build => "build",
        Duration::Rewrite => "rewrite",
        Duration::WaitsForSnapshots => "waits",
        Duration::Unknown => "unknown",
    }
}

/// Sizes of tables for estimates.
pub(super) fn size_of(
    around: &Circumstances<'_>,
    world: &World,
    table: &underpin_catalog::RelationName,
) -> cost::Size {
    let name = world.facts().resolve(table);
    let indexes = world.facts().indexes_of(&name).count();
    cost::Size::of(around.stats, &name, &shown(&name, &around.namespace), indexes, around.assumed_rows)
}
