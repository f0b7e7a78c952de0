//! Prisma Migrate's own thinking, as values: the database that a `schema.prisma` means, the steps
//! from one database to another, and the SQL that Prisma would write for them, to the byte.
//!
//! ```text
//! schema.prisma ─ of_schema ─► PrismaCatalog ─┐
//!                                             ├─ Migration::between ─► steps ─┬─► script
//! another, or a described database ───────────┘                              └─► losses
//! ```
//!
//! It holds for PostgreSQL and Prisma 5 to 7; where versions differ, the version is asked
//! ([`crate::PrismaVersion`]). What Prisma does not see (views, triggers, policies, expression
//! indexes, check constraints) is not in a [`PrismaCatalog`] and so in no step.

mod catalog;
mod change;
mod diff;
mod from_catalog;
mod from_schema;
mod losses;
mod native_type;
mod protected;
mod render;
mod sql;
mod step;

pub use catalog::{
    Column, ColumnType, Decimal, Default, Enum, Extension, ForeignKey, Index, IndexColumn, IndexMethod,
    OperatorClass, PrimaryKey, PrismaCatalog, ReferentialAction, SortOrder, Table, Value,
};
pub use change::{Change, Kind};
pub use from_catalog::{LeadsOut, Preview, Scope};
pub(crate) use from_schema::is_date_time;
pub use losses::Loss;
pub use native_type::NativeType;
pub use protected::{Cause, Fate, Protected, mentions};
pub use step::{
    AlterEnum, AlterTable, Cast, ColumnChange, DefaultOfEnum, IndexCause, Step, Subject, TableChange,
};

use std::ops::Range;

use crate::PrismaVersion;

/// The way from one database to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Migration<'a> {
    /// As it is.
    pub before: &'a PrismaCatalog,
    /// As it shall be.
    pub after: &'a PrismaCatalog,
    /// Whose text is written.
    pub version: PrismaVersion,
    /// The steps, in Prisma's order. One may be taken out; the others do not change by it.
    pub steps: Vec<Step<'a>>,
}

impl<'a> Migration<'a> {
    /// The steps that a version of Prisma would take.
    pub fn between(before: &'a PrismaCatalog, after: &'a PrismaCatalog, version: PrismaVersion) -> Self {
        Self { before, after, version, steps: diff::steps(before, after) }
    }

    /// The text of `prisma migrate diff --script`.
    pub fn script(&self) -> String {
        self.renderer().script(&self.steps)
    }

    /// Where each step stands in the script: the bytes of its title and its statements.
    pub fn places(&self) -> Vec<Range<usize>> {
        let mut start = 0;
        let place = |step| {
            let end = start + self.renderer().paragraph(step).len();
            let place = start..end;
            start = end + render::PARAGRAPHS_APART.len();
            place
        };
        self.steps.iter().map(place).collect()
    }

    /// A step in words: what comes, goes and changes by it.
    pub fn changes(&self, step: &Step<'_>) -> Vec<Change> {
        self.renderer().words(step)
    }

    fn renderer(&self) -> render::Renderer<'_> {
        render::Renderer { before: self.before, after: self.after, version: self.version }
    }

    /// What the steps may lose or fail at.
    pub fn losses(&self) -> Vec<Loss<'_>> {
        losses::losses(&self.steps)
    }

    /// The text of the `migration.sql` that `prisma migrate dev --create-only` writes: the script, below
    /// a comment with all losses where there are any.
    pub fn file(&self) -> String {
        let losses = self.losses();
        if losses.is_empty() {
            return self.script();
        }
        let lines: String = losses.iter().map(|loss| format!("  - {loss}\n")).collect();
        format!("/*\n  Warnings:\n\n{lines}\n*/\n{}", self.script())
    }
}
