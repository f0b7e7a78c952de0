//! Reading: statements and refusals have their places, comments too, and whoever only judges reads the same.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use underpin_sql::{comments, read_to_judge, words};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let seen = |read: Vec<underpin_sql::Statement>| -> Vec<_> {
        read.into_iter().map(|statement| (statement.span, statement.effects)).collect()
    };
    assert_eq!(underpin_fuzz::read(&text).map(seen), read_to_judge(&text).map(seen));
    let mut last = 0;
    for comment in comments(&text) {
        assert!(last <= comment.span.start && text.get(comment.span.clone()).is_some());
        last = comment.span.end;
    }
    let _ = words(&text);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    underpin_fuzz::splice(&underpin_fuzz::SQL, data, size, max_size, seed)
});
