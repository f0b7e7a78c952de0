//! The way back from a migration, found on a throwaway server and tried there.
//!
//! What the migration renamed is renamed back first: two catalogs do not tell a rename from a drop and an
//! addition, and its script does. From there the way leads over the whole catalog.

use std::sync::Arc;

use tokio_postgres::Client;
use underpin_catalog::ddl::between;
use underpin_catalog::{Catalog, Difference, Name, ServerVersion, Sql, differences};
use underpin_core::down::{Back, Tried, down};
use underpin_core::recipe::Refill;
use underpin_sql::{Surroundings, renames_undone};

use super::WayBack;
use crate::drift::reparse::settle;
use crate::introspect::{Patience, introspect, introspect_within};
use crate::problem::Problem;
use crate::reading::beside;
use crate::shadow_history::{Refused, Replayed, Session, said};

/// Finds the way from what is behind a migration to `before`, and goes it. `client` is a session on a
/// database of its own, in which the migration was executed last; `there` is what that database is, and
/// `namespace` that of bare names.
pub(super) async fn way_back(
    client: &Session,
    script: &str,
    (there, before): (&Catalog, &Catalog),
    namespace: &Name,
) -> Result<WayBack, Problem> {
    let catalogs = (Arc::new(there.clone()), Arc::new(before.clone()));
    let back = way(client, script, catalogs, namespace, &[]).await?;
    let tried = gone(client, &back, (there, before), namespace).await?;
    Ok(found(script, &back, tried))
}

/// Finds the way alone. `refills` are columns that come back with values.
pub(super) async fn way(
    client: &Session,
    script: &str,
    (there, before): (Arc<Catalog>, Arc<Catalog>),
    namespace: &Name,
    refills: &[Refill],
) -> Result<Back, Problem> {
    let role: String = client.query_one("SELECT current_user::text", &[]).await?.get(0);
    let undone = renames_undone(script, namespace).unwrap_or_default();
    let (renamed, from) = match renamed_back(client, &undone).await? {
        Some(catalog) => (undone, Arc::new(catalog)),
        None => (Vec::new(), there),
    };
    let (role, refills) = (Name::new(role), refills.to_vec());
    // It takes as long as reading a catalog does, and somebody else may be reading one.
    Ok(beside(move || {
        if refills.is_empty() {
            return Back { renamed, way: between(&from, &before, &role), ..Back::default() };
        }
        let mut bare = Catalog::clone(&before);
        refills.iter().for_each(|refill| refill.bare(&mut bare));
        let (way, rest) = (between(&from, &bare, &role), between(&bare, &before, &role));
        Back { renamed, way, fills: refills, rest }
    })
    .await)
}

/// Goes the way, and stays there.
pub(super) async fn gone(
    client: &Session,
    back: &Back,
    (there, before): (&Catalog, &Catalog),
    namespace: &Name,
) -> Result<Tried, Problem> {
    if let Some(refused) = execute(client, &back.script(), there, namespace).await? {
        return Ok(Tried::Failed(refused));
    }
    let catalog = introspect(client).await?;
    if let Some(tried) = tried(before, &catalog) {
        return Ok(tried);
    }
    let expected = before.facts();
    let found = settle(client, &expected, catalog.facts()).await?;
    Ok(Tried::ran(&expected.differences_to(&found)))
}

/// What became of a way back that has led to a catalog. `None` where the texts of expressions may mean the same, so
/// that the server has to be asked.
pub(super) fn tried(before: &Catalog, found: &Catalog) -> Option<Tried> {
    let differences = differences(before, found);
    differences.iter().all(Difference::is_note).then(|| Tried::ran(&differences))
}

/// The way back as it is written.
pub(super) fn found(script: &str, back: &Back, tried: Tried) -> WayBack {
    WayBack { text: down(script, back, &tried), tried }
}

/// Executes a way back with the help that the replay of a history has, and answers why it is refused.
async fn execute(
    client: &Session,
    script: &str,
    there: &Catalog,
    namespace: &Name,
) -> Result<Option<String>, Problem> {
    let nothing = Surroundings::empty(ServerVersion::of_major(there.major), namespace.clone());
    let back = Replayed::unread("", script);
    let execution = match back.execution(&nothing) {
        Ok(execution) => execution,
        Err(error) => return Ok(Some(format!("{} ({})", error.message, error.sqlstate))),
    };
    match client.run(namespace, execution).await {
        Ok(()) => Ok(None),
        Err(Refused { error, .. }) if error.as_db_error().is_some() => Ok(Some(said(&error))),
        Err(Refused { error, .. }) => Err(error.into()),
    }
}

/// The catalog behind renames, which are not kept. `None` when there are none, or when they do not run: what
/// was renamed may be gone, or renamed to and fro.
async fn renamed_back(client: &Client, undone: &[Sql]) -> Result<Option<Catalog>, Problem> {
    if undone.is_empty() {
        return Ok(None);
    }
    client.batch_execute("BEGIN").await?;
    let mut renamed = true;
    for statement in undone {
        match client.batch_execute(statement.as_str()).await {
            Ok(()) => {}
            Err(error) if error.as_db_error().is_some() => {
                renamed = false;
                break;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let catalog = match renamed {
        true => Some(introspect_within(client, Patience::default()).await?),
        false => None,
    };
    client.batch_execute("ROLLBACK").await?;
    Ok(catalog)
}
