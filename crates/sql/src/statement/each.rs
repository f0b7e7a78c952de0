//! Reading many files, on several threads, in their order.
//!
//! A parse tree is a hundred times as large as its text, so threads read only a little ahead of whoever
//! takes the statements.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::pieces::Limits;
use super::together::read_together;
use super::{Read, read_to_judge};

/// So many bytes of text may be read before they are taken: trees of some 10 MB, and enough to keep a thread
/// busy while the taker thinks about a file of the usual size.
const BYTES_AHEAD: usize = 100_000;

/// So many bytes are read at a time, if the texts are shorter: handing over costs as much as reading 300.
const BYTES_AT_A_TIME: usize = 10_000;

/// Below this many bytes a thread takes longer to start than it saves: 20 kB are read in 2 ms.
const BYTES_A_THREAD: usize = 20_000;

/// [`read`]s each text and hands over what it makes of it, in their order and on the calling thread, while
/// others read on. `threads` is how many there are to be, the calling one among them; fewer are used where
/// more would not pay.
///
/// With more than one thread, the process's standard error is not what it was afterwards, and what is
/// written to it meanwhile can be lost: the parser puts a pipe in its place for as long as it works, and two
/// that do so at once put back each other's. The caller puts back the right one.
pub fn read_each(texts: &[&str], threads: usize, mut take: impl FnMut(usize, Read)) {
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    let threads = threads.min(bytes / BYTES_A_THREAD).min(texts.len());
    if threads <= 1 {
        let mut at = 0;
        while at < texts.len() {
            let some = at..at + together(&texts[at..]);
            for read in read_together(&texts[some], &Limits::USUAL) {
                take(at, read);
                at += 1;
            }
        }
        return;
    }
    let desk = Desk { texts, state: Mutex::default(), changed: Condvar::new() };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| desk.read_on());
        }
        // Also when `take` panics: threads that wait for it would wait for ever.
        let _closing = Closing(&desk);
        for at in 0..texts.len() {
            take(at, desk.get(at));
        }
    });
}

/// How many of the first texts are read at a time: one, or as many short ones as that makes.
fn together(texts: &[&str]) -> usize {
    let mut bytes = 0;
    let fits = |text: &&&str| {
        bytes += text.len();
        bytes <= BYTES_AT_A_TIME
    };
    texts.iter().take_while(fits).count().max(1)
}

/// Where those who read and the one who takes meet.
struct Desk<'a> {
    texts: &'a [&'a str],
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The first text that nobody has begun to read.
    next: usize,
    /// Bytes of the texts that were begun and not taken.
    bytes_ahead: usize,
    /// What was read and not taken. A panic of the parser is handed on.
    ready: BTreeMap<usize, thread::Result<Read>>,
    closed: bool,
}

impl Desk<'_> {
    /// Reads texts until none is left.
    fn read_on(&self) {
        let mut state = self.lock();
        while state.next < self.texts.len() && !state.closed {
            state = match self.begin(&mut state) {
                Some(some) => self.read(some, state),
                None => self.wait(state),
            };
        }
    }

    /// What text `at` says. Reads too, while it is not ready.
    fn get(&self, at: usize) -> Read {
        let mut state = self.lock();
        loop {
            if let Some(read) = state.ready.remove(&at) {
                let ahead = state.bytes_ahead;
                state.bytes_ahead -= self.texts[at].len();
                if ahead > BYTES_AHEAD / 2 && state.bytes_ahead <= BYTES_AHEAD / 2 {
                    self.changed.notify_all();
                }
                drop(state);
                return read.unwrap_or_else(|panic| resume_unwind(panic));
            }
            state = match self.begin(&mut state) {
                Some(some) => self.read(some, state),
                None => self.wait(state),
            };
        }
    }

    /// The next texts to read, unless none is left or enough are ahead.
    fn begin(&self, state: &mut State) -> Option<Range<usize>> {
        if state.bytes_ahead > BYTES_AHEAD / 2 {
            return None;
        }
        let from = state.next;
        let mut bytes = 0;
        while let Some(text) = self.texts.get(state.next) {
            // A large text is read alone, and when nothing else is ahead if it is larger than all that may be.
            let would = bytes + text.len();
            let is_first = state.next == from;
            if (!is_first && would > BYTES_AT_A_TIME)
                || (would + state.bytes_ahead > BYTES_AHEAD && would + state.bytes_ahead > text.len())
            {
                break;
            }
            bytes = would;
            state.next += 1;
        }
        state.bytes_ahead += bytes;
        (from < state.next).then_some(from..state.next)
    }

    fn read<'s>(&'s self, some: Range<usize>, unlocked: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        drop(unlocked);
        let texts = &self.texts[some.clone()];
        let done: Vec<thread::Result<Read>> =
            match catch_unwind(AssertUnwindSafe(|| read_together(texts, &Limits::USUAL))) {
                Ok(all) => all.into_iter().map(Ok).collect(),
                // Whose it is comes out when each is read by itself.
                Err(_) => {
                    texts.iter().map(|text| catch_unwind(AssertUnwindSafe(|| read_to_judge(text)))).collect()
                }
            };
        let mut state = self.lock();
        state.ready.extend(some.zip(done));
        self.changed.notify_all();
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'s>(&'s self, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends the readers home when it goes.
struct Closing<'d, 'a>(&'d Desk<'a>);

impl Drop for Closing<'_, '_> {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Each a few statements, in sum enough for many threads, with a text that is larger than all that may be
    /// ahead and one that is no SQL.
    fn texts() -> Vec<String> {
        let mut texts: Vec<String> = (0..3000).map(|i| format!("DROP TABLE t{i}; SELECT {i};")).collect();
        texts[7] = "DROP TABLE large;\n".repeat(10_000);
        texts[8] = "DROP TABEL t;".to_owned();
        texts
    }

    #[test]
    fn texts_come_in_their_order_whoever_reads_them() {
        let texts = texts();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        for threads in [1, 2, 5] {
            let mut taken = 0;
            read_each(&texts, threads, |at, statements| {
                assert_eq!(at, taken);
                match (at, statements) {
                    (7, Ok(statements)) => assert_eq!(statements.len(), 10_000),
                    (8, statements) => assert!(statements.is_err()),
                    (_, Ok(statements)) => assert_eq!(statements[0].text, format!("DROP TABLE t{at}")),
                    (_, Err(error)) => panic!("{error}"),
                }
                taken += 1;
            });
            assert_eq!(taken, texts.len());
        }
        read_each(&[], 2, |_, _| panic!("there is no text"));
    }

    #[test]
    fn a_panic_of_the_taker_ends_the_readers() {
        let texts = texts();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            read_each(&texts, 2, |at, _| assert!(at < 20, "enough"));
        }));
        assert!(outcome.is_err());
    }
}
