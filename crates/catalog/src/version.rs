//! PostgreSQL versions.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A server's version, from `server_version_num` (150018 is 15.18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServerVersion(u32);

impl ServerVersion {
    /// The majors that are supported in full.
    pub const SUPPORTED: std::ops::RangeInclusive<u32> = 14..=18;

    /// From `server_version_num`.
    pub fn from_number(server_version_num: u32) -> Self {
        Self(server_version_num)
    }

    /// The first release of a major.
    pub fn of_major(major: u32) -> Self {
        Self(major * 10_000)
    }

    /// 15 of 15.18.
    pub fn major(self) -> u32 {
        self.0 / 10_000
    }

    /// 18 of 15.18.
    pub fn minor(self) -> u32 {
        self.0 % 10_000
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major(), self.minor())
    }
}
