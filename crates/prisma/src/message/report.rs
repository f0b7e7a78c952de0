//! What Prisma's commands print when they end well, or without an error.

use crate::{Alignment, Gap};

/// `1 migration found in prisma/migrations`: the path is literal in Prisma too.
pub fn found(count: usize) -> String {
    match count {
        0 => "No migration found in prisma/migrations".to_owned(),
        1 => "1 migration found in prisma/migrations".to_owned(),
        count => format!("{count} migrations found in prisma/migrations"),
    }
}

/// What `migrate deploy` says when there was nothing to do.
pub fn nothing_pending() -> &'static str {
    "No pending migrations to apply."
}

/// What `migrate deploy` says at its end.
pub fn deployed(names: &[String]) -> String {
    let tree: String = names.iter().map(|name| format!("\n  └─ {name}/\n    └─ migration.sql")).collect();
    format!(
        "The following migration(s) have been applied:\n\nmigrations/{tree}\n      \n\
         All migrations have been successfully applied."
    )
}

/// What `migrate resolve` says. `as_what` is `applied` or `rolled back`.
pub fn marked(name: &str, as_what: &str) -> String {
    format!("Migration {name} marked as {as_what}.")
}

/// What `migrate status` says when all is well.
pub fn already_up_to_date() -> &'static str {
    "Database schema is up to date!"
}

/// What `migrate status` advises when migrations are pending.
pub const ADVICE: &str = "To apply migrations in development run prisma migrate dev.\n\
     To apply migrations in production run prisma migrate deploy.";

/// What `migrate status` prints behind the number of migrations, and whether it exits with 0.
pub fn status(alignment: &Alignment, has_ledger: bool) -> (String, bool) {
    match &alignment.gap {
        Some(Gap::DatabaseIsBehind { unapplied }) => (unapplied_text(unapplied), false),
        Some(Gap::Diverged { last_common, unapplied, unpersisted }) => (
            format!(
                "Your local migration history and the migrations table from your database are different:\n\n\
                 The last common migration is: {}\n\nThe {} have not yet been applied:\n{}\n\n\
                 The {} from the database are not found locally in prisma/migrations:\n{}",
                last_common.as_deref().unwrap_or("null"),
                migrations(unapplied.len()),
                unapplied.join("\n"),
                migrations(unpersisted.len()),
                unpersisted.join("\n"),
            ),
            false,
        ),
        Some(Gap::DirectoryIsBehind { .. }) | None if !has_ledger => (
            "The current database is not managed by Prisma Migrate.\n\nRead more about how to baseline an \
             existing production database:\nhttps://pris.ly/d/migrate-baseline"
                .to_owned(),
            false,
        ),
        Some(Gap::DirectoryIsBehind { .. }) | None if !alignment.failed.is_empty() => {
            let names: Vec<&str> = alignment.failed.iter().map(|row| row.migration_name.as_str()).collect();
            (failed_text(&names), false)
        }
        Some(Gap::DirectoryIsBehind { .. }) | None => (already_up_to_date().to_owned(), true),
    }
}

fn migrations(count: usize) -> &'static str {
    if count == 1 { "migration" } else { "migrations" }
}

fn unapplied_text(names: &[String]) -> String {
    format!(
        "Following {} have not yet been applied:\n{}\n\n{ADVICE}",
        migrations(names.len()),
        names.join("\n")
    )
}

fn failed_text(names: &[&str]) -> String {
    let first = names[0];
    format!(
        "Following {} have failed:\n{}\n\nDuring development if the failed migration(s) have not been deployed \
         to a production database you can then fix the migration(s) and run prisma migrate dev.\n\n\
         The failed migration(s) can be marked as rolled back or applied:\n\n\
         - If you rolled back the migration(s) manually:\nprisma migrate resolve --rolled-back \"{first}\"\n\n\
         - If you fixed the database manually (hotfix):\nprisma migrate resolve --applied \"{first}\"\n\n\
         Read more about how to resolve migration issues in a production database:\n\
         https://pris.ly/d/migrate-resolve",
        migrations(names.len()),
        names.join("\n")
    )
}
