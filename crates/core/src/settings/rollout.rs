//! `[rollout]`: when the phase that takes something away may be executed.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// When the phase that takes something away may be executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RolloutSettings {
    /// For how long both shapes are kept after the first phase, hours: so long can the release that was out before
    /// come back without losing anything.
    pub dual_write_hours: u32,
    /// For how long no statement may have named what is to go, minutes. Longer than the slowest job of the
    /// application pauses.
    pub quiet_minutes: u32,
    /// How long all queries that verify a phase may take together, seconds.
    pub verify_budget_s: u32,
    /// For how long what is parked is kept before it may be purged, days.
    pub park_days: u32,
}

impl RolloutSettings {
    /// Until when something is kept that was parked then.
    pub fn kept_until(&self, parked_at: Timestamp) -> Timestamp {
        parked_at + SignedDuration::from_hours(i64::from(self.park_days) * 24)
    }
}

impl Default for RolloutSettings {
    fn default() -> Self {
        Self { dual_write_hours: 72, quiet_minutes: 60, verify_budget_s: 600, park_days: 30 }
    }
}
