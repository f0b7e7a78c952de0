//! The server's disk is full while the ledger is written: nothing is recorded, nothing is applied, and when there is room
//! again the same command goes on.
//!
//! Where this process may mount, the ledger's table lies on a file system that really is full. Elsewhere a trigger makes
//! the server answer as it does then: for us the two are the same message.

use std::path::PathBuf;
use std::process::Command;

use underpin_testkit::{Database, ProjectFolder, Server};

use super::{INIT, SECOND, SHOP, State};
use crate::support::{ledger, server, underpin};

/// A file system with room for a few pages, unmounted when dropped.
struct Small {
    folder: PathBuf,
    _parent: tempfile::TempDir,
}

impl Small {
    /// `None` where this process may not mount.
    fn mount(owner: &Server) -> Option<Self> {
        let parent = tempfile::Builder::new().prefix("underpin-full-").tempdir_in("/tmp").unwrap();
        std::fs::set_permissions(parent.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let folder = parent.path().join("disk");
        std::fs::create_dir(&folder).unwrap();
        let uid = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(owner.shadow().data_dir()).unwrap());
        let options = format!("size=256k,mode=0700,uid={uid}");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(&folder).output();
        mounted.is_ok_and(|mounted| mounted.status.success()).then_some(Self { folder, _parent: parent })
    }

    /// Puts the ledger there, and writes until there is no room for one more row.
    async fn fill(&self, database: &Database<'_>) {
        let name = database.name();
        let client = database.client().await;
        for statement in [
            format!("CREATE TABLESPACE \"{name}\" LOCATION '{}'", self.folder.display()),
            format!("ALTER TABLE _prisma_migrations SET TABLESPACE \"{name}\""),
        ] {
            client.batch_execute(&statement).await.unwrap();
        }
        let filler = std::fs::write(self.folder.join("filler"), vec![0_u8; 1 << 20]);
        assert_eq!(filler.unwrap_err().raw_os_error(), Some(28), "ENOSPC");
        // Rows of a migration that was rolled back mean nothing to anybody, and fill the last page.
        let row = "INSERT INTO _prisma_migrations (id, checksum, migration_name, rolled_back_at)
                   VALUES (gen_random_uuid(), repeat('0', 64), '20251231000000_rolled_back', now())";
        let error = loop {
            if let Err(error) = client.batch_execute(row).await {
                break error;
            }
        };
        assert_eq!(error.code().unwrap().code(), "53100", "{error:?}");
    }

    fn empty(&self) {
        std::fs::remove_file(self.folder.join("filler")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.folder).status();
    }
}

/// The server's own words.
const TRIGGER: &str = "
CREATE FUNCTION public.no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'could not extend file \"base/5/16402\": No space left on device' USING ERRCODE = '53100', HINT = 'Check free disk space.';
END $$;
CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON public._prisma_migrations FOR EACH ROW EXECUTE FUNCTION public.no_room();
";

#[tokio::test]
async fn the_disk_is_full_while_the_ledger_is_written() {
    let server = server().await;
    let database = server.database("full").await;
    let url = database.url();
    let project = ProjectFolder::prisma7()
        .migration(INIT, SHOP)
        .file("underpin.toml", "[deploy]\nsmall_table_kb = 0\n");
    let deployed = underpin(project.path(), &url, &["deploy"]).await;
    assert_eq!(deployed.code, 0, "{}", deployed.all());
    database.run("INSERT INTO \"Shop\" (\"name\") SELECT n::text FROM generate_series(1, 500) n").await;

    let small = Small::mount(server);
    match &small {
        Some(small) => small.fill(&database).await,
        None => database.run(TRIGGER).await,
    }
    let before = State::of(&database).await;
    // One migration that is sent with its row in one transaction, and one that writes its row first.
    for (sql, left) in [
        ("CREATE TABLE \"a\" ();\n", "SELECT to_regclass('a') IS NULL"),
        (
            "CREATE INDEX \"Shop_name_idx\" ON \"Shop\"(\"name\");\n",
            "SELECT to_regclass('\"Shop_name_idx\"') IS NULL",
        ),
    ] {
        let project = ProjectFolder::prisma7()
            .migration(INIT, SHOP)
            .migration(SECOND, sql)
            .file("underpin.toml", "[deploy]\nsmall_table_kb = 0\n");
        let said = underpin(project.path(), &url, &["deploy"]).await;
        assert_eq!(said.code, 2, "{}", said.all());
        for words in ["53100", "No space left on device", "Nothing of it is left", "\n  - "] {
            assert!(said.stderr.contains(words), "{words}: {}", said.all());
        }
        assert_eq!(State::of(&database).await, before);
        assert_eq!(database.rows(left).await, ["t"]);
        assert_eq!(
            database.rows("SELECT name FROM underpin.migration WHERE state = 'running'").await,
            [""; 0]
        );
    }
    match &small {
        Some(small) => small.empty(),
        None => database.run("DROP FUNCTION public.no_room() CASCADE").await,
    }
    let project = project.migration(SECOND, "CREATE INDEX \"Shop_name_idx\" ON \"Shop\"(\"name\");\n");
    let again = underpin(project.path(), &url, &["deploy"]).await;
    assert_eq!(again.code, 0, "{}", again.all());
    let last = ledger(&database).await.pop().unwrap();
    assert!(last.finished && last.name == SECOND && last.logs.is_none(), "{last:?}");
    if small.is_some() {
        let name = database.name();
        database.run("ALTER TABLE _prisma_migrations SET TABLESPACE pg_default").await;
        database.run(&format!("DROP TABLESPACE \"{name}\"")).await;
    }
}
