//! Migrations are executed one after the other, until one stops: what a deploy and a way back share.

use uuid::Uuid;

use super::preflight::{Facts, Pending, ProvingHistory};
use super::{Ending, Request, Target, journal_problem, migration};
use crate::connect::Connection;
use crate::events::Events;
use crate::execute::Executor;
use crate::journal::{self, Owner};
use crate::ledger::Ledger;
use crate::problem::Problem;
use crate::session::{self, Sessions};

/// A run that has Prisma's lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Applying<'a> {
    pub(super) target: &'a Target,
    pub(super) request: &'a Request,
    pub(super) events: &'a Events,
    /// The session that has the lock.
    pub(super) guard: &'a Connection,
    /// What its sessions are called.
    pub(super) application: &'a str,
    pub(super) ledger: &'a Ledger,
}

/// How far it came.
#[derive(Debug)]
pub(super) struct Came {
    /// So many are applied, from the first on.
    pub(super) applied: usize,
    /// What stopped the next one.
    pub(super) stopped: Option<Ending>,
    /// Who has the lease, for what is recorded behind it.
    pub(super) owner: Owner,
}

impl Applying<'_> {
    /// Ends what earlier runs have left working, makes the ledger where there is none, and takes the lease of the
    /// journal, which is made or brought to this version.
    ///
    /// # Errors
    /// A journal that cannot be used; those of the connection.
    pub(super) async fn take_over(&self, run: Uuid, has_ledger: bool) -> Result<Owner, Problem> {
        let client = &self.guard.client;
        session::retire_predecessors(client, self.application).await?;
        // A role that may not make it is refused before anything of ours is there.
        if !has_ledger {
            self.ledger.create(client).await?;
        }
        journal::bootstrap(client).await.map_err(journal_problem)?;
        let owner = journal::take_lease(client, &self.target.url.schema, run).await?;
        journal::upgrade(client, &owner).await.map_err(journal_problem)?;
        Ok(owner)
    }

    /// Executes the migrations in their order.
    ///
    /// # Errors
    /// What keeps one from being planned at all.
    pub(super) async fn apply(
        &self,
        owner: Owner,
        pending: &[Pending],
        facts: &Facts,
        mut prover: ProvingHistory,
    ) -> Result<Came, Problem> {
        let mut executor = Executor {
            sessions: Sessions::open(&self.target.url, self.application).await?,
            guard: (!self.request.without_advisory_lock).then_some(&self.guard.client),
            owner,
            ledger: self.ledger,
            settings: &self.request.settings,
            events: self.events,
            interrupt: self.request.interrupt.clone(),
        };
        let (mut applied, mut stopped) = (0, None);
        for pending in pending {
            let came =
                Box::pin(migration::apply(&mut executor, &mut prover, pending, self.request, facts)).await?;
            if came.is_some() {
                stopped = came;
                break;
            }
            applied += 1;
            prover.advance(pending);
        }
        prover.finish().await;
        Ok(Came { applied, stopped, owner: executor.owner })
    }
}
