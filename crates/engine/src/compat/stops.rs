//! A state on the way, and what a server in that state says of the clients' statements.

use underpin_catalog::Catalog;
use underpin_core::compat::{Known, State, Touched};

use super::clients::Client;
use super::own::{self, Refused};
use super::probes::{Refusal, probe};
use crate::problem::Problem;
use crate::shadow_history::Session;

/// A state, with what was asked in it.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    pub(crate) state: State,
    /// Of each client, in their order.
    pub(crate) answered: Vec<Answered>,
}

/// What the server said of a client's statements; nothing where it was not asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answered {
    pub(crate) refused: Vec<Refusal>,
    pub(crate) own: Vec<Refused>,
}

impl Stop {
    /// Asks in a session on a database in that state, whose catalog is known: for each client about these relations,
    /// or not at all where the state is none of its own.
    pub(crate) async fn at(
        session: &Session,
        catalog: Catalog,
        clients: &[Client],
        about: &[Option<Touched>],
    ) -> Result<Self, Problem> {
        let mut stop = Self::unasked(catalog, clients);
        stop.ask(session, clients, about).await?;
        Ok(stop)
    }

    /// A state in which nothing was asked yet.
    pub(crate) fn unasked(catalog: Catalog, clients: &[Client]) -> Self {
        let known = Known::of(&catalog);
        let answered = clients.iter().map(|_| Answered::default()).collect();
        Self { state: State { name: String::new(), catalog, known }, answered }
    }

    /// Asks as [`Self::at`].
    pub(crate) async fn ask(
        &mut self,
        session: &Session,
        clients: &[Client],
        about: &[Option<Touched>],
    ) -> Result<(), Problem> {
        for ((client, about), answered) in clients.iter().zip(about).zip(&mut self.answered) {
            let Some(about) = about else { continue };
            let refused = probe(session, &client.contract, about).await?;
            let own = own::ask(session, &client.queries).await?;
            *answered = Answered { refused, own };
        }
        Ok(())
    }

    /// The same under a name.
    pub(crate) fn named(mut self, name: impl Into<String>) -> Self {
        self.state.name = name.into();
        self
    }

    /// The same when the rows that were there before the triggers are filled too.
    pub(crate) fn backfilled(mut self) -> Self {
        self.state.known = self.state.known.backfilled();
        self
    }
}
