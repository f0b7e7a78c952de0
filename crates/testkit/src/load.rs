//! An open-loop load: requests are due at fixed times, whether or not the server keeps up.
//!
//! A load that waits for an answer before it asks again hides the very stalls that it should find: while
//! the server stands still it asks nothing, and the stall counts once. Here request `i` is due at
//! `i / rate`, its latency runs from that moment, and what could not be asked in time counts as waited.

mod recording;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Error, NoTls};

pub use recording::{Bucket, Outcome, Recording, Request, Summary};

/// A session without an answer for this long is given up.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// What an application asks for. An implementation chooses by the number of the request, so that two runs
/// ask the same.
pub trait Traffic: Send + Sync + 'static {
    /// One request, from its first statement to its last. `number` counts from 0 over all connections. It
    /// leaves no transaction open, also when it fails: [`Client::transaction`] sees to that.
    fn request(&self, client: &mut Client, number: u64) -> impl Future<Output = Result<(), Error>> + Send;
}

/// How much load, and how patient.
#[derive(Clone, Debug)]
pub struct Load {
    /// Requests due in each second, evenly spaced.
    pub rate: u32,
    /// Connections, as a pool has them. A request that finds none free waits, and that counts.
    pub connections: u32,
    /// From when it was due, a request has this long; then its client gives up, and it has failed.
    pub timeout: Duration,
    /// The sessions' `application_name`.
    pub application_name: String,
}

/// A load that runs in the background.
#[derive(Debug)]
pub struct RunningLoad {
    begin: Instant,
    interval: Duration,
    end: Arc<AtomicU64>,
    workers: JoinSet<Vec<Request>>,
}

impl Load {
    /// Opens all connections, then begins to ask.
    ///
    /// # Errors
    /// When a connection cannot be opened. Later failures are part of the recording.
    pub async fn start<T: Traffic>(&self, config: &Config, traffic: T) -> Result<RunningLoad, Error> {
        let mut config = config.clone();
        config.application_name(&self.application_name).connect_timeout(self.timeout);
        let mut clients = Vec::new();
        for _ in 0..self.connections {
            clients.push(connect(&config).await?);
        }
        let begin = Instant::now();
        let interval = Duration::from_secs(1) / self.rate;
        let end = Arc::new(AtomicU64::new(u64::MAX));
        let schedule = Arc::new(Schedule {
            traffic,
            config,
            begin,
            interval,
            timeout: self.timeout,
            next: AtomicU64::new(0),
            end: end.clone(),
        });
        let mut workers = JoinSet::new();
        for client in clients {
            workers.spawn(work(schedule.clone(), client));
        }
        Ok(RunningLoad { begin, interval, end, workers })
    }
}

impl RunningLoad {
    /// When the first request was due: the zero of every time in the recording.
    pub fn begin(&self) -> Instant {
        self.begin
    }

    /// Asks nothing more than what is due by now, waits for those answers, and returns what happened. Late
    /// requests are still asked: to leave them out would hide that they are late.
    ///
    /// # Panics
    /// When a worker panicked.
    pub async fn stop(mut self) -> Recording {
        let due = self.begin.elapsed().div_duration_f64(self.interval).ceil();
        self.end.store(due as u64, Ordering::SeqCst);
        let mut requests = Vec::new();
        while let Some(done) = self.workers.join_next().await {
            requests.extend(done.expect("a worker of the load does not panic"));
        }
        Recording::new(requests)
    }
}

/// What the workers share. Each takes the next number, waits until that request is due, and asks: there is
/// no queue in between that could hide how late it is.
struct Schedule<T> {
    traffic: T,
    config: Config,
    begin: Instant,
    interval: Duration,
    timeout: Duration,
    next: AtomicU64,
    /// The first number that is not asked any more.
    end: Arc<AtomicU64>,
}

async fn work<T: Traffic>(schedule: Arc<Schedule<T>>, client: Client) -> Vec<Request> {
    let mut client = Some(client);
    let mut done = Vec::new();
    loop {
        let number = schedule.next.fetch_add(1, Ordering::SeqCst);
        let due = schedule.begin + schedule.interval.mul_f64(number as f64);
        tokio::time::sleep_until(due.into()).await;
        if number >= schedule.end.load(Ordering::SeqCst) {
            return done;
        }
        let outcome = ask(&schedule, &mut client, number, due).await;
        let latency = due.elapsed().min(schedule.timeout);
        let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
        let due_ms = ms(due.duration_since(schedule.begin));
        done.push(Request { due_ms, latency_ms: ms(latency), outcome });
    }
}

/// Asks one request. One that has waited too long for a free session is not asked any more. One that is being
/// answered when the client's patience ends has failed, and is still answered: servers of web pages do not
/// cancel their statements either, and cancelling would add a load of its own to a server in trouble.
async fn ask<T: Traffic>(
    schedule: &Schedule<T>,
    slot: &mut Option<Client>,
    number: u64,
    due: Instant,
) -> Outcome {
    let patience_ended = || due.elapsed() >= schedule.timeout;
    if patience_ended() {
        return Outcome::TimedOut;
    }
    let mut client = match slot.take() {
        Some(client) if !client.is_closed() => client,
        _ => match connect(&schedule.config).await {
            Ok(client) => client,
            Err(error) => return failed(&error),
        },
    };
    let answer = tokio::time::timeout(ANSWER_LIMIT, schedule.traffic.request(&mut client, number)).await;
    if answer.is_ok() {
        *slot = Some(client);
    }
    match answer {
        Ok(Err(error)) => failed(&error),
        Ok(Ok(())) if !patience_ended() => Outcome::Answered,
        Ok(Ok(())) | Err(_) => Outcome::TimedOut,
    }
}

fn failed(error: &Error) -> Outcome {
    Outcome::Failed(error.code().map_or("connection", SqlState::code).to_owned())
}

async fn connect(config: &Config) -> Result<Client, Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
