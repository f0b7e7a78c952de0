//! Which server this is, and whether it may be written to.

use tokio_postgres::{Client, SimpleQueryMessage};
use underpin_catalog::ServerVersion;
use underpin_prisma::DatabaseUrl;

use crate::problem::Problem;
use crate::session;

/// What a server says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    /// Its version.
    pub(crate) version: ServerVersion,
    /// `version()`, for recognising what only resembles PostgreSQL.
    pub(crate) banner: String,
    /// It replays another server's log and cannot be written to.
    pub(crate) in_recovery: bool,
    /// New transactions of this session are read-only.
    pub(crate) read_only: bool,
}

/// Reads what the server says about itself.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn examine(client: &Client) -> Result<Server, tokio_postgres::Error> {
    let row = client
        .query_one(
            "SELECT current_setting('server_version_num')::int, version(), pg_is_in_recovery(),
                    current_setting('transaction_read_only') = 'on'",
            &[],
        )
        .await?;
    Ok(Server {
        version: ServerVersion::from_number(row.get::<_, i32>(0).unsigned_abs()),
        banner: row.get(1),
        in_recovery: row.get(2),
        read_only: row.get(3),
    })
}

/// Refuses poolers, replicas, read-only sessions and what only resembles PostgreSQL. `client` is a
/// session on `url`; a second one of the same name is opened for a moment.
///
/// # Errors
/// The reason and the way out; those of the connection.
pub(crate) async fn suitable(
    client: &Client,
    url: &DatabaseUrl,
    application: &str,
) -> Result<Server, Problem> {
    let second = session::open(url, application).await?;
    refuse_pooler(client, &second.client, url).await?;
    let server = examine(client).await?;
    refuse_unsuitable(&server)?;
    Ok(server)
}

/// Refuses servers that a deploy must not run on.
///
/// # Errors
/// The reason and the way out.
pub(crate) fn refuse_unsuitable(server: &Server) -> Result<(), Problem> {
    for foreign in ["CockroachDB", "YB", "Yugabyte", "Redshift", "Materialize"] {
        if server.banner.contains(foreign) {
            return Err(Problem::new(format!(
                "this is {foreign}, not PostgreSQL: its locks and its DDL behave differently"
            ))
            .hint("deploy to it with `prisma migrate deploy`"));
        }
    }
    if server.version.major() < *ServerVersion::SUPPORTED.start() {
        return Err(Problem::new(format!(
            "PostgreSQL {} is too old: it does not notice that a killed client is gone, so a killed deploy could go on and commit",
            server.version
        ))
        .hint("PostgreSQL 14 to 18 are supported"));
    }
    if server.in_recovery {
        return Err(Problem::new("this server is a replica: it cannot be written to").coded("25006").hint(
            "point the URL at the primary; a host name that moves between servers may point at the wrong one now",
        ));
    }
    if server.read_only {
        return Err(Problem::new("sessions of this role are read-only here").coded("25006").hint(
            "deploy as a role without `default_transaction_read_only`, usually the owner of the tables",
        ));
    }
    Ok(())
}

/// Refuses a connection through a transaction pooler: through one, two clients both "hold" a session
/// lock, and settings leak into other clients' sessions.
///
/// Two sessions that live at the same time cannot be served by the same backend, and one session
/// cannot change its backend; either shows a pooler. Only simple queries, because prepared
/// statements fail through one for reasons of their own.
///
/// # Errors
/// The reason and the way out.
pub(crate) async fn refuse_pooler(a: &Client, b: &Client, url: &DatabaseUrl) -> Result<(), Problem> {
    let pooled = if url.pgbouncer {
        true
    } else {
        let mut seen = false;
        for _ in 0..3 {
            let first = backend(a, "SELECT pg_backend_pid()").await?;
            let second = backend(b, "BEGIN; SELECT pg_backend_pid()").await?;
            let again = backend(a, "SELECT pg_backend_pid()").await?;
            b.batch_execute("ROLLBACK").await?;
            seen |= first == second || first != again;
        }
        seen
    };
    if !pooled {
        return Ok(());
    }
    let how =
        if url.pgbouncer { "the URL says pgbouncer=true" } else { "two sessions were served by one backend" };
    Err(Problem::new(format!("{} is a transaction pooler ({how}): a deploy through it cannot hold a lock", url.server()))
        .hint("give the direct address of the database: set directUrl in schema.prisma, datasource.url in prisma.config, or --url")
        .hint("the direct address usually has port 5432, or the same host name without \"-pooler\""))
}

async fn backend(client: &Client, query: &str) -> Result<String, tokio_postgres::Error> {
    let answers = client.simple_query(query).await?;
    let pid = answers.iter().find_map(|answer| match answer {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    Ok(pid.unwrap_or_default().to_owned())
}
