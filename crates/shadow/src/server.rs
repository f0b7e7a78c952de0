//! A running throwaway server.

mod keeping;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_postgres::{Config, NoTls};
use underpin_catalog::ServerVersion;

use crate::account::Account;
use crate::pack::Pack;
use crate::places::{RunDirectory, run_candidates};
use crate::supervisor::{Directory, Supervisor};
use crate::{Installation, ShadowError, StartOptions, run, sweep, template};

/// A start takes 50 ms; this is for machines in distress, and for recovery after a crash.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How long a clean shutdown may take, with a last checkpoint to disk.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(60);

const POLL: Duration = Duration::from_millis(1);

/// The port of the unix socket's name when there is no TCP.
const PORT: u16 = 5432;

/// A free port may be taken before the server has it; a second such accident in a row is none.
const PORTS_MAX: u32 = 5;

/// A PostgreSQL server of our own, with the superuser `postgres` and the database `postgres`.
///
/// It and its data are gone when this value is dropped (which takes some 50 ms) or this process ends, for
/// whatever reason. There is no `template0`; `CREATE DATABASE` without `TEMPLATE` works as ever.
#[derive(Debug)]
pub struct Shadow {
    // Dropped in this order: the supervisor ends the server and removes the directory; the directory's own
    // drop sees to what is left.
    supervisor: Option<Supervisor>,
    directory: RunDirectory,
    account: Account,
    installation: Installation,
    options: StartOptions,
    port: u16,
    pid: u32,
    /// For TCP; the unix socket needs none.
    password: Option<String>,
}

impl Shadow {
    /// Starts a server and returns when it takes connections, in about 50 ms; the first start of a binary
    /// runs `initdb`, which takes about a second.
    ///
    /// # Errors
    /// Says what failed: no room, a folder that the server's account cannot enter, `initdb`, or the end of
    /// the server's own log when it ended instead of starting (a setting it does not know, say).
    pub async fn start(installation: &Installation, options: &StartOptions) -> Result<Self, ShadowError> {
        Self::start_with(installation, options, None).await
    }

    async fn start_with(
        installation: &Installation,
        options: &StartOptions,
        pack: Option<Pack>,
    ) -> Result<Self, ShadowError> {
        let (installation, options) = (installation.clone(), options.clone());
        let mut shadow = in_background(move || Self::prepare(installation, options, pack)).await?;
        shadow.run_on_free_port().await?;
        if let Some(password) = &shadow.password {
            set_password(&shadow.config("postgres"), password).await.map_err(ShadowError::SetUp)?;
        }
        Ok(shadow)
    }

    /// Everything up to the server's start.
    fn prepare(
        installation: Installation,
        options: StartOptions,
        pack: Option<Pack>,
    ) -> Result<Self, ShadowError> {
        let account = Account::of_server()?;
        for place in run_candidates(&options) {
            sweep::sweep(&place, &account);
        }
        let directory = RunDirectory::create(&options, &account)?;
        let password = if options.tcp { Some(random_password()?) } else { None };
        let port = if options.tcp { free_port()? } else { PORT };
        let mut shadow =
            Self { supervisor: None, directory, account, installation, options, port, pid: 0, password };
        // Before the data are there, so that they do not stay when we are killed on the way.
        shadow.guard()?;
        match pack {
            Some(pack) => pack.unpack(&shadow.data_dir(), &shadow.account)?,
            None => template::copy_to(&shadow.data_dir(), &shadow.installation, &shadow.account)?,
        }
        Ok(shadow)
    }

    fn guard(&mut self) -> Result<(), ShadowError> {
        let supervisor = Supervisor::guard(&self.directory, &self.account, &self.command_line())?;
        self.supervisor = Some(supervisor);
        Ok(())
    }

    /// Runs a new server; on another port when its port was taken meanwhile.
    async fn run_on_free_port(&mut self) -> Result<(), ShadowError> {
        let mut tries = 1;
        loop {
            match self.run().await {
                Err(ShadowError::DidNotStart { said, .. })
                    if said.contains("could not create any TCP/IP sockets") && tries < PORTS_MAX =>
                {
                    tries += 1;
                    self.port = free_port()?;
                    self.dismiss_supervisor().await?;
                    self.guard()?;
                }
                outcome => return outcome,
            }
        }
    }

