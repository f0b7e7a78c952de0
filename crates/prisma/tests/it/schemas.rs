//! Real schemas: the corpus's and the oracle's battery.

use underpin_prisma::schema::{Schema, Source};
use underpin_testkit::{corpus, schemas};

/// Every schema, by a name that tells where it is from.
pub(crate) async fn all() -> Vec<(String, String)> {
    let mut all: Vec<_> =
        corpus::histories().into_iter().map(|history| (history.name.clone(), history.schema())).collect();
    all.extend(schemas::battery().await);
    all
}

pub(crate) fn read(text: &str) -> Schema {
    Schema::parse(vec![Source::new("schema.prisma", text)])
}

/// What we tell about a text, with the places.
pub(crate) fn told(text: &str) -> Vec<String> {
    let schema = read(text);
    schema.errors.iter().map(|error| schema.located(error)).collect()
}
