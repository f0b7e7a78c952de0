//! Which part goes into which file.
//!
//! The first file has what may run together, in the order of the file. What cannot stand there goes behind
//! it, in its order, and takes along only what depends on it ([`super::order`]). A file has the locks of one
//! replaced statement at most, at its end: nobody waits for them while something else is done.

use super::super::finding::{Blocks, LockFact};
use super::part::{Manner, Part};

/// The files, each a list of parts by their number.
pub(super) fn arrange(parts: &[Part], keeps_work_from_locks: bool) -> Vec<Vec<usize>> {
    let mut files =
        Files { parts, keeps_work_from_locks, first: Vec::new(), closer: None, behind: Vec::new() };
    for at in 0..parts.len() {
        files.add(at);
    }
    let mut first = files.first;
    first.extend(files.closer);
    let behind = files.behind.into_iter().map(|file| file.parts);
    std::iter::once(first).chain(behind).filter(|file| !file.is_empty()).collect()
}

#[derive(Debug)]
struct Files<'a> {
    parts: &'a [Part],
    keeps_work_from_locks: bool,
    /// The parts of the first file.
    first: Vec<usize>,
    /// The last of the first file.
    closer: Option<usize>,
    /// The files behind it.
    behind: Vec<File>,
}

#[derive(Debug, Default)]
struct File {
    parts: Vec<usize>,
    closed: bool,
}

impl Files<'_> {
    fn add(&mut self, at: usize) {
        let part = &self.parts[at];
        let in_order = !self.postponed().any(|other| other.touches.conflicts_with(&part.touches));
        let may_begin = in_order && !part.later && !part.begins_file;
        match part.manner {
            Manner::Shares if may_begin && !self.works_under_locks(part, &self.first) => self.first.push(at),
            Manner::Closes if may_begin && self.closer.is_none() && is_one(part) => self.closer = Some(at),
            _ => self.add_behind(at),
        }
    }

    fn add_behind(&mut self, at: usize) {
        let part = &self.parts[at];
        let joins = part.manner != Manner::Alone
            && !part.begins_file
            && is_one(part)
            && self.behind.last().is_some_and(|file| {
                let before = |other: usize| &self.parts[other];
                let apart = part.later && file.parts.iter().any(|other| before(*other).from == part.from);
                let only_works = file.parts.iter().all(|other| before(*other).manner == Manner::Works);
                !file.closed
                    && !apart
                    && (part.manner != Manner::Works || only_works)
                    && !self.works_under_locks(part, &file.parts)
            });
        if !joins {
            self.behind.push(File::default());
        }
        if let Some(file) = self.behind.last_mut() {
            file.parts.push(at);
            file.closed = matches!(part.manner, Manner::Alone | Manner::Closes);
        }
    }

    /// Everything that stands behind the first file's ordinary parts.
    fn postponed(&self) -> impl Iterator<Item = &Part> {
        let behind = self.behind.iter().flat_map(|file| &file.parts);
        self.closer.iter().chain(behind).map(|at| &self.parts[*at])
    }

    /// Whether the part would work while parts before it hold locks that hurt more than its own.
    fn works_under_locks(&self, part: &Part, before: &[usize]) -> bool {
        let own = |held: &LockFact| {
            let same = part.locks.iter().find(|lock| lock.relation == held.relation);
            same.map_or(Blocks::Maintenance, |lock| lock.blocks)
        };
        self.keeps_work_from_locks
            && part.works
            && before.iter().flat_map(|at| &self.parts[*at].locks).any(|held| own(held) < held.blocks)
    }
}

/// Whether it is no `BEGIN … COMMIT` of ours, which would take what stands before it into its transaction
/// where a file is one message.
fn is_one(part: &Part) -> bool {
    part.made.as_ref().is_none_or(|made| made.statements.len() == 1)
}
