//! A session on a database of the throwaway server, with the rights of its owner and no more.
//!
//! Migrations may come from anybody who can open a pull request. So what they say is executed by the role
//! `postgres`, which is no superuser here: it owns the database, and what is refused to the owner of a database
//! is refused to a migration. For a few harmless things a superuser is asked instead ([`underpin_sql::lent`]),
//! in a session of its own, and never in one in which something of a migration could run: not behind an
//! event trigger, and no extension's script beside functions and operators of the migrations.
//!
//! Roles belong to a server and not to a database. One that a migration names and nobody has made is made, as a
//! role that can do nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use futures_util::future::{join, try_join};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};
use underpin_catalog::{Literal, Name, Sql, sql};
use underpin_core::run::{SegmentKind, segments};
use underpin_sql::{Action, Lent, Step, lent, new_owner};

use super::Execution;
use crate::journal::text_of;

/// The role that replays, and owns what a replay makes. Called as the owner is that most histories name.
pub(crate) const OWNER: &str = "postgres";

/// The one superuser of the server.
pub(super) const SUPERUSER: &str = "underpin_superuser";

/// What tells a role that was made because it was named from one that a migration has made.
const STAND_IN: &str = "stands in for a role of the real server";

/// What the server said no to.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The step; `None` when it is the beginning or the end of a transaction.
    pub(crate) step: Option<Box<Step>>,
    /// What it said.
    pub(crate) error: tokio_postgres::Error,
}

impl From<tokio_postgres::Error> for Refused {
    fn from(error: tokio_postgres::Error) -> Self {
        Self { step: None, error }
    }
}

/// A session of the database's owner.
#[derive(Debug)]
pub(crate) struct Session {
    client: Client,
    /// How a superuser connects to the same server.
    superuser: Config,
    database: String,
}

impl Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Session {
    /// Connects to a database. `superuser` is how a superuser connects to the server.
    ///
    /// # Errors
    /// Those of the connection.
    pub(super) async fn open(superuser: Config, database: &str) -> Result<Self, tokio_postgres::Error> {
        let mut owner = superuser.clone();
        owner.user(OWNER).dbname(database);
        Ok(Self { client: connect(&owner).await?, superuser, database: database.to_owned() })
    }

