//! What Prisma cannot say in a schema, and what it does to it: `protected-object-dropped`, `drift-by-hand`,
//! `shadow-database-fails`.

use underpin_catalog::Name;
use underpin_sql::effect::{CreateIndex, ObjectKind};
use underpin_sql::{ColumnValues, Effect};

use super::super::case::Case;
use super::super::finding::{Confidence, Finding, Severity};

/// How long a name may be, in bytes; Prisma cuts the table and columns, not the suffix.
const NAME_BYTES_MAX: usize = 63;

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for act in case.acts {
        match act.effect {
            Effect::DropIndex { .. } | Effect::DropDefault { .. } => protected(case, act.effect, found),
            Effect::CreateIndex(created) => drift(case, created, found),
            // In a DO block it stands behind a condition, or there would be none.
            Effect::Create { kind: ObjectKind::Role, name, .. }
                if !matches!(case.statement.effects[..], [Effect::Do(_)]) =>
            {
                let message = format!(
                    "role {} belongs to the server, not to the database: `migrate dev` replays the file into its shadow \
                     database on the same server, where the role is already (42710, P3006)",
                    name.name.as_str()
                );
                found.push(
                    case.tell("shadow-database-fails", Severity::Caution, message)
                        .about(name.name.as_str())
                        .instead(
                            "make roles outside the migrations, or in a DO block that looks into pg_roles first",
                        )
                        .done(),
                );
            }
            _ => {}
        }
    }
}

/// The comment that Prisma writes above each statement, such as `CreateIndex`.
fn heading<'a>(case: &Case<'a>) -> Option<&'a str> {
    let from = match case.at {
        0 => 0,
        at => case.file.statements[at - 1].span.end,
    };
    let between = case.file.text.get(from..case.statement.span.start)?;
    between.lines().rev().find_map(|line| line.trim().strip_prefix("-- ")).map(str::trim)
}

fn protected(case: &Case<'_>, effect: &Effect, found: &mut Vec<Finding>) {
    let facts = case.world.facts();
    match effect {
        Effect::DropIndex { index, .. } if heading(case) == Some("DropIndex") => {
            let Some(known) = facts.index(index) else { return };
            let what = match (known.has_expression(), known.partial) {
                (true, _) => "on an expression",
                (false, true) => "with a condition",
                (false, false) => return,
            };
            if !case.is_used(&known.table) {
                return;
            }
            let message = format!(
                "Prisma drops {}, an index {what}: a schema without it is all that it has seen, somebody made it by hand",
                case.shown(index)
            );
            found.push(
                case.tell("protected-object-dropped", Severity::Caution, message)
                    .about(case.shown(index))
                    .sure(case.confidence(&known.table))
                    .instead("delete the statement from the file when the index is still wanted")
                    .done(),
            );
        }
        Effect::DropDefault { table, column } => {
            let known = facts.relation(table).and_then(|known| known.column(column));
            let is_computed = known.is_some_and(|known| {
                matches!(known.values, ColumnValues::Stored(_) | ColumnValues::Virtual(_))
            });
            if !is_computed {
                return;
            }
            let message = format!(
                "column {} of {} is a generated one, which Prisma takes for a default: PostgreSQL refuses to drop that \
                 (42601)",
                column.as_str(),
                case.shown(table)
            );
            found.push(
                case.tell("protected-object-dropped", Severity::Blocker, message)
                    .about(case.shown(table))
                    .sure(case.confidence(table))
                    .failing("42601")
                    .instead(
                        "delete the statement from the file; declare the field with @default(dbgenerated())",
                    )
                    .done(),
            );
        }
        _ => {}
    }
}

fn drift(case: &Case<'_>, created: &CreateIndex, found: &mut Vec<Finding>) {
    if heading(case) == Some("CreateIndex") || created.method != "btree" {
        return;
    }
    let name = created.name.as_ref().map_or("", |name| name.as_str());
    let columns: Option<Vec<&str>> =
        created.columns.iter().map(|column| column.as_ref().map(Name::as_str)).collect();
    let Some(columns) = columns else { return };
    let (message, advice) = if created.partial {
        (
            format!(
                "the schema does not say {name}, because of its condition: Prisma 7.4 and 7.5 see the index and write \
                 DROP INDEX into the next migration, later ones only with the preview feature partialIndexes"
            ),
            "declare it with `where` (partialIndexes), or look for the DROP INDEX in what Prisma writes",
        )
    } else {
        let wanted = given_by_prisma(created.table.name.as_str(), &columns, created.unique);
        if name == wanted {
            return;
        }
        (
            format!(
                "Prisma would call this index {wanted}: unless the schema says map: \"{name}\", the next migration renames \
                 or drops it"
            ),
            "declare it in the schema with this name (`map`), or give it the name that Prisma gives",
        )
    };
    found.push(
        case.tell("drift-by-hand", Severity::Info, message)
            .about(case.shown(&created.table))
            .sure(Confidence::Low)
            .instead(advice)
            .done(),
    );
}

/// The name that Prisma gives an index.
fn given_by_prisma(table: &str, columns: &[&str], unique: bool) -> String {
    let suffix = if unique { "_key" } else { "_idx" };
    let mut stem = format!("{table}_{}", columns.join("_"));
    let mut end = stem.len().min(NAME_BYTES_MAX - suffix.len());
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    stem.truncate(end);
    stem + suffix
}
