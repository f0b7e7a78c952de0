//! What Prisma Migrate knows of a database: the part of a catalog that its engine compares and
//! renders. Plain values, whoever fills them: a `schema.prisma` ([`super::from_schema`]) or the
//! description of a live database.
//!
//! A described database says what a schema may leave unsaid: `bit` is `bit(1)` and `char` is `char(1)`
//! there, a time has six digits of a second, a sequence has its name; and Prisma's judgement of casts
//! goes by that.
//!
//! Lists are ordered, because the order decides that of the statements: a schema's blocks and
//! fields as they are written; a described database by namespace and name, its columns by their
//! number.

use underpin_catalog::{Name, RelationName};

use super::{NativeType, render};
use crate::schema::Arity;

/// A database, as far as Prisma Migrate knows it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PrismaCatalog {
    /// The namespaces that a migration may have to create.
    pub namespaces: Vec<Name>,
    /// The namespace that statements leave out of names, that of the connection. A described database (since
    /// 6.13) and the empty one have none; then the other side of the comparison decides. Nor has a schema from 6.13
    /// to 6.16.
    pub default_namespace: Option<Name>,
    /// Whether names say that namespace too, but since 6.19 for those of what is dropped: so did Prisma until 7
    /// in a schema that lists its namespaces.
    pub says_default_namespace: bool,
    /// The extensions; only those that the schema's datasource lists.
    pub extensions: Vec<Extension>,
    /// The enums.
    pub enums: Vec<Enum>,
    /// The tables: those of models, then those of implicit many-to-many relations.
    pub tables: Vec<Table>,
}

/// An extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its name in the database.
    pub name: Name,
    /// The namespace that its objects live in, where said.
    pub namespace: Option<Name>,
    /// Its version, where said.
    pub version: Option<String>,
    /// Whether its objects can move to another namespace. A schema cannot say so.
    pub is_relocatable: bool,
}

/// An enum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enum {
    /// Its name, with the namespace.
    pub name: RelationName,
    /// The values that the database stores, in order.
    pub values: Vec<String>,
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its name, with the namespace.
    pub name: RelationName,
    /// The columns, in order.
    pub columns: Vec<Column>,
    /// The primary key.
    pub primary_key: Option<PrimaryKey>,
    /// The other indexes, unique ones among them.
    pub indexes: Vec<Index>,
    /// The foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: Name,
    /// What it is one of, or several of.
    pub column_type: ColumnType,
    /// Required is NOT NULL; a list is an array, which Prisma never makes NOT NULL.
    pub arity: Arity,
    /// The default of the database.
    pub default: Option<Default>,
    /// Whether a sequence of its own fills it.
    pub is_autoincrement: bool,
    /// Whether the client fills it: `uuid()`, `cuid()` and their like. Prisma words its warning by this.
    pub is_filled_by_client: bool,
}

/// The type of a column, without the arity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnType {
    /// One that Prisma has a name for.
    Native(NativeType),
    /// An enum, by its name with the namespace.
    Enum(RelationName),
    /// Any other, as the schema or the database writes it.
    Unsupported(String),
    /// One with functions of its own, as extensions make them, that was found in a database. A schema calls it
    /// unsupported.
    OfExtension {
        /// Its name, or of a list that of the array's type: `_vector`.
        name: String,
        /// The numbers in parentheses.
        arguments: Vec<String>,
    },
}

/// The default of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Default {
    /// A constant.
    Value(Value),
    /// `CURRENT_TIMESTAMP`
    Now,
    /// The next number of a sequence. A schema does not know the sequence's name; then it is empty.
    Sequence(String),
    /// An expression; `None` for `dbgenerated()`: whatever the database has.
    DbGenerated(Option<String>),
}

/// A constant, with the type that Prisma reads it as: `1` of an `Int` is not `1` of a `Float`.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text.
    String(String),
    /// A value of an enum, as the database stores it.
    Enum(String),
    /// True or false.
    Boolean(bool),
    /// 32 bits.
    Int(i64),
    /// 64 bits.
    BigInt(i64),
    /// A number with a fraction.
    Decimal(Decimal),
    /// A document, as it is written.
    Json(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A point in time, as Prisma writes it into SQL: `2020-01-02 03:04:05.678 +00:00`.
    DateTime(String),
    /// Several.
    List(Vec<Value>),
}

/// A number as it is written, without leading zeros; equal to another of the same value.
#[derive(Debug, Clone)]
pub struct Decimal(String);

/// A primary key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrimaryKey {
    /// The constraint's name.
    pub name: Name,
    /// Its columns, in order.
    pub columns: Vec<Name>,
}

/// An index that is no primary key. Prisma makes unique indexes, never unique constraints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: Name,
    /// Whether it is unique.
    pub is_unique: bool,
    /// The access method.
    pub method: IndexMethod,
    /// Its columns, in order.
    pub columns: Vec<IndexColumn>,
    /// The condition of a partial index, as SQL, with its parentheses.
    pub predicate: Option<String>,
    /// It has a condition, and the schema did not turn `partialIndexes` on: since 7.6 Prisma neither makes nor
    /// drops such an index for its own sake. With one of the same columns in the schema it pairs it all the same.
    pub is_left_alone: bool,
}

