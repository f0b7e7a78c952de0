//! How a throwaway server is started, and the settings that follow from it.

use std::path::PathBuf;

/// How to start a [`Shadow`](crate::Shadow). The default is a server for a moment: no TCP, no durability.
#[derive(Clone, Debug, Default)]
pub struct StartOptions {
    /// Also listen on a free port of 127.0.0.1, with a random password: for clients that know no unix
    /// sockets, such as poolers and the real Prisma.
    pub tcp: bool,
    /// Flush to disk, vacuum and log as a production server does, with room for replication: for crash tests
    /// and measurements. The data then lie in the temporary folder rather than in memory.
    pub durable: bool,
    /// Further settings, which win over ours. Both parts are passed as they are.
    pub settings: Vec<(String, String)>,
    /// The folder in which the server's own directory is created; by default memory (`/dev/shm`), else the
    /// temporary folder.
    pub place: Option<PathBuf>,
}

/// Values of every start. `mmap` keeps shared memory in the data directory, so that nothing is left in
/// `/dev/shm` when the server is killed.
const ALWAYS: &[(&str, &str)] = &[
    ("dynamic_shared_memory_type", "mmap"),
    ("unix_socket_permissions", "0700"),
    ("password_encryption", "scram-sha-256"),
    ("logging_collector", "off"),
    ("log_destination", "stderr"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("max_connections", "100"),
];

/// `max_locks_per_transaction` times `max_connections` is the size of the lock table: 100,000 locks. Replaying
/// or dropping 2,000 tables in one transaction takes 42,000. A table four times as large costs every server
/// 60 MB of memory and 35 ms of its start, which is nearly half of it.
const THROWAWAY: &[(&str, &str)] = &[
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("synchronous_commit", "off"),
    ("shared_buffers", "16MB"),
    ("max_locks_per_transaction", "1024"),
    ("autovacuum", "off"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("jit", "off"),
];

/// The two sizes are what a server with ordinary 16 MB segments has; ours has 1 MB segments, and `initdb`
/// derives far smaller values from them.
const DURABLE: &[(&str, &str)] =
    &[("min_wal_size", "80MB"), ("max_wal_size", "1GB"), ("max_locks_per_transaction", "256")];

impl StartOptions {
    /// Settings in the order in which they are given to the server, which takes the last value of each.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        let by_durability = if self.durable { DURABLE } else { THROWAWAY };
        ALWAYS
            .iter()
            .chain(by_durability)
            .copied()
            .chain(self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }
}
