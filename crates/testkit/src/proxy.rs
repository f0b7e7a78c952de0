//! A TCP proxy that does to a connection what networks do.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens to bytes at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    /// They pass.
    Clear,
    /// They stay where they are, and nobody is told: a partition.
    Blackhole,
    /// Open connections are reset, new ones are reset at once.
    Refuse,
}

/// Faults that can be set from any thread, at any time.
#[derive(Debug)]
struct Faults {
    weather: watch::Sender<Weather>,
    /// Counts resets: a connection opened before the latest one is over.
    resets: watch::Sender<u64>,
    latency_ms: AtomicU64,
    /// Bytes that may still pass, in both directions together; -1 is no limit.
    bytes_left: AtomicI64,
    trap: Mutex<Option<Trap>>,
}

/// What of a message is lost, together with its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The message: the server never hears of it.
    Message,
    /// The answer: the server has done what it was told.
    Answer,
}

/// Waits for a message.
#[derive(Debug)]
struct Trap {
    text: String,
    /// How many such messages pass before.
    passing: u32,
    loss: Loss,
}

/// A proxy on a free port of 127.0.0.1. It runs on a thread of its own, so it works under any runtime and
/// while a test blocks. It ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    faults: Arc<Faults>,
    stop: Option<watch::Sender<()>>,
}

impl Proxy {
    /// A proxy in front of a port of 127.0.0.1.
    ///
    /// # Panics
    /// When no port is free.
    pub fn to(target_port: u16) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = listener.unwrap_or_else(|error| panic!("no port for the proxy: {error}"));
        listener.set_nonblocking(true).expect("a socket can be made nonblocking");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let faults = Arc::new(Faults {
            weather: watch::channel(Weather::Clear).0,
            resets: watch::channel(0).0,
            latency_ms: AtomicU64::new(0),
            bytes_left: AtomicI64::new(-1),
            trap: Mutex::new(None),
        });
        let (stop, mut stopped) = watch::channel(());
        let shared = faults.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a thread can have a runtime").block_on(async {
                let listener = TcpListener::from_std(listener).expect("the runtime takes sockets");
                tokio::select! {
                    () = accept(listener, target_port, shared) => {}
                    _ = stopped.changed() => {}
                }
            });
        });
        Self { port, faults, stop: Some(stop) }
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A server's address with the proxy in its place.
    ///
    /// # Panics
    /// When the address names another port than the one it should.
    pub fn url(&self, url: &str, target_port: u16) -> String {
        let (from, to) = (format!(":{target_port}/"), format!(":{}/", self.port));
        assert!(url.contains(&from), "no port {target_port} in the address");
        url.replacen(&from, &to, 1)
    }

    /// Holds each chunk of bytes back, in both directions.
    pub fn latency(&self, latency: Duration) {
        self.faults.latency_ms.store(latency.as_millis() as u64, Ordering::SeqCst);
    }

    /// Nothing arrives any more, and nobody is told, until [`Proxy::heal`].
    pub fn blackhole(&self) {
        self.faults.weather.send_replace(Weather::Blackhole);
    }

    /// Resets the connections that are open; new ones pass.
    pub fn reset(&self) {
        self.faults.resets.send_modify(|resets| *resets += 1);
    }

    /// Resets the connections that are open, and new ones at once, until [`Proxy::heal`].
    pub fn refuse(&self) {
        self.faults.weather.send_replace(Weather::Refuse);
    }

    /// Lets this many more bytes pass, then resets every connection; new ones pass.
    pub fn cut_after(&self, bytes: u32) {
        self.faults.bytes_left.store(i64::from(bytes), Ordering::SeqCst);
    }

    /// Loses the first message to the server that contains a text, after `passing` others that do, or its
    /// answer. Its connection is reset with it; the others stay, and new ones pass.
    pub fn lose(&self, loss: Loss, text: &str, passing: u32) {
        *self.faults.trap() = Some(Trap { text: text.to_owned(), passing, loss });
    }

    /// Whether what [`Proxy::lose`] waits for has come.
    pub fn has_lost(&self) -> bool {
        self.faults.trap().is_none()
    }

    /// Ends all faults. What a blackhole held back arrives now.
    pub fn heal(&self) {
        self.faults.latency_ms.store(0, Ordering::SeqCst);
        self.faults.bytes_left.store(-1, Ordering::SeqCst);
        *self.faults.trap() = None;
        self.faults.weather.send_replace(Weather::Clear);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}