    /// Another session on the same database, in which bare names are made in `namespace`.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) async fn another(&self, namespace: &Name) -> Result<Self, tokio_postgres::Error> {
        let session = Self::open(self.superuser.clone(), &self.database).await?;
        session.batch_execute(sql!("SET search_path = {}", namespace).as_str()).await?;
        Ok(session)
    }

    /// Sends a text as one message. When it needs a superuser's help, or a role that is not there, it is executed
    /// statement by statement.
    ///
    /// # Errors
    /// Those of the server.
    pub(crate) async fn send(&self, text: &str) -> Result<(), tokio_postgres::Error> {
        let Err(error) = self.batch_execute(text).await else { return Ok(()) };
        let helps = error.code().is_some_and(|code| ["42501", "42704", "42710"].contains(&code.code()));
        let statements = if helps { underpin_sql::read(text).unwrap_or_default() } else { Vec::new() };
        if statements.is_empty() {
            return Err(error);
        }
        for statement in statements {
            let Err(error) = self.batch_execute(&statement.text).await else { continue };
            match self.help(&statement.text, &error).await? {
                Some(Help::Again) => self.batch_execute(&statement.text).await?,
                Some(Help::Allow(right)) => self.with(&right, Sql::verbatim(&*statement.text)).await?,
                Some(Help::Lend(lent)) if self.lend(&lent, &statement.text).await? => {}
                Some(Help::Lend(_)) | None => return Err(error),
            }
        }
        Ok(())
    }

    async fn together(&self, steps: &[Step]) -> Result<(), Refused> {
        // Nearly always this is all. Where it is not, one by one tells which of them needs what.
        if self.batch_execute(&in_one(steps)).await.is_ok() {
            return Ok(());
        }
        // A connection that is lost is told by the next one.
        let _ = self.batch_execute("ROLLBACK").await;
        let mut begin = 0;
        let mut helped = BTreeSet::new();
        let mut allowed: BTreeMap<usize, Right> = BTreeMap::new();
        while begin < steps.len() {
            self.batch_execute("BEGIN").await?;
            let mut refused = None;
            for (at, step) in steps.iter().enumerate().skip(begin) {
                let done = match allowed.get(&at) {
                    Some(right) => self.with(right, text_of(step)).await,
                    None => self.execute(step).await,
                };
                if let Err(error) = done {
                    refused = Some((at, error));
                    break;
                }
            }
            let Some((at, error)) = refused else { return Ok(self.batch_execute("COMMIT").await?) };
            let refused = |error| Refused { step: Some(Box::new(steps[at].clone())), error };
            // A connection that is lost is told by the error before it.
            let _ = self.batch_execute("ROLLBACK").await;
            match self.help(text_of(&steps[at]).as_str(), &error).await? {
                Some(Help::Again) if helped.insert((at, error.to_string())) => {}
                Some(Help::Allow(right)) if !allowed.contains_key(&at) => _ = allowed.insert(at, right),
                Some(Help::Lend(lent)) => {
                    // What stands before it has to be there for the superuser's session.
                    self.batch_execute("BEGIN").await?;
                    for (before, step) in steps.iter().enumerate().take(at).skip(begin) {
                        match allowed.get(&before) {
                            Some(right) => self.with(right, text_of(step)).await?,
                            None => self.execute(step).await?,
                        }
                    }
                    self.batch_execute("COMMIT").await?;
                    if !self.lend(&lent, text_of(&steps[at]).as_str()).await.map_err(refused)? {
                        return Err(refused(error));
                    }
                    begin = at + 1;
                }
                Some(Help::Again | Help::Allow(_)) | None => return Err(refused(error)),
            }
        }
        Ok(())
    }

    async fn alone(&self, step: &Step) -> Result<(), Refused> {
        let Err(error) = self.execute(step).await else { return Ok(()) };
        let text = text_of(step);
        let done = match self.help(text.as_str(), &error).await? {
            Some(Help::Again) => self.execute(step).await,
            Some(Help::Allow(right)) => self.with(&right, text).await,
            Some(Help::Lend(lent)) => match self.lend(&lent, text.as_str()).await {
                Ok(false) => Err(error),
                done => done.map(drop),
            },
            None => Err(error),
        };
        done.map_err(|error| Refused { step: Some(Box::new(step.clone())), error })
    }

    async fn execute(&self, step: &Step) -> Result<(), tokio_postgres::Error> {
        if let Action::Batches(batches) = &step.action {
            // Without rows there is no batch; what the batches go along must be there all the same.
            let key = sql!("SELECT {} FROM ONLY {} LIMIT 0", batches.key, batches.table);
            self.batch_execute(key.as_str()).await?;
        }
        self.batch_execute(text_of(step).as_str()).await
    }

    /// What can be done about a refusal.
    async fn help(
        &self,
        statement: &str,
        error: &tokio_postgres::Error,
    ) -> Result<Option<Help>, tokio_postgres::Error> {
        let Some(said) = error.as_db_error() else { return Ok(None) };
        let lent = || lent(statement, &Name::new(SUPERUSER));
        // The server's messages are English, whatever the language of the machine.
        let role = |end: &str| said.message().strip_prefix("role \"")?.strip_suffix(end);
        let done = match said.code().code() {
            "42704" => match role("\" does not exist") {
                Some(role) => self.stand_in(&Name::new(role)).await?.then_some(Help::Again),
                None => None,
            },
            // A role that was made because it was named, and a migration that makes it.
            "42710" => match (role("\" already exists"), lent()) {
                (Some(role), Some(Lent::Roles(Some(made)))) if made.as_str() == role => {
                    self.drop_stand_in(&made).await?.then_some(Help::Again)
                }
                _ => None,
            },
            "42501" => match new_owner(statement).and_then(|role| Right::lacking(said.message(), &role)) {
                Some(right) => Some(Help::Allow(right)),
                None => lent().map(Help::Lend),
            },
            _ => None,
        };
        Ok(done)
    }

    /// Executes a statement for which a role has to have a right that it has neither before nor afterwards.
    async fn with(&self, right: &Right, statement: Sql) -> Result<(), tokio_postgres::Error> {
        self.batch_execute(right.grant.as_str()).await?;
        self.batch_execute(statement.as_str()).await?;
        self.batch_execute(right.revoke.as_str()).await
    }

    /// Leaves nothing of what an earlier migration set in the session, as a deploy of its own would find it.
    /// Bare names are made in `namespace`.
    ///
    /// # Errors
    /// Those of the server.
    pub(crate) async fn freshen(&self, namespace: &Name) -> Result<(), tokio_postgres::Error> {
        let path = sql!("SET search_path = {}", namespace);
        // No transaction has them both. Sent together, they are answered together.
        try_join(self.batch_execute("DISCARD ALL"), self.batch_execute(path.as_str())).await.map(drop)
    }

    /// Executes a migration or a way back as a deploy of its own would.
    ///
    /// # Errors
    /// Those of the server, with the step that it refused where there are steps.
    pub(crate) async fn run(&self, namespace: &Name, execution: &Execution) -> Result<(), Refused> {
        let execute = async {
            match &execution.whole {
                Some(script) => Ok(self.send(script).await?),
                None => apply(self, &execution.steps).await,
            }
        };
        // In this order, and in one round trip as far as that goes.
        let (fresh, done) = join(self.freshen(namespace), execute).await;
        fresh?;
        done
    }

    /// Makes a role that can do nothing, and of which the owner is a member. Not, when its name is PostgreSQL's.
    async fn stand_in(&self, role: &Name) -> Result<bool, tokio_postgres::Error> {
        if role.as_str().starts_with("pg_") {
            return Ok(false);
        }
        stand_in(&connect(&self.superuser).await?, role).await.map(|()| true)
    }

    async fn drop_stand_in(&self, role: &Name) -> Result<bool, tokio_postgres::Error> {
        let admin = connect(&self.superuser).await?;
        let mine = "SELECT FROM pg_catalog.pg_roles
                    WHERE rolname = $1 AND pg_catalog.shobj_description(oid, 'pg_authid') = $2";
        if admin.query_opt(mine, &[&role.as_str(), &STAND_IN]).await?.is_none() {
            return Ok(false);
        }
        // Something may have been granted to it already. Then it stays, and the migration fails as it would.
        match admin.batch_execute(sql!("DROP ROLE {}", role).as_str()).await {
            Ok(()) => Ok(true),
            Err(error) if error.code() == Some(&SqlState::DEPENDENT_OBJECTS_STILL_EXIST) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Has a superuser execute a statement. Not, when something of the migrations would run with it.
    ///
    /// # Errors
    /// Those of the server: what the statement itself is refused for is among them.
    async fn lend(&self, lent: &Lent, statement: &str) -> Result<bool, tokio_postgres::Error> {
        if let Lent::Roles(made) = lent {
            // Roles are changed from another database, in which there is nothing of the migrations.
            let admin = connect(&self.superuser).await?;
            if let Some(role) = made {
                self.drop_stand_in(role).await?;
            }
            admin.batch_execute(statement).await?;
            if let Some(role) = made {
                admin.batch_execute(sql!("GRANT {} TO {}", role, Name::new(OWNER)).as_str()).await?;
            }
            return Ok(true);
        }
        // Asked in the owner's session: the superuser's would already run what an event trigger for logins runs.
        let own = match lent {
            Lent::Extension => OWN_CODE,
            Lent::EventTrigger => LOGIN_TRIGGERS,
            Lent::Publication | Lent::Roles(_) => EVENT_TRIGGERS,
        };
        if self.query_one(own, &[]).await?.get::<_, bool>(0) {
            return Ok(false);
        }
        let path: String =
            self.query_one("SELECT pg_catalog.current_setting('search_path')", &[]).await?.get(0);
        let mut config = self.superuser.clone();
        let admin = connect(config.dbname(&self.database)).await?;
        admin.batch_execute(sql!("SET search_path = pg_catalog").as_str()).await?;
        admin.query("SELECT pg_catalog.set_config('search_path', $1, false)", &[&path]).await?;
        admin.batch_execute(statement).await?;
        admin.batch_execute(sql!("SET search_path = pg_catalog").as_str()).await?;
        admin.batch_execute(owned(lent).as_str()).await?;
        Ok(true)
    }
}

/// Steps as one text, of one transaction.
fn in_one(steps: &[Step]) -> String {
    let mut text = String::from("BEGIN;\n");
    for step in steps {
        text.push_str(text_of(step).as_str());
        // On a line of its own: a comment may be the end of a statement.
        text.push_str("\n;\n");
    }
    text.push_str("COMMIT");
    text
}

/// What is done about a refusal.
enum Help {
    /// Something was in the way and is not any more.
    Again,
    /// A superuser may do it.
    Lend(Lent),
    /// The new owner of an object has to be allowed what a superuser would not be asked.
    Allow(Right),
}

/// A right that a role gets for one statement.
#[derive(Debug)]
struct Right {
    grant: Sql,
    revoke: Sql,
}

impl Right {
    /// The right to make something where the server said that the role has none. The session's role gives it, as
    /// the owner of the place: nobody else lends anything.
    fn lacking(message: &str, role: &Name) -> Option<Self> {
        let place = |name: &str| Some(Name::new(message.strip_prefix(name)?));
        let on = match (place("permission denied for schema "), place("permission denied for database ")) {
            (Some(namespace), _) => sql!("SCHEMA {}", namespace),
            (None, Some(database)) => sql!("DATABASE {}", database),
            (None, None) => return None,
        };
        Some(Self {
            grant: sql!("GRANT CREATE ON {} TO {}", on, role),
            revoke: sql!("REVOKE CREATE ON {} FROM {}", on, role),
        })
    }
}

const EVENT_TRIGGERS: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_event_trigger)";

