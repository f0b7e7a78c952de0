//! Real schemas, whole: from the empty database and back to it.

use underpin_testkit::schemas::{Engine, Side, for_prisma_7};

use super::{PRISMA_6, PRISMA_7, differing, one, with_url};
use crate::schemas::all;

/// Each schema of the corpus and each side of the battery, made and unmade.
async fn pairs(adapt: impl Fn(&str) -> String) -> Vec<(String, Side, Side)> {
    let all = all().await.into_iter().map(|(name, text)| (name, adapt(&text)));
    all.flat_map(|(name, text)| {
        [(format!("{name}, made"), None, one(&text)), (format!("{name}, unmade"), one(&text), None)]
    })
    .collect()
}

#[tokio::test]
async fn real_schemas_become_the_script_of_prisma_7() {
    let pairs = pairs(for_prisma_7).await;
    let differing = differing(Engine::Prisma7, &pairs, PRISMA_7).await;
    assert!(differing.is_empty(), "{} differ\n{}", differing.len(), differing.join("\n\n"));
    assert_eq!(pairs.len(), 198);
}

#[tokio::test]
async fn real_schemas_become_the_script_of_prisma_6() {
    let pairs: Vec<_> = pairs(|text| with_url(&for_prisma_7(text)))
        .await
        .into_iter()
        .filter(|(name, ..)| !name.starts_with("partial_index"))
        .collect();
    let differing = differing(Engine::Prisma6, &pairs, PRISMA_6).await;
    assert!(differing.is_empty(), "{} differ\n{}", differing.len(), differing.join("\n\n"));
    assert_eq!(pairs.len(), 196, "6 has no partial indexes");
}
