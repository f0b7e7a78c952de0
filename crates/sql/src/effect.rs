//! What a statement does, in one vocabulary for planning, warning and checking.
//!
//! An effect says what the text says, before anybody looked at a database: names are as written,
//! and a name that was left to PostgreSQL is `None`. Which locks an effect takes is in
//! [`crate::locks`], how long it works in [`crate::work`].
//!
//! The closed list of effects is here; what a statement asks for in detail is in a file for each family.

mod column;
mod constraint;
mod index;
mod object;
mod program;
mod routine;
mod rows;
mod session;
mod table;

use serde::Serialize;
use underpin_catalog::{LockMode, Name, RelationName};

use crate::bounds::PartitionBounds;

pub use self::column::{AddColumn, ColumnDefault, Generation, TypeText, Using};
pub use self::constraint::{AddConstraint, ConstraintKind, Deferral, OnDelete};
pub use self::index::{CreateIndex, IndexChange, ReindexTarget};
pub use self::object::{CreateTrigger, CreateView, EnumPlace, ObjectKind, PolicyChange, TypeKind};
pub use self::program::{Binding, BodyRead, Program, ProgramStatement, Reach, RoutineBody};
pub use self::routine::{RunsAs, Volatility};
pub use self::rows::{ChangeRows, Rows};
pub use self::session::{Setting, SettingScope, TransactionControl};
pub use self::table::{CreateTable, Detach, Persistence, Storage, TableOption};