    /// Runs the server on the data as they are, and waits until it takes connections.
    async fn run(&mut self) -> Result<(), ShadowError> {
        let version = self.version();
        let pid_file = self.data_dir().join("postmaster.pid");
        // All processes of an earlier run are gone (we have waited for them), so its lock is void; left
        // behind by a kill, it would stop the server when the process id is in use again.
        if let Err(error) = fs::remove_file(&pid_file)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(ShadowError::io("remove", &pid_file)(error));
        }
        let log_before = self.log().len();
        let supervisor = self.supervisor.as_mut().expect("whoever runs a server has set a guard");
        self.pid = supervisor.start_server()?;
        let started = Instant::now();
        while !is_ready(&pid_file, self.pid) {
            if supervisor.server_is_gone() {
                let said = run::last_lines(self.log().get(log_before..).unwrap_or_default(), 6);
                return Err(ShadowError::DidNotStart { version, said });
            }
            if started.elapsed() > START_LIMIT {
                let command = format!("postgres {version} (starting)");
                return Err(ShadowError::TooSlow { command, limit: START_LIMIT });
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    /// Ends the supervisor, and the server when it still runs; the data stay.
    async fn dismiss_supervisor(&mut self) -> Result<(), ShadowError> {
        let Some(supervisor) = self.supervisor.take() else { return Ok(()) };
        in_background(|| supervisor.end(Directory::Keep)).await
    }

    fn command_line(&self) -> Vec<OsString> {
        let mut line: Vec<OsString> = vec![
            self.installation.bin.join("postgres").into(),
            "-D".into(),
            self.data_dir().into(),
            "-k".into(),
            self.socket_dir().into(),
            "-p".into(),
            self.port.to_string().into(),
        ];
        let listen = if self.options.tcp { "127.0.0.1" } else { "" };
        for (name, value) in [("listen_addresses", listen)].into_iter().chain(self.options.settings()) {
            line.extend(["-c".into(), format!("{name}={value}").into()]);
        }
        line
    }

    /// How to connect to one of its databases as the superuser, through the unix socket.
    pub fn config(&self, database: &str) -> Config {
        let mut config = Config::new();
        config
            .host_path(self.socket_dir())
            .port(self.port)
            .user("postgres")
            .dbname(database)
            .connect_timeout(Duration::from_secs(10));
        config
    }

    /// The same as an address for other programs: over TCP, with the password, when the server listens there;
    /// else the unix socket as `host` parameter, as Prisma and libpq take it.
    pub fn url(&self, database: &str) -> String {
        let database = percent_encode(database, "");
        match &self.password {
            Some(password) => format!("postgresql://postgres:{password}@127.0.0.1:{}/{database}", self.port),
            None => {
                let socket_dir = percent_encode(&self.socket_dir().to_string_lossy(), "/");
                format!("postgresql://postgres@localhost/{database}?host={socket_dir}")
            }
        }
    }

    /// The folder of the unix socket. Only the server's account and root may enter it.
    pub fn socket_dir(&self) -> &Path {
        self.directory.path()
    }

    /// The port: of TCP when it listens there, and in any case in the name of the unix socket.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The password of the superuser, when the server listens on TCP.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// The server's version.
    pub fn version(&self) -> ServerVersion {
        self.installation.version
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The process id of the server's main process; of the last one when it has ended.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What the server has logged so far.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.directory.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Stops the server and removes everything. Dropping does the same, but cannot tell what went wrong.
    ///
    /// # Errors
    /// When the server has not ended, or its directory is still there, after 20 s.
    pub async fn stop(self) -> Result<(), ShadowError> {
        in_background(move || {
            let mut shadow = self;
            if let Some(supervisor) = shadow.supervisor.take() {
                supervisor.end(Directory::Remove)?;
            }
            shadow.directory.remove()
        })
        .await
    }

    /// Lets go of the server and returns at once. Its supervisor stops it and removes everything, as it does when
    /// we are killed.
    pub fn leave(mut self) {
        if let Some(supervisor) = self.supervisor.take() {
            self.directory.leave();
            supervisor.leave();
        }
    }

    /// Kills the server's main process as a crash would (kill -9) and returns when all its processes are
    /// gone. The data stay; [`Shadow::restart`] recovers them.
    ///
    /// # Errors
    /// When a process of the server is still there after a minute.
    pub async fn crash(&mut self) -> Result<(), ShadowError> {
        self.end_server(Signal::SIGKILL).await
    }

    /// Shuts the server down cleanly (or does nothing when it has crashed) and starts it again on the same
    /// data, with the same port and password.
    ///
    /// # Errors
    /// As for [`Shadow::start`], and when the server does not shut down within a minute.
    pub async fn restart(&mut self) -> Result<(), ShadowError> {
        self.end_server(Signal::SIGINT).await?;
        self.run_again().await
    }

    async fn run_again(&mut self) -> Result<(), ShadowError> {
        self.dismiss_supervisor().await?;
        self.guard()?;
        self.run().await
    }

    /// Sends a signal to the main process, and waits until all processes of the server are gone.
    async fn end_server(&mut self, signal: Signal) -> Result<(), ShadowError> {
        let Some(supervisor) = &mut self.supervisor else { return Ok(()) };
        supervisor.signal_server(signal);
        let started = Instant::now();
        while !supervisor.server_is_gone() {
            if started.elapsed() > SHUTDOWN_LIMIT {
                let command = "postgres (stopping)".into();
                return Err(ShadowError::TooSlow { command, limit: SHUTDOWN_LIMIT });
            }
            sleep(POLL).await;
        }
        Ok(())
    }
}

/// Runs what blocks (files, child processes) off the runtime's own threads.
pub(crate) async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ShadowError> + Send + 'static,
) -> Result<T, ShadowError> {
    match spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(ShadowError::CutOff),
        },
    }
}

/// Whether the server takes connections: it writes its state into the eighth line of its pid file (since
/// PostgreSQL 10), which is cheaper to ask than a connection.
fn is_ready(pid_file: &Path, pid: u32) -> bool {
    let Ok(text) = fs::read_to_string(pid_file) else { return false };
    let mut lines = text.lines().map(str::trim);
    lines.next() == Some(pid.to_string().as_str()) && lines.nth(6) == Some("ready")
}

async fn set_password(config: &Config, password: &str) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    let connection = tokio::spawn(connection);
    // Hexadecimal digits, so there is nothing to quote.
    let outcome = client.batch_execute(&format!("ALTER ROLE postgres PASSWORD '{password}'")).await;
    connection.abort();
    outcome
}

fn random_password() -> Result<String, ShadowError> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0_u8; 16];
    File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(ShadowError::io("read", source))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn free_port() -> Result<u16, ShadowError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(ShadowError::io("find a free port on", Path::new("127.0.0.1")))
}

fn percent_encode(text: &str, also_plain: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let character = char::from(byte);
        if byte.is_ascii_alphanumeric() || "-._~".contains(character) || also_plain.contains(character) {
            encoded.push(character);
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
