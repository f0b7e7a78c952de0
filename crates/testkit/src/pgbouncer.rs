//! The real PgBouncer in transaction mode.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::server::Server;

/// `nobody` and `nogroup` on Debian and Ubuntu: PgBouncer refuses to run as root.
const NOBODY: u32 = 65_534;

/// It listens within 50 ms; this is for machines in distress.
const START_LIMIT: Duration = Duration::from_secs(20);

/// A PgBouncer in transaction mode in front of a server, ended when dropped. All databases of the server
/// are reachable through it, with two server connections for each, and no password is asked for.
#[derive(Debug)]
pub struct PgBouncer {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl PgBouncer {
    /// Starts one in front of a server that listens on TCP.
    ///
    /// # Panics
    /// When Debian's package `pgbouncer` is not installed (`./run test` installs it), or it does not listen
    /// within 20 s.
    pub fn start(server: &Server) -> Self {
        let folder = tempfile::Builder::new().prefix("underpin-pgbouncer-").tempdir();
        let folder = folder.unwrap_or_else(|error| panic!("no temporary folder: {error}"));
        let port = free_port();
        let (shadow, path) = (server.shadow(), folder.path());
        let password = shadow.password().expect("a testkit server listens on TCP, with a password");
        let configuration = format!(
            "[databases]\n* = host=127.0.0.1 port={} user=postgres password={password}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             admin_users = postgres\npool_mode = transaction\nmax_client_conn = 200\ndefault_pool_size = 2\n\
             ignore_startup_parameters = extra_float_digits,options\nlogfile = {}\n",
            shadow.port(),
            path.join("log").display(),
        );
        let ini = path.join("pgbouncer.ini");
        fs::write(&ini, configuration)
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", ini.display()));

        let mut command = Command::new(program());
        command.arg("-q").arg(&ini).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let we_are_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        if we_are_root {
            for path in [path, &ini] {
                chown(path, Some(NOBODY), Some(NOBODY))
                    .unwrap_or_else(|error| panic!("cannot give away a file: {error}"));
            }
            command.uid(NOBODY).gid(NOBODY);
        }
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run pgbouncer ({error}); install the package"));
        let mut bouncer = Self { child, port, _folder: folder };
        bouncer.wait_until_it_listens();
        bouncer
    }

    /// The address of a database through the pooler.
    pub fn url(&self, database: &str) -> String {
        format!("postgresql://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn wait_until_it_listens(&mut self) {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let begin = Instant::now();
        while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
            let ended = self.child.try_wait().ok().flatten();
            assert!(
                ended.is_none() && begin.elapsed() < START_LIMIT,
                "pgbouncer does not listen on {address}: {ended:?}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Debian keeps it in `/usr/sbin`, which a user's PATH does not name.
fn program() -> &'static str {
    let debian = "/usr/sbin/pgbouncer";
    if fs::exists(debian).unwrap_or(false) { debian } else { "pgbouncer" }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    address.unwrap_or_else(|error| panic!("no free port: {error}")).port()
}