/// What a statement, or one action of an `ALTER TABLE`, does to which object.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "fields that are named like their SQL clause say no more in a sentence")]
pub enum Effect {
    /// `CREATE TABLE`, with its constraints.
    CreateTable(CreateTable),
    /// `CREATE TABLE … AS` and `SELECT … INTO`: also fills the table.
    CreateTableAs { table: RelationName, reads: Vec<RelationName>, persistence: Persistence, with_data: bool },
    /// `DROP TABLE`, one effect for each table.
    DropTable { table: RelationName, if_exists: bool, cascade: bool },
    /// `ALTER TABLE … RENAME TO`.
    RenameTable { table: RelationName, to: Name },
    /// `ALTER TABLE … SET SCHEMA`.
    MoveTable { table: RelationName, namespace: Name },
    /// `ADD COLUMN`, with its own constraints.
    AddColumn(AddColumn),
    /// `DROP COLUMN`.
    DropColumn { table: RelationName, column: Name, if_exists: bool, cascade: bool },
    /// `RENAME COLUMN`, also of a view.
    RenameColumn { table: RelationName, column: Name, to: Name },
    /// `ALTER COLUMN … TYPE`.
    ChangeColumnType { table: RelationName, column: Name, to: TypeText, using: Using, collation: bool },
    /// `ALTER COLUMN … SET NOT NULL`.
    SetNotNull { table: RelationName, column: Name },
    /// `ALTER COLUMN … DROP NOT NULL`.
    DropNotNull { table: RelationName, column: Name },
    /// `ALTER COLUMN … SET DEFAULT`: rows that are there keep their values.
    SetDefault { table: RelationName, column: Name },
    /// `ALTER COLUMN … DROP DEFAULT`.
    DropDefault { table: RelationName, column: Name },
    /// Identity or generation expression of a column that is there.
    ChangeGeneration { table: RelationName, column: Name, how: Generation },
    /// `ADD CONSTRAINT`.
    AddConstraint(AddConstraint),
    /// `VALIDATE CONSTRAINT`.
    ValidateConstraint { table: RelationName, constraint: Name },
    /// `ALTER CONSTRAINT`: when it is checked and, since PostgreSQL 18, whether (`None`: as before).
    AlterConstraint { table: RelationName, constraint: Name, enforced: Option<bool> },
    /// `DROP CONSTRAINT`.
    DropConstraint { table: RelationName, constraint: Name, if_exists: bool, cascade: bool },
    /// `RENAME CONSTRAINT`.
    RenameConstraint { table: RelationName, constraint: Name, to: Name },
    /// `CREATE INDEX`.
    CreateIndex(CreateIndex),
    /// `DROP INDEX`, one effect for each index.
    DropIndex { index: RelationName, if_exists: bool, concurrently: bool, cascade: bool },
    /// `ALTER INDEX … RENAME TO`.
    RenameIndex { index: RelationName, to: Name },
    /// `ALTER INDEX … SET (…)`, `ATTACH PARTITION` and the like.
    AlterIndex { index: RelationName, how: IndexChange },
    /// Options, statistics, storage, owner, security: a change of a table's description alone.
    AlterTable { table: RelationName, what: TableOption },
    /// `SET LOGGED`, `SET TABLESPACE`, `SET ACCESS METHOD`: writes the table anew.
    MoveStorage { table: RelationName, to: Storage },
    /// `ATTACH PARTITION`.
    AttachPartition { table: RelationName, partition: RelationName, bounds: PartitionBounds },
    /// `DETACH PARTITION`.
    DetachPartition { table: RelationName, partition: RelationName, how: Detach },
    /// `INHERIT` and `NO INHERIT`.
    Inherit { table: RelationName, parent: RelationName, ends: bool },
    /// `CREATE VIEW`, `CREATE MATERIALIZED VIEW`.
    CreateView(CreateView),
    /// `CREATE TYPE`, `CREATE DOMAIN`.
    CreateType { name: RelationName, kind: TypeKind },
    /// `CREATE FUNCTION`, `CREATE PROCEDURE`, `CREATE AGGREGATE`.
    CreateRoutine {
        name: RelationName,
        replace: bool,
        volatility: Volatility,
        runs_as: RunsAs,
        body: RoutineBody,
    },
    /// An object of another kind: `CREATE EXTENSION`, `CREATE ROLE`, …
    Create { kind: ObjectKind, name: RelationName, if_not_exists: bool },
    /// `ALTER SEQUENCE`, and the column that it belongs to from then on. `renumbers` says that anything but
    /// the owner changes.
    AlterSequence { sequence: RelationName, owned_by: Option<(RelationName, Name)>, renumbers: bool },
    /// `ALTER TYPE … ADD ATTRIBUTE` and the other actions on a composite type's columns.
    ChangeAttributes { name: RelationName },
    /// The same, changed in a way that keeps its name.
    Alter { kind: ObjectKind, name: RelationName },
    /// The same, renamed.
    Rename { kind: ObjectKind, name: RelationName, to: Name },
    /// The same, moved to another namespace.
    Move { kind: ObjectKind, name: RelationName, namespace: Name },
    /// The same, dropped.
    Drop { kind: ObjectKind, name: RelationName, if_exists: bool, cascade: bool },
    /// `ALTER TYPE … ADD VALUE`.
    AddEnumValue { name: RelationName, value: String, if_not_exists: bool, place: Option<EnumPlace> },
    /// `ALTER TYPE … RENAME VALUE`.
    RenameEnumValue { name: RelationName, value: String, to: String },
    /// `ALTER DOMAIN` that adds or validates a constraint; `checks` says that it looks at the rows of every
    /// table that uses the domain, which `NOT VALID` does not.
    ConstrainDomain { name: RelationName, checks: bool },
    /// `CREATE TRIGGER`.
    CreateTrigger(CreateTrigger),
    /// `DROP TRIGGER`.
    DropTrigger { table: RelationName, trigger: Name, if_exists: bool },
    /// `ALTER TRIGGER … RENAME`.
    RenameTrigger { table: RelationName, trigger: Name, to: Name },
    /// `ENABLE TRIGGER`, `DISABLE TRIGGER`.
    SwitchTrigger { table: RelationName },
    /// Row security: `CREATE`, `ALTER` or `DROP POLICY`.
    Policy { table: RelationName, policy: Name, how: PolicyChange },
    /// `CREATE RULE`, `DROP RULE`, `ENABLE RULE`. `reads` and `writes` are the other relations of its actions.
    Rule { table: RelationName, reads: Vec<RelationName>, writes: Vec<RelationName> },
    /// `CREATE STATISTICS`, publications: registers the table somewhere. `reads` are the columns by which a
    /// publication picks its rows.
    Register { table: RelationName, reads: Vec<Name> },
    /// `COMMENT ON` a relation or a column, `part` when on something that belongs to it (a constraint, a
    /// trigger), or (`None`) on anything else.
    Comment { relation: Option<RelationName>, part: bool },
    /// `GRANT` and `REVOKE`, on tables and sequences, on routines, or (neither) on other objects; `to_public` says
    /// that everybody is given something.
    Grant { tables: Vec<RelationName>, routines: Vec<RelationName>, to_public: bool },
    /// `SET`, `SET LOCAL`, `RESET`.
    Set(Setting),
    /// `BEGIN`, `COMMIT` and their kin.
    TransactionControl(TransactionControl),
    /// `INSERT`. No columns are all of them in their order; `arbitrates` is an `ON CONFLICT`
    /// that names a key or updates: PostgreSQL looks through the indexes for the one that decides.
    Insert { table: RelationName, columns: Vec<Name>, arbitrates: bool, reads: Vec<RelationName> },
    /// `UPDATE`.
    Update(ChangeRows),
    /// `DELETE`.
    Delete(ChangeRows),
    /// `MERGE`.
    Merge { table: RelationName, reads: Vec<RelationName> },
    /// `TRUNCATE`, one effect for each table.
    Truncate { table: RelationName, cascade: bool, restarts: bool },
    /// `SELECT` and other queries.
    Select {
        reads: Vec<RelationName>,
        calls: Vec<String>,
        locks_rows: bool,
        /// Which rows, as far as the outermost condition tells.
        rows: Rows,
        /// Sequences whose numbers it takes or sets.
        sequences: Vec<RelationName>,
    },
    /// `COPY`.
    Copy { table: Option<RelationName>, writes: bool },
    /// `LOCK TABLE`, one effect for each table.
    LockTable { table: RelationName, mode: LockMode },
    /// `VACUUM` (`None`: every table of the database).
    Vacuum { table: Option<RelationName>, full: bool },
    /// `ANALYZE`.
    Analyze { table: Option<RelationName> },
    /// `REINDEX`.
    Reindex { target: ReindexTarget, concurrently: bool },
    /// `CLUSTER`.
    Cluster { table: Option<RelationName> },
    /// `REFRESH MATERIALIZED VIEW`.
    RefreshView { view: RelationName, concurrently: bool, with_data: bool },
    /// `DO`: a program.
    Do(Program),
    /// `CALL`.
    Call { procedure: RelationName },
    /// A statement about the whole server that cannot run in a transaction block: `CREATE DATABASE`.
    Server { what: String },
    /// A statement that this vocabulary has no word for.
    Unknown { what: String },
}

