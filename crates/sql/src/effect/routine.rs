//! Functions and procedures: what is declared of them. What their bodies say is in `program`.

use serde::Serialize;

/// How often a function may give another answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Volatility {
    /// Never, for the same arguments.
    Immutable,
    /// Not within one statement.
    Stable,
    /// At each call. What nobody said is volatile, as PostgreSQL has it.
    Volatile,
}

/// With whose rights a function runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunsAs {
    /// Those of whoever calls it.
    #[default]
    Caller,
    /// Those of its owner (`SECURITY DEFINER`).
    Owner {
        /// It sets its own `search_path`.
        has_search_path: bool,
    },
}
