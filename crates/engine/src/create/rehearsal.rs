//! New files behind a history, on a copy of it: there, and from each of them back.
//!
//! One session sends the files, as Prisma does. Another one looks at what they have made, and goes each way back in
//! a transaction that it takes back: so the next file finds what it would find, and one copy is enough for all. What
//! cannot be one transaction, or is refused in one, has a copy of its own.

use std::sync::Arc;

use tokio::task::{JoinHandle, spawn_blocking};
use underpin_catalog::Catalog;
use underpin_core::down::{Back, Tried};
use underpin_core::recipe::Refill;
use underpin_sql::sending::{Block, Sender, sending};

use super::back::{found, gone, tried, way};
use super::{Creation, WayBack};
use crate::introspect::{IntrospectError, Patience, Unmade, introspect, read_within};
use crate::problem::Problem;
use crate::prove::send;
use crate::reading::{beside, ended};
use crate::shadow_history::{Session, said};

/// The copy on which new files are tried.
pub(super) const COPY: &str = "underpin_create";

/// The copy on which a way back is gone that cannot be taken back.
const BACK: &str = "underpin_back";

/// A copy of a history on which new files are tried.
#[derive(Debug)]
pub(super) struct Rehearsal<'a> {
    creation: &'a Creation,
    sends: Session,
    looks: Session,
    sent: Vec<&'a str>,
    /// The way back from each.
    backs: Vec<Gone>,
}

/// A way back, and what it has led to: as far as that was seen in a transaction.
#[derive(Debug)]
struct Gone {
    back: Back,
    there: Arc<Catalog>,
    before: Arc<Catalog>,
    led: Option<JoinHandle<Result<Option<Tried>, IntrospectError>>>,
}

impl<'a> Rehearsal<'a> {
    pub(super) async fn begin(creation: &'a Creation) -> Result<Self, tokio_postgres::Error> {
        let sends = creation.ground.copy(COPY).await?;
        let looks = sends.another(&creation.reading.namespace).await?;
        Ok(Self { creation, sends, looks, sent: Vec::new(), backs: Vec::new() })
    }

    /// The session that looks, for whoever leaves everything as it is.
    pub(super) fn looks(&self) -> &Session {
        &self.looks
    }

    /// What would be behind a text that one transaction executes. `None` when it is none, or is refused.
    pub(super) async fn would_be(&self, text: &str) -> Result<Option<Catalog>, Problem> {
        if !is_one_transaction(text) {
            return Ok(None);
        }
        let Some(unmade) = glimpse(&self.looks, text).await? else { return Ok(None) };
        Ok(Some(beside(|| unmade.catalog()).await?))
    }

    /// Sends the next file: what is there behind it, or why it does not run.
    pub(super) async fn file(&mut self, text: &'a str) -> Result<Result<Catalog, String>, Problem> {
        if let Err(error) = send(&self.sends, text, self.creation.sender()).await {
            return Ok(Err(said(&error)));
        }
        self.sent.push(text);
        Ok(Ok(introspect(&self.looks).await?))
    }

    /// Goes the way back from the last file, from what is there to `before`.
    pub(super) async fn back(
        &mut self,
        (there, before): (Arc<Catalog>, Arc<Catalog>),
        refills: &[Refill],
    ) -> Result<(), Problem> {
        let script = self.sent.last().expect("there is a way back behind a file");
        let namespace = &self.creation.reading.namespace;
        let catalogs = (Arc::clone(&there), Arc::clone(&before));
        let back = way(&self.looks, script, catalogs, namespace, refills).await?;
        let unmade = match back.in_one_transaction() {
            Some(text) => glimpse(&self.looks, &text).await?,
            None => None,
        };
        // The next file is sent while this is compared.
        let led = unmade.map(|unmade| {
            let before = Arc::clone(&before);
            spawn_blocking(move || Ok(tried(&before, &unmade.catalog()?)))
        });
        self.backs.push(Gone { back, there, before, led });
        Ok(())
    }

    /// What became of the ways back. Those that cannot be taken back are gone now.
    pub(super) async fn ways_back(self) -> Result<Vec<WayBack>, Problem> {
        let Self { creation, sent, backs, .. } = self;
        let mut ways = Vec::new();
        for (at, Gone { back, there, before, led }) in backs.into_iter().enumerate() {
            let seen = match led {
                Some(led) => ended(led).await?,
                None => None,
            };
            let tried = match seen {
                Some(tried) => tried,
                None => {
                    let copy = creation.ground.copy(BACK).await?;
                    for file in &sent[..=at] {
                        send(&copy, file, creation.sender()).await?;
                    }
                    gone(&copy, &back, (&there, &before), &creation.reading.namespace).await?
                }
            };
            ways.push(found(sent[at], &back, tried));
        }
        Ok(ways)
    }
}

/// Whether a text can stand in a transaction of somebody else: it has none of its own, and nothing that must be in
/// none.
fn is_one_transaction(text: &str) -> bool {
    let Ok(statements) = underpin_sql::read(text) else { return false };
    let sent = sending(text, &statements, Sender::PrismaWhole);
    let controls = sent.transactions.iter().any(|transaction| transaction.kind == Block::Explicit);
    sent.transactions.len() <= 1 && !controls && sent.remarks.is_empty()
}

/// What a database would be behind a text: it is executed in a transaction, with what its end would check, looked at,
/// and taken back. `None` when it is refused.
async fn glimpse(session: &Session, text: &str) -> Result<Option<Unmade>, IntrospectError> {
    // Whoever has left something open holds its locks for ever.
    session.batch_execute("BEGIN; SET LOCAL lock_timeout = '2s'").await?;
    let executed = match session.batch_execute(text).await {
        Ok(()) => session.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").await,
        refused => refused,
    };
    let unmade = match executed {
        Ok(()) => read_within(session, Patience::default()).await.map(Some),
        Err(error) if error.as_db_error().is_some() => Ok(None),
        Err(error) => Err(error.into()),
    };
    session.batch_execute("ROLLBACK").await?;
    unmade
}