impl Effect {
    /// A query that names nothing.
    pub(crate) fn nothing() -> Self {
        Self::Select {
            reads: Vec::new(),
            calls: Vec::new(),
            locks_rows: false,
            rows: Rows::All,
            sequences: Vec::new(),
        }
    }

    /// The table that the effect works on, when there is one that was named. For an index it is the
    /// index's table only when the statement says it.
    pub fn table(&self) -> Option<&RelationName> {
        match self {
            Self::CreateTable(CreateTable { table, .. })
            | Self::CreateTableAs { table, .. }
            | Self::DropTable { table, .. }
            | Self::RenameTable { table, .. }
            | Self::MoveTable { table, .. }
            | Self::AddColumn(AddColumn { table, .. })
            | Self::DropColumn { table, .. }
            | Self::RenameColumn { table, .. }
            | Self::ChangeColumnType { table, .. }
            | Self::SetNotNull { table, .. }
            | Self::DropNotNull { table, .. }
            | Self::SetDefault { table, .. }
            | Self::DropDefault { table, .. }
            | Self::ChangeGeneration { table, .. }
            | Self::AddConstraint(AddConstraint { table, .. })
            | Self::ValidateConstraint { table, .. }
            | Self::AlterConstraint { table, .. }
            | Self::DropConstraint { table, .. }
            | Self::RenameConstraint { table, .. }
            | Self::CreateIndex(CreateIndex { table, .. })
            | Self::AlterTable { table, .. }
            | Self::MoveStorage { table, .. }
            | Self::AttachPartition { table, .. }
            | Self::DetachPartition { table, .. }
            | Self::Inherit { table, .. }
            | Self::CreateTrigger(CreateTrigger { table, .. })
            | Self::DropTrigger { table, .. }
            | Self::RenameTrigger { table, .. }
            | Self::SwitchTrigger { table }
            | Self::Policy { table, .. }
            | Self::Rule { table, .. }
            | Self::Register { table, .. }
            | Self::Insert { table, .. }
            | Self::Update(ChangeRows { table, .. })
            | Self::Delete(ChangeRows { table, .. })
            | Self::Merge { table, .. }
            | Self::Truncate { table, .. }
            | Self::LockTable { table, .. }
            | Self::RefreshView { view: table, .. }
            | Self::Reindex { target: ReindexTarget::Table(table), .. } => Some(table),
            Self::Copy { table, .. }
            | Self::Vacuum { table, .. }
            | Self::Analyze { table }
            | Self::Cluster { table } => table.as_ref(),
            Self::DropIndex { .. }
            | Self::RenameIndex { .. }
            | Self::AlterIndex { .. }
            | Self::Reindex { .. }
            | Self::CreateView(_)
            | Self::CreateType { .. }
            | Self::CreateRoutine { .. }
            | Self::Create { .. }
            | Self::AlterSequence { .. }
            | Self::ChangeAttributes { .. }
            | Self::Alter { .. }
            | Self::Rename { .. }
            | Self::Move { .. }
            | Self::Drop { .. }
            | Self::AddEnumValue { .. }
            | Self::RenameEnumValue { .. }
            | Self::ConstrainDomain { .. }
            | Self::Comment { .. }
            | Self::Grant { .. }
            | Self::Set(_)
            | Self::TransactionControl(_)
            | Self::Select { .. }
            | Self::Do(_)
            | Self::Call { .. }
            | Self::Server { .. }
            | Self::Unknown { .. } => None,
        }
    }
}
