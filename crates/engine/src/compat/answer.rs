//! From what was seen on the states to which release may run on which.

use underpin_core::compat::{Break, Cell, Certainty, Need, Query, Release, verify};

use super::clients::{Client, Clients, Lives};
use super::probes;
use super::stops::{Answered, Stop};

/// What is known of releases and states.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The releases: those that run, then the one that comes.
    pub releases: Vec<Release>,
    /// What the states are called, in order.
    pub states: Vec<String>,
    /// Every release on every state.
    pub cells: Vec<Cell>,
    /// Queries in the sources that nobody can judge.
    pub unknown: Vec<Unknown>,
}

/// A query that the application writes itself and that nobody can judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The release, by its place.
    pub release: usize,
    /// The query.
    pub query: Query,
    /// Why, as half a sentence.
    pub why: String,
}

impl Answer {
    /// Judges clients on states. `contract` is as in [`Clients::lives`].
    pub(super) fn of(clients: &Clients, stops: Vec<Stop>, contract: Option<usize>) -> Self {
        let (states, answered): (Vec<_>, Vec<Vec<Answered>>) =
            stops.into_iter().map(|stop| (stop.state, stop.answered)).unzip();
        let last = states.len() - 1;
        let release = |(client, lives): (&Client, Lives)| Release {
            name: client.name.clone(),
            contract: client.contract.clone(),
            home: lives.home,
            lives: lives.on,
        };
        let releases: Vec<Release> =
            clients.all().iter().zip(clients.lives(last, contract)).map(release).collect();
        let mut cells = verify(&states, &releases);
        for cell in cells.iter_mut().filter(|cell| cell.need == Need::Lives) {
            let of = |state: usize| &answered[state][cell.release];
            let (here, home) = (of(cell.state), of(releases[cell.release].home));
            probes::add(cell, &releases[cell.release].contract, &here.refused, &home.refused);
            let queries = clients.all()[cell.release].queries.iter().zip(&here.own).zip(&home.own);
            for ((query, here), at_home) in queries {
                if let (Some((code, message)), None) = (here, at_home) {
                    cell.breaks.push(Break::of_query(query, code, message));
                }
            }
        }
        let unknown = unknown(clients, &releases, &answered);
        Self { releases, states: states.into_iter().map(|state| state.name).collect(), cells, unknown }
    }

    /// What certainly fails where its release has to run, with the cell that it is in.
    pub fn failures(&self) -> impl Iterator<Item = (&Cell, &Break)> {
        let here = self.cells.iter().filter(|cell| cell.need == Need::Lives);
        here.flat_map(|cell| cell.breaks.iter().map(move |found| (cell, found)))
            .filter(|(_, found)| found.certainty == Certainty::Certain)
    }
}

fn unknown(clients: &Clients, releases: &[Release], answered: &[Vec<Answered>]) -> Vec<Unknown> {
    let mut unknown = Vec::new();
    for (release, client) in clients.all().iter().enumerate() {
        let at_home = &answered[releases[release].home][release].own;
        for (query, refused) in client.queries.iter().zip(at_home) {
            let why = match (&query.sql, refused) {
                (None, _) => "it is put together at run time".to_owned(),
                (Some(_), Some((_, message))) => {
                    format!("as it stands there, the server refuses it: {message}")
                }
                (Some(_), None) => continue,
            };
            unknown.push(Unknown { release, query: query.clone(), why });
        }
    }
    unknown
}
