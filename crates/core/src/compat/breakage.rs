//! One way in which a client's statements fail.

use serde::Serialize;
use underpin_catalog::{Name, RelationName};
use underpin_prisma::client::{Column, Table};

use super::queries::Query;

/// Statements of a client that fail, or can.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Break {
    /// Why, by a stable code.
    pub reason: Reason,
    /// Whether it depends on rows and values.
    pub certainty: Certainty,
    /// `model User`, `view Totals`, `the relation between User.groups and Group.users`, `the query in src/a.ts:12`.
    pub model: String,
    /// The field, where it is about one.
    pub field: Option<String>,
    /// The table, where it is about one of the client's.
    #[serde(serialize_with = "shown")]
    pub table: Option<RelationName>,
    /// The column, where it is about one.
    pub column: Option<Name>,
    /// What the application was doing.
    pub operations: Vec<Operation>,
    /// The SQLSTATE that the database answers with, or Prisma's own code where the database answers and the
    /// client cannot use the answer (P2023). None where nothing fails and a value is not what it should be.
    pub code: Option<String>,
    /// What happens, as a sentence.
    pub message: String,
    /// What avoids it.
    pub instead: &'static str,
}

fn shown<S: serde::Serializer>(name: &Option<RelationName>, serializer: S) -> Result<S::Ok, S::Error> {
    name.as_ref().map(RelationName::shown).serialize(serializer)
}

/// Whether a break happens whatever the rows and values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// It depends on them.
    Depends,
    /// It does not.
    Certain,
}

/// What an application does with a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// `findMany` and its like.
    Read,
    /// `create`, nested ones too.
    Create,
    /// `update`.
    Update,
    /// `upsert`.
    Upsert,
    /// `delete`.
    Delete,
}

impl Operation {
    /// All of them. Each names every column of the model: writes end in `RETURNING`.
    pub const ALL: [Self; 5] = [Self::Read, Self::Create, Self::Update, Self::Upsert, Self::Delete];
    /// Those that send values.
    pub const WRITES: [Self; 3] = [Self::Create, Self::Update, Self::Upsert];
    /// Those that make rows.
    pub const INSERTS: [Self; 2] = [Self::Create, Self::Upsert];

    /// As Prisma calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Upsert => "upsert",
            Self::Delete => "delete",
        }
    }
}

/// Why statements fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The table is not there under this name.
    MissingTable,
    /// The column is not there under this name.
    MissingColumn,
    /// The column is of another type than the field.
    OtherType,
    /// The field is required and the column may be NULL.
    NullInRequired,
    /// The column must have a value and the client gives none.
    NoValue,
    /// The column is generated and the client gives a value.
    GeneratedValue,
    /// `ON CONFLICT` finds no unique index.
    NoUniqueIndex,
    /// The enum's type is not there under this name.
    MissingType,
    /// The database may hold a value that the client does not know.
    UnknownValue,
    /// The client may write a value that the database does not know.
    LackingValue,
    /// Rows must be unique that needed not be.
    NewUnique,
    /// A row must have its counterpart that needed none.
    NewForeignKey,
    /// A condition holds for rows that did not.
    NewCheck,
    /// A foreign key is gone, or deletes do otherwise.
    OtherForeignKey,
    /// A trigger, rule or policy is there that was not.
    NewTrigger,
    /// Prepared statements return another type than they did.
    CachedPlan,
    /// The server refused the statement when it was tried.
    Refused,
    /// A query that the application writes itself is refused.
    OwnQuery,
}

