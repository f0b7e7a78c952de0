//! Our scripts against those of Prisma's engine.

mod asked;
mod battery;
mod broken;
mod corpus;
mod draft;
mod executed;
mod generated;
mod losses;
mod prisma_5;

use underpin_catalog::Name;
use underpin_prisma::migrate::Migration;
use underpin_prisma::schema::{Schema, Source};
use underpin_prisma::{PrismaCatalog, PrismaVersion};
use underpin_testkit::schemas::{Created, Engine, Side, diff};

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
    Migration::between(&before, &after, version).script()
}

/// A schema as Prisma 6 takes it: a datasource has a URL.
pub(crate) fn with_url(text: &str) -> String {
    text.replacen("\"postgresql\"", "\"postgresql\"\n  url = \"postgres://x\"", 1)
}

/// A schema of one file.
pub(crate) fn one(text: &str) -> Side {
    Some(vec![("schema.prisma".to_owned(), text.to_owned())])
}

/// Each pair's script by the engine and by us; the pairs that differ, by their names.
pub(crate) async fn differing(
    engine: Engine,
    pairs: &[(String, Side, Side)],
    version: PrismaVersion,
) -> Vec<String> {
    let sides: Vec<(Side, Side)> =
        pairs.iter().map(|(_, before, after)| (before.clone(), after.clone())).collect();
    let mut differing = Vec::new();
    for ((name, before, after), answer) in pairs.iter().zip(diff(engine, &sides).await) {
        let wanted = match answer {
            Created::Sql(sql) => sql,
            Created::Error(error) => panic!("{name}: {error}"),
        };
        let ours = script(before, after, version);
        if ours.trim_end() != wanted.trim_end() {
            differing.push(format!("{name}\n--- Prisma\n{wanted}\n--- we\n{ours}"));
        }
    }
    differing
}
