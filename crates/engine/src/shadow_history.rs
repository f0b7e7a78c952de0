//! A history on a throwaway server: replayed once, and copied as often as somebody tries something on it.
//!
//! Migrations are executed as they are written, in our transactions, without an application that could
//! notice. What took long to replay is kept in the user's cache for the next run, under the hash of everything
//! that was replayed (`chain`); what is kept already is not even read. What is done with the copies is the business
//! of those who ask for them: proofs of twins, and the comparison with a live database.

mod chain;
mod copies;
mod migration;
mod not_replayed;
mod session;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_postgres::{Client, Config};
use underpin_catalog::{Name, ServerVersion, Sql, sql};
use underpin_core::settings::ShadowSettings;
use underpin_shadow::{Kept, Shadow, StartOptions, Wanted, find_or_fetch};
use underpin_sql::Surroundings;

use self::chain::Chain;
use self::copies::{Copies, create_database};
use self::migration::ReadAhead;
pub(crate) use self::migration::{Execution, Replayed};
pub(crate) use self::not_replayed::{NotReplayed, REFUSAL_HINT, failed, is_refusal, said};
pub(crate) use self::session::{OWNER, Refused, Session, apply};
use self::session::{connect, stand_in};

/// The database that holds the history as far as it is replayed.
const BASE: &str = "underpin_base";

/// How long a replay must have taken for its end to be kept. Keeping takes about as long.
const WORTH_KEEPING: Duration = Duration::from_millis(250);

/// How long a replay must have taken for the state before its last migration to be kept too, for which the
/// server is started once more: the last migration is the one that is still being written.
const WORTH_A_STOP: Duration = Duration::from_secs(2);

/// What a server of few sessions does without. The table of locks has room for 49,000 all the same, more than
/// dropping 2,000 tables takes; that of a hundred sessions takes a third of the server's start. Nor are there
/// processes that read ahead.
const SETTINGS: [(&str, &str); 3] =
    [("max_connections", "20"), ("max_worker_processes", "0"), ("max_locks_per_transaction", "2048")];

/// One history on one server, which is started when it is needed first: from the longest part of the history
/// that an earlier run has kept.
#[derive(Debug)]
pub(crate) struct ShadowHistory {
    asked: Asked,
    namespace: Name,
    /// What migrations are read with.
    nothing: Arc<Surroundings>,
    roles: Vec<Name>,
    kept: Option<Kept>,
    chain: Chain,
    shadow: Option<Shadow>,
    /// The session that has replayed, until somebody else needs it or its database.
    base: Mutex<Option<Session>>,
    copies: Copies,
    replayed: usize,
    /// How long the replay took of what no earlier run has kept.
    unkept: Duration,
    /// A migration has failed, so that nobody knows how much of it is there.
    broken: bool,
}

impl ShadowHistory {
    /// A history whose ledger lives in `namespace`.
    pub(crate) fn new(asked: Asked, namespace: Name) -> Self {
        Self {
            chain: Chain::new(&namespace, asked.superuser),
            nothing: Arc::new(Surroundings::empty(
                ServerVersion::of_major(asked.server.major),
                namespace.clone(),
            )),
            asked,
            namespace,
            roles: Vec::new(),
            kept: None,
            shadow: None,
            base: Mutex::default(),
            copies: Copies::default(),
            replayed: 0,
            unkept: Duration::ZERO,
            broken: false,
        }
    }

    /// Roles that the history may name in grants, policies and owners. They belong to a server and not to a
    /// database, so no migration makes them. They are made before the first migration that says their name.
    pub(crate) fn prepare_roles(&mut self, mut roles: Vec<Name>) {
        roles.retain(|role| role.as_str() != OWNER);
        roles.sort();
        self.roles = roles;
    }

    /// The server's major version.
    pub(crate) fn major(&self) -> u32 {
        self.asked.server.major
    }

    /// Where bare names of the history are made.
    pub(crate) fn namespace(&self) -> &Name {
        &self.namespace
    }

    /// Replays what of the history is not replayed yet. `history` is what was given before, with more behind.
    ///
    /// # Errors
    /// [`NotReplayed`], with the migration that fails.
    pub(crate) async fn replay(&mut self, history: &[Replayed]) -> Result<(), NotReplayed> {
        for migration in history.iter().skip(self.chain.len()) {
            self.chain.push(migration, &mentioned(&self.roles, migration));
        }
        if self.shadow.is_none() {
            self.start(history.len()).await?;
        }
        let _ahead = ReadAhead::begin(&history[self.replayed..], &self.nothing);
        while let Some(migration) = history.get(self.replayed) {
            if self.replayed + 1 == history.len() && self.unkept > WORTH_A_STOP {
                drop(self.take_base());
                self.keep_and_go_on().await?;
            }
            let started = Instant::now();
            self.broken = true;
            self.replay_one(migration).await?;
            self.broken = false;
            self.replayed += 1;
            self.unkept += started.elapsed();
        }
        Ok(())
    }

