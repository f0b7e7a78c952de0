//! What a statement does, in one vocabulary for planning, warning and checking.
//!
//! An effect says what the text says, before anybody looked at a database: names are as written,
//! and a name that was left to PostgreSQL is `None`. Which locks an effect takes is in
//! [`crate::locks`], how long it works in [`crate::work`].

mod program;

use serde::Serialize;
use underpin_catalog::{LockMode, Name, RelationName};

pub use self::program::{Binding, BodyRead, Program, ProgramStatement, Reach, RoutineBody};

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
    AttachPartition { table: RelationName, partition: RelationName },
    /// `DETACH PARTITION`.
    DetachPartition { table: RelationName, partition: RelationName, concurrently: bool },
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
    /// `GRANT` and `REVOKE`, on tables and sequences or (none) on other objects; `to_public` says that everybody
    /// is given something.
    Grant { tables: Vec<RelationName>, to_public: bool },
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

/// What `CREATE TABLE` does to tables other than the new one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CreateTable {
    /// The new table.
    pub table: RelationName,
    /// Tables that its foreign keys reference.
    pub references: Vec<RelationName>,
    /// The table that it becomes a partition of.
    pub partition_of: Option<RelationName>,
    /// Tables that it inherits from.
    pub inherits: Vec<RelationName>,
    /// Tables that `LIKE` copies.
    pub like: Vec<RelationName>,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// `PARTITION BY`.
    pub partitioned: bool,
    /// The columns of that, expressions left out.
    pub partition_key: Vec<Name>,
    /// `USING`: how its rows are stored.
    pub access_method: Option<Name>,
    /// `DEFAULT`: the partition of the rows that no other takes.
    pub default_partition: bool,
    /// How long its rows live.
    pub persistence: Persistence,
    /// Its columns in their order.
    pub columns: Vec<AddColumn>,
    /// The constraints that stand beside the columns, not with one of them.
    pub constraints: Vec<AddConstraint>,
}

/// How long the rows of a relation live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Persistence {
    /// For ever.
    #[default]
    Permanent,
    /// Until the next crash.
    Unlogged,
    /// Until the session ends, or the transaction.
    Temporary,
}

/// What `CREATE VIEW` asks for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CreateView {
    /// The new view.
    pub view: RelationName,
    /// Its rows are stored.
    pub materialized: bool,
    /// `OR REPLACE`.
    pub replace: bool,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// Filled at once: always for a view, and for a materialized one unless `WITH NO DATA`.
    pub with_data: bool,
    /// The relations that it reads.
    pub reads: Vec<RelationName>,
    /// The columns that it names, of whichever of them; `None` for all columns of all of them (`*`).
    pub columns: Option<Vec<Name>>,
    /// It has no sub-select and no `WITH`: whatever column it names is one of these relations'.
    pub flat: bool,
    /// The columns that it has, where the text names each of them.
    pub outputs: Option<Vec<Name>>,
}

/// Where a new value of an enum goes; without one, to the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EnumPlace {
    /// `BEFORE` that value.
    Before(String),
    /// `AFTER` that value.
    After(String),
}

/// What kind of type something is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeKind {
    /// Its values in their order.
    Enum {
        /// The values.
        values: Vec<String>,
    },
    /// Another type with conditions.
    Domain {
        /// The type that it is made of.
        base: TypeText,
        /// It refuses some values, NULL among them.
        constrained: bool,
    },
    /// A row.
    Composite,
    /// A range.
    Range,
    /// A base type.
    Base,
}

/// How often a function may give another answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Volatility {
    /// Never, for the same arguments.
    Immutable,
    /// Not within one statement.
    Stable,
    /// At each call. What nobody said is volatile, as PostgreSQL has it.
    Volatile,
}

/// Where and how the rows of a table are to lie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Storage {
    /// `SET LOGGED`.
    Logged,
    /// `SET UNLOGGED`.
    Unlogged,
    /// `SET ACCESS METHOD`.
    AccessMethod(Name),
    /// `SET TABLESPACE`.
    Tablespace(Name),
}

/// With whose rights a function runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunsAs {
    /// Those of whoever calls it.
    #[default]
    Caller,
    /// Those of its owner (`SECURITY DEFINER`).
    Owner {
        /// It sets its own `search_path`.
        has_search_path: bool,
    },
}

/// What `CREATE TRIGGER` asks for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CreateTrigger {
    /// The table.
    pub table: RelationName,
    /// The trigger.
    pub trigger: Name,
    /// The function that it calls.
    pub function: RelationName,
    /// `OR REPLACE`.
    pub replace: bool,
    /// `FOR EACH ROW`: partitions get it too.
    pub each_row: bool,
    /// The columns of `UPDATE OF` and those that `WHEN` reads: none of them can be dropped or change its type.
    pub reads: Vec<Name>,
}

