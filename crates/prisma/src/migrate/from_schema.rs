//! From `schema.prisma` to the database that Prisma would create from it.
//!
//! Names are those of the database (`@map`, `@@map`), derived ones are cut to 63 bytes as Prisma
//! cuts them, and what the schema leaves unsaid is filled in as Prisma does: native types,
//! referential actions, names of constraints, the tables of many-to-many relations. Views are left
//! out, because Prisma neither makes nor changes them; what is `@ignore`d is not, because that is
//! the client's business.
//!
//! A schema that Prisma refuses has no catalog ([`crate::validator`]): a column that is missed here would
//! be dropped there. So what is read here is known to be right; what cannot be understood all the
//! same is told, never passed over.

mod column;
mod index;
mod predicate;
mod relation;
mod value;

use underpin_catalog::{Name, RelationName};

use super::catalog::{Enum, Extension, PrismaCatalog, Table};
use crate::PrismaVersion;
use crate::client::relation_name;
use crate::schema::{Expression, Model, Names, Schema, Span};
use crate::validator::{SchemaError, validate};

/// What is asked while a schema is read.
struct Reading<'a> {
    schema: &'a Schema,
    names: Names<'a>,
    /// The namespace of what has no `@@schema`.
    namespace: &'a Name,
    version: PrismaVersion,
    problems: Vec<SchemaError>,
}

impl PrismaCatalog {
    /// The database that a version of Prisma creates from a schema. `namespace` is where names without
    /// `@@schema` live: `schema` in the connection's URL, else `public`.
    ///
    /// # Errors
    /// Everything that Prisma refuses the schema for, in the order of the places; also that there is no
    /// datasource, which its validator lets pass and its migrations do not.
    pub fn of_schema(
        schema: &Schema,
        namespace: &Name,
        version: PrismaVersion,
    ) -> Result<Self, Vec<SchemaError>> {
        let mut problems = validate(schema, version);
        if problems.is_empty() && schema.datasource().is_none() {
            problems.push(SchemaError {
                message: "the schema has no datasource".to_owned(),
                hint: "write datasource db { provider = \"postgresql\" }, a property to a line".to_owned(),
                span: Span { file: 0, start: 0, end: 0 },
            });
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut reading = Reading { schema, names: Names::of(schema), namespace, version, problems };
        let catalog = reading.catalog();
        match reading.problems.is_empty() {
            true => Ok(catalog),
            false => Err(reading.problems),
        }
    }
}

impl<'a> Reading<'a> {
    fn catalog(&mut self) -> PrismaCatalog {
        let schema = self.schema;
        let mut namespaces = self.listed_namespaces();
        let says_default_namespace = !namespaces.is_empty() && !self.version.creates_default_namespace();
        let says_all = namespaces.is_empty() && self.version.says_every_namespace();
        if namespaces.is_empty() && (says_all || self.version.creates_default_namespace()) {
            namespaces.push(self.namespace.clone());
        }
        let mut tables: Vec<Table> = schema.models().map(|model| self.table(model)).collect();
        self.relations(&mut tables);
        PrismaCatalog {
            namespaces,
            default_namespace: (!says_all).then(|| self.namespace.clone()),
            says_default_namespace,
            extensions: self.extensions(),
            enums: schema.enums().map(|found| self.enum_of(found)).collect(),
            tables,
        }
    }

    /// The namespaces that the datasource lists, in the order of their names.
    fn listed_namespaces(&self) -> Vec<Name> {
        let datasource = self.schema.datasource();
        let listed = datasource.and_then(|datasource| datasource.value("schemas"));
        let listed = listed.map_or(&[][..], Expression::items).iter().filter_map(Expression::as_str);
        let mut listed: Vec<Name> = listed.map(Name::new).collect();
        listed.sort();
        listed
    }

    /// The extensions of the datasource, in the order of their names in the schema.
    fn extensions(&self) -> Vec<Extension> {
        let datasource = self.schema.datasource();
        let listed = datasource.and_then(|datasource| datasource.value("extensions"));
        let listed = listed.map_or(&[][..], Expression::items);
        let mut listed: Vec<_> = listed.iter().filter_map(|item| Some((item.word()?, item))).collect();
        listed.sort_by_key(|(word, _)| *word);
        let extension = |(word, item): (&str, &Expression)| {
            let argument = |name: &str| match item {
                Expression::Function { arguments, .. } => arguments
                    .iter()
                    .find(|argument| argument.name.as_ref().is_some_and(|own| own.name == name))
                    .and_then(|argument| argument.value.as_str()),
                _ => None,
            };
            Extension {
                name: Name::new(argument("map").unwrap_or(word)),
                namespace: argument("schema").map(Name::new),
                version: argument("version").map(str::to_owned),
                is_relocatable: false,
            }
        };
        listed.into_iter().map(extension).collect()
    }

    fn enum_of(&self, found: &crate::schema::Enum) -> Enum {
        Enum {
            name: self.name(found.namespace(), found.database_name()),
            values: found.values.iter().map(|value| value.database_name().to_owned()).collect(),
        }
    }

    fn table(&mut self, model: &'a Model) -> Table {
        Table {
            name: self.name(model.namespace(), model.database_name()),
            columns: model.fields.iter().filter_map(|field| self.column(field)).collect(),
            primary_key: self.primary_key(model),
            indexes: self.indexes(model),
            foreign_keys: Vec::new(),
        }
    }

    /// Notes something that has no meaning.
    fn problem<T>(&mut self, message: impl Into<String>, span: Span) -> Option<T> {
        let hint = "Prisma takes it and underpin does not know what it makes of it; please report it";
        self.problems.push(SchemaError { message: message.into(), hint: hint.to_owned(), span });
        None
    }

    fn name(&self, namespace: Option<&str>, name: &str) -> RelationName {
        relation_name(namespace, name, self.namespace)
    }
}

/// Whether a text is a point in time as `@default` takes it.
pub(crate) fn is_date_time(text: &str) -> bool {
    value::date_time(text).is_some()
}

#[cfg(test)]
mod tests;
