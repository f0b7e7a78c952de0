//! Output is an interface: data on stdout, words on stderr, one object with `--json`, a line for each event, exit codes
//! of signals, and never a password.

mod drift;
mod events;
mod json;
mod secrets;
mod signals;
mod snapshot;
mod stats;
mod waiting;

use underpin_testkit::{Database, ProjectFolder};

use crate::support::{server, underpin};

const INIT: &str = "20260101000000_init";
const SECOND: &str = "20260102000000_second";
const SHOP: &str = "CREATE TABLE \"Shop\" (\"id\" SERIAL PRIMARY KEY, \"name\" TEXT);\n";

/// A project for which no table with rows is small.
fn strict() -> ProjectFolder {
    ProjectFolder::prisma7().migration(INIT, SHOP).file("underpin.toml", "[deploy]\nsmall_table_kb = 0\n")
}

/// A database where `Shop` is deployed and has this many rows.
async fn shop(rows: u32) -> Database<'static> {
    let database = server().await.database("shop").await;
    let deployed = underpin(strict().path(), &database.url(), &["deploy"]).await;
    assert_eq!(deployed.code, 0, "{}", deployed.all());
    database
        .run(&format!("INSERT INTO \"Shop\" (\"name\") SELECT 'shop ' || n FROM generate_series(1, {rows}) n; ANALYZE \"Shop\""))
        .await;
    database
}
