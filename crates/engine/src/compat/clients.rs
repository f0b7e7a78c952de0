//! The clients whose releases run on the way, and the one that comes.

use std::ops::RangeInclusive;

use underpin_core::compat::Query;
use underpin_prisma::{ClientContract, PrismaCatalog};

use super::own::queries_of;
use crate::problem::Problem;
use crate::project::Project;
use crate::project::releases::{At, Basis, Deployed, Release};
use crate::state::Reading;

/// What a release is called that nobody named, and that is known by the history alone.
const FITTING: &str = "a release that fits the history";

/// What a release sends to the database.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// The release.
    pub(crate) name: String,
    /// What its Prisma Client needs.
    pub(crate) contract: ClientContract,
    /// What its application sends itself.
    pub(crate) queries: Vec<Query>,
}

/// Where a release has to run, by the places of the states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lives {
    /// The state that it was made for.
    pub(crate) home: usize,
    /// All of them.
    pub(crate) on: RangeInclusive<usize>,
}

/// The clients on the way: those that are out, and behind them the one that comes.
#[derive(Clone, Debug)]
pub struct Clients {
    all: Vec<Client>,
}

impl Clients {
    /// Those of these releases, and of the schema as it is now.
    ///
    /// # Errors
    /// When Git or the sources cannot be read.
    pub(super) fn of(deployed: &Deployed, project: &Project, reading: &Reading) -> Result<Self, Problem> {
        let coming = Release::coming(project);
        let releases = deployed.releases.iter().map(|release| (release, false)).chain([(&coming, true)]);
        let client = |(release, is_coming): (&Release, bool)| {
            Ok(Client {
                name: release.name.clone(),
                contract: ClientContract::of(&release.schema(), &reading.namespace),
                queries: queries_of(release, project, is_coming)?,
            })
        };
        Ok(Self { all: releases.map(client).collect::<Result<_, Problem>>()? })
    }

    /// Those on the way of a plan behind a history, which ends in `before`. Where nobody names the release that
    /// is out and Git does not tell, it is taken for one that fits the history.
    ///
    /// # Errors
    /// As [`Deployed::find`], and when the sources cannot be read.
    pub fn of_plan(
        project: &Project,
        bases: &[At],
        reading: &Reading,
        before: &PrismaCatalog,
    ) -> Result<Self, Problem> {
        let deployed = Deployed::find(project, bases)?;
        let mut clients = Self::of(&deployed, project, reading)?;
        if let Basis::Unknown { .. } = deployed.basis {
            for at in 0..clients.coming() {
                clients.take_fitting(at, before, reading);
            }
        }
        Ok(clients)
    }

    /// All of them, the one that comes last.
    pub(crate) fn all(&self) -> &[Client] {
        &self.all
    }

    /// The place of the one that comes.
    pub(crate) fn coming(&self) -> usize {
        self.all.len() - 1
    }

    /// Where each of them has to run, on a way that ends in the state `last`. `contract` is the place of the state
    /// before a contract phase, where there is one: until there the releases that are out run, and from there on the
    /// one that comes.
    pub(crate) fn lives(&self, last: usize, contract: Option<usize>) -> Vec<Lives> {
        let (old_until, new_from) = contract.map_or((last, last), |before| (before, before));
        let lives = |at: usize| match at == self.coming() {
            true => Lives { home: last, on: new_from..=last },
            false => Lives { home: 0, on: 0..=old_until },
        };
        (0..self.all.len()).map(lives).collect()
    }

    /// Puts a release that fits a database in the place of another.
    pub(crate) fn take_fitting(&mut self, at: usize, database: &PrismaCatalog, reading: &Reading) {
        let contract = ClientContract::of_database(database, &reading.namespace);
        self.all[at] = Client { name: FITTING.to_owned(), contract, queries: Vec::new() };
    }
}
