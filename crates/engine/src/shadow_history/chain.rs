//! The keys under which the states of a history are kept.
//!
//! Each key is the hash of the key before it and of one migration: its name, its script, and the roles that are made
//! for it. The first is the hash of who replays: what we make of a script is decided by our own sources, which are
//! in it. So two histories share their keys exactly as far as they are the same, and a migration that is edited,
//! renamed or moved changes the keys of all states behind it. The version of the server is not in them: what is
//! kept is kept for each binary.

use sha2::{Digest, Sha256};
use underpin_catalog::Name;

use super::Replayed;

/// What the same history would be replayed differently with: the sources that decide it, and of other packages
/// their versions.
const REPLAYER: &str = env!("UNDERPIN_REPLAYER");

/// The keys of a history, from that of the empty database on.
#[derive(Debug)]
pub(super) struct Chain(Vec<[u8; 32]>);

impl Chain {
    /// Nothing is replayed yet. Bare names are made in `namespace`.
    pub(super) fn new(namespace: &Name, by_superuser: bool) -> Self {
        let mut hash = Sha256::new();
        let rights = if by_superuser { "superuser" } else { "owner" };
        for part in [REPLAYER, env!("CARGO_PKG_VERSION"), namespace.as_str(), rights] {
            add(&mut hash, part);
        }
        Self(vec![hash.finalize().into()])
    }

    /// How many migrations it covers.
    pub(super) fn len(&self) -> usize {
        self.0.len() - 1
    }

    /// One more migration, for which these roles are made.
    pub(super) fn push(&mut self, migration: &Replayed, roles: &[&Name]) {
        let mut hash = Sha256::new();
        hash.update(self.0[self.len()]);
        add(&mut hash, &migration.name);
        add(&mut hash, &migration.script);
        hash.update(roles.len().to_le_bytes());
        for role in roles {
            add(&mut hash, role.as_str());
        }
        self.0.push(hash.finalize().into());
    }

    /// The key of the state behind the first `migrations` migrations, of which there are at most [`len`].
    ///
    /// [`len`]: Chain::len
    pub(super) fn key(&self, migrations: usize) -> String {
        self.0[migrations].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// With its length, so that no two lists of parts are the same bytes.
fn add(hash: &mut Sha256, part: &str) {
    hash.update(part.len().to_le_bytes());
    hash.update(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(history: &[(&str, &str)]) -> Vec<String> {
        let mut chain = Chain::new(&Name::new("public"), false);
        for (name, script) in history {
            chain.push(&Replayed::unread(name, script), &[]);
        }
        (0..=chain.len()).map(|at| chain.key(at)).collect()
    }

    const A: (&str, &str) = ("1_a", "CREATE TABLE a (id int);");
    const B: (&str, &str) = ("2_b", "CREATE TABLE b (id int);");
    const C: (&str, &str) = ("3_c", "CREATE TABLE c (id int);");

    #[test]
    fn histories_share_their_keys_as_far_as_they_are_the_same() {
        let all = keys(&[A, B, C]);
        assert_eq!(keys(&[A, B]), all[..3]);
        for (what, other) in [
            ("edited", [A, ("2_b", "CREATE TABLE b (id bigint);"), C]),
            ("a comment", [A, ("2_b", "CREATE TABLE b (id int); --"), C]),
            ("renamed", [A, ("2_bb", B.1), C]),
            ("moved", [A, C, B]),
            ("cut elsewhere", [A, ("2_bC", &B.1[1..]), C]),
        ] {
            let other = keys(&other);
            assert_eq!(other[..2], all[..2], "{what}");
            assert!(other[2..].iter().all(|key| !all.contains(key)), "{what}");
        }
        let without = keys(&[A, C]);
        assert!(without[2..].iter().all(|key| !all.contains(key)));
    }

    #[test]
    fn namespace_and_roles_count() {
        let mut here = Chain::new(&Name::new("public"), false);
        let mut there = Chain::new(&Name::new("app"), false);
        assert_ne!(here.key(0), there.key(0));
        assert_ne!(here.key(0), Chain::new(&Name::new("public"), true).key(0));
        let (a, app) = (Replayed::unread(A.0, A.1), Name::new("app"));
        there = Chain::new(&Name::new("public"), false);
        here.push(&a, &[]);
        there.push(&a, &[&app]);
        assert_ne!(here.key(1), there.key(1));
    }
}
