//! A warm throwaway server to its first answer, against `initdb` and `pg_ctl start` of the same binaries
//! with the same settings in the same kind of folder.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::Stdio;

use serde_json::json;
use tokio::process::Command;
use tokio_postgres::{Config, NoTls};
use underpin_shadow::{Installation, Shadow, StartOptions};

use super::{Finding, MAJOR, line, median, timed};
use crate::Failure;
use crate::underpin::words;

/// Ours to the peer's, at most.
const MARK: f64 = 1.0 / 5.0;

const ROUNDS: usize = 9;

/// `nobody` and `nogroup`: `initdb` refuses root.
const NOBODY: u32 = 65_534;

pub(super) async fn measure() -> Result<Finding, Failure> {
    let installation = underpin_testkit::installation(MAJOR).await?;
    // The first start builds the template; a warm one copies it.
    start_ours(&installation).await?.stop().await?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (shadow, ms) = timed(start_ours(&installation)).await?;
        ours.push(ms);
        shadow.stop().await?;
        let cluster = Cluster::new()?;
        let ((), ms) = timed(cluster.start(&installation)).await?;
        theirs.push(ms);
        cluster.stop(&installation).await?;
    }
    line("a shadow, warm, to its first answer", &ours);
    line("initdb and pg_ctl start, to the first answer", &theirs);
    let ratio = median(&ours) / median(&theirs);
    Ok(Finding {
        value: median(&ours),
        unit: "ms",
        ratio,
        peer: "initdb and pg_ctl start".to_owned(),
        met: ratio <= MARK,
        marks: format!("at most {MARK} of initdb and pg_ctl start"),
        raw: json!({ "shadow_ms": ours, "initdb_ms": theirs }),
    })
}

async fn start_ours(installation: &Installation) -> Result<Shadow, Failure> {
    let shadow = Shadow::start(installation, &StartOptions::default()).await?;
    first_answer(&shadow.config("postgres")).await?;
    Ok(shadow)
}

async fn first_answer(config: &Config) -> Result<(), Failure> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    client.simple_query("SELECT 1").await?;
    Ok(())
}

/// A cluster as one makes it by hand, in memory where there is such a folder, like a shadow's.
struct Cluster {
    folder: tempfile::TempDir,
    as_nobody: bool,
}

impl Cluster {
    fn new() -> Result<Self, Failure> {
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new().prefix("underpin-bench-").tempdir_in(place)?;
        let as_nobody = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        if as_nobody {
            chown(folder.path(), Some(NOBODY), Some(NOBODY))?;
        }
        Ok(Self { folder, as_nobody })
    }

    async fn start(&self, installation: &Installation) -> Result<(), Failure> {
        let folder = self.folder.path().display();
        self.run(
            installation,
            "initdb",
            &["-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
        )
        .await?;
        let server = format!("-F -c listen_addresses='' -k {folder} -c shared_buffers=16MB");
        self.run(installation, "pg_ctl", &["-D", "data", "-w", "-l", "log", "-o", &server, "start"]).await?;
        let mut config = Config::new();
        first_answer(config.host_path(self.folder.path()).user("postgres").dbname("postgres")).await
    }

    async fn stop(self, installation: &Installation) -> Result<(), Failure> {
        self.run(installation, "pg_ctl", &["-D", "data", "-w", "-m", "immediate", "stop"]).await
    }

    async fn run(
        &self,
        installation: &Installation,
        program: &str,
        arguments: &[&str],
    ) -> Result<(), Failure> {
        let mut command = Command::new(installation.bin.join(program));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env_clear().env("LC_ALL", "C.UTF-8").env("PATH", "/usr/bin:/bin");
        if self.as_nobody {
            command.uid(NOBODY).gid(NOBODY);
        }
        // Files, not pipes: the server inherits them, and a pipe would not end before the server does.
        let output = self.folder.path().join(format!("{program}.out"));
        let file = std::fs::File::create(&output)?;
        let status = command.stdout(file.try_clone()?).stderr(file).status().await?;
        if status.success() {
            return Ok(());
        }
        let said = std::process::Output { status, stdout: std::fs::read(output)?, stderr: Vec::new() };
        Err(format!("{program}: {}", words(&said)).into())
    }
}