/// No event trigger runs when another one is made. But from PostgreSQL 17 on some run when somebody logs in.
const LOGIN_TRIGGERS: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_event_trigger
    WHERE evtevent OPERATOR(pg_catalog.=) 'login'::pg_catalog.name)";

/// Event triggers, functions and operators that are not the installation's: of the bootstrap superuser, who owns
/// those of extensions too.
const OWN_CODE: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_event_trigger)
    OR EXISTS (SELECT FROM pg_catalog.pg_proc WHERE proowner OPERATOR(pg_catalog.<>) 10::pg_catalog.oid)
    OR EXISTS (SELECT FROM pg_catalog.pg_operator WHERE oprowner OPERATOR(pg_catalog.<>) 10::pg_catalog.oid)";

/// Makes the database's owner the owner of what a superuser has made for it, as if it had been allowed to make it
/// itself. The objects of an extension stay the superuser's, as those of a trusted extension do; `ALTER … OWNER`
/// wants a superuser as owner of the other two.
fn owned(lent: &Lent) -> underpin_catalog::Sql {
    let owner = sql!("(SELECT oid FROM pg_roles WHERE rolname = {})", Literal(OWNER));
    match lent {
        Lent::Extension => {
            sql!("UPDATE pg_extension SET extowner = {} WHERE extowner = 10 AND extname <> 'plpgsql'", owner)
        }
        Lent::Publication => sql!("UPDATE pg_publication SET pubowner = {} WHERE pubowner = 10", owner),
        Lent::EventTrigger => sql!("UPDATE pg_event_trigger SET evtowner = {} WHERE evtowner = 10", owner),
        Lent::Roles(_) => sql!("SELECT"),
    }
}

