//! The renames that a script tells, undone.
//!
//! Two catalogs do not tell a rename from a drop and an addition, so whoever looks for the way back asks the
//! script first: what it renamed is renamed back, with its rows. A view that the script put in the place of a
//! table goes before the table comes back.

use std::collections::BTreeSet;

use underpin_catalog::{Literal, Name, RelationName, Sql, sql};

use crate::effect::{Effect, ObjectKind};
use crate::{SyntaxError, read};

/// The statements that undo the renames of a script, in the order in which they are executed: last first.
/// Bare names are those of `namespace`. What is renamed by a function or a DO block is not found.
///
/// # Errors
/// When the text is not SQL.
pub fn renames_undone(script: &str, namespace: &Name) -> Result<Vec<Sql>, SyntaxError> {
    let statements = read(script)?;
    let mut left: BTreeSet<RelationName> = BTreeSet::new();
    let mut undone: Vec<Sql> = Vec::new();
    for effect in statements.iter().flat_map(|statement| &statement.effects) {
        match effect {
            Effect::RenameTable { table, .. } => {
                left.insert(full(table, namespace));
            }
            Effect::CreateView(created)
                if !created.materialized && left.contains(&full(&created.view, namespace)) =>
            {
                undone.push(sql!("DROP VIEW {}", full(&created.view, namespace)));
            }
            _ => {}
        }
        undone.extend(back(effect, namespace));
    }
    undone.reverse();
    Ok(undone)
}

fn full(name: &RelationName, namespace: &Name) -> RelationName {
    RelationName {
        namespace: Some(name.namespace.clone().unwrap_or_else(|| namespace.clone())),
        name: name.name.clone(),
    }
}

fn back(effect: &Effect, namespace: &Name) -> Option<Sql> {
    let full = |name: &RelationName| full(name, namespace);
    let renamed = |name: &RelationName, to: &Name| full(name).sibling(to.clone());
    Some(match effect {
        Effect::RenameTable { table, to } => {
            sql!("ALTER TABLE {} RENAME TO {}", renamed(table, to), table.name)
        }
        Effect::RenameColumn { table, column, to } => {
            sql!("ALTER TABLE {} RENAME COLUMN {} TO {}", full(table), to, column)
        }
        Effect::RenameConstraint { table, constraint, to } => {
            sql!("ALTER TABLE {} RENAME CONSTRAINT {} TO {}", full(table), to, constraint)
        }
        Effect::RenameIndex { index, to } => {
            sql!("ALTER INDEX {} RENAME TO {}", renamed(index, to), index.name)
        }
        Effect::RenameTrigger { table, trigger, to } => {
            sql!("ALTER TRIGGER {} ON {} RENAME TO {}", to, full(table), trigger)
        }
        Effect::RenameEnumValue { name, value, to } => {
            sql!("ALTER TYPE {} RENAME VALUE {} TO {}", full(name), Literal(to), Literal(value))
        }
        Effect::Rename { kind: ObjectKind::Type, name, to } => {
            sql!("ALTER TYPE {} RENAME TO {}", renamed(name, to), name.name)
        }
        Effect::Rename { kind: ObjectKind::Sequence, name, to } => {
            sql!("ALTER SEQUENCE {} RENAME TO {}", renamed(name, to), name.name)
        }
        Effect::Rename { kind: ObjectKind::View, name, to } => {
            sql!("ALTER VIEW {} RENAME TO {}", renamed(name, to), name.name)
        }
        _ => return None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_was_renamed_last_is_renamed_back_first() {
        let script = "ALTER TABLE \"A\" RENAME TO \"B\"; ALTER TABLE \"B\" RENAME COLUMN a TO b;
             ALTER TABLE x.t DROP COLUMN c; ALTER INDEX i RENAME TO j;
             ALTER TYPE e RENAME VALUE 'a' TO 'it''s'; ALTER TABLE x.t RENAME CONSTRAINT k TO l;";
        let undone = renames_undone(script, &Name::new("public")).unwrap();
        let undone: Vec<&str> = undone.iter().map(Sql::as_str).collect();
        assert_eq!(
            undone,
            [
                r#"ALTER TABLE "x"."t" RENAME CONSTRAINT "l" TO "k""#,
                r#"ALTER TYPE "public"."e" RENAME VALUE 'it''s' TO 'a'"#,
                r#"ALTER INDEX "public"."j" RENAME TO "i""#,
                r#"ALTER TABLE "public"."B" RENAME COLUMN "b" TO "a""#,
                r#"ALTER TABLE "public"."B" RENAME TO "A""#,
            ]
        );
        let script = "ALTER TABLE \"A\" RENAME TO \"B\"; CREATE VIEW \"A\" AS SELECT * FROM \"B\"; CREATE VIEW v AS SELECT 1";
        let undone = renames_undone(script, &Name::new("public")).unwrap();
        let undone: Vec<&str> = undone.iter().map(Sql::as_str).collect();
        assert_eq!(undone, [r#"DROP VIEW "public"."A""#, r#"ALTER TABLE "public"."B" RENAME TO "A""#]);
        assert!(renames_undone("ALTER TABLE", &Name::new("public")).is_err());
    }
}
