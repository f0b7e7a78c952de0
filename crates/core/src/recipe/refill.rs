//! The way back from a contract: a column that comes back has to have its values.
//!
//! They are in the shape that stayed. So the column comes back alone first, without anything that looks at its
//! rows; then it is filled; then comes all that holds of it, the triggers among it.

use underpin_catalog::model::{ConstraintKind, KeyPart};
use underpin_catalog::{Catalog, Name, RelationName, Sql, sql};

/// A column that comes back with values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refill {
    /// Its table, with the namespace.
    pub table: RelationName,
    /// The column.
    pub column: Name,
    /// What it is made of: an expression over what stayed.
    pub value: Sql,
}

impl Refill {
    /// What gives it its values.
    pub fn statement(&self) -> Sql {
        sql!("UPDATE {} SET {} = {} WHERE {} IS NULL", self.table, self.column, self.value, self.column)
    }

    /// A catalog in which nothing is known of the column but that it is there.
    pub fn bare(&self, catalog: &mut Catalog) {
        let names = |columns: &[Name]| columns.contains(&self.column);
        for (name, table) in &mut catalog.tables {
            let is_own = *name == self.table;
            table.constraints.retain(|_, constraint| match &constraint.kind {
                ConstraintKind::ForeignKey(key) => {
                    !(is_own && names(&key.columns)
                        || key.referenced == self.table && names(&key.referenced_columns))
                }
                ConstraintKind::Unique { columns, .. } | ConstraintKind::PrimaryKey { columns, .. } => {
                    !(is_own && names(columns))
                }
                ConstraintKind::NotNull { column } => !(is_own && column.as_ref() == Some(&self.column)),
                ConstraintKind::Check { .. } | ConstraintKind::Exclusion { .. } | ConstraintKind::Trigger => {
                    true
                }
            });
            if !is_own {
                continue;
            }
            table.triggers.clear();
            table.indexes.retain(|_, index| {
                let of_column =
                    |part: &KeyPart| matches!(part, KeyPart::Column(name) if *name == self.column);
                !index.included.contains(&self.column) && !index.keys.iter().any(|key| of_column(&key.part))
            });
            if let Some(column) = table.columns.get_mut(&self.column) {
                column.not_null = false;
                // With it every row would have a value, and another one.
                column.default = None;
            }
        }
    }
}
