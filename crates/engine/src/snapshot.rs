//! `snapshot`: what a live database contains.
//!
//! `CONNECT` is enough of a privilege: PostgreSQL shows its catalogs to everybody. A replica serves as well
//! as the primary, and a pooler as well as the server, for all happens in one transaction.

use underpin_catalog::Catalog;
use underpin_prisma::DatabaseUrl;

use crate::introspect::introspect;
use crate::problem::Problem;
use crate::session;

/// The catalog of a database.
///
/// # Errors
/// When there is no connection, a table stays locked, or the database does not stop changing.
pub async fn read(url: &DatabaseUrl) -> Result<Catalog, Problem> {
    let connection = session::open(url, "underpin-snapshot").await?;
    Ok(introspect(&connection.client).await?)
}
