//! What the servers say of their own functions: `crates/sql/src/expression/routines.txt`, which
//! `xtask generate routines` writes and a test compares.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tokio_postgres::Client;

use crate::server::Server;

/// The majors that are asked. All of them, whatever `UNDERPIN_TEST_MAJORS` says, because the answer is one
/// for all.
const MAJORS: [u32; 5] = [14, 15, 16, 17, 18];

/// For each name of a function of PostgreSQL's own, whether one of that name is volatile. Functions that
/// nobody can call from SQL (with arguments of the type `internal`, and those that read and print types)
/// are none.
const QUESTION: &str = "SELECT proname::text, bool_or(provolatile = 'v') FROM pg_proc
     WHERE pronamespace = 'pg_catalog'::regnamespace
       AND NOT 'internal'::regtype = ANY (proargtypes)
       AND NOT 'cstring'::regtype = ANY (proargtypes)
       AND prorettype NOT IN ('cstring'::regtype, 'internal'::regtype, 'trigger'::regtype,
                              'event_trigger'::regtype, 'language_handler'::regtype)
     GROUP BY proname";

/// The file, from servers of all majors.
///
/// # Panics
/// When a server does not start or answer.
pub async fn routines() -> String {
    let mut answers = Vec::new();
    for major in MAJORS {
        answers.push(ask(&Server::shared(major).await.client("postgres").await).await);
    }
    let mut volatile = BTreeMap::new();
    for (name, is_volatile) in answers.iter().flatten() {
        *volatile.entry(name.as_str()).or_insert(false) |= *is_volatile;
    }
    let mut file = format!(
        "# Functions of PostgreSQL {} to {}, by name; from pg_proc, by `./run generate routines`.\n\
         # steady: on each of them there are some of that name, all immutable or stable.\n\
         # volatile: on one of them there is a volatile one of that name.\n",
        MAJORS[0],
        MAJORS[MAJORS.len() - 1]
    );
    for (name, is_volatile) in volatile {
        let mark = match is_volatile {
            true => "volatile",
            false if answers.iter().all(|answer| answer.contains_key(name)) => "steady",
            false => continue,
        };
        // Writing to a string does not fail.
        let _ = writeln!(file, "{mark} {name}");
    }
    file
}

async fn ask(client: &Client) -> BTreeMap<String, bool> {
    let rows = client.query(QUESTION, &[]).await;
    let rows = rows.unwrap_or_else(|error| panic!("cannot ask for the functions: {error:?}"));
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}
