//! The session: its settings and its transactions.

use serde::Serialize;

/// A change of the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// `search_path`, or `all` of `RESET ALL`.
    pub name: String,
    /// The words and constants that it is set to; empty for `DEFAULT` and `RESET`.
    pub values: Vec<String>,
    /// How long it lasts.
    pub scope: SettingScope,
}

/// How long a setting lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingScope {
    /// `SET`.
    Session,
    /// `SET LOCAL`: to the end of the transaction.
    Transaction,
    /// `RESET`, `DISCARD`.
    Reset,
}

/// A statement about the transaction itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionControl {
    /// `BEGIN`, `START TRANSACTION`.
    Begin,
    /// The same with an isolation level or another mode.
    BeginWith,
    /// `COMMIT`, `END`.
    Commit,
    /// `ROLLBACK`, `ABORT`.
    Rollback,
    /// `SAVEPOINT`, `RELEASE`, `ROLLBACK TO`.
    Savepoint,
    /// `PREPARE TRANSACTION` and what settles it.
    TwoPhase,
}
