//! A state on the way, and what a server in that state says of each client's statements.

use underpin_catalog::Catalog;
use underpin_core::compat::{Known, State};

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

/// What the server said of a client's statements.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) refused: Vec<Refusal>,
    pub(crate) own: Vec<Refused>,
}

impl Stop {
    /// Asks in a session on a database in that state, whose catalog is known.
    pub(crate) async fn at(session: &Session, catalog: Catalog, clients: &[Client]) -> Result<Self, Problem> {
        let mut answered = Vec::new();
        for client in clients {
            let refused = probe(session, &client.contract).await?;
            let own = own::ask(session, &client.queries).await?;
            answered.push(Answered { refused, own });
        }
        let known = Known::of(&catalog);
        Ok(Self { state: State { name: String::new(), catalog, known }, answered })
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
