//! The real Prisma histories of the shared folder, as inputs.

use std::fs;
use std::path::PathBuf;

use crate::places::shared;

/// A project whose migrations are real.
#[derive(Clone, Debug)]
pub struct History {
    /// The project, as its folder is called: `trigger.dev`.
    pub name: String,
    /// The folder that holds `schema.prisma` (or what it is called there) and `migrations`.
    pub prisma: PathBuf,
    /// `prisma/migrations`.
    pub migrations: PathBuf,
    /// The migration folders by name, in byte order; Prisma's own order differs in rare cases.
    pub names: Vec<String>,
}

impl History {
    /// The text of `schema.prisma`, which the migrations led to when the project was copied.
    ///
    /// # Panics
    /// When there is none that can be read.
    pub fn schema(&self) -> String {
        let path = self.prisma.join("schema.prisma");
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
    }

    /// The text of one migration.
    ///
    /// # Panics
    /// When there is no such migration, or it cannot be read.
    pub fn sql(&self, name: &str) -> String {
        let path = self.migrations.join(name).join("migration.sql");
        match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => panic!("cannot read {}: {error}", path.display()),
        }
    }
}

/// Every history of the corpus, by name.
///
/// # Panics
/// When the corpus is missing or has no history: nothing would be tested.
pub fn histories() -> Vec<History> {
    let mut histories: Vec<History> = folders(shared().join("corpus"))
        .into_iter()
        .filter_map(|(name, folder)| {
            let prisma = folder.join("prisma");
            let migrations = prisma.join("migrations");
            migrations.is_dir().then(|| {
                let with_sql = |(_, folder): &(String, PathBuf)| folder.join("migration.sql").is_file();
                let names = folders(migrations.clone()).into_iter().filter(with_sql).map(|(name, _)| name);
                History { name, prisma, names: names.collect(), migrations }
            })
        })
        .collect();
    histories.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!histories.is_empty(), "the corpus holds no history");
    histories
}

/// One history by its project's name.
///
/// # Panics
/// When the corpus has no such project.
pub fn history(name: &str) -> History {
    let found = histories().into_iter().find(|history| history.name == name);
    found.unwrap_or_else(|| panic!("the corpus has no project {name}"))
}

fn folders(parent: PathBuf) -> Vec<(String, PathBuf)> {
    let listing =
        fs::read_dir(&parent).unwrap_or_else(|error| panic!("cannot list {}: {error}", parent.display()));
    let mut folders: Vec<(String, PathBuf)> = listing
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir())
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .collect();
    folders.sort();
    folders
}
