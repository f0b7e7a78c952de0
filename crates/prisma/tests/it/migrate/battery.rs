//! The oracle's battery of schema changes, as its transcripts have it for Prisma 7 and 6.

use std::collections::BTreeMap;

use underpin_prisma::PrismaVersion;
use underpin_testkit::schemas::{pairs, transcript};

use super::{PRISMA_6, PRISMA_7, one, script, with_url};

/// The scripts of a transcript by the names of the cases; none where the engine refused a schema.
fn scripts(file: &str) -> BTreeMap<String, Option<String>> {
    let text = transcript(file);
    let cases = text.split("################ ").skip(1);
    let case = |case: &str| {
        let (name, rest) = case.split_once('\n').unwrap();
        let script = rest.split_once("--- script (").map(|(_, rest)| {
            let (_, rest) = rest.split_once('\n').unwrap();
            let (script, _) = rest.split_once("--- summary (").unwrap();
            script.to_owned()
        });
        (name.to_owned(), script)
    };
    cases.map(case).collect()
}

async fn compare(file: &str, version: PrismaVersion) -> (usize, Vec<String>) {
    let wanted = scripts(file);
    let (mut compared, mut different) = (0, Vec::new());
    for pair in pairs().await {
        let Some(wanted) = &wanted[&pair.0] else { continue };
        let side = |text: &Option<String>| match text.as_deref() {
            Some(text) if version.keeps_url_in_config() => one(text),
            Some(text) => one(&with_url(text)),
            None => None,
        };
        let ours = script(&side(&pair.1), &side(&pair.2), version);
        compared += 1;
        if ours.trim_end() != wanted.trim_end() {
            different.push(format!("{}\n--- Prisma\n{wanted}\n--- we\n{ours}", pair.0));
        }
    }
    (compared, different)
}

#[tokio::test]
async fn prisma_7_writes_the_battery_as_we_do() {
    let (compared, different) = compare("render_battery_7.10.0.txt", PRISMA_7).await;
    assert!(different.is_empty(), "{} differ\n{}", different.len(), different.join("\n\n"));
    assert_eq!(compared, 55);
}

#[tokio::test]
async fn prisma_6_writes_the_battery_as_we_do() {
    let (compared, different) = compare("render_battery_6.19.0.txt", PRISMA_6).await;
    assert!(different.is_empty(), "{} differ\n{}", different.len(), different.join("\n\n"));
    assert_eq!(compared, 54, "6 has no partial indexes");
}
