//! The two ways to ship the migration.

use std::fmt;

use underpin_testkit::{Database, ProjectFolder};

use crate::Failure;
use crate::underpin::Underpin;

const SCHEMA: &str = include_str!("../../demo/prisma/schema.prisma");
const CONFIG: &str = include_str!("../../demo/prisma.config.mjs");
pub(super) const INIT: (&str, &str) =
    ("20260105090000_init", include_str!("../../demo/prisma/migrations/20260105090000_init/migration.sql"));
const CHANGE: (&str, &str) = (
    "20260302143000_order_overview",
    include_str!("../../demo/prisma/migrations/20260302143000_order_overview/migration.sql"),
);

/// Who ships.
pub(super) enum Way {
    /// The statements as Prisma's engine sends them since 7.4: one after the other, each a transaction of its
    /// own, without any timeout. (Earlier engines hold every lock to the end of the file, which is worse.)
    AsWritten,
    /// `underpin deploy`.
    Online(Underpin),
}

impl Way {
    /// Ships the change to a database. `Ok(Err(words))` is a migration that failed, which is a result too.
    pub(super) async fn ship(&self, database: &Database<'_>) -> Result<Result<(), String>, Failure> {
        match self {
            Way::AsWritten => {
                let client = database.client().await;
                for statement in statements(CHANGE.1) {
                    if let Err(error) = client.batch_execute(statement).await {
                        let words = error
                            .as_db_error()
                            .map_or_else(|| error.to_string(), |said| said.message().to_owned());
                        return Ok(Err(format!(
                            "{words}, at: {}",
                            statement.lines().last().unwrap_or_default()
                        )));
                    }
                }
                Ok(Ok(()))
            }
            Way::Online(underpin) => {
                let project = project().migration(INIT.0, INIT.1).migration(CHANGE.0, CHANGE.1);
                underpin.deploy(project.path(), &database.url()).await
            }
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Way::AsWritten => "as Prisma sends it",
            Way::Online(_) => "with underpin deploy",
        })
    }
}

/// Brings an empty database to the state before the change, ledger included.
pub(super) async fn project_at_first(underpin: &Underpin, database: &Database<'_>) -> Result<(), Failure> {
    let project = project().migration(INIT.0, INIT.1);
    Ok(underpin.deploy(project.path(), &database.url()).await??)
}

/// The project, without migrations.
pub(super) fn project() -> ProjectFolder {
    ProjectFolder::prisma7().file("prisma.config.mjs", CONFIG).file("prisma/schema.prisma", SCHEMA)
}

/// The statements of a file that Prisma generated: none has a semicolon inside.
fn statements(sql: &str) -> Vec<&str> {
    let after_warnings = sql.split_once("*/").map_or(sql, |(_, rest)| rest);
    after_warnings.split(";\n").map(str::trim).filter(|statement| !statement.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_change_has_what_the_demonstration_promises() {
        let statements = statements(CHANGE.1);
        assert_eq!(statements.len(), 5, "{statements:#?}");
        for part in ["ADD COLUMN", "SET NOT NULL", "CREATE UNIQUE INDEX", "CREATE INDEX", "FOREIGN KEY"] {
            assert!(statements.iter().any(|statement| statement.contains(part)), "{part}");
        }
        assert_eq!(statements.iter().filter(|statement| statement.contains("CREATE INDEX")).count(), 2);
    }
}
