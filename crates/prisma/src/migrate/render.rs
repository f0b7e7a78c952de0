//! Steps as the text that Prisma writes: `migrate diff --script`, to the byte.
//!
//! Its slips are kept, because a migration that Prisma would write is what is asked for: quotes in
//! names are not doubled, a sequence without a name is dropped as `""`.

mod alter_enum;
mod alter_table;
mod column;
mod words;

use underpin_catalog::{Name, RelationName};

use super::catalog::{
    Column, Enum, Extension, ForeignKey, Index, IndexMethod, PrismaCatalog, SortOrder, Table,
};
use super::sql::{enum_value, identifier, identifiers, qualified};
use super::step::Step;
use crate::PrismaVersion;

/// What a script says when there is nothing to do.
pub(super) const EMPTY: &str = "-- This is an empty migration.";

/// What stands between the paragraphs of a script.
pub(super) const PARAGRAPHS_APART: &str = "\n";

/// The two sides, which say how names are written.
#[derive(Clone, Copy)]
pub(super) struct Renderer<'a> {
    pub(super) before: &'a PrismaCatalog,
    pub(super) after: &'a PrismaCatalog,
    pub(super) version: PrismaVersion,
}

impl<'a> Renderer<'a> {
    /// The script of all steps; nothing stands behind the last line break.
    pub(super) fn script(self, steps: &[Step<'_>]) -> String {
        if steps.is_empty() {
            return EMPTY.to_owned();
        }
        let paragraphs: Vec<String> = steps.iter().map(|step| self.paragraph(step)).collect();
        paragraphs.join(PARAGRAPHS_APART)
    }

    /// The title of a step and its statements.
    pub(super) fn paragraph(self, step: &Step<'_>) -> String {
        let mut paragraph = format!("-- {}\n", step.title());
        for statement in self.statements(step) {
            paragraph.push_str(&statement);
            paragraph.push_str(";\n");
        }
        paragraph
    }

    fn statements(self, step: &Step<'_>) -> Vec<String> {
        match step {
            Step::CreateNamespace(name) => {
                vec![format!("CREATE SCHEMA IF NOT EXISTS {}", identifier(name.as_str()))]
            }
            Step::DropExtension(extension) => {
                vec![format!("DROP EXTENSION {}", identifier(extension.name.as_str()))]
            }
            Step::CreateExtension(extension) => vec![create_extension(extension)],
            Step::AlterExtension { before, after } => alter_extension(before, after),
            Step::CreateEnum(found) => vec![self.create_enum(found)],
            Step::AlterEnum(alter) => self.alter_enum(alter),
            Step::DropForeignKey { table, key } => {
                vec![format!(
                    "ALTER TABLE {} DROP CONSTRAINT {}",
                    self.name_of_dropped(&table.name),
                    identifier(key.name.as_str())
                )]
            }
            Step::DropIndex { table, index } => {
                vec![format!("DROP INDEX {}", self.name_of_dropped(&table.name.sibling(index.name.clone())))]
            }
            Step::AlterTable(alter) => self.alter_table(alter),
            Step::DropTable(table) => vec![format!("DROP TABLE {}", self.name_of_dropped(&table.name))],
            Step::DropEnum(found) => vec![format!("DROP TYPE {}", self.name_of_dropped(&found.name))],
            Step::CreateTable(table) => vec![self.create_table(table)],
            Step::CreateIndex { table, index, .. } => vec![self.create_index(table, index)],
            Step::RenameForeignKey { table, before, after } => {
                vec![format!(
                    "ALTER TABLE {} {}",
                    self.name(&table.name),
                    rename_constraint(&before.name, &after.name)
                )]
            }
            Step::AddForeignKey { table, key } => vec![self.add_foreign_key(table, key)],
            Step::RenameIndex { table, before, after } => {
                let name = self.name(&table.name.sibling(before.name.clone()));
                vec![format!("ALTER INDEX {name} RENAME TO {}", identifier(after.name.as_str()))]
            }
        }
    }

    /// The name of something that is there afterwards, with its namespace unless it is the one left out.
    fn name(self, name: &RelationName) -> String {
        qualified(name, self.left_out().filter(|_| !self.after.says_default_namespace))
    }

    /// The name of something that is dropped.
    fn name_of_dropped(self, name: &RelationName) -> String {
        match self.version.drops_by_the_second_side() {
            true => qualified(name, self.left_out()),
            false => self.name_of_before(name),
        }
    }

    /// The namespace that names leave out: what the second side says holds for names of the first as well.
    fn left_out(self) -> Option<&'a Name> {
        self.after.default_namespace.as_ref()
    }