    /// Replays one migration as if it had been deployed alone: what the one before it left behind in the session
    /// is forgotten. So the state behind it depends on the state before it and on nothing else.
    async fn replay_one(&mut self, migration: &Replayed) -> Result<(), NotReplayed> {
        let execution = self.execution(migration)?;
        let roles = mentioned(&self.roles, migration);
        if !roles.is_empty() {
            let admin = self.superuser().await?;
            for role in roles {
                stand_in(&admin, role).await?;
            }
        }
        let base = match self.take_base() {
            Some(base) => base,
            None => self.open(BASE).await?,
        };
        let done = base.run(&self.namespace, execution).await;
        self.base = Mutex::new(Some(base));
        done.map_err(|Refused { step, error }| NotReplayed::Migration {
            name: migration.name.clone(),
            step,
            error,
        })
    }

    /// How a migration is executed, as it is written.
    ///
    /// # Errors
    /// [`NotReplayed::NoSql`].
    pub(crate) fn execution<'a>(&self, migration: &'a Replayed) -> Result<&'a Execution, NotReplayed> {
        migration
            .execution(&self.nothing)
            .map_err(|error| NotReplayed::NoSql { name: migration.name.clone(), error: error.clone() })
    }

    /// A copy of the replayed history; an older one of the same name goes.
    ///
    /// # Errors
    /// Those of the server.
    pub(crate) async fn copy(&self, database: &str) -> Result<Session, tokio_postgres::Error> {
        // Nobody may be connected to what is copied.
        drop(self.take_base());
        self.copies.make(superuser(self.shadow()), self.major(), database).await?;
        self.open(database).await
    }

    /// Begins to make a copy that [`Self::copy`] will be asked for next, and waits for nothing.
    pub(crate) fn copy_ahead(&self, database: &str) {
        drop(self.take_base());
        self.copies.begin(superuser(self.shadow()), self.major(), database);
    }

    /// The replayed history itself, for whoever leaves it as it is.
    ///
    /// # Errors
    /// Those of the server.
    pub(crate) async fn look(&self) -> Result<Session, tokio_postgres::Error> {
        match self.take_base() {
            Some(base) => {
                base.freshen(&self.namespace).await?;
                Ok(base)
            }
            None => self.open(BASE).await,
        }
    }

    /// Stops the server, and keeps the replayed history when replaying it took long.
    pub(crate) async fn finish(mut self) {
        drop(self.take_base());
        let worth_it = !self.broken && self.unkept > WORTH_KEEPING;
        let kept = if worth_it && self.drop_copies().await.is_ok() { self.kept.take() } else { None };
        let Some(shadow) = self.shadow else { return };
        match kept {
            // The server's supervisor ends what this cannot.
            Some(kept) => drop(shadow.stop_and_keep(&kept, &self.chain.key(self.replayed)).await),
            None => shadow.leave(),
        }
    }

    /// Keeps the history as far as it is replayed. Nobody may be connected to the server.
    async fn keep_and_go_on(&mut self) -> Result<(), NotReplayed> {
        let Some(kept) = &self.kept else { return Ok(()) };
        self.drop_copies().await?;
        let shadow = self.shadow.as_mut().expect("who replays has started the server");
        shadow.keep(kept, &self.chain.key(self.replayed)).await?;
        self.unkept = Duration::ZERO;
        Ok(())
    }

    /// Drops what was made of the history by those who tried something on it.
    async fn drop_copies(&self) -> Result<(), tokio_postgres::Error> {
        self.copies.settle().await;
        let admin = self.superuser().await?;
        let copies = "SELECT datname FROM pg_catalog.pg_database
                      WHERE datname NOT IN ('postgres', 'template1', $1)";
        for row in admin.query(copies, &[&BASE]).await? {
            let name = Name::new(row.get::<_, &str>(0));
            admin.batch_execute(sql!("DROP DATABASE {} WITH (FORCE)", name).as_str()).await?;
        }
        Ok(())
    }

    /// Starts the server: on the longest part that is kept of a history of so many migrations, else on nothing.
    async fn start(&mut self, migrations: usize) -> Result<(), NotReplayed> {
        let installation = find_or_fetch(&self.asked.server).await?;
        let reads_itself = (self.major() >= 18).then_some(("io_method", "sync"));
        let settings = SETTINGS.into_iter().chain(reads_itself);
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let options = StartOptions { settings, ..StartOptions::default() };
        if self.asked.keep_bytes_max > 0 {
            // Without a cache nothing is kept.
            self.kept = Kept::of(&installation, self.asked.keep_bytes_max).await.ok();
        }
        if let Some(kept) = &self.kept {
            for migrations in (1..=migrations).rev() {
                let key = self.chain.key(migrations);
                // What cannot be started from is as if it were not there.
                if kept.has(&key)
                    && let Ok(Some(shadow)) = Shadow::start_from(kept, &key, &installation, &options).await
                {
                    self.shadow = Some(shadow);
                    self.replayed = migrations;
                    return Ok(());
                }
            }
        }
        let shadow = Shadow::start(&installation, &options).await?;
        self.prepare(&shadow).await?;
        self.shadow = Some(shadow);
        Ok(())
    }

    fn shadow(&self) -> &Shadow {
        self.shadow.as_ref().expect("whoever wants a copy has replayed the history")
    }

    async fn open(&self, database: &str) -> Result<Session, tokio_postgres::Error> {
        let session = Session::open(superuser(self.shadow()), database).await?;
        let there =
            sql!("CREATE SCHEMA IF NOT EXISTS {}; SET search_path = {}", self.namespace, self.namespace);
        session.batch_execute(there.as_str()).await?;
        Ok(session)
    }

    fn take_base(&self) -> Option<Session> {
        self.base.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn superuser(&self) -> Result<Client, tokio_postgres::Error> {
        connect(&superuser(self.shadow())).await
    }

    /// Gives the superuser of a new server another name, makes the owner of that name, and the database.
    async fn prepare(&self, shadow: &Shadow) -> Result<(), tokio_postgres::Error> {
        let (owner, other, renamed) =
            (Name::new(OWNER), Name::new("underpin_renames"), Name::new(session::SUPERUSER));
        let by_name = |name: &Name| {
            let mut config = shadow.config("postgres");
            config.user(name.as_str());
            config
        };
        let first = connect(&by_name(&owner)).await?;
        first.batch_execute(sql!("CREATE ROLE {} SUPERUSER LOGIN", other).as_str()).await?;
        // Nobody renames himself.
        let second = connect(&by_name(&other)).await?;
        second.batch_execute(sql!("ALTER ROLE {} RENAME TO {}", owner, renamed).as_str()).await?;
        drop(second);
        // From 16 on, who may create roles may grant only those that he has made, and none that can do more.
        let rights = Sql::verbatim(match (self.asked.superuser, self.major()) {
            (true, _) => " SUPERUSER",
            (false, 16..) => " CREATEROLE",
            (false, _) => "",
        });
        first.batch_execute(sql!("CREATE ROLE {} LOGIN{}", owner, rights).as_str()).await?;
        // Nobody needs template1, so it becomes the database instead of being copied, as one that was made of it:
        // without its comment, its own privileges and its mark.
        let base = Name::new(BASE);
        let become_base = sql!(
            "UPDATE pg_catalog.pg_database SET datacl = NULL, datistemplate = false WHERE datname = 'template1'; \
             COMMENT ON DATABASE template1 IS NULL; ALTER DATABASE template1 OWNER TO {}; \
             ALTER DATABASE template1 RENAME TO {}",
            owner,
            base
        );
        first.batch_execute(become_base.as_str()).await?;
        if self.asked.superuser {
            // Who may make databases makes them of it.
            let again = sql!("CREATE DATABASE template1 IS_TEMPLATE true TEMPLATE {}", base);
            create_database(&first, &again).await?;
        }
        if self.major() < 15 {
            // Later the database's owner has it anyway.
            let mut config = superuser(shadow);
            let base = connect(config.dbname(BASE)).await?;
            base.batch_execute(sql!("ALTER SCHEMA public OWNER TO {}", owner).as_str()).await?;
        }
        first.batch_execute(sql!("DROP ROLE {}", other).as_str()).await
    }
}

fn superuser(shadow: &Shadow) -> Config {
    let mut config = shadow.config("postgres");
    config.user(session::SUPERUSER);
    config
}

/// The roles whose names a migration says. A name in a comment or in another word counts too: a role more does
/// no harm.
fn mentioned<'a>(roles: &'a [Name], migration: &Replayed) -> Vec<&'a Name> {
    if roles.is_empty() {
        return Vec::new();
    }
    let script = migration.script.to_lowercase();
    roles.iter().filter(|role| script.contains(&role.as_str().to_lowercase())).collect()
}

/// What is asked of a throwaway server.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Which it has to be, and where it may come from.
    pub(crate) server: Wanted,
    keep_bytes_max: u64,
    superuser: bool,
}

/// The throwaway server that a target of this version wants.
pub(crate) fn wanted(version: ServerVersion, settings: &ShadowSettings, project: Option<PathBuf>) -> Asked {
    let server = Wanted {
        major: version.major(),
        explicit_bin: settings.postgres_bin.clone(),
        project,
        may_fetch: settings.fetch,
    };
    Asked { server, keep_bytes_max: settings.keep_mb << 20, superuser: settings.superuser }
}

#[cfg(test)]
mod tests;
