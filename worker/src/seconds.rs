//! The seconds of a run for its report, of a bounded number however long the run is.
//!
//! They are kept as the text that they are written as: an open histogram has two hundred kilobytes, its text a few hundred
//! bytes.

use dlt_model::report::Second;
use serde_json::value::{RawValue, to_raw_value};

/// How many entries there are at most. When there are as many, every two become one.
const MAX_ENTRIES: usize = 7_200;

/// The seconds so far.
#[derive(Debug)]
pub struct Seconds {
    entries: Vec<Box<RawValue>>,
    most: usize,
    resolution_secs: u32,
    /// The entry that is not complete, and of how many seconds it is.
    open: Option<(Second, u32)>,
}

impl Default for Seconds {
    fn default() -> Self {
        Self::of_at_most(MAX_ENTRIES)
    }
}

impl Seconds {
    fn of_at_most(most: usize) -> Self {
        Self { entries: Vec::new(), most, resolution_secs: 1, open: None }
    }

    /// Adds the next second.
    pub fn push(&mut self, second: Second) {
        let joined = match self.open.take() {
            None => (second, 1),
            Some((mut first, seconds)) => {
                first.join(&second);
                (first, seconds + 1)
            }
        };
        if joined.1 < self.resolution_secs {
            self.open = Some(joined);
            return;
        }
        self.entries.push(written(&joined.0));
        if self.entries.len() >= self.most {
            self.halve();
        }
    }

    /// All entries, and how many seconds each stands for.
    pub fn finish(mut self) -> (Vec<Box<RawValue>>, u32) {
        if let Some((last, _)) = self.open.take() {
            self.entries.push(written(&last));
        }
        (self.entries, self.resolution_secs)
    }

    fn halve(&mut self) {
        let read = |text: &RawValue| serde_json::from_str::<Second>(text.get()).expect("written above");
        let pairs = self.entries.chunks(2).map(|pair| {
            let mut first = read(&pair[0]);
            pair[1..].iter().for_each(|next| first.join(&read(next)));
            written(&first)
        });
        self.entries = pairs.collect();
        self.resolution_secs *= 2;
    }
}

fn written(second: &Second) -> Box<RawValue> {
    to_raw_value(second).expect("a second is made of numbers")
}

#[cfg(test)]
mod tests {
    use dlt_model::{buckets::Buckets, histogram::Histogram};

    use super::*;

    fn second(number: u64) -> Second {
        let mut latency = Histogram::default();
        latency.record(number);
        Second { virtual_users: number, succeeded: 1, failed: number, latency: Buckets::from(&latency) }
    }

    fn entries(seconds: u64, most: usize) -> (Vec<Second>, u32) {
        let mut kept = Seconds::of_at_most(most);
        (1..=seconds).for_each(|number| kept.push(second(number)));
        let (entries, resolution_secs) = kept.finish();
        (entries.iter().map(|text| serde_json::from_str(text.get()).expect("a second")).collect(), resolution_secs)
    }

    #[test]
    fn a_short_run_has_every_second() {
        let (entries, resolution_secs) = entries(3, 4);
        assert_eq!((entries, resolution_secs), ((1..=3).map(second).collect(), 1));
    }

    #[test]
    fn a_long_run_has_fewer_entries_and_every_sample() {
        for seconds in [4, 5, 8, 15, 16, 17, 1_000] {
            let (entries, resolution_secs) = entries(seconds, 4);
            assert!(entries.len() <= 4, "{}", entries.len());
            assert_eq!(entries.len() as u64, seconds.div_ceil(resolution_secs.into()));
            assert_eq!(entries.iter().map(|entry| entry.succeeded).sum::<u64>(), seconds);
            assert_eq!(entries.iter().map(|entry| entry.latency.count()).sum::<u64>(), seconds);
            let firsts = entries.iter().map(|entry| entry.virtual_users);
            assert!(firsts.eq((1..=seconds).step_by(usize::try_from(resolution_secs).expect("small"))));
        }
    }
}
