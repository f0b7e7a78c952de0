//! `ALTER TYPE`: new values are added; when values go, a new type takes the place of the old, in a
//! transaction that the script opens itself.

use underpin_catalog::{Name, RelationName};

use super::column::expression;
use super::{Renderer, enum_values};
use crate::migrate::sql::{enum_value, identifier, qualified};
use crate::migrate::step::AlterEnum;

/// Above the first of several new values.
const SEVERAL: &str = "\
-- This migration adds more than one value to an enum.
-- With PostgreSQL versions 11 and earlier, this is not possible
-- in a single migration. This can be worked around by creating
-- multiple migrations, each migration adding only one value to
-- the enum.


";

impl Renderer<'_> {
    pub(super) fn alter_enum(self, alter: &AlterEnum<'_>) -> Vec<String> {
        match alter.removed.is_empty() {
            true => self.add_values(alter),
            false => self.replace_enum(alter),
        }
    }

    fn add_values(self, alter: &AlterEnum<'_>) -> Vec<String> {
        let name = self.name(&alter.before.name);
        let statement = |value: &&str| format!("ALTER TYPE {name} ADD VALUE {}", enum_value(value));
        let mut statements: Vec<String> = alter.added.iter().map(statement).collect();
        if let [first, _, ..] = &mut statements[..] {
            first.insert_str(0, SEVERAL);
        }
        statements
    }

    fn replace_enum(self, alter: &AlterEnum<'_>) -> Vec<String> {
        let (before, after) = (&alter.before.name, &alter.after.name);
        let ending = |suffix: &str| Name::new(format!("{}{suffix}", after.name.as_str()));
        let (new, old) = (after.sibling(ending("_new")), before.sibling(ending("_old")));
        let new_name = self.name(&new);
        let mut statements = vec![
            "BEGIN".to_owned(),
            format!("CREATE TYPE {new_name} AS ENUM ({})", enum_values(&alter.after.values)),
        ];
        for default in &alter.defaults {
            statements.push(format!(
                "ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT",
                self.name_of_before(&default.table.name),
                identifier(default.column.name.as_str())
            ));
        }
        for (table, column) in self.after.columns_of_enum(after) {
            let array = if column.is_list() { "[]" } else { "" };
            let name = identifier(column.name.as_str());
            statements.push(format!(
                "ALTER TABLE {} ALTER COLUMN {name} TYPE {new_name}{array} USING ({name}::text::{new_name}{array})",
                self.name(&table.name)
            ));
        }
        let rename =
            |from: &str, to: &Name| format!("ALTER TYPE {from} RENAME TO {}", identifier(to.as_str()));
        statements.push(rename(&self.name(before), &old.name));
        statements.push(rename(&new_name, &after.name));
        statements.push(format!("DROP TYPE {}", self.name_of_before(&old)));
        for default in &alter.defaults {
            let Some(column) = default.after else { continue };
            let set =
                column.default.as_ref().and_then(|default| expression(default, &self.column_type(column)));
            statements.push(format!(
                "ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {}",
                self.name(&default.table.name),
                identifier(default.column.name.as_str()),
                set.unwrap_or_default()
            ));
        }
        statements.push("COMMIT".to_owned());
        statements
    }

    /// Two statements here go by what the *first* side says: with a described database they name the
    /// namespace where all others do not. Before 6.19 so did the names of all that is dropped.
    pub(super) fn name_of_before(self, name: &RelationName) -> String {
        let default = self.before.default_namespace.as_ref();
        qualified(name, default.filter(|_| !self.before.says_default_namespace))
    }
}
