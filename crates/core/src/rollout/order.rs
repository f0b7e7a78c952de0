//! Whether a migration may be executed before one that it comes behind, with the same end.
//!
//! Only what adds is considered: the triggers of the rollout that is held stay in force meanwhile, and what is new
//! they do not name. Both orders are replayed in memory; when they leave the same facts, neither can tell.

use underpin_sql::{Effect, Statement, Surroundings};

use super::is_guard;

/// Whether `later` may come before what is held, by the name of its folder. `around` are the facts about the database before both.
pub fn commute(around: &Surroundings, (folder, held): (&str, &[Statement]), later: &[Statement]) -> bool {
    let held: Vec<&Statement> = held.iter().filter(|statement| !is_guard(statement, folder)).collect();
    let later: Vec<&Statement> = later.iter().collect();
    let effects = |statements: &[&Statement]| -> Vec<Effect> {
        statements.iter().flat_map(|statement| &statement.effects).cloned().collect()
    };
    let (held, later) = (effects(&held), effects(&later));
    if !later.iter().all(only_adds) || !held.iter().all(is_told) {
        return false;
    }
    let end = |first: &[Effect], second: &[Effect]| {
        let mut facts = around.clone();
        first.iter().chain(second).for_each(|effect| facts.apply(effect));
        facts
    };
    is_same(&end(&held, &later), &end(&later, &held))
}

fn is_same(one: &Surroundings, other: &Surroundings) -> bool {
    one.relations.iter().eq(other.relations.iter())
        && one.indexes.iter().eq(other.indexes.iter())
        && (&one.types, &one.routines, one.complete) == (&other.types, &other.routines, other.complete)
}

/// What neither changes nor takes away anything that is there, nor reads rows to write others.
fn only_adds(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::AddColumn(_)
            | Effect::AddConstraint(_)
            | Effect::AddEnumValue { .. }
            | Effect::Comment { .. }
            | Effect::CreateIndex(_)
            | Effect::CreateTable(_)
            | Effect::CreateType { .. }
            | Effect::TransactionControl(_)
            | Effect::ValidateConstraint { .. }
    )
}

/// What a replay follows to the end.
fn is_told(effect: &Effect) -> bool {
    !matches!(
        effect,
        Effect::Call { .. }
            | Effect::Do(_)
            | Effect::Select { .. }
            | Effect::Server { .. }
            | Effect::Set(_)
            | Effect::Unknown { .. }
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use underpin_catalog::{Name, ServerVersion};
    use underpin_sql::read;

    use super::*;

    const CONTRACT: &str = r#"BEGIN; DROP TRIGGER t ON "User"; DROP FUNCTION f(); DROP INDEX "User_fullName_key";
        ALTER TABLE "User" DROP COLUMN "fullName"; COMMIT"#;

    fn before() -> Surroundings {
        let mut around = Surroundings::empty(ServerVersion::of_major(16), Name::new("public"));
        let base = r#"CREATE TABLE "User" (id int PRIMARY KEY, "fullName" text, "displayName" text);
            CREATE UNIQUE INDEX "User_fullName_key" ON "User" ("fullName"); CREATE TABLE "Order" (id int PRIMARY KEY)"#;
        read(base)
            .unwrap()
            .iter()
            .flat_map(|statement| &statement.effects)
            .for_each(|effect| around.apply(effect));
        around
    }

    #[test]
    fn what_adds_something_else_may_come_first() {
        for (later, may) in [
            (r#"ALTER TABLE "User" ADD COLUMN "note" text"#, true),
            (r#"CREATE INDEX "User_displayName_idx" ON "User" ("displayName")"#, true),
            (r#"ALTER TABLE "Order" ADD COLUMN "user" int REFERENCES "User" (id)"#, true),
            // What goes has the name, or is needed.
            (r#"ALTER TABLE "User" ADD COLUMN "fullName" int"#, false),
            (r#"CREATE INDEX "User_fullName_key" ON "User" ("displayName")"#, false),
            (r#"CREATE INDEX "other" ON "User" ("fullName")"#, false),
            // The triggers that stay meanwhile name it, or may.
            (r#"ALTER TABLE "User" RENAME COLUMN "displayName" TO "shown""#, false),
            (r#"ALTER TABLE "User" ALTER COLUMN "displayName" SET NOT NULL"#, false),
            (r#"UPDATE "User" SET "displayName" = 'x'"#, false),
            (r#"DO $$ BEGIN EXECUTE 'SELECT 1'; END $$"#, false),
        ] {
            let held = read(CONTRACT).unwrap();
            assert_eq!(commute(&before(), ("held", &held), &read(later).unwrap()), may, "{later}");
        }
        let opaque = read("DO $$ BEGIN EXECUTE 'SELECT 1'; END $$").unwrap();
        let later = read(r#"ALTER TABLE "User" ADD COLUMN "note" text"#).unwrap();
        assert!(!commute(&before(), ("held", &opaque), &later));
    }
}