/// A change of an index's description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexChange {
    /// `SET (…)`, `RESET (…)`, `ALTER COLUMN … SET STATISTICS`.
    Parameters,
    /// `ATTACH PARTITION`.
    Attach {
        /// The index of the partition.
        partition: RelationName,
    },
    /// `SET TABLESPACE`: writes the index anew.
    Tablespace,
}

/// What happens to a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyChange {
    /// `CREATE POLICY`.
    Create {
        /// The columns that its conditions read.
        reads: Vec<Name>,
        /// The other relations that they ask.
        asks: Vec<RelationName>,
    },
    /// `ALTER POLICY`, a new name too.
    Alter,
    /// `DROP POLICY`.
    Drop,
}

/// What `ADD COLUMN` asks for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AddColumn {
    /// The table.
    pub table: RelationName,
    /// The new column.
    pub column: Name,
    /// Its type.
    pub to: TypeText,
    /// `NOT NULL`, also as part of `PRIMARY KEY`, identity or serial.
    pub not_null: bool,
    /// What the rows that are there get.
    pub default: ColumnDefault,
    /// Constraints written beside the column, other than `NOT NULL` and `DEFAULT`.
    pub constraints: Vec<AddConstraint>,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// The columns that its generation expression reads.
    pub reads: Vec<Name>,
    /// Sequences from which its default takes numbers.
    pub sequences: Vec<RelationName>,
}

/// Where the values of a new column come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnDefault {
    /// NULL.
    None,
    /// One value for all rows, kept in the catalog since PostgreSQL 11: constants and expressions
    /// without volatile functions, `now()` among them.
    Constant,
    /// A value for each row: a volatile function.
    Volatile,
    /// As volatile as these functions, which are not PostgreSQL's own.
    Calls(Vec<RelationName>),
    /// `serial`: a sequence of its own.
    Serial,
    /// `GENERATED … AS IDENTITY`.
    Identity,
    /// `GENERATED ALWAYS AS (…) STORED`.
    Stored,
    /// `GENERATED ALWAYS AS (…) VIRTUAL` (PostgreSQL 18).
    Virtual,
}

/// A type as the file spells it, and its name when it is not one of PostgreSQL's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TypeText {
    /// `character varying(20)`, `"Mood"[]`: normalised by the grammar, for people and comparison.
    pub text: String,
    /// The type, without array brackets and modifiers, when it is not built in.
    pub user_defined: Option<RelationName>,
}

impl TypeText {
    /// A column whose type the statement does not say.
    pub(crate) fn unknown() -> Self {
        Self { text: String::new(), user_defined: None }
    }
}

/// The `USING` clause of a type change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Using {
    /// No clause: the assignment cast.
    Absent,
    /// The column cast to the new type, which is the same.
    Cast,
    /// An expression of its own: always a rewrite.
    Expression,
}

/// What happens to the generation of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Generation {
    /// `ADD GENERATED … AS IDENTITY`: makes a sequence.
    AddIdentity,
    /// `SET GENERATED`: when values may be given.
    SetIdentity,
    /// `RESTART`, and options of the sequence.
    RenumberIdentity,
    /// `DROP IDENTITY`: drops the sequence.
    DropIdentity,
    /// `DROP EXPRESSION`: an ordinary column from then on.
    DropExpression,
    /// `SET EXPRESSION`: computes every row anew (PostgreSQL 17).
    Expression,
}

/// What `ADD CONSTRAINT`, or a constraint beside a column, asks for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AddConstraint {
    /// The table.
    pub table: RelationName,
    /// The name, unless it was left to PostgreSQL.
    pub name: Option<Name>,
    /// What it demands.
    pub kind: ConstraintKind,
    /// The columns that it names; for a check, those that it reads.
    pub columns: Vec<Name>,
    /// The columns of `INCLUDE`.
    pub including: Vec<Name>,
    /// `NOT VALID`: rows that are there are not looked at.
    pub not_valid: bool,
    /// `NOT ENFORCED` (PostgreSQL 18).
    pub not_enforced: bool,
    /// `USING INDEX`.
    pub using_index: Option<Name>,
    /// `NO INHERIT`: of this table alone.
    pub no_inherit: bool,
    /// When it is checked.
    pub deferral: Deferral,
    /// For a check: columns in which it lets no NULL pass, by a conjunct `column IS NOT NULL`.
    pub proves_not_null: Vec<Name>,
}

/// When a constraint is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Deferral {
    /// At the end of each statement.
    #[default]
    Never,
    /// The same, unless `SET CONSTRAINTS` says otherwise.
    Possible,
    /// At the end of the transaction (`INITIALLY DEFERRED`).
    Initially,
}

