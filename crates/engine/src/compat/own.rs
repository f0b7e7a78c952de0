//! Queries that the application writes itself: where a release's sources have them, and what the server says of
//! them on a state.
//!
//! A query is only taken for one when the server can prepare it on the state that its release was made for.
//! Nothing is executed: what stands in a source may do anything.

use tokio_postgres::Client;
use underpin_core::compat::{Query, may_hold_queries, queries};

use crate::problem::Problem;
use crate::project::Project;
use crate::project::releases::Release;
use crate::repository;

/// What the server says of a query that it does not take: SQLSTATE and words.
pub(super) type Refused = Option<(String, String)>;

/// The queries in the sources of a release; those of the one that comes are on disk.
pub(super) fn queries_of(
    release: &Release,
    project: &Project,
    is_coming: bool,
) -> Result<Vec<Query>, Problem> {
    let files = match is_coming {
        true => on_disk(project)?,
        false => release.files(may_hold_queries)?,
    };
    Ok(files.iter().flat_map(|(path, text)| queries(path, text)).collect())
}

fn on_disk(project: &Project) -> Result<Vec<(String, String)>, Problem> {
    let found = repository::read_where(&project.root, may_hold_queries).map_err(|error| {
        Problem::new(format!("the sources cannot be listed: {error}")).at(project.root.display().to_string())
    })?;
    Ok(found.files.into_iter().map(|file| (file.path, file.text)).collect())
}

/// Asks the server about each query. What is put together at run time is not asked about.
pub(super) async fn ask(session: &Client, queries: &[Query]) -> Result<Vec<Refused>, tokio_postgres::Error> {
    let mut answers = Vec::new();
    for query in queries {
        let Some(sql) = &query.sql else {
            answers.push(None);
            continue;
        };
        answers.push(match session.prepare(sql).await {
            Ok(_) => None,
            Err(error) => {
                let Some(server) = error.as_db_error() else { return Err(error) };
                Some((server.code().code().to_owned(), server.message().to_owned()))
            }
        });
    }
    Ok(answers)
}
