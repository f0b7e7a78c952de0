//! Sending: every statement has a message and a transaction, in order, whoever sends; and the answer comes in
//! the fuzzer's time limit, whatever Prisma's parser would do with the text.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use underpin_fuzz::read;
use underpin_sql::in_force::{Session, in_force};
use underpin_sql::sending::{Sender, sending, unreadable};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let Ok(statements) = read(&text) else { return };
    for sender in [Sender::PrismaWhole, Sender::PrismaSplit, Sender::Underpin, Sender::Autocommit] {
        let told = sending(&text, &statements, sender);
        assert_eq!(told.statements.len(), statements.len());
        for pair in told.statements.windows(2) {
            assert!(pair[0].message <= pair[1].message && pair[0].transaction <= pair[1].transaction);
        }
        for (at, standing) in told.statements.iter().enumerate() {
            assert!(told.transactions[standing.transaction].statements.contains(&at));
        }
        assert_eq!(in_force(&statements, &told, &Session::default()).before.len(), statements.len());
    }
    for one in unreadable(&text, &statements) {
        assert!(one.statement < statements.len() && one.line >= 1 && one.column >= 1);
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    underpin_fuzz::splice(&underpin_fuzz::SQL, data, size, max_size, seed)
});
