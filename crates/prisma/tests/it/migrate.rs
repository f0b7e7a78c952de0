//! Our scripts against those of Prisma's engine.

mod battery;

use underpin_catalog::Name;
use underpin_prisma::migrate::Migration;
use underpin_prisma::schema::{Schema, Source};
use underpin_prisma::{PrismaCatalog, PrismaVersion};
use underpin_testkit::schemas::Side;

pub(crate) const PRISMA_7: PrismaVersion = PrismaVersion::new(7, 10, 0);
pub(crate) const PRISMA_6: PrismaVersion = PrismaVersion::new(6, 19, 0);

/// The catalog of a schema; that of the empty database is empty.
pub(crate) fn catalog(side: &Side, version: PrismaVersion) -> PrismaCatalog {
    let Some(files) = side else { return PrismaCatalog::default() };
    let sources = files.iter().map(|(path, text)| Source::new(path, text)).collect();
    let schema = Schema::parse(sources);
    let catalog = PrismaCatalog::of_schema(&schema, &Name::new("public"), version);
    catalog.unwrap_or_else(|problems| panic!("{problems:#?}\n{files:#?}"))
}

pub(crate) fn script(before: &Side, after: &Side, version: PrismaVersion) -> String {
    let (before, after) = (catalog(before, version), catalog(after, version));
    Migration::between(&before, &after).script()
}

/// A schema of one file.
pub(crate) fn one(text: &str) -> Side {
    Some(vec![("schema.prisma".to_owned(), text.to_owned())])
}
