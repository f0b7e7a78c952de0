//! Which migrations are applied somewhere, so that nobody may change them any more.
//!
//! A ledger keeps the checksum of what was applied. Nobody can ask every database, so what has been merged
//! is taken to be applied: a file that the merge base with the default branch holds is not changed, whatever
//! else is said. One database can be asked for certain.

use std::collections::BTreeSet;
use std::path::Path;

use underpin_prisma::DatabaseUrl;
use underpin_prisma::ledger::RowState;

use crate::Problem;
use crate::git::{Commit, Repository};
use crate::ledger::Ledger;
use crate::session;

/// What is known about it.
#[derive(Debug)]
pub struct Applied {
    base: Result<Base, String>,
    ledger: Option<BTreeSet<String>>,
}

/// The commit whose files count as applied.
#[derive(Debug)]
struct Base {
    repository: Repository,
    revision: String,
    commit: Commit,
    files: BTreeSet<String>,
}

/// What is known about one migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is applied nowhere that we can know of.
    New,
    /// It may be applied: the reason, as a sentence.
    Applied(String),
    /// Nobody can tell: the reason, as a sentence.
    Unknown(String),
}

impl Applied {
    /// Asks Git below `folder`, and the database when there is one. Without a revision it is the default
    /// branch that counts.
    ///
    /// # Errors
    /// When the revision does not exist, or the database cannot be asked.
    pub async fn look(
        folder: &Path,
        revision: Option<&str>,
        database: Option<&DatabaseUrl>,
    ) -> Result<Self, Problem> {
        let ledger = match database {
            Some(url) => Some(in_ledger(url).await?),
            None => None,
        };
        Ok(Self { base: base(folder, revision)?, ledger })
    }

    /// What is known about the migration of this name, whose file is at `file`. `on_their_word`: somebody who
    /// should know says that it is applied nowhere, which counts where nobody else can tell.
    pub fn standing(&self, name: &str, file: &Path, on_their_word: bool) -> Standing {
        if self.ledger.as_ref().is_some_and(|ledger| ledger.contains(name)) {
            return Standing::Applied("the database has it already, with its checksum".to_owned());
        }
        match &self.base {
            Ok(base) => match base.repository.path_of(file) {
                Some(path) if base.files.contains(&path) => Standing::Applied(format!(
                    "{} has it already ({}), so its checksum is in the ledgers of databases",
                    base.revision,
                    base.commit.short()
                )),
                Some(_) => Standing::New,
                None if on_their_word || self.ledger.is_some() => Standing::New,
                None => Standing::Unknown("it is in another repository".to_owned()),
            },
            Err(_) if on_their_word || self.ledger.is_some() => Standing::New,
            Err(why) => Standing::Unknown(why.clone()),
        }
    }

    /// What new means here: `new since main (3f2a91c0d)`.
    pub fn since(&self) -> Option<String> {
        self.base.as_ref().ok().map(|base| format!("new since {} ({})", base.revision, base.commit.short()))
    }
}

fn base(folder: &Path, revision: Option<&str>) -> Result<Result<Base, String>, Problem> {
    let Some(repository) = Repository::containing(folder)? else {
        return Ok(Err("git finds no repository here".to_owned()));
    };
    let revision = match revision {
        Some(revision) => {
            repository.commit(revision)?;
            revision.to_owned()
        }
        None => match repository.default_branch()? {
            Some(branch) => branch,
            None => {
                return Ok(Err(
                    "git finds no default branch: none that the remote names, no main and no master"
                        .to_owned(),
                ));
            }
        },
    };
    let Some(commit) = repository.merge_base(&revision)? else {
        return Ok(Err(format!("git finds no commit that HEAD and {revision} have in common")));
    };
    let files = repository.files(&commit, "")?.into_iter().map(|file| file.path).collect();
    Ok(Ok(Base { repository, revision, commit, files }))
}

/// The migrations of a ledger that were not rolled back.
async fn in_ledger(url: &DatabaseUrl) -> Result<BTreeSet<String>, Problem> {
    let connection = session::open(url, "underpin-lint").await?;
    let rows = Ledger::of(&url.schema).rows(&connection.client).await?.unwrap_or_default();
    let there = rows.into_iter().filter(|row| match row.state() {
        RowState::Applied | RowState::Failed => true,
        RowState::RolledBack => false,
    });
    Ok(there.map(|row| row.migration_name).collect())
}