    fn create_enum(self, found: &Enum) -> String {
        format!("CREATE TYPE {} AS ENUM ({})", self.name(&found.name), enum_values(&found.values))
    }

    fn create_table(self, table: &Table) -> String {
        let mut lines: Vec<String> = table.columns.iter().map(|column| self.column(column)).collect();
        if let Some(key) = &table.primary_key {
            lines.push(format!(
                "\n    CONSTRAINT {} PRIMARY KEY ({})",
                identifier(key.name.as_str()),
                identifiers(&key.columns, ",")
            ));
        }
        format!("CREATE TABLE {} (\n{}\n)", self.name(&table.name), lines.join(",\n"))
    }

    fn create_index(self, table: &Table, index: &Index) -> String {
        let columns = index.columns.iter().map(|column| {
            let class = column.operator_class.as_ref().map(|class| format!(" {}", class.name));
            let order = match column.order {
                None => "",
                Some(SortOrder::Ascending) => " ASC",
                Some(SortOrder::Descending) => " DESC",
            };
            format!("{}{}{order}", identifier(column.name.as_str()), class.unwrap_or_default())
        });
        format!(
            "CREATE {}INDEX {} ON {}{}({}){}",
            if index.is_unique { "UNIQUE " } else { "" },
            identifier(index.name.as_str()),
            self.name(&table.name),
            using(index.method),
            columns.collect::<Vec<_>>().join(", "),
            index.predicate.as_ref().map(|predicate| format!(" WHERE {predicate}")).unwrap_or_default()
        )
    }

    fn add_foreign_key(self, table: &Table, key: &ForeignKey) -> String {
        format!(
            "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {}({}) ON DELETE {} ON UPDATE {}",
            self.name(&table.name),
            identifier(key.name.as_str()),
            identifiers(&key.columns, ", "),
            self.name(&key.references),
            identifiers(&key.referenced, ", "),
            key.on_delete.as_str(),
            key.on_update.as_str()
        )
    }
}

/// The default of a column.
pub(super) fn default_sql(catalog: &PrismaCatalog, column: &Column) -> Option<String> {
    column::expression(column.default.as_ref()?, &column_type_sql(catalog, column))
}

/// The type of a column.
pub(super) fn column_type_sql(catalog: &PrismaCatalog, column: &Column) -> String {
    // No version writes it in another way.
    let renderer = Renderer { before: catalog, after: catalog, version: PrismaVersion::new(7, 0, 0) };
    renderer.column_type(column)
}

fn create_extension(extension: &Extension) -> String {
    let mut statement = format!("CREATE EXTENSION IF NOT EXISTS {}", identifier(extension.name.as_str()));
    if extension.namespace.is_some() || extension.version.is_some() {
        statement.push_str(" WITH");
    }
    if let Some(namespace) = &extension.namespace {
        statement.push_str(&format!(" SCHEMA {}", identifier(namespace.as_str())));
    }
    if let Some(version) = &extension.version {
        statement.push_str(&format!(" VERSION {}", identifier(version)));
    }
    statement
}

fn alter_extension(before: &Extension, after: &Extension) -> Vec<String> {
    let name = identifier(before.name.as_str());
    let mut statements = Vec::new();
    if let (Some(one), Some(other)) = (&before.version, &after.version)
        && one != other
    {
        statements.push(format!("ALTER EXTENSION {name} UPDATE TO {}", identifier(other)));
    }
    if let (Some(one), Some(other)) = (&before.namespace, &after.namespace)
        && one != other
    {
        statements.push(format!("ALTER EXTENSION {name} SET SCHEMA {}", identifier(other.as_str())));
    }
    statements
}

fn rename_constraint(before: &Name, after: &Name) -> String {
    format!("RENAME CONSTRAINT {} TO {}", identifier(before.as_str()), identifier(after.as_str()))
}

fn enum_values(values: &[String]) -> String {
    let values: Vec<String> = values.iter().map(|value| enum_value(value)).collect();
    values.join(", ")
}

fn using(method: IndexMethod) -> &'static str {
    match method {
        IndexMethod::BTree => "",
        IndexMethod::Hash => " USING HASH ",
        IndexMethod::Gist => " USING GIST ",
        IndexMethod::Gin => " USING GIN ",
        IndexMethod::SpGist => " USING SPGIST ",
        IndexMethod::Brin => " USING BRIN ",
    }
}
