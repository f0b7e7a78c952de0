//! Each statement of a client, prepared and planned on a state: the server itself says which of them it would
//! refuse, before it has seen a row.
//!
//! `PREPARE` looks up names, types and operators; only the planner looks for the index of `ON CONFLICT`, so the
//! statement is explained too, which executes nothing.

use tokio_postgres::Client;
use underpin_catalog::{Name, RelationName, sql};
use underpin_core::compat::{Break, Cell, Certainty, Operation, Reason, Shape, Touched, shapes};
use underpin_prisma::ClientContract;

/// What the prepared statement is called, in a session of ours.
const PREPARED: &str = "underpin_probe";

/// How many statements are asked about in one message. It is one transaction, which keeps the locks of each to its end.
const TOGETHER: usize = 32;

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

/// Asks the server about every statement of a client that is about one of these relations. Nothing is executed.
///
/// # Errors
/// When the session is lost; that a statement is refused is the answer.
pub async fn probe(
    session: &Client,
    client: &ClientContract,
    about: &Touched,
) -> Result<Vec<Refusal>, tokio_postgres::Error> {
    let shapes = shapes(client, about);
    let mut refused = Vec::new();
    // Many in one message; whoever is among those that are refused is found by halves.
    let mut open: Vec<&[Shape<'_>]> = shapes.chunks(TOGETHER).collect();
    while let Some(asked) = open.pop() {
        let Err(error) = planned(session, asked).await else { continue };
        let Some(server) = error.as_db_error() else { return Err(error) };
        match asked {
            [shape] => refused.push(Refusal {
                table: shape.table.name.clone(),
                operation: shape.operation,
                code: server.code().code().to_owned(),
                message: server.message().to_owned(),
            }),
            several => {
                let (first, second) = several.split_at(several.len() / 2);
                open.extend([second, first]);
            }
        }
    }
    Ok(refused)
}

async fn planned(session: &Client, shapes: &[Shape<'_>]) -> Result<(), tokio_postgres::Error> {
    let name = Name::new(PREPARED);
    let mut text = String::new();
    for shape in shapes {
        let nulls = vec![underpin_catalog::Sql::verbatim("NULL"); shape.parameters];
        let explain = match nulls.is_empty() {
            true => sql!("EXPLAIN EXECUTE {}", name),
            false => sql!("EXPLAIN EXECUTE {}({})", name, nulls),
        };
        let asked = sql!("PREPARE {} AS {};\n{};\nDEALLOCATE {};\n", name, shape.sql, explain, name);
        text.push_str(asked.as_str());
    }
    let planned = session.batch_execute(&text).await;
    if planned.is_err() {
        // What was prepared stays when its message fails; one that was never prepared is not there (26000).
        match session.batch_execute(sql!("DEALLOCATE {}", name).as_str()).await {
            Err(error) if error.as_db_error().is_none() => return Err(error),
            _ => {}
        }
    }
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
