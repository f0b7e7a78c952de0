//! Columns: type, arity, default.

use underpin_catalog::model::{self, TypeKind, TypeRef};
use underpin_catalog::{Name, RelationName};

use super::Reading;
use super::default::{Family, of_column};
use super::relative::relative;
use crate::migrate::NativeType;
use crate::migrate::catalog::{Column, ColumnType, Default};
use crate::schema::Arity;

/// A column's type, as the standard's `information_schema.columns` tells it: a domain is what it narrows.
struct Told<'a> {
    name: &'a RelationName,
    modifiers: &'a [String],
    is_array: bool,
    refuses_null: bool,
}

impl Reading<'_> {
    pub(super) fn column(&self, name: &Name, column: &model::Column) -> Column {
        let told = self.told(&column.type_ref);
        let (column_type, family) = self.column_type(&told);
        let arity = if told.is_array {
            Arity::List
        } else if column.not_null || told.refuses_null {
            Arity::Required
        } else {
            Arity::Optional
        };
        // PostgreSQL keeps the expression of a generated column where it keeps defaults.
        let generated = column.generated.as_ref().map(|generated| &generated.expression);
        let default = column.default.as_ref().or(generated);
        let default = default
            .and_then(|text| of_column(&relative(text, &self.scope.namespace), family, arity == Arity::List));
        Column {
            name: name.clone(),
            column_type,
            arity,
            is_autoincrement: column.identity.is_some() || matches!(default, Some(Default::Sequence(_))),
            default,
            is_filled_by_client: false,
        }
    }

    fn told<'t>(&'t self, type_ref: &'t TypeRef) -> Told<'t> {
        let plain = |type_ref: &'t TypeRef| Told {
            name: &type_ref.name,
            modifiers: &type_ref.modifiers,
            is_array: type_ref.array || is_vector(type_ref),
            refuses_null: false,
        };
        match self.catalog.types.get(&type_ref.name).map(|found| &found.kind) {
            Some(TypeKind::Domain { base, not_null, .. }) if !type_ref.array => {
                // The lengths of an array are read from the text of the column's type, which is the domain's name.
                let modifiers = if base.array { &[][..] } else { &base.modifiers };
                Told { refuses_null: *not_null, modifiers, ..plain(base) }
            }
            _ => plain(type_ref),
        }
    }

    /// Prisma knows its own types by name, in whatever namespace; then enums; then what somebody made.
    fn column_type(&self, told: &Told<'_>) -> (ColumnType, Family) {
        let name = told.name.name.as_str();
        if let Some((native, family)) = native(name, told) {
            return (ColumnType::Native(native), family);
        }
        // Of an array it sees the name of the array's type, which begins with an underscore.
        let seen =
            if told.is_array && !is_own_vector(name) { cut(&format!("_{name}")) } else { name.to_owned() };
        let element = if told.is_array { seen.get(1..).unwrap_or_default() } else { seen.as_str() };
        if let Some(found) = self.enum_of(told.name, element) {
            return (ColumnType::Enum(found.clone()), Family::Enum);
        }
        match self.is_base(told.name) {
            true => {
                // Prisma reads numbers alone: `geometry(Point,4326)` has no arguments for it.
                let is_number = |text: &String| text.parse::<i64>().is_ok();
                let arguments =
                    if told.modifiers.iter().all(is_number) { told.modifiers.to_vec() } else { Vec::new() };
                (ColumnType::OfExtension { name: seen, arguments }, Family::Other)
            }
            false => (ColumnType::Unsupported(seen), Family::Other),
        }
    }

    /// By name and namespace; when Prisma does not look at the namespace, the first of that name.
    fn enum_of(&self, name: &RelationName, element: &str) -> Option<&RelationName> {
        if name.namespace.as_ref().is_some_and(|namespace| namespace.as_str() == "pg_catalog") {
            return None;
        }
        let is_looked_at = self.scope.sees(name);
        let is_it = |found: &&RelationName| {
            found.name.as_str() == element && (!is_looked_at || found.namespace == name.namespace)
        };
        self.enums.iter().map(|(name, _)| *name).find(is_it)
    }

    /// A type with functions of its own to read and write it. Those that the catalog describes are none, and
    /// PostgreSQL's own are not looked at.
    fn is_base(&self, name: &RelationName) -> bool {
        self.scope.sees(name)
            && !self.catalog.types.contains_key(name)
            && !self.catalog.tables.contains_key(name)
            && !self.catalog.views.contains_key(name)
    }
}

/// PostgreSQL's types of catalogs that are arrays and are not called so.
fn is_vector(type_ref: &TypeRef) -> bool {
    type_ref.is_built_in("int2vector") || type_ref.is_built_in("oidvector")
}

fn is_own_vector(name: &str) -> bool {
    matches!(name, "int2vector" | "oidvector")
}

/// PostgreSQL cuts the names of arrays' types as it cuts all names.
fn cut(name: &str) -> String {
    Name::new(name).with_suffix("").as_str().to_owned()
}

fn native(name: &str, told: &Told<'_>) -> Option<(NativeType, Family)> {
    let number = |position: usize| told.modifiers.get(position)?.parse::<u32>().ok();
    // Unsaid digits of a second are six; of arrays only the text of the type is known.
    let digits = || number(0).or((!told.is_array).then_some(6));
    Some(match name {
        "int2" => (NativeType::SmallInt, Family::Int),
        "int4" => (NativeType::Integer, Family::Int),
        "int8" => (NativeType::BigInt, Family::Int),
        "oid" => (NativeType::Oid, Family::Int),
        "float4" => (NativeType::Real, Family::Float),
        "float8" => (NativeType::DoublePrecision, Family::Float),
        "numeric" => (NativeType::Decimal(numeric(told)), Family::Float),
        "money" => (NativeType::Money, Family::Float),
        "bool" => (NativeType::Boolean, Family::Boolean),
        "text" => (NativeType::Text, Family::Text),
        "citext" => (NativeType::Citext, Family::Text),
        "varchar" => (NativeType::VarChar(number(0)), Family::Text),
        "bpchar" => (NativeType::Char(number(0)), Family::Text),
        "char" => (NativeType::Char(None), Family::Text),
        "xml" => (NativeType::Xml, Family::Text),
        "bit" => (NativeType::Bit(number(0)), Family::Text),
        "varbit" => (NativeType::VarBit(number(0)), Family::Text),
        "inet" => (NativeType::Inet, Family::Text),
        "date" => (NativeType::Date, Family::Time),
        "time" => (NativeType::Time(digits()), Family::Time),
        "timetz" => (NativeType::Timetz(digits()), Family::Time),
        "timestamp" => (NativeType::Timestamp(digits()), Family::Time),
        "timestamptz" => (NativeType::Timestamptz(digits()), Family::Time),
        "bytea" => (NativeType::ByteA, Family::Binary),
        "json" => (NativeType::Json, Family::Json),
        "jsonb" => (NativeType::JsonB, Family::Json),
        "uuid" => (NativeType::Uuid, Family::Other),
        _ => return None,
    })
}

/// A negative scale (PostgreSQL 15) is the number that its eleven bits make; of an array it is not understood.
fn numeric(told: &Told<'_>) -> Option<(u32, u32)> {
    const BITS: i32 = 1 << 11;
    let number = |position: usize| told.modifiers.get(position).and_then(|text| text.parse::<i32>().ok());
    let (precision, scale) = (number(0)?, number(1).unwrap_or(0));
    let scale = match scale {
        0.. => scale,
        _ if told.is_array => return None,
        _ => scale + BITS,
    };
    u32::try_from(precision).ok().zip(u32::try_from(scale).ok())
}
