//! Each statement of a client, prepared and planned on a state: the server itself says which of them it would
//! refuse, before it has seen a row.
//!
//! `PREPARE` looks up names, types and operators; only the planner looks for the index of `ON CONFLICT`, so the
//! statement is explained too, which executes nothing.

use tokio_postgres::Client;
use underpin_catalog::{Name, RelationName, sql};
use underpin_core::compat::{Break, Cell, Certainty, Operation, Reason, Shape, shapes};
use underpin_prisma::ClientContract;

/// What the prepared statement is called, in a session of ours.
const PREPARED: &str = "underpin_probe";

/// A statement that the server would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Of which table.
    pub table: RelationName,
    /// What it is for.
    pub operation: Operation,
    /// The server's SQLSTATE.
    pub code: String,
    /// The server's words.
    pub message: String,
}

/// Asks the server about every statement of a client. Nothing is executed.
///
/// # Errors
/// When the session is lost; that a statement is refused is the answer.
pub async fn probe(session: &Client, client: &ClientContract) -> Result<Vec<Refusal>, tokio_postgres::Error> {
    let mut refused = Vec::new();
    for shape in shapes(client) {
        if let Err(error) = planned(session, &shape).await {
            let Some(server) = error.as_db_error() else { return Err(error) };
            refused.push(Refusal {
                table: shape.table.name.clone(),
                operation: shape.operation,
                code: server.code().code().to_owned(),
                message: server.message().to_owned(),
            });
        }
    }
    Ok(refused)
}

async fn planned(session: &Client, shape: &Shape<'_>) -> Result<(), tokio_postgres::Error> {
    let name = Name::new(PREPARED);
    session.batch_execute(sql!("PREPARE {} AS {}", name, shape.sql).as_str()).await?;
    let nulls = vec![underpin_catalog::Sql::verbatim("NULL"); shape.parameters];
    let explain = match nulls.is_empty() {
        true => sql!("EXPLAIN EXECUTE {}", name),
        false => sql!("EXPLAIN EXECUTE {}({})", name, nulls),
    };
    let planned = session.batch_execute(explain.as_str()).await;
    session.batch_execute(sql!("DEALLOCATE {}", name).as_str()).await?;
    planned
}

/// Adds what the server refused and nobody foresaw. What it refused already on the state that the release was
/// made for is nothing that the release does.
pub(super) fn add(cell: &mut Cell, client: &ClientContract, here: &[Refusal], home: &[Refusal]) {
    let known_before = |one: &Refusal| {
        home.iter().any(|other| {
            (&other.table, other.operation, &other.code) == (&one.table, one.operation, &one.code)
        })
    };
    for one in here.iter().filter(|one| !known_before(one)) {
        let foreseen = cell.breaks.iter().any(|found| {
            found.table.as_ref() == Some(&one.table)
                && found.operations.contains(&one.operation)
                && (found.certainty == Certainty::Certain || found.code.as_deref() == Some(&one.code))
                && found.reason != Reason::CachedPlan
        });
        if let Some(table) = client.table(&one.table).filter(|_| !foreseen) {
            let message = format!("the server refuses the statement: {}", one.message);
            cell.breaks.push(Break::refused(table, one.operation, &one.code, message));
        }
    }
}