/// What a constraint demands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConstraintKind {
    /// A condition on each row.
    Check,
    /// A row of another table.
    ForeignKey {
        /// That table.
        references: RelationName,
        /// The columns there; empty for its primary key.
        columns: Vec<Name>,
        /// What happens here when a row there is deleted.
        on_delete: OnDelete,
    },
    /// No two rows alike.
    Unique,
    /// The same, and never NULL.
    PrimaryKey,
    /// No two rows that overlap.
    Exclude,
    /// Never NULL, as a constraint with a name (PostgreSQL 18).
    NotNull,
}

/// What a foreign key does when a referenced row is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDelete {
    /// Refuses it: `NO ACTION`, `RESTRICT`.
    #[default]
    Refuse,
    /// Deletes the rows that reference it.
    Cascade,
    /// `SET NULL`.
    SetNull,
    /// `SET DEFAULT`.
    SetDefault,
}

/// What `CREATE INDEX` asks for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CreateIndex {
    /// The table.
    pub table: RelationName,
    /// The name, unless it was left to PostgreSQL. An index lives in the namespace of its table.
    pub name: Option<Name>,
    /// `UNIQUE`.
    pub unique: bool,
    /// `CONCURRENTLY`.
    pub concurrently: bool,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// `ON ONLY`: the parent of a partitioned index alone, which is empty.
    pub only: bool,
    /// The columns, `None` for an expression.
    pub columns: Vec<Option<Name>>,
    /// The columns of `INCLUDE`.
    pub including: Vec<Name>,
    /// It has a `WHERE`.
    pub partial: bool,
    /// Every column that it reads, in its keys, expressions and condition.
    pub reads: Vec<Name>,
    /// `btree`, `gin`, …
    pub method: String,
}

/// A change of a table's description, by the lock that it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TableOption {
    /// Fill factor, autovacuum, parallel workers, options of a column: only other DDL and vacuum wait.
    Parameters,
    /// The statistics target of a column: the same, in every partition too.
    Statistics,
    /// `CLUSTER ON` an index: the same, on both.
    ClusterOn(Name),
    /// `OWNER TO`: the indexes and the sequences of its columns change hands too.
    Owner,
    /// `ENABLE` and `DISABLE ROW LEVEL SECURITY`.
    RowSecurity {
        /// On from then on.
        enabled: bool,
    },
    /// `FORCE` and `NO FORCE ROW LEVEL SECURITY`.
    ForceRowSecurity,
    /// `REPLICA IDENTITY`, by an index.
    ReplicaIdentity(Option<Name>),
    /// `SET STORAGE`, `SET COMPRESSION`: for later values.
    Storage,
    /// `OF`, `NOT OF`, `user_catalog_table`, options of a foreign table.
    Other,
}

/// Kinds of objects that are no tables and whose changes we tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// Enum, composite, range or base type.
    Type,
    /// Domain.
    Domain,
    /// Sequence.
    Sequence,
    /// View.
    View,
    /// Materialized view: creating one with data runs its query.
    MaterializedView,
    /// Function, procedure or aggregate.
    Routine,
    /// Namespace.
    Schema,
    /// Extension.
    Extension,
    /// Role.
    Role,
    /// Anything else that touches no table.
    Other,
}

/// A change of the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// `search_path`, or `all` of `RESET ALL`.
    pub name: String,
    /// The words and constants that it is set to; empty for `DEFAULT` and `RESET`.
    pub values: Vec<String>,
    /// How long it lasts.
    pub scope: SettingScope,
}

/// How long a setting lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingScope {
    /// `SET`.
    Session,
    /// `SET LOCAL`: to the end of the transaction.
    Transaction,
    /// `RESET`, `DISCARD`.
    Reset,
}

/// A statement about the transaction itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionControl {
    /// `BEGIN`, `START TRANSACTION`.
    Begin,
    /// The same with an isolation level or another mode.
    BeginWith,
    /// `COMMIT`, `END`.
    Commit,
    /// `ROLLBACK`, `ABORT`.
    Rollback,
    /// `SAVEPOINT`, `RELEASE`, `ROLLBACK TO`.
    Savepoint,
    /// `PREPARE TRANSACTION` and what settles it.
    TwoPhase,
}

/// Rows that an `UPDATE` or `DELETE` changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChangeRows {
    /// The table.
    pub table: RelationName,
    /// The columns that are set; none for `DELETE`.
    pub columns: Vec<Name>,
    /// Which rows.
    pub rows: Rows,
    /// Other tables that it reads.
    pub reads: Vec<RelationName>,
}

/// Which rows a condition can reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rows {
    /// No `WHERE`.
    All,
    /// A `WHERE` that PostgreSQL can only answer by looking.
    Filtered,
    /// `WHERE` that holds these columns to constants: as few rows as they have if they are a key.
    Constants(Vec<Name>),
}

/// What is built anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReindexTarget {
    /// One index.
    Index(RelationName),
    /// All indexes of a table.
    Table(RelationName),
    /// All of a namespace: never in a transaction.
    Schema(Name),
    /// All of the database, or the system catalogs: never in a transaction.
    Everything,
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
