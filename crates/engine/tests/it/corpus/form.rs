//! The form in which Prisma writes a paragraph of a migration, whatever it says. What has another form, somebody
//! has written or changed by hand.

/// Whether a paragraph, its title included, has Prisma's form.
pub(crate) fn is_prismas(paragraph: &str) -> bool {
    let (title, body) = paragraph.split_once('\n').unwrap_or((paragraph, ""));
    let is_one = |begin: &str| {
        body.starts_with(begin) && body.ends_with(';') && body.lines().count() == 1 && !is_conditional(body)
    };
    match title.trim_start_matches("-- ") {
        "CreateTable" => is_table(body),
        "AlterTable" => body.lines().all(is_clause) && are_in_order(body),
        "AddForeignKey" | "DropForeignKey" | "RenameForeignKey" => is_one("ALTER TABLE \""),
        "CreateIndex" => (is_one("CREATE INDEX \"") || is_one("CREATE UNIQUE INDEX \"")) && is_index(body),
        "DropIndex" => is_one("DROP INDEX \""),
        "RenameIndex" => is_one("ALTER INDEX \""),
        "DropTable" => is_one("DROP TABLE \""),
        "CreateEnum" => is_one("CREATE TYPE \""),
        "DropEnum" => is_one("DROP TYPE \""),
        "AlterEnum" => match body.matches(" ADD VALUE ").count() {
            0 => body.contains("BEGIN;") && body.contains("_old\";") && !body.contains("UPDATE"),
            1 => is_one("ALTER TYPE \""),
            _ => body.starts_with("-- This migration adds more than one value to an enum."),
        },
        _ => false,
    }
}

/// Prisma knows what is there.
fn is_conditional(statement: &str) -> bool {
    ["IF EXISTS", "IF NOT EXISTS", "CONCURRENTLY"].iter().any(|odd| statement.contains(odd))
}

/// A column a line, an empty line before the key.
fn is_table(body: &str) -> bool {
    let Some((head, rest)) = body.split_once('\n') else { return false };
    let Some(lines) = rest.strip_suffix("\n);") else { return false };
    let (columns, key) =
        lines.split_once(",\n\n").map_or((lines, None), |(columns, key)| (columns, Some(key)));
    head.starts_with("CREATE TABLE \"")
        && head.ends_with("\" (")
        && columns.lines().all(|line| line.starts_with("    \"") && !has_required_list(line))
        && key.is_none_or(|key| key.starts_with("    CONSTRAINT \"") && key.lines().count() == 1)
}

/// Prisma makes no list NOT NULL.
fn has_required_list(line: &str) -> bool {
    line.contains("[] NOT NULL")
}

/// A line of `ALTER TABLE`, or of the sequence that a column gets.
fn is_clause(line: &str) -> bool {
    let clause = match line.strip_prefix("ALTER TABLE \"") {
        Some(rest) => rest.split_once("\" ").map_or("", |(_, clause)| clause),
        None => line,
    };
    let begins = [
        "ADD COLUMN     \"",
        "DROP COLUMN \"",
        "ALTER COLUMN \"",
        "DROP CONSTRAINT \"",
        "ADD CONSTRAINT \"",
        "CREATE SEQUENCE ",
        "ALTER SEQUENCE ",
        "DROP SEQUENCE ",
    ];
    (line.ends_with(',') || line.ends_with(';'))
        && begins.iter().any(|begin| clause.starts_with(begin))
        && !is_conditional(line)
        && !has_required_list(line)
        && ![" USING ", " default "].iter().any(|odd| line.contains(odd))
}

/// Columns are added in the order of their names.
fn are_in_order(body: &str) -> bool {
    let added = body.lines().filter_map(|line| line.split_once("ADD COLUMN     \""));
    let names: Vec<&str> = added.filter_map(|(_, rest)| rest.split('"').next()).collect();
    names.is_sorted()
}

/// An index of columns alone, by a name that PostgreSQL does not cut.
fn is_index(body: &str) -> bool {
    let name = body.split('"').nth(1).unwrap_or_default();
    let odd = ["\" (", " INCLUDE ", " WHERE ", "(lower("];
    name.len() <= 63 && !odd.iter().any(|odd| body.contains(odd))
}
