//! The seconds of a run that is going on, as its workers' ticks make them: each is shown once nothing more is expected of it.

use dlt_model::{
    summary::{Slice, add_tick},
    tick::Tick,
};

/// For how many seconds a late worker is waited for.
const PATIENCE: usize = 2;

/// The seconds so far, and how many of them were shown.
#[derive(Debug, Default)]
pub struct Seconds {
    merged: Vec<Slice>,
    parts: Vec<u32>,
    shown: usize,
}

impl Seconds {
    /// Adds a worker's second.
    pub fn add(&mut self, tick: &Tick) {
        add_tick(&mut self.merged, tick);
        self.parts.resize(self.merged.len(), 0);
        let index = usize::try_from(tick.second).unwrap_or(usize::MAX).wrapping_sub(1);
        if let Some(parts) = self.parts.get_mut(index) {
            *parts += 1;
        }
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
}
