//! Understanding: what any statement does, locks, takes and needs has an answer in any surroundings, and what we
//! would execute in its stead is SQL.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use underpin_fuzz::read;
use underpin_sql::failure::{TransactionSoFar, failures};
use underpin_sql::{
    Effect, Fills, as_written, for_the_rest_of_the_file, in_file, mentioned, predict, reverse, twin,
};

fuzz_target!(|data: &[u8]| {
    let Some((choice, text)) = data.split_last() else { return };
    let Ok(statements) = read(&String::from_utf8_lossy(text)) else { return };
    let mut facts = underpin_fuzz::surroundings(*choice);
    let mut so_far = TransactionSoFar::default();
    let mut filled = Fills::default();
    let _ = mentioned(&statements);
    for (ordinal, statement) in statements.iter().enumerate() {
        for effect in statement.effects.iter().flat_map(Effect::flattened) {
            let mut seen = Vec::new();
            for claim in effect.locks(&facts) {
                assert!(!seen.contains(&claim.relation), "{effect:?} claims {:?} twice", claim.relation);
                seen.push(claim.relation);
            }
            let _ = (effect.duration(&facts), effect.refuses_transaction(&facts));
        }
        let _ = predict(&statement.effects, &facts);
        let mut steps = vec![as_written(statement, ordinal, &facts)];
        steps.extend(for_the_rest_of_the_file(statement, ordinal, &facts));
        let online = twin(statement, ordinal, &facts).unwrap_or_default();
        steps.extend(filled.again(online.clone(), ordinal, &facts));
        filled.follow(statement, &online, &facts);
        for (sql, _) in steps.iter().map(in_file) {
            assert!(
                read(&sql).is_ok_and(|read| read.len() == 1),
                "{sql:?} in the stead of {:?}",
                statement.text
            );
        }
        let _ = reverse(&[&statement.text]);
        let _ = failures(statement, &facts, *choice & 0x40 == 0, &so_far);
        so_far.note(statement, &facts);
        for effect in &statement.effects {
            facts.apply(effect);
        }
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    underpin_fuzz::splice(&underpin_fuzz::SQL, data, size, max_size, seed)
});
