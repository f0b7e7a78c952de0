//! What is asked about clients on the way of a plan, and where.
//!
//! A release is only asked about where it has to run, and about what is not there as in the state that it was made
//! for: the server says the same of the rest in both. The state that a plan ends in is known before it is reached, from
//! Prisma's own migration; a plan that ends elsewhere is none.

use std::future::Future;

use underpin_catalog::Catalog;
use underpin_core::compat::Touched;

use super::clients::{Clients, Lives};
use super::stops::Stop;
use crate::problem::Problem;
use crate::shadow_history::Session;

/// Clients on the way of a plan.
#[derive(Debug)]
pub(crate) struct Witness<'a> {
    clients: &'a Clients,
    lives: Vec<Lives>,
    end: &'a Catalog,
    stops: Vec<Stop>,
    /// What each client has been asked about elsewhere, and is asked about at home.
    at_home: Vec<Touched>,
}

impl<'a> Witness<'a> {
    /// Clients on the way from one catalog to another, in so many phases. `contract` is as in [`Clients::lives`].
    pub(crate) fn new(
        clients: &'a Clients,
        (start, end): (&Catalog, &'a Catalog),
        (phases, contract): (usize, Option<usize>),
    ) -> Self {
        Self {
            clients,
            lives: clients.lives(phases, contract),
            end,
            stops: vec![Stop::unasked(start.clone(), clients.all())],
            at_home: clients.all().iter().map(|_| Touched::nothing()).collect(),
        }
    }

    /// Asks in the next state. `session` is on a database that has it.
    pub(crate) async fn look(&mut self, session: &Session, here: &Catalog) -> Result<(), Problem> {
        let at = self.stops.len();
        let mut about = Vec::new();
        for (lives, at_home) in self.lives.iter().zip(&mut self.at_home) {
            about.push(match lives.on.contains(&at) {
                true if lives.home == at => Some(at_home.clone()),
                true => {
                    let home = self.stops.get(lives.home).map_or(self.end, |stop| &stop.state.catalog);
                    let touched = Touched::between(home, here);
                    *at_home = std::mem::replace(at_home, Touched::nothing()).and(touched.clone());
                    Some(touched)
                }
                false => None,
            });
        }
        self.stops.push(Stop::at(session, here.clone(), self.clients.all(), &about).await?);
        Ok(())
    }

    /// All states, when the first has been asked in too: only now is known about what. `start` is a session on a
    /// database that has it.
    pub(crate) async fn stops(
        mut self,
        start: impl Future<Output = Result<Session, tokio_postgres::Error>>,
    ) -> Result<Vec<Stop>, Problem> {
        let begins = |(lives, about): (&Lives, Touched)| (lives.home == 0).then_some(about);
        let about: Vec<Option<Touched>> = self.lives.iter().zip(self.at_home).map(begins).collect();
        let session = start.await?;
        self.stops[0].ask(&session, self.clients.all(), &about).await?;
        Ok(self.stops)
    }
}
