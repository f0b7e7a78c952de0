//! What happens besides: triggers, rules and row security policies of tables and views.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{About, RoutineName};
use crate::Name;

/// A trigger that somebody made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trigger {
    /// When it fires.
    pub timing: TriggerTiming,
    /// For which statements.
    pub events: BTreeSet<TriggerEvent>,
    /// Once for each row; otherwise once for each statement.
    pub for_each_row: bool,
    /// `UPDATE OF`: these columns alone; empty for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Name>,
    /// What it calls.
    pub function: RoutineName,
    /// The whole of it, with its condition and its arguments, as the server deparses it.
    pub definition: String,
    /// It is a constraint trigger.
    pub constraint: bool,
    /// Whether it fires.
    pub fires: Firing,
    /// It came from the trigger of the partitioned parent.
    pub inherited: bool,
    /// Its comment.
    #[serde(flatten)]
    pub about: About,
}

/// When a trigger fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerTiming {
    /// `BEFORE`.
    Before,
    /// `AFTER`.
    After,
    /// `INSTEAD OF`, of views alone.
    InsteadOf,
}

/// A statement that a trigger fires for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerEvent {
    /// `INSERT`.
    Insert,
    /// `UPDATE`.
    Update,
    /// `DELETE`.
    Delete,
    /// `TRUNCATE`.
    Truncate,
}

/// In which sessions a trigger or a rule acts (`session_replication_role`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Firing {
    /// In ordinary ones, not in those that apply replicated changes.
    #[default]
    Origin,
    /// In none.
    Disabled,
    /// In those that apply replicated changes.
    Replica,
    /// In all.
    Always,
}

/// A rewrite rule that is not the body of a view.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    /// The whole of it, as the server deparses it.
    pub definition: String,
    /// Whether it acts.
    pub fires: Firing,
    /// Its comment.
    #[serde(flatten)]
    pub about: About,
}

/// A row security policy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Policy {
    /// For which statements.
    pub command: PolicyCommand,
    /// A row needs one permissive policy to let it through, and all restrictive ones.
    pub permissive: bool,
    /// For whom; empty for `PUBLIC`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub roles: BTreeSet<Name>,
    /// Which rows are seen, as the server deparses it.
    pub using: Option<String>,
    /// Which rows may be written, as the server deparses it.
    pub check: Option<String>,
    /// Its comment.
    #[serde(flatten)]
    pub about: About,
}

/// The statements that a policy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyCommand {
    /// All of them.
    All,
    /// `SELECT`.
    Select,
    /// `INSERT`.
    Insert,
    /// `UPDATE`.
    Update,
    /// `DELETE`.
    Delete,
}