/// Makes a role that can do nothing, unless it is there.
///
/// # Errors
/// Those of the server.
pub(super) async fn stand_in(admin: &Client, role: &Name) -> Result<(), tokio_postgres::Error> {
    let there = "SELECT FROM pg_catalog.pg_roles WHERE rolname = $1";
    if admin.query_opt(there, &[&role.as_str()]).await?.is_none() {
        let make = sql!(
            "CREATE ROLE {}; COMMENT ON ROLE {} IS {}; GRANT {} TO {}",
            role,
            role,
            Literal(STAND_IN),
            role,
            Name::new(OWNER)
        );
        admin.batch_execute(make.as_str()).await?;
    }
    Ok(())
}

pub(super) async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Runs steps on a database without an application: the same transactions, no lock protocol. A transaction
/// ends earlier where a superuser has to be asked.
///
/// # Errors
/// Those of the server, with the step that it refused.
pub(crate) async fn apply(session: &Session, steps: &[Step]) -> Result<(), Refused> {
    let none = BTreeSet::new();
    for segment in segments(steps, &none, &none) {
        if segment.kind == SegmentKind::Together {
            session.together(&segment.steps).await?;
        } else {
            for step in &segment.steps {
                session.alone(step).await?;
            }
        }
    }
    Ok(())
}