async fn accept(listener: TcpListener, target_port: u16, faults: Arc<Faults>) {
    while let Ok((client, _)) = listener.accept().await {
        // Closing a socket with no linger sends a reset instead of a polite end.
        let _ = client.set_zero_linger();
        if *faults.weather.borrow() != Weather::Refuse {
            tokio::spawn(connect(client, target_port, faults.clone()));
        }
    }
}

/// One connection, until either side or a fault ends it.
async fn connect(client: TcpStream, target_port: u16, faults: Arc<Faults>) {
    let mut resets = faults.resets.subscribe();
    let mut weather = faults.weather.subscribe();
    let Ok(server) = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, target_port))).await else {
        return;
    };
    for stream in [&client, &server] {
        let _ = stream.set_nodelay(true);
        let _ = stream.set_zero_linger();
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let answer_is_lost = AtomicBool::new(false);
    tokio::select! {
        _ = pass(from_client, to_server, &faults, |chunk| match faults.springs(chunk) {
            Some(Loss::Message) => Passage::Closed,
            Some(Loss::Answer) => {
                answer_is_lost.store(true, Ordering::SeqCst);
                Passage::Open
            }
            None => Passage::Open,
        }) => {}
        // The first word of the answer shows that the server has heard the whole message. A simple query is
        // answered when all of it is done.
        _ = pass(from_server, to_client, &faults, |_| match answer_is_lost.load(Ordering::SeqCst) {
            true => Passage::Closed,
            false => Passage::Open,
        }) => {}
        _ = resets.changed() => {}
        _ = weather.wait_for(|weather| *weather == Weather::Refuse) => {}
    }
}

/// What happens to a chunk of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passage {
    Open,
    /// It is lost, and the connection with it.
    Closed,
}

/// Carries bytes in one direction until its end.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    faults: &Faults,
    gate: impl Fn(&[u8]) -> Passage,
) -> io::Result<()> {
    let mut weather = faults.weather.subscribe();
    let mut chunk = vec![0; 16_384];
    loop {
        let read = from.read(&mut chunk).await?;
        if read == 0 || gate(&chunk[..read]) == Passage::Closed {
            return Ok(());
        }
        let latency_ms = faults.latency_ms.load(Ordering::SeqCst);
        if latency_ms > 0 {
            tokio::time::sleep(Duration::from_millis(latency_ms)).await;
        }
        if weather.wait_for(|weather| *weather == Weather::Clear).await.is_err() {
            return Ok(());
        }
        let passing = faults.spend(read);
        to.write_all(&chunk[..passing]).await?;
        if passing < read {
            faults.resets.send_modify(|resets| *resets += 1);
            return Ok(());
        }
    }
}

impl Faults {
    fn trap(&self) -> MutexGuard<'_, Option<Trap>> {
        self.trap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a message from a client is the one that the trap waits for. A message of ours is short and
    /// arrives in one piece.
    fn springs(&self, chunk: &[u8]) -> Option<Loss> {
        let mut trap = self.trap();
        let waiting = trap.as_mut()?;
        if !chunk.windows(waiting.text.len()).any(|window| window == waiting.text.as_bytes()) {
            return None;
        }
        if waiting.passing > 0 {
            waiting.passing -= 1;
            return None;
        }
        trap.take().map(|trap| trap.loss)
    }

    /// How many of these bytes may pass. The limit is used up by the cut that it causes.
    fn spend(&self, bytes: usize) -> usize {
        let left = self.bytes_left.load(Ordering::SeqCst);
        match usize::try_from(left) {
            Err(_) => bytes,
            Ok(left) if left >= bytes => {
                self.bytes_left.fetch_sub(bytes as i64, Ordering::SeqCst);
                bytes
            }
            Ok(left) => {
                self.bytes_left.store(-1, Ordering::SeqCst);
                left
            }
        }
    }
}
