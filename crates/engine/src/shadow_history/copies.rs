//! Copies of the replayed history, for those who try something on it.
//!
//! The server copies files for some 50 ms, in which whoever needs the copy may have something else to do: so one can be
//! begun before it is asked for.

use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio_postgres::{Client, Config, Error};
use underpin_catalog::{Name, Sql, sql};

use super::session::connect;
use super::{BASE, OWNER};
use crate::reading::beside;

/// The copy that somebody has begun.
#[derive(Debug, Default)]
pub(super) struct Copies(Mutex<Option<Begun>>);

#[derive(Debug)]
struct Begun {
    database: String,
    made: JoinHandle<Result<(), Error>>,
}

impl Copies {
    /// Makes a copy, or waits for it when it was begun; an older one of the same name goes. Nobody may be connected to
    /// the history.
    pub(super) async fn make(&self, superuser: Config, major: u32, database: &str) -> Result<(), Error> {
        match self.begun(|name| name == database) {
            Some(made) => beside(move || ended(made)).await,
            None => copy(superuser, major, database).await,
        }
    }

    /// Begins a copy. Without a thread it is made when it is asked for.
    pub(super) fn begin(&self, superuser: Config, major: u32, database: &str) {
        let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return };
        let name = database.to_owned();
        let work = move || runtime.block_on(copy(superuser, major, &name));
        if let Ok(made) = thread::Builder::new().name("copy".to_owned()).spawn(work) {
            let begun = Begun { database: database.to_owned(), made };
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(begun);
        }
    }

    /// Returns when nothing is being copied any more.
    pub(super) async fn settle(&self) {
        if let Some(made) = self.begun(|_| true) {
            // Nobody has asked for it.
            let _ = beside(move || ended(made)).await;
        }
    }

    fn begun(&self, is_it: impl Fn(&str) -> bool) -> Option<JoinHandle<Result<(), Error>>> {
        let mut begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        begun.take_if(|begun| is_it(&begun.database)).map(|begun| begun.made)
    }
}

fn ended(made: JoinHandle<Result<(), Error>>) -> Result<(), Error> {
    made.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

async fn copy(superuser: Config, major: u32, database: &str) -> Result<(), Error> {
    let name = Name::new(database);
    let admin = connect(&superuser).await?;
    admin.batch_execute(sql!("DROP DATABASE IF EXISTS {} WITH (FORCE)", name).as_str()).await?;
    // Through the WAL, the default since 15, a large one takes several times as long.
    let strategy = Sql::verbatim(if major >= 15 { " STRATEGY file_copy" } else { "" });
    let create =
        sql!("CREATE DATABASE {} OWNER {} TEMPLATE {}{}", name, Name::new(OWNER), Name::new(BASE), strategy);
    create_database(&admin, &create).await
}

/// `CREATE DATABASE` refuses while somebody is connected to its template (`55006`, object in use); a
/// session that we have just closed may take a moment to go.
pub(super) async fn create_database(admin: &Client, create: &Sql) -> Result<(), tokio_postgres::Error> {
    let mut tries = 0;
    loop {
        match admin.batch_execute(create.as_str()).await {
            Err(error) if error.code().is_some_and(|code| code.code() == "55006") && tries < 400 => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            done => return done,
        }
    }
}
