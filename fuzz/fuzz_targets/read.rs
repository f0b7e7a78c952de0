//! Reading: statements are where they say, in order, within the text; a refusal has a place in it; comments too.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use underpin_sql::{comments, read, words};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut last = 0;
    match read(&text) {
        Ok(statements) => {
            for statement in &statements {
                assert!(last <= statement.span.start, "statements overlap");
                assert_eq!(text[statement.span.clone()], statement.text);
                assert!(!statement.effects.is_empty());
                let line = 1 + text[..statement.span.start].matches('\n').count();
                assert_eq!(statement.line as usize, line);
                last = statement.span.end;
            }
        }
        Err(error) => {
            assert!(error.offset <= error.end && text.get(error.offset..error.end).is_some(), "{error:?}");
            assert_eq!(error.line as usize, 1 + text[..error.offset].matches('\n').count());
            assert!(error.message.len() < 1_000, "{error}");
        }
    }
    let mut last = 0;
    for comment in comments(&text) {
        assert!(last <= comment.span.start && text.get(comment.span.clone()).is_some());
        last = comment.span.end;
    }
    let _ = words(&text);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    underpin_fuzz::splice(data, size, max_size, seed)
});
