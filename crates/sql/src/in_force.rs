//! Which settings are in force before each statement of a file.
//!
//! `lock_timeout` protects a statement only if it is set when the statement begins, which is a question of
//! order and of transactions: `SET LOCAL` outside a transaction block does nothing, `ROLLBACK` takes a `SET`
//! back, `COMMIT` ends what was local, and a session setting that a file leaves behind is there in every
//! later file, because Prisma applies all pending files in one session.
//!
//! Known are the settings that a connection starts with, as far as its URL tells, and what statements say
//! themselves: `SET`, `RESET`, `DISCARD ALL`, `SELECT set_config(…)`. What a role, a database or the server's
//! configuration gives every session is not in the file: a setting that is absent here has that value. A DO
//! block or a query that mentions a setting in a way that is not read leaves it [`Value::Unknown`]. Functions
//! that are called by name may change settings unseen.

mod change;
mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use underpin_catalog::Name;

use self::change::{Change, changes};
pub use self::value::{is_utc, milliseconds, namespaces, startup_options};
use crate::sending::{End, Sending, control};
use crate::statement::Statement;
use pg_query::protobuf::TransactionStmtKind as Kind;

/// Settings by name, in lower case, that are known to differ from what the server gives every session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Settings {
    values: BTreeMap<String, Setting>,
}

/// A setting that somebody has set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// To what.
    pub value: Value,
    /// By whom.
    pub since: Since,
}

/// What a setting is set to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// This text, as `current_setting` would be given it. Lists of names are quoted where they must be.
    Text(String),
    /// Something that the text of the statement does not tell.
    Unknown,
}

/// Who has set a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Since {
    /// The connection: its URL, or what the sender says first.
    Connection,
    /// A file that was applied earlier in this session.
    EarlierFile,
    /// This statement of the file, from 0.
    Statement(usize),
}

/// A time limit, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// What the role, the database or the server gives: PostgreSQL's own default is no limit.
    Default,
    /// No limit: set to 0.
    Unlimited,
    /// This long.
    Ms(u64),
    /// It was set to something that the file does not tell.
    Unknown,
}

/// A session as files find it: what it was given when it connected, which `RESET` goes back to, and what
/// is in force now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Session {
    /// What it was given.
    pub connected_with: Settings,
    /// What is in force.
    pub now: Settings,
}

/// What is in force in a file.
#[derive(Clone, Debug)]
pub struct InForce {
    /// Before each statement, in the order of the file. A statement that sets something finds the old value.
    pub before: Vec<Arc<Settings>>,
    /// The session as the next file finds it.
    pub after: Session,
    /// Settings for the transaction that had none to be for.
    pub without_effect: Vec<WithoutEffect>,
}

/// A `SET LOCAL`, `SET TRANSACTION` (both with a warning, 25P01) or `set_config(…, true)` (silently)
/// outside a transaction block: over before the next statement begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WithoutEffect {
    /// The statement, from 0.
    pub statement: usize,
    /// The setting.
    pub name: String,
}

impl Settings {
    /// The setting, if somebody has set it.
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.values.get(&name.to_lowercase())
    }

    /// All that are set, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Setting)> {
        self.values.iter().map(|(name, setting)| (name.as_str(), setting))
    }

    /// The same with a setting more, in force since the connection was made.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        let setting = Setting { value: Value::Text(value.into()), since: Since::Connection };
        self.values.insert(name.to_lowercase(), setting);
        self
    }

    /// What the `options` of a connection URL set: `-c lock_timeout=5s --statement_timeout=1min`.
    pub fn of_options(options: &str) -> Self {
        startup_options(options)
            .into_iter()
            .fold(Self::default(), |all, (name, value)| all.with(&name, value))
    }

    /// `lock_timeout`, `statement_timeout` or another setting that is a time in milliseconds.
    pub fn limit(&self, name: &str) -> Limit {
        match self.get(name).map(|setting| &setting.value) {
            None => Limit::Default,
            Some(Value::Unknown) => Limit::Unknown,
            Some(Value::Text(text)) => match milliseconds(text) {
                Some(0) => Limit::Unlimited,
                Some(ms) => Limit::Ms(ms),
                // The server refuses the statement, and nothing of the file runs behind it.
                None => Limit::Unknown,
            },
        }
    }

    /// The namespaces of `search_path`, in order and as written (`$user` is one); `None` when it is not set
    /// or not known.
    pub fn search_path(&self) -> Option<Vec<Name>> {
        match &self.get("search_path")?.value {
            Value::Text(text) => namespaces(text),
            Value::Unknown => None,
        }
    }

    /// Whether the session is known to be in a zone that never had another offset than zero, so that
    /// `timestamp` becomes `timestamptz` without a rewrite. `None` when `TimeZone` is not set or not known.
    pub fn is_utc(&self) -> Option<bool> {
        match &self.get("timezone")?.value {
            Value::Text(text) => Some(is_utc(text)),
            Value::Unknown => None,
        }
    }
}

impl Session {
    /// A session that has just been connected.
    pub fn new(connected_with: Settings) -> Self {
        Self { now: connected_with.clone(), connected_with }
    }

