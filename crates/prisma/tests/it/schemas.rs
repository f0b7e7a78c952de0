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

/// A schema of Prisma 5 or 6 as Prisma 7 takes it: without URLs, and without preview features that are no
/// longer known.
pub(crate) fn for_prisma_7(text: &str) -> String {
    let is_url = |line: &&str| !line.contains("env(\"");
    let lines =
        text.lines().filter(is_url).map(|line| match line.trim_start().starts_with("previewFeatures") {
            true if !line.contains("partialIndexes") => {
                "previewFeatures = [\"views\", \"postgresqlExtensions\"]"
            }
            _ => line,
        });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}
