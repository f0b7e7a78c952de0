//! Prisma agrees: each state that one of us leaves is read right by the other, in both directions.
//!
//! What Prisma does is what its real command line does, never a copy of its words or rows from memory.

mod failed;
mod files;
mod half_applied;
mod histories;
mod lock;
mod resolve;
mod up_to_date;

use underpin_testkit::{Database, Oracle, ProjectFolder};

use crate::support::{ledger, underpin};

/// The history of most tests.
pub(crate) const INIT: &str = "20260101000000_init";
pub(crate) const SECOND: &str = "20260102000000_second";
pub(crate) const SHOP: &str = "CREATE TABLE \"Shop\" (\"id\" SERIAL PRIMARY KEY, \"name\" TEXT);\n";

/// One history in two projects: Prisma 6 and Prisma 7 do not read each other's.
struct Projects {
    seven: ProjectFolder,
    six: ProjectFolder,
}

impl Projects {
    fn with(fill: impl Fn(ProjectFolder) -> ProjectFolder) -> Self {
        Self { seven: fill(ProjectFolder::prisma7()), six: fill(ProjectFolder::prisma6()) }
    }

    /// The real Prismas with their projects.
    async fn prismas(&self) -> [(Oracle, &ProjectFolder); 2] {
        [(Oracle::prisma7().await, &self.seven), (Oracle::prisma6().await, &self.six)]
    }
}

/// Both Prismas call the database up to date, have nothing to apply, and leave the ledger as it is.
async fn prisma_agrees(projects: &Projects, database: &Database<'_>) {
    let before = ledger(database).await;
    for (prisma, project) in projects.prismas().await {
        let status = prisma.status(project.path(), &database.url()).await;
        assert_eq!(status.code, 0, "{}", status.all());
        assert!(status.stdout.contains("Database schema is up to date!"), "{}", status.all());
        let deploy = prisma.deploy(project.path(), &database.url()).await;
        assert_eq!(deploy.code, 0, "{}", deploy.all());
        assert!(deploy.stdout.contains("No pending migrations to apply."), "{}", deploy.all());
    }
    assert_eq!(ledger(database).await, before);
}

/// We do the same.
async fn we_agree(project: &ProjectFolder, database: &Database<'_>) {
    let before = ledger(database).await;
    let status = underpin(project.path(), &database.url(), &["status"]).await;
    assert_eq!(status.code, 0, "{}", status.all());
    assert!(status.stdout.contains("Database schema is up to date!"), "{}", status.all());
    let deploy = underpin(project.path(), &database.url(), &["deploy"]).await;
    assert_eq!(deploy.code, 0, "{}", deploy.all());
    assert!(deploy.stdout.contains("No pending migrations to apply."), "{}", deploy.all());
    assert_eq!(ledger(database).await, before);
}
