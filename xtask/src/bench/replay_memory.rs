//! A whole history replayed in memory, against the same files sent to a throwaway server, which is how the end
//! of a history is known otherwise. Both begin with the texts; the server is started for them.

use std::os::fd::AsFd;
use std::time::Instant;

use serde_json::json;
use tokio_postgres::Client;
use underpin_catalog::{Name, ServerVersion};
use underpin_shadow::StartOptions;
use underpin_sql::{Surroundings, read, read_each};
use underpin_testkit::{Server, corpus};

use super::{Finding, MAJOR, line, median, timed};
use crate::Failure;

/// In memory to on the server, at most.
const MARK: f64 = 1.0 / 50.0;

/// The longest history of the corpus.
const HISTORY: &str = "trigger.dev";

const ROUNDS: usize = 7;

pub(super) async fn measure() -> Result<Finding, Failure> {
    let history = corpus::history(HISTORY);
    let texts: Vec<String> = history.names.iter().map(|name| history.sql(name)).collect();
    let (mut in_memory, mut on_server) = (Vec::new(), Vec::new());
    let mut relations = 0;
    for _ in 0..ROUNDS {
        let (server, ms) = timed(async {
            let server = Server::start(MAJOR, StartOptions::default()).await?;
            let client = server.database("replay_memory").await.client().await;
            send_all(&client, &texts).await?;
            Ok(server)
        })
        .await?;
        on_server.push(ms);
        drop(server);
        let begin = Instant::now();
        relations = replay(&texts)?.relations.len();
        in_memory.push(begin.elapsed().as_secs_f64() * 1000.0);
    }
    println!("{} migrations, {relations} relations at the end", texts.len());
    line("in memory", &in_memory);
    line("on a throwaway server", &on_server);
    let ratio = median(&in_memory) / median(&on_server);
    Ok(Finding {
        value: median(&in_memory),
        unit: "ms",
        ratio,
        peer: "the same files on a throwaway server".to_owned(),
        met: ratio <= MARK,
        marks: format!("at most {MARK} of a throwaway server"),
        raw: json!({
            "migrations": texts.len(), "relations": relations,
            "in_memory_ms": in_memory, "on_server_ms": on_server,
        }),
    })
}

/// What is there behind all of them.
fn replay(texts: &[String]) -> Result<Surroundings, Failure> {
    let mut facts = Surroundings::empty(ServerVersion::of_major(MAJOR), Name::new("public"));
    let mut refused = None;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    // The parser's threads leave anything in the place of standard error.
    let stderr = std::io::stderr().as_fd().try_clone_to_owned()?;
    read_each(&texts, threads, |_, statements| match statements {
        Ok(statements) => {
            facts.search_path = vec![Name::new("public")];
            statements.iter().flat_map(|statement| &statement.effects).for_each(|effect| facts.apply(effect));
            facts.end_session();
        }
        Err(error) => refused = Some(error),
    });
    nix::unistd::dup2_stderr(&stderr)?;
    match refused {
        None => Ok(facts),
        Some(error) => Err(error.to_string().into()),
    }
}

/// Each file as one message, as Prisma does; one that refuses to be a transaction in its statements.
async fn send_all(client: &Client, texts: &[String]) -> Result<(), Failure> {
    for text in texts {
        match client.batch_execute(text).await {
            Err(error) if error.code().is_some_and(|code| code.code() == "25001") => {
                for statement in read(text).map_err(|error| error.to_string())? {
                    client.batch_execute(&statement.text).await?;
                }
            }
            done => done?,
        }
    }
    Ok(())
}
