//! The way back from steps that have taken effect.
//!
//! What a step's own text does not tell (the old type, the dropped column) cannot be undone here and
//! is not guessed: the caller is told which step it is.

use underpin_catalog::{Name, RelationName, Sql, sql};

use crate::effect::Effect;
use crate::{SyntaxError, read};

/// How a step is undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reverse {
    /// Its effect goes away with that of an earlier step, or it has none to undo.
    Nothing,
    /// By this statement.
    Sql {
        /// One statement.
        sql: Sql,
        /// It cannot run in a transaction block.
        alone: bool,
    },
    /// Its own text does not tell what was there before.
    Unknown,
}

/// The ways back from steps, given in the order in which they took effect. The answers are in the
/// same order; they are to be executed last first.
///
/// # Errors
/// When a text is not SQL.
pub fn reverse(steps: &[&str]) -> Result<Vec<Reverse>, SyntaxError> {
    let mut own = Own::default();
    let mut ways = Vec::with_capacity(steps.len());
    for text in steps {
        let statements = read(text)?;
        let effects: Vec<&Effect> = statements.iter().flat_map(|statement| &statement.effects).collect();
        ways.push(match effects.as_slice() {
            [effect] => own.reverse(effect),
            _ => Reverse::Unknown,
        });
    }
    Ok(ways)
}

/// What earlier steps have made: effects on it go away with it.
#[derive(Debug, Default)]
struct Own {
    tables: Vec<RelationName>,
    columns: Vec<(RelationName, Name)>,
    constraints: Vec<(RelationName, Name)>,
}

/// The steps of one migration name a table with or without its namespace.
fn same(a: &RelationName, b: &RelationName) -> bool {
    a.name == b.name && (a.namespace == b.namespace || a.namespace.is_none() || b.namespace.is_none())
}

impl Own {
    fn has_table(&self, table: &RelationName) -> bool {
        self.tables.iter().any(|own| same(own, table))
    }

    fn has(&self, table: &RelationName, column: &Name) -> bool {
        self.has_table(table) || self.columns.iter().any(|(own, name)| same(own, table) && name == column)
    }

    fn reverse(&mut self, effect: &Effect) -> Reverse {
        match effect {
            Effect::CreateTable(create) if !create.if_not_exists => {
                self.tables.push(create.table.clone());
                in_transaction(sql!("DROP TABLE {}", create.table))
            }
            Effect::AddColumn(add) if !add.if_not_exists => {
                self.columns.push((add.table.clone(), add.column.clone()));
                match self.has_table(&add.table) {
                    true => Reverse::Nothing,
                    false => in_transaction(sql!("ALTER TABLE {} DROP COLUMN {}", add.table, add.column)),
                }
            }
            Effect::CreateIndex(create) if !create.if_not_exists => match &create.name {
                Some(_) if self.has_table(&create.table) => Reverse::Nothing,
                Some(name) => Reverse::Sql {
                    sql: sql!("DROP INDEX CONCURRENTLY IF EXISTS {}", create.table.sibling(name.clone())),
                    alone: true,
                },
                None => Reverse::Unknown,
            },
            Effect::AddConstraint(add) => match &add.name {
                Some(name) => {
                    self.constraints.push((add.table.clone(), name.clone()));
                    // The index of a constraint that was added USING INDEX goes with it, so its own
                    // way back finds nothing any more (IF EXISTS).
                    in_transaction(sql!("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}", add.table, name))
                }
                None if self.has_table(&add.table) => Reverse::Nothing,
                None => Reverse::Unknown,
            },
            Effect::ValidateConstraint { table, constraint } => {
                self.made(table, constraint, Reverse::Nothing)
            }
            Effect::DropConstraint { table, constraint, .. } => {
                self.made(table, constraint, Reverse::Nothing)
            }
            Effect::SetNotNull { table, column } if self.has(table, column) => Reverse::Nothing,
            Effect::SetNotNull { table, column } => {
                in_transaction(sql!("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL", table, column))
            }
            Effect::SetDefault { table, column } if self.has(table, column) => Reverse::Nothing,
            Effect::Update(change)
                if !change.columns.is_empty()
                    && change.columns.iter().all(|c| self.has(&change.table, c)) =>
            {
                Reverse::Nothing
            }
            Effect::Set(_) | Effect::Analyze { .. } => Reverse::Nothing,
            _ => Reverse::Unknown,
        }
    }

    /// `way` when an earlier step has made the constraint.
    fn made(&self, table: &RelationName, constraint: &Name, way: Reverse) -> Reverse {
        match self.constraints.iter().any(|(own, name)| same(own, table) && name == constraint) {
            true => way,
            false => Reverse::Unknown,
        }
    }
}

fn in_transaction(sql: Sql) -> Reverse {
    Reverse::Sql { sql, alone: false }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn ways(steps: &[&str]) -> Vec<String> {
        reverse(steps)
            .unwrap()
            .into_iter()
            .map(|way| match way {
                Reverse::Nothing => "nothing".to_owned(),
                Reverse::Sql { sql, .. } => sql.as_str().to_owned(),
                Reverse::Unknown => "unknown".to_owned(),
            })
            .collect()
    }

    #[test]
    fn the_way_back_from_each_twin() {
        assert_eq!(
            ways(&[
                r#"CREATE INDEX CONCURRENTLY "i" ON "s"."T"("a")"#,
                r#"ALTER TABLE "T" ADD CONSTRAINT "f" FOREIGN KEY ("a") REFERENCES "U"("id") NOT VALID"#,
                r#"ALTER TABLE "T" VALIDATE CONSTRAINT "f""#,
                r#"ALTER TABLE "T" ADD COLUMN "n" uuid"#,
                r#"ALTER TABLE "T" ALTER COLUMN "n" SET DEFAULT gen_random_uuid()"#,
                r#"UPDATE "public"."T" SET "n" = gen_random_uuid()"#,
                r#"ALTER TABLE "T" ALTER COLUMN "n" SET NOT NULL"#,
                r#"ALTER TABLE "T" ALTER COLUMN "a" SET NOT NULL"#,
            ]),
            [
                r#"DROP INDEX CONCURRENTLY IF EXISTS "s"."i""#,
                r#"ALTER TABLE "T" DROP CONSTRAINT IF EXISTS "f""#,
                "nothing",
                r#"ALTER TABLE "T" DROP COLUMN "n""#,
                "nothing",
                "nothing",
                "nothing",
                r#"ALTER TABLE "T" ALTER COLUMN "a" DROP NOT NULL"#,
            ]
        );
    }

    #[test]
    fn what_the_text_does_not_tell_is_not_guessed() {
        for text in [
            r#"ALTER TABLE "T" DROP COLUMN "a""#,
            r#"ALTER TABLE "T" VALIDATE CONSTRAINT "older""#,
            r#"UPDATE "T" SET "a" = 1"#,
            "DO $$ BEGIN END $$",
            "DROP INDEX i",
        ] {
            assert_eq!(ways(&[text]), ["unknown"], "{text}");
        }
    }
}