/// A column of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexColumn {
    /// The column's name.
    pub name: Name,
    /// The order, where said; unsaid is ascending.
    pub order: Option<SortOrder>,
    /// The operator class, where said.
    pub operator_class: Option<OperatorClass>,
}

/// `ASC` or `DESC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SortOrder {
    /// `ASC`
    Ascending,
    /// `DESC`
    Descending,
}

/// The access methods that Prisma knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IndexMethod {
    /// `btree`
    BTree,
    /// `hash`
    Hash,
    /// `gist`
    Gist,
    /// `gin`
    Gin,
    /// `spgist`
    SpGist,
    /// `brin`
    Brin,
}

/// An operator class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorClass {
    /// Its name in SQL.
    pub name: String,
    /// Whether Prisma knows it by name, or has it from `raw("…")`; the two are never equal.
    pub is_known: bool,
    /// Whether the method takes it when none is said.
    pub is_default: bool,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// The constraint's name.
    pub name: Name,
    /// The columns, in order.
    pub columns: Vec<Name>,
    /// The table that they lead to.
    pub references: RelationName,
    /// The columns that they lead to, in order.
    pub referenced: Vec<Name>,
    /// What a deleted row does to those that lead to it.
    pub on_delete: ReferentialAction,
    /// What a changed key does to those that lead to it.
    pub on_update: ReferentialAction,
}

/// What becomes of rows whose target goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReferentialAction {
    /// `CASCADE`
    Cascade,
    /// `RESTRICT`
    Restrict,
    /// `NO ACTION`
    NoAction,
    /// `SET NULL`
    SetNull,
    /// `SET DEFAULT`
    SetDefault,
}

impl ReferentialAction {
    /// As SQL says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cascade => "CASCADE",
            Self::Restrict => "RESTRICT",
            Self::NoAction => "NO ACTION",
            Self::SetNull => "SET NULL",
            Self::SetDefault => "SET DEFAULT",
        }
    }
}

impl PrismaCatalog {
    /// The table of a name.
    pub fn table(&self, name: &RelationName) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == *name)
    }

    /// The default of a column as SQL; a sequence of its own has none that can be written.
    pub fn default_sql(&self, column: &Column) -> Option<String> {
        render::default_sql(self, column)
    }

    /// The type of a column as SQL.
    pub fn column_type_sql(&self, column: &Column) -> String {
        render::column_type_sql(self, column)
    }

    /// The columns of an enum, with their tables, in order.
    pub(super) fn columns_of_enum<'a>(
        &'a self,
        name: &RelationName,
    ) -> impl Iterator<Item = (&'a Table, &'a Column)> {
        let all =
            self.tables.iter().flat_map(|table| table.columns.iter().map(move |column| (table, column)));
        all.filter(move |(_, column)| column.is_of_enum(name))
    }
}

impl Table {
    /// The column of a name.
    pub fn column(&self, name: &Name) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == *name)
    }

    /// Whether it is what Prisma makes for an implicit many-to-many relation, or looks like it.
    pub fn is_many_to_many(&self) -> bool {
        let has = |letter: &str| self.columns.iter().any(|column| column.name.as_str() == letter);
        self.columns.len() == 2 && has("A") && has("B")
    }
}

impl Column {
    pub(super) fn is_of_enum(&self, name: &RelationName) -> bool {
        matches!(&self.column_type, ColumnType::Enum(own) if own == name)
    }

    /// The type, if Prisma has a name for it.
    pub(super) fn native_type(&self) -> Option<NativeType> {
        match self.column_type {
            ColumnType::Native(native) => Some(native),
            ColumnType::Enum(_) | ColumnType::Unsupported(_) | ColumnType::OfExtension { .. } => None,
        }
    }

    pub(super) fn is_list(&self) -> bool {
        self.arity == Arity::List
    }
}

impl Index {
    pub(super) fn column_names(&self) -> impl ExactSizeIterator<Item = &Name> {
        self.columns.iter().map(|column| &column.name)
    }
}

impl Decimal {
    /// A number as the schema language writes it: digits with perhaps a sign and a point.
    pub fn new(text: &str) -> Self {
        let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
        let (whole, fraction) = digits.split_once('.').map_or((digits, ""), |(whole, rest)| (whole, rest));
        let whole = match whole.trim_start_matches('0') {
            "" => "0",
            whole => whole,
        };
        let is_zero = whole == "0" && fraction.bytes().all(|digit| digit == b'0');
        let sign = if is_zero { "" } else { sign };
        let point = if fraction.is_empty() { "" } else { "." };
        Self(format!("{sign}{whole}{point}{fraction}"))
    }

    /// As it is written into SQL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without the zeros that end a fraction: the same text for the same value.
    fn shortest(&self) -> &str {
        match self.0.contains('.') {
            true => self.0.trim_end_matches('0').trim_end_matches('.'),
            false => &self.0,
        }
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.shortest() == other.shortest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_keeps_its_digits_and_compares_by_value() {
        for (text, kept) in
            [("1.50", "1.50"), ("00012.30", "12.30"), ("-0.0", "0.0"), ("-1.5", "-1.5"), ("0", "0")]
        {
            assert_eq!(Decimal::new(text).as_str(), kept);
        }
        assert_eq!(Decimal::new("1.50"), Decimal::new("1.5"));
        assert_eq!(Decimal::new("10"), Decimal::new("10.0"));
        assert_ne!(Decimal::new("100"), Decimal::new("10"));
    }
}
