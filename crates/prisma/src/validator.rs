//! What Prisma refuses a schema for, told with its place, all in one pass.
//!
//! A schema that Prisma does not take has no database: reading it on regardless would drop what it
//! meant to keep. So we refuse exactly what Prisma's validator refuses, at the same lines, in words
//! of our own that say what to do. It goes in two rounds, as there: first the text, names, types,
//! attributes and configuration; then, only if all of that is clean, what needs the whole (keys,
//! indexes, native types, relations). An error of the first round would make nonsense of the second.
//!
//! It holds for PostgreSQL and Prisma 5 to 7; where versions differ, the version is asked. Warnings
//! of Prisma's are not told here: they change nothing about the database.

mod attributes;
mod condition;
mod config;
mod constraint_names;
mod defaults;
mod entity;
mod error;
mod fields;
mod index_types;
mod indexes;
mod keys;
mod models;
mod names;
mod native_types;
mod relation_rules;
mod relations;

pub use error::SchemaError;

use crate::PrismaVersion;
use crate::schema::Schema;
use error::Errors;

/// What a version of Prisma refuses a schema for, in the order of the places; nothing means that it takes it.
pub fn validate(schema: &Schema, version: PrismaVersion) -> Vec<SchemaError> {
    let mut errors = Errors::of(schema);
    names::check(schema, &mut errors);
    let config = config::check(schema, version, &mut errors);
    let entities = entity::Entities::of(schema, version, &mut errors);
    if errors.is_empty() {
        let relations = relations::of(&entities);
        models::check(schema, &entities, &relations, &config, &mut errors);
    }
    errors.sorted()
}
