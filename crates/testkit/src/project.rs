//! A Prisma project in a temporary folder.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A Prisma project in a temporary folder, gone when dropped. It has what the real CLI of Prisma 6 and
/// of Prisma 7 needs: a schema that takes its address from `DATABASE_URL`, and for 7 a configuration.
///
/// ```
/// use underpin_testkit::ProjectFolder;
/// let project = ProjectFolder::prisma6().migration("20260101000000_init", "CREATE TABLE \"a\" (\"id\" int);");
/// assert!(project.migrations().join("20260101000000_init/migration.sql").is_file());
/// ```
#[derive(Debug)]
pub struct ProjectFolder {
    folder: TempDir,
    url_in_schema: bool,
}

impl ProjectFolder {
    /// A project of Prisma 7: `prisma.config.mjs`, a datasource without `url`, the provider lock.
    pub fn prisma7() -> Self {
        Self::new(false).file(
            "prisma.config.mjs",
            "export default { schema: 'prisma/schema.prisma', migrations: { path: 'prisma/migrations' }, \
             datasource: { url: process.env.DATABASE_URL } }\n",
        )
    }

    /// A project of Prisma 5 or 6: the datasource's `url` is `env("DATABASE_URL")`.
    pub fn prisma6() -> Self {
        Self::new(true)
    }

    fn new(url_in_schema: bool) -> Self {
        let folder = tempfile::Builder::new().prefix("underpin-project-").tempdir();
        let folder = folder.unwrap_or_else(|error| panic!("no temporary folder: {error}"));
        Self { folder, url_in_schema }.provider("postgresql").models("")
    }

    /// Writes `migration_lock.toml` with this provider.
    pub fn provider(self, provider: &str) -> Self {
        self.file("prisma/migrations/migration_lock.toml", format!("provider = \"{provider}\"\n"))
    }

    /// Writes `prisma/schema.prisma`: the datasource and these models.
    pub fn models(self, models: &str) -> Self {
        let url = if self.url_in_schema { "\n  url      = env(\"DATABASE_URL\")" } else { "" };
        self.file(
            "prisma/schema.prisma",
            format!("datasource db {{\n  provider = \"postgresql\"{url}\n}}\n\n{models}"),
        )
    }

    /// Adds `prisma/migrations/NAME/migration.sql`.
    pub fn migration(self, name: &str, sql: &str) -> Self {
        self.file(&format!("prisma/migrations/{name}/migration.sql"), sql)
    }

    /// Adds every migration of another folder, byte for byte, and its `migration_lock.toml`.
    pub fn migrations_of(self, folder: &Path) -> Self {
        copy(folder, &self.migrations());
        self
    }

    /// Writes any file, with the folders above it.
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.folder.path().join(path);
        let parent = path.parent().expect("a file in a folder has a parent");
        let written = fs::create_dir_all(parent).and_then(|()| fs::write(&path, content));
        written.unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        self
    }

    /// The project's folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `prisma/migrations`.
    pub fn migrations(&self) -> PathBuf {
        self.folder.path().join("prisma/migrations")
    }
}

/// Copies what is below `from`. Not with its permissions: a read-only original must not make a copy that
/// cannot be removed.
fn copy(from: &Path, to: &Path) {
    let failed = |error: std::io::Error| -> ! { panic!("cannot copy {}: {error}", from.display()) };
    fs::create_dir_all(to).unwrap_or_else(|error| failed(error));
    for entry in fs::read_dir(from).unwrap_or_else(|error| failed(error)) {
        let entry = entry.unwrap_or_else(|error| failed(error));
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            let copied = fs::read(entry.path()).and_then(|content| fs::write(&target, content));
            copied.unwrap_or_else(|error| failed(error));
        }
    }
}
