//! The settings of a file, so that each file that it becomes can say them itself and take them back.

use std::collections::BTreeMap;

use underpin_sql::effect::{Setting, SettingScope};
use underpin_sql::in_force::{InForce, Session, Since, in_force};
use underpin_sql::sending::{Block, Sender, sending, stands_alone};
use underpin_sql::{Action, Effect, Statement, for_the_rest_of_the_file};

use super::Unapplied;

/// Which statement of the file has set what, by the name of the setting.
pub(super) type Set = BTreeMap<String, usize>;

/// Settings that decide how long something may take and nothing of what comes out: a statement that has to
/// stand alone does without them.
const LIMITS: &[&str] = &[
    "lock_timeout",
    "statement_timeout",
    "idle_in_transaction_session_timeout",
    "transaction_timeout",
    "maintenance_work_mem",
    "work_mem",
    "max_parallel_maintenance_workers",
    "client_min_messages",
    "application_name",
];

/// What the file sets, where.
#[derive(Debug)]
pub(super) struct Settings {
    /// Before each statement, and behind the last.
    before: Vec<Set>,
    /// Statements that set something for those behind them, outside `BEGIN … COMMIT`: how each reads for a
    /// session.
    for_the_session: BTreeMap<usize, String>,
    /// Statements that take a setting back, outside `BEGIN … COMMIT`, by its name.
    resets: BTreeMap<usize, String>,
}

impl Settings {
    /// Reads them. A file is taken to be one message, because that is what `SET LOCAL` outside of `BEGIN` was
    /// written for.
    pub(super) fn of(file: &Unapplied<'_>) -> Self {
        let whole = sending(file.text, file.statements, Sender::PrismaWhole);
        let in_force = in_force(file.statements, &whole, &Session::default());
        let mut before: Vec<Set> = in_force
            .before
            .iter()
            .map(|settings| {
                settings
                    .iter()
                    .filter_map(|(name, setting)| match setting.since {
                        Since::Statement(at) => Some((name.to_owned(), at)),
                        Since::Connection | Since::EarlierFile => None,
                    })
                    .collect()
            })
            .collect();
        before.push(behind_the_last(file.statements, &in_force, before.last()));
        let mut settings = Self { before, for_the_session: BTreeMap::new(), resets: BTreeMap::new() };
        let explicit = in_explicit_blocks(file.text, file.statements);
        for (at, statement) in file.statements.iter().enumerate() {
            let [Effect::Set(set)] = statement.effects.as_slice() else { continue };
            if explicit[at] || stands_alone(statement) {
                continue;
            }
            if set.scope == SettingScope::Reset && set.name != "all" {
                settings.resets.insert(at, set.name.clone());
            } else if let Some(sql) = settings.as_session(at, statement, set, file) {
                settings.for_the_session.insert(at, sql);
            }
        }
        settings
    }

    /// Whether the statement is there for those behind it alone: it is said where it is needed.
    pub(super) fn is_for_others(&self, at: usize) -> bool {
        self.for_the_session.contains_key(&at) || self.resets.contains_key(&at)
    }

    /// Whether a setting that had no effect can be said so that it has.
    pub(super) fn can_be_said(&self, at: usize) -> bool {
        self.for_the_session.contains_key(&at)
    }

    /// What is set when a statement begins, by the file itself.
    pub(super) fn before(&self, at: usize) -> &Set {
        &self.before[at]
    }

    /// How a statement that sets something reads for a session.
    pub(super) fn said(&self, at: usize) -> Option<&str> {
        self.for_the_session.get(&at).map(String::as_str)
    }

    /// The file's own statement, behind `at`, that takes the setting back.
    pub(super) fn reset_behind(&self, at: usize, name: &str) -> Option<usize> {
        self.resets.range(at..).find(|(_, reset)| *reset == name).map(|(at, _)| *at)
    }

    /// A setting that a statement cannot do without when it stands alone in a file.
    pub(super) fn missed_alone(&self, at: usize) -> Option<&str> {
        self.before[at].keys().map(String::as_str).find(|name| !LIMITS.contains(name))
    }

    fn as_session(
        &self,
        at: usize,
        statement: &Statement,
        set: &Setting,
        file: &Unapplied<'_>,
    ) -> Option<String> {
        match set.scope {
            SettingScope::Session => {
                self.before[at + 1].values().any(|by| *by == at).then(|| statement.text.clone())
            }
            SettingScope::Transaction => match for_the_rest_of_the_file(statement, at, file.before)?.action {
                Action::Execute { sql } => {
                    Some(without_local(&statement.text).unwrap_or_else(|| sql.as_str().to_owned()))
                }
                Action::BuildIndex { .. } | Action::Batches(_) => None,
            },
            SettingScope::Reset => None,
        }
    }
}

/// A statement that is known to be `SET LOCAL` as its author wrote it, without its second word; `None` where a
/// comment stands between the words.
fn without_local(text: &str) -> Option<String> {
    let (set, rest) = text.split_once(char::is_whitespace)?;
    let (local, rest) = rest.trim_start().split_once(char::is_whitespace)?;
    (set.eq_ignore_ascii_case("SET") && local.eq_ignore_ascii_case("LOCAL"))
        .then(|| format!("{set} {}", rest.trim_start()))
}

/// For each statement, whether it stands between the file's own `BEGIN` and `COMMIT`, or is one of them.
pub(super) fn in_explicit_blocks(text: &str, statements: &[Statement]) -> Vec<bool> {
    let each = sending(text, statements, Sender::Autocommit);
    each.statements
        .iter()
        .map(|standing| each.transactions[standing.transaction].kind == Block::Explicit)
        .collect()
}

/// What is set when the file ends, and by which statement: that of the file's session has forgotten it.
fn behind_the_last(statements: &[Statement], in_force: &InForce, before: Option<&Set>) -> Set {
    let Some((last, statement)) = statements.iter().enumerate().next_back() else { return Set::new() };
    let sets = |name: &str| {
        matches!(statement.effects.as_slice(), [Effect::Set(set)] if set.name == name)
            || in_force.before[last].get(name).map(|setting| &setting.value)
                != in_force.after.now.get(name).map(|setting| &setting.value)
    };
    let by = |name: &str| before.and_then(|before| before.get(name)).copied().filter(|_| !sets(name));
    in_force.after.now.iter().map(|(name, _)| (name.to_owned(), by(name).unwrap_or(last))).collect()
}
