//! Texts that are no schema, or not quite: nothing panics, and what Prisma takes we take.

use fastrand::Rng;
use underpin_catalog::Name;
use underpin_prisma::PrismaCatalog;
use underpin_prisma::migrate::Migration;
use underpin_testkit::schemas::{Created, Engine, diff, for_prisma_7};

use super::{PRISMA_7, one};
use crate::parser::slipped;
use crate::schemas::{all, read};

/// Our script from the empty database, if we understand the text.
fn created(text: &str) -> Option<String> {
    let catalog = PrismaCatalog::of_schema(&read(text), &Name::new("public"), PRISMA_7).ok()?;
    Some(Migration::between(&PrismaCatalog::default(), &catalog, PRISMA_7).script())
}

/// The small schemas anywhere, the large ones at every 9,973rd byte.
#[tokio::test]
async fn cut_anywhere_a_schema_is_understood_or_not() {
    let (mut understood, mut not) = (0, 0);
    for (_, text) in all().await {
        let step = if text.len() < 5_000 { 1 } else { 9_973 };
        for end in (0..=text.len()).step_by(step).filter(|&end| text.is_char_boundary(end)) {
            match created(&text[..end]) {
                Some(_) => understood += 1,
                None => not += 1,
            }
        }
    }
    assert!(understood > 300 && not > 5_000, "{understood} understood, {not} not: no test of either");
}

#[tokio::test]
async fn with_slips_of_the_hand_the_script_is_prismas() {
    let mut rng = Rng::with_seed(4);
    let small: Vec<_> = all().await.into_iter().filter(|(_, text)| text.len() < 20_000).collect();
    let texts: Vec<String> =
        (0..2_000).map(|_| slipped(&for_prisma_7(&small[rng.usize(..small.len())].1), &mut rng)).collect();
    let sides: Vec<_> = texts.iter().map(|text| (None, one(text))).collect();
    let mut taken = 0;
    for (text, answer) in texts.iter().zip(diff(Engine::Prisma7, &sides).await) {
        let ours = created(text);
        let Created::Sql(wanted) = answer else { continue };
        taken += 1;
        assert_eq!(ours.as_deref().map(str::trim_end), Some(wanted.trim_end()), "{text}");
    }
    assert!(taken > 300, "{taken} taken: no test of it");
}