    /// The settings that are in force here and were not, or were others, in `earlier`.
    pub fn changed_since<'a>(&'a self, earlier: &'a Session) -> impl Iterator<Item = (&'a str, &'a Setting)> {
        self.now
            .iter()
            .filter(|(name, setting)| earlier.now.get(name).map(|other| &other.value) != Some(&setting.value))
    }
}

/// What is in force in a file that is sent in this way, in this session.
pub fn in_force(statements: &[Statement], sending: &Sending, session: &Session) -> InForce {
    let mut state = State::of(session);
    let mut told = InForce {
        before: Vec::with_capacity(statements.len()),
        after: Session::default(),
        without_effect: Vec::new(),
    };
    let mut now = Arc::new(state.levels.in_force());
    for (at, (statement, standing)) in statements.iter().zip(&sending.statements).enumerate() {
        let transaction = &sending.transactions[standing.transaction];
        if transaction.statements.start == at {
            state.at_begin = state.levels.clone();
        }
        told.before.push(Arc::clone(&now));
        let mut touched = state.savepoint(statement);
        for change in changes(statement) {
            touched = true;
            if let Some(name) = state.change(change, standing.block.is_block(), at) {
                told.without_effect.push(WithoutEffect { statement: at, name });
            }
        }
        if transaction.statements.end == at + 1 {
            touched |= state.end(transaction.end);
        }
        if touched {
            now = Arc::new(state.levels.in_force());
        }
    }
    told.after = Session {
        connected_with: session.connected_with.clone(),
        now: state.levels.in_force().of_earlier_file(),
    };
    told
}

impl Settings {
    fn of_earlier_file(mut self) -> Self {
        for setting in self.values.values_mut() {
            if matches!(setting.since, Since::Statement(_)) {
                setting.since = Since::EarlierFile;
            }
        }
        self
    }
}

/// The settings of the session, and over them those of the transaction. A local one may be "as connected",
/// which is then an absence.
#[derive(Clone, Debug, Default)]
struct Levels {
    session: Arc<Settings>,
    local: Arc<BTreeMap<String, Option<Setting>>>,
}

impl Levels {
    fn in_force(&self) -> Settings {
        let mut all = Settings::clone(&self.session);
        for (name, setting) in self.local.iter() {
            match setting {
                Some(setting) => all.values.insert(name.clone(), setting.clone()),
                None => all.values.remove(name),
            };
        }
        all
    }
}

#[derive(Debug)]
struct State<'a> {
    connected_with: &'a Settings,
    levels: Levels,
    at_begin: Levels,
    savepoints: Vec<(String, Levels)>,
}

impl<'a> State<'a> {
    fn of(session: &'a Session) -> Self {
        let levels = Levels { session: Arc::new(session.now.clone()), local: Arc::default() };
        Self {
            connected_with: &session.connected_with,
            at_begin: levels.clone(),
            levels,
            savepoints: Vec::new(),
        }
    }

    /// Follows savepoints, and tells whether settings may have changed.
    fn savepoint(&mut self, statement: &Statement) -> bool {
        let Some(control) = control(statement) else { return false };
        let level = self.savepoints.iter().rposition(|(name, _)| *name == control.savepoint_name);
        match (control.kind(), level) {
            (Kind::TransStmtSavepoint, _) => {
                self.savepoints.push((control.savepoint_name.clone(), self.levels.clone()));
                false
            }
            (Kind::TransStmtRelease, Some(level)) => {
                self.savepoints.truncate(level);
                false
            }
            (Kind::TransStmtRollbackTo, Some(level)) => {
                self.savepoints.truncate(level + 1);
                self.levels = self.savepoints[level].1.clone();
                true
            }
            _ => false,
        }
    }

    /// Does what the statement says, and tells the setting when it was for no transaction.
    fn change(&mut self, change: Change, in_block: bool, at: usize) -> Option<String> {
        match change {
            Change::Set { name, local: true, .. } if !in_block => return Some(name),
            Change::Set { name, value, local } => {
                let setting = match value {
                    Some(value) => Some(Setting { value, since: Since::Statement(at) }),
                    None => self.connected_with.get(&name).cloned(),
                };
                if local {
                    Arc::make_mut(&mut self.levels.local).insert(name, setting);
                } else {
                    Arc::make_mut(&mut self.levels.local).remove(&name);
                    let session = &mut Arc::make_mut(&mut self.levels.session).values;
                    match setting {
                        Some(setting) => session.insert(name, setting),
                        None => session.remove(&name),
                    };
                }
            }
            Change::ResetAll => {
                self.levels =
                    Levels { session: Arc::new(self.connected_with.clone()), local: Arc::default() };
            }
        }
        None
    }

    /// Ends a transaction, and tells whether settings may have changed.
    fn end(&mut self, end: End) -> bool {
        self.savepoints.clear();
        match end {
            End::Committed | End::Prepared => {
                let had_local = !self.levels.local.is_empty();
                self.levels.local = Arc::default();
                had_local
            }
            End::RolledBack => {
                self.levels = self.at_begin.clone();
                true
            }
            End::LeftOpen => false,
        }
    }
}

#[cfg(test)]
mod tests;
