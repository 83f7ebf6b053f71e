//! The seconds of a run that is going on, as its workers' ticks make them: each is shown once nothing more is expected of it.

use dlt_control::series::Point;
use dlt_model::{
    summary::{Slice, add_tick},
    tick::Tick,
};

/// For how many seconds a late worker is waited for.
const PATIENCE: usize = 2;
/// How far a run may have gone on when somebody begins to listen: a day.
const LONGEST_PAST: usize = 86_400;

/// The seconds so far, and how many of them were shown.
#[derive(Debug, Default)]
pub struct Seconds {
    merged: Vec<Slice>,
    parts: Vec<u32>,
    shown: usize,
}

impl Seconds {
    /// Adds a worker's second. Whoever comes late begins with what is heard first, and shows nothing of what was before.
    pub fn add(&mut self, tick: &Tick) {
        let index = usize::try_from(tick.second).unwrap_or(usize::MAX).wrapping_sub(1);
        if self.merged.is_empty() && (PATIENCE + 1..LONGEST_PAST).contains(&index) {
            self.begin_at(index);
        }
        add_tick(&mut self.merged, tick);
        self.parts.resize(self.merged.len(), 0);
        if let Some(parts) = self.parts.get_mut(index) {
            *parts += 1;
        }
    }

    /// Takes in what is known of a second from before anybody listened, of all workers. It counts, and is not shown.
    pub fn know(&mut self, point: &Point) {
        let index = usize::try_from(point.second).unwrap_or(usize::MAX).wrapping_sub(1);
        if index >= LONGEST_PAST {
            return;
        }
        if index > self.shown {
            self.begin_at(index);
        }
        self.merged.resize_with(self.merged.len().max(index + 1), Slice::default);
        self.parts.resize(self.merged.len(), 0);
        // What was heard meanwhile has latencies, too.
        if self.parts[index] < point.workers {
            let Point { virtual_users, succeeded, failed, workers, .. } = *point;
            self.merged[index] = Slice { virtual_users, succeeded, failed, ..Slice::default() };
            self.parts[index] = workers;
        }
    }

    /// Everything before a second counts as shown.
    fn begin_at(&mut self, index: usize) {
        self.merged.resize_with(self.merged.len().max(index), Slice::default);
        self.parts.resize(self.merged.len(), 0);
        self.shown = index;
    }

    /// The seconds that nothing is expected to be added to any more.
    pub fn complete(&self) -> &[Slice] {
        &self.merged[..self.shown]
    }

    /// Takes the next second that is complete: every worker ticked, or a worker is two seconds further. Answers its number.
    pub fn next(&mut self, workers: u32) -> Option<u64> {
        let parts = *self.parts.get(self.shown)?;
        (parts >= workers || self.merged.len() > self.shown + PATIENCE).then(|| self.take())
    }

    /// Takes the next second, complete or not.
    pub fn rest(&mut self) -> Option<u64> {
        (self.shown < self.merged.len()).then(|| self.take())
    }

    fn take(&mut self) -> u64 {
        self.shown += 1;
        self.shown as u64
    }
}

#[cfg(test)]
mod tests {
    use dlt_model::{
        histogram::Histogram,
        id::Region,
        tick::{Health, SCHEMA},
    };

    use super::*;

    fn tick(worker: u32, second: u64) -> Tick {
        Tick {
            schema: SCHEMA.to_owned(),
            test_id: "test".parse().expect("an id"),
            run_id: "run".parse().expect("an id"),
            region: Region::local(),
            worker,
            at_ms: second * 1_000,
            second,
            virtual_users: 1,
            succeeded: 2,
            failed: 1,
            avg_rt: 0.0,
            latency_ms_p95: 0.0,
            bytes_received: 0,
            bytes_sent: 0,
            latency: Histogram::default(),
            health: Health::default(),
        }
    }

    #[test]
    fn a_second_is_complete_when_every_worker_told_it_or_one_is_two_seconds_further() {
        let mut seconds = Seconds::default();
        seconds.add(&tick(0, 1));
        assert_eq!(seconds.next(2), None);
        seconds.add(&tick(1, 1));
        assert_eq!((seconds.next(2), seconds.next(2)), (Some(1), None));
        assert_eq!(seconds.complete()[0].samples(), 6);
        (2..=4).for_each(|second| seconds.add(&tick(0, second)));
        assert_eq!((seconds.next(2), seconds.next(2)), (Some(2), None));
        assert_eq!((seconds.rest(), seconds.rest(), seconds.rest()), (Some(3), Some(4), None));
    }

    #[test]
    fn whoever_comes_late_shows_what_is_heard_first_and_nothing_of_what_was_before() {
        let mut seconds = Seconds::default();
        seconds.add(&tick(0, 5_000));
        assert_eq!((seconds.next(1), seconds.next(1)), (Some(5_000), None));
        assert_eq!((seconds.complete().len(), seconds.complete()[4_999].samples()), (5_000, 3));
        let mut seconds = Seconds::default();
        seconds.add(&tick(0, 3));
        assert_eq!((seconds.next(1), seconds.next(1)), (Some(1), None), "a worker may be slow to speak");
    }

    #[test]
    fn what_was_before_counts_once_and_only_what_is_new_is_shown() {
        let point = |second, workers: u32| Point {
            run_id: "run".parse().expect("an id"),
            second,
            at_ms: second * 1_000,
            workers,
            virtual_users: 2,
            succeeded: 10 * u64::from(workers),
            failed: 0,
            latency_ms_p50: None,
            latency_ms_p95: None,
            latency_ms_p99: None,
        };
        let mut seconds = Seconds::default();
        (1..=6).for_each(|second| seconds.know(&point(second, 2)));
        // Of the seventh one worker was known when we began to listen; the other one is heard.
        seconds.know(&point(7, 1));
        seconds.add(&tick(1, 7));
        assert_eq!((seconds.next(2), seconds.next(2)), (Some(7), None));
        let samples = |seconds: &Seconds| seconds.complete().iter().map(Slice::samples).sum::<u64>();
        assert_eq!(samples(&seconds), 6 * 20 + 10 + 3);
        // A stream that broke and begins again tells what is known already.
        seconds.know(&point(7, 2));
        assert_eq!((samples(&seconds), seconds.next(2)), (6 * 20 + 10 + 3, None));
        seconds.know(&point(9, 2));
        seconds.add(&tick(0, 10));
        seconds.add(&tick(1, 10));
        assert_eq!((seconds.next(2), seconds.next(2), seconds.next(2)), (Some(9), Some(10), None), "8 was not heard");
    }
}
