//! What a load has seen, and its summary over a window of time.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Serialize;

/// The width of a bucket, in milliseconds.
const BUCKET_MS: f64 = 100.0;

/// A bucket stands still when fewer than this part of the requests due in it are answered in it.
const STANDING_STILL: f64 = 0.1;

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered in time.
    Answered,
    /// The client's patience ended first.
    TimedOut,
    /// The server refused it; the SQLSTATE, or `connection`.
    Failed(String),
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// When it was due, in milliseconds since the load began.
    pub due_ms: f64,
    /// From when it was due to its answer or its failure, in milliseconds.
    pub latency_ms: f64,
    /// How it ended.
    pub outcome: Outcome,
}

/// Everything a load has seen, ordered by when it was due.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    requests: Vec<Request>,
}

/// The numbers of a window.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Requests that were due.
    pub requests: u64,
    /// Requests without an answer in time.
    pub failed: u64,
    /// The same by reason: a SQLSTATE, `timeout` or `connection`.
    pub failures: BTreeMap<String, u64>,
    /// The median wait, in milliseconds.
    pub p50_ms: f64,
    /// The wait that one request in a hundred exceeded, in milliseconds.
    pub p99_ms: f64,
    /// The longest wait, in milliseconds; at most the client's patience.
    pub worst_wait_ms: f64,
    /// The sum of the waits above 100 ms, in milliseconds.
    pub waits_above_100_ms: f64,
    /// The time in which fewer than a tenth of the requests due were answered, in seconds.
    pub stalled_s: f64,
    /// The longest uninterrupted part of it, in seconds.
    pub longest_stall_s: f64,
}

/// A tenth of a second.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bucket {
    /// Its begin, in milliseconds since the load began.
    pub at_ms: f64,
    /// Requests that were due in it.
    pub due: u32,
    /// Requests that were answered in it, whenever they were due.
    pub answered: u32,
    /// Requests that were due in it and failed.
    pub failed: u32,
    /// The 99th percentile of the waits of the requests due in it, in milliseconds; 0 without requests.
    pub p99_ms: f64,
}

impl Recording {
    pub(super) fn new(mut requests: Vec<Request>) -> Self {
        requests.sort_by(|a, b| a.due_ms.total_cmp(&b.due_ms));
        Self { requests }
    }

    /// Every request, by when it was due.
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// The numbers of the requests that were due in a window, in milliseconds since the load began.
    pub fn summary(&self, window_ms: Range<f64>) -> Summary {
        let requests: Vec<&Request> =
            self.requests.iter().filter(|request| window_ms.contains(&request.due_ms)).collect();
        let mut failures = BTreeMap::new();
        for request in &requests {
            let reason = match &request.outcome {
                Outcome::Answered => continue,
                Outcome::TimedOut => "timeout".to_owned(),
                Outcome::Failed(reason) => reason.clone(),
            };
            *failures.entry(reason).or_insert(0) += 1;
        }
        let mut waits: Vec<f64> = requests.iter().map(|request| request.latency_ms).collect();
        waits.sort_by(f64::total_cmp);
        let stalls: Vec<bool> = self.buckets(window_ms).iter().map(Bucket::stands_still).collect();
        let longest = stalls.split(|stalled| !stalled).map(<[bool]>::len).max().unwrap_or(0);
        Summary {
            requests: requests.len() as u64,
            failed: failures.values().sum(),
            failures,
            p50_ms: percentile(&waits, 0.5),
            p99_ms: percentile(&waits, 0.99),
            worst_wait_ms: waits.last().copied().unwrap_or(0.0),
            waits_above_100_ms: waits.iter().filter(|wait| **wait > 100.0).fold(0.0, |sum, wait| sum + wait),
            stalled_s: stalls.iter().filter(|stalled| **stalled).count() as f64 * BUCKET_MS / 1000.0,
            longest_stall_s: longest as f64 * BUCKET_MS / 1000.0,
        }
    }

    /// A window in tenths of a second.
    pub fn buckets(&self, window_ms: Range<f64>) -> Vec<Bucket> {
        let count = ((window_ms.end - window_ms.start) / BUCKET_MS).ceil().max(0.0) as usize;
        let index = |at_ms: f64| {
            let index = ((at_ms - window_ms.start) / BUCKET_MS).floor();
            (index >= 0.0 && index < count as f64).then_some(index as usize)
        };
        let mut waits: Vec<Vec<f64>> = vec![Vec::new(); count];
        let mut buckets: Vec<Bucket> = (0..count)
            .map(|i| Bucket {
                at_ms: window_ms.start + i as f64 * BUCKET_MS,
                due: 0,
                answered: 0,
                failed: 0,
                p99_ms: 0.0,
            })
            .collect();
        for request in &self.requests {
            let answered = request.outcome == Outcome::Answered;
            if let Some(i) = index(request.due_ms) {
                buckets[i].due += 1;
                buckets[i].failed += u32::from(!answered);
                waits[i].push(request.latency_ms);
            }
            if let Some(i) = index(request.due_ms + request.latency_ms).filter(|_| answered) {
                buckets[i].answered += 1;
            }
        }
        for (bucket, mut waits) in buckets.iter_mut().zip(waits) {
            waits.sort_by(f64::total_cmp);
            bucket.p99_ms = percentile(&waits, 0.99);
        }
        buckets
    }
}

impl Bucket {
    fn stands_still(&self) -> bool {
        f64::from(self.answered) < f64::from(self.due) * STANDING_STILL
    }
}

/// The smallest value that this part of the values does not exceed; 0 of none.
fn percentile(sorted: &[f64], part: f64) -> f64 {
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(due_ms: f64, latency_ms: f64) -> Request {
        Request { due_ms, latency_ms, outcome: Outcome::Answered }
    }

    #[test]
    fn a_stall_counts_for_every_request_that_was_due_in_it() {
        // 10 requests in each tenth of a second; those due from 100 to 400 ms are answered at 400 ms.
        let requests = (0..60).map(|i| {
            let due = f64::from(i) * 10.0;
            let stalled = (100.0..400.0).contains(&due);
            answered(due, if stalled { 400.0 - due } else { 1.0 })
        });
        let recording = Recording::new(requests.collect());
        let summary = recording.summary(0.0..600.0);
        assert_eq!((summary.requests, summary.failed), (60, 0));
        assert_eq!(summary.worst_wait_ms, 300.0);
        assert_eq!((summary.stalled_s, summary.longest_stall_s), (0.3, 0.3));
        assert_eq!(recording.buckets(0.0..600.0)[4].answered, 40);
        assert_eq!(recording.summary(0.0..100.0).worst_wait_ms, 1.0);
    }

    #[test]
    fn failures_are_counted_by_reason() {
        let requests = vec![
            answered(0.0, 1.0),
            Request { due_ms: 1.0, latency_ms: 5000.0, outcome: Outcome::TimedOut },
            Request { due_ms: 2.0, latency_ms: 3.0, outcome: Outcome::Failed("40P01".to_owned()) },
        ];
        let summary = Recording::new(requests).summary(0.0..10.0);
        assert_eq!(summary.failed, 2);
        assert_eq!(summary.failures, BTreeMap::from([("40P01".to_owned(), 1), ("timeout".to_owned(), 1)]));
    }

    #[test]
    fn percentiles_of_few_values() {
        assert_eq!(percentile(&[], 0.99), 0.0);
        assert_eq!(percentile(&[7.0], 0.5), 7.0);
        assert_eq!(percentile(&[1.0, 2.0, 3.0, 4.0], 0.5), 2.0);
    }
}