impl Reason {
    /// The code as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingTable => "missing-table",
            Self::MissingColumn => "missing-column",
            Self::OtherType => "other-type",
            Self::NullInRequired => "null-in-required",
            Self::NoValue => "no-value",
            Self::GeneratedValue => "generated-value",
            Self::NoUniqueIndex => "no-unique-index",
            Self::MissingType => "missing-type",
            Self::UnknownValue => "unknown-value",
            Self::LackingValue => "lacking-value",
            Self::NewUnique => "new-unique",
            Self::NewForeignKey => "new-foreign-key",
            Self::NewCheck => "new-check",
            Self::OtherForeignKey => "other-foreign-key",
            Self::NewTrigger => "new-trigger",
            Self::CachedPlan => "cached-plan",
            Self::Refused => "refused",
            Self::OwnQuery => "own-query",
        }
    }

    /// What avoids it.
    fn instead(self) -> &'static str {
        match self {
            Self::MissingTable => {
                "keep the name in the database with @@map, or let the table go when no release names it any more"
            }
            Self::MissingColumn => {
                "keep the name in the database with @map, or let underpin plan write the change in phases: both columns, \
                 kept equal, until no release names the old one any more"
            }
            Self::OtherType => {
                "let underpin plan write a column of the new type beside it, in phases: both are kept equal until no \
                 release names the old one any more"
            }
            Self::NullInRequired => {
                "fill the column before the release that requires it runs, and write NULL only when no release requires \
                 it any more"
            }
            Self::NoValue => {
                "give the column a default, or let it be NULL, until every release that runs writes it"
            }
            Self::GeneratedValue => "leave the column as it is until no release that runs writes it",
            Self::NoUniqueIndex => "keep the unique index until no release that runs upserts by it",
            Self::MissingType => "keep the type, with its name, until no release that runs writes its values",
            Self::UnknownValue => {
                "release a version that knows the value and does not write it; write it one release later"
            }
            Self::LackingValue => "add the value to the database before the release that writes it runs",
            Self::NewUnique => {
                "release a version that writes no duplicates and expects P2002, then make it unique"
            }
            Self::NewForeignKey | Self::NewCheck => {
                "release a version that keeps to it first, then add the constraint"
            }
            Self::OtherForeignKey => {
                "release a version that does not rely on what deletes do to other rows, then change the foreign key"
            }
            Self::NewTrigger => "look at what it does to rows that the release writes",
            Self::CachedPlan => {
                "replace the connections of the release after this step, or move to a column beside it"
            }
            Self::Refused => "keep what the statement names as it is until no release that runs sends it",
            Self::OwnQuery => {
                "release a version whose query names what both states have, or keep what it names until no release that \
                 runs sends it"
            }
        }
    }
}

impl Break {
    /// About a whole table.
    pub(super) fn of_table(
        reason: Reason,
        table: &Table,
        operations: &[Operation],
        code: Option<&str>,
        message: String,
    ) -> Self {
        Self {
            reason,
            certainty: Certainty::Certain,
            model: table.described(),
            field: None,
            table: Some(table.name.clone()),
            column: None,
            operations: operations.to_vec(),
            code: code.map(str::to_owned),
            message,
            instead: reason.instead(),
        }
    }

    /// About a column.
    pub(super) fn of_column(
        reason: Reason,
        table: &Table,
        column: &Column,
        operations: &[Operation],
        code: Option<&str>,
        message: String,
    ) -> Self {
        let of_table = Self::of_table(reason, table, operations, code, message);
        Self { field: Some(column.field.clone()), column: Some(column.name.clone()), ..of_table }
    }

    /// With the right rows or values only.
    pub(super) fn depends(self) -> Self {
        Self { certainty: Certainty::Depends, ..self }
    }

    /// What the server refused when it was tried.
    pub fn refused(table: &Table, operation: Operation, code: &str, message: String) -> Self {
        Self::of_table(Reason::Refused, table, &[operation], Some(code), message)
    }

    /// A query that the application writes itself, at a place in its sources.
    pub fn of_query(query: &Query, code: &str, message: &str) -> Self {
        Self {
            reason: Reason::OwnQuery,
            certainty: Certainty::Certain,
            model: format!("the query in {}:{}", query.path, query.line),
            field: None,
            table: None,
            column: None,
            operations: Vec::new(),
            code: Some(code.to_owned()),
            message: format!("the server refuses it: {message}"),
            instead: Reason::OwnQuery.instead(),
        }
    }

    /// The same, whatever the words.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.reason, &self.table, &self.column, &self.code, &self.operations)
            == (other.reason, &other.table, &other.column, &other.code, &other.operations)
            && (self.certainty, &self.model) == (other.certainty, &other.model)
            // Of values of enums and the like, the words tell which.
            && self.message == other.message
    }

    /// `model User, field email`.
    pub fn about(&self) -> String {
        match &self.field {
            Some(field) => format!("{}, field {field}", self.model),
            None => self.model.clone(),
        }
    }
}
