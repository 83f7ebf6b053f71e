//! Where the seconds of all threads come together: totals per label, and one sum per second.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use dlt_model::{
    histogram::Histogram,
    metric::{CheckCount, Metric},
    report::{Iterations, Measurements},
};

use super::{
    shard::Delivery,
    window::{Window, at},
};

/// What the whole worker saw in one second.
#[derive(Debug, Default)]
pub struct SecondSum {
    /// From 1.
    pub second: u64,
    pub virtual_users: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub bytes_received: u64,
    pub bytes_sent: u64,
    pub latency: Histogram,
    pub loop_lag: Duration,
    pub dropped_iterations: u64,
}

/// What the whole worker saw from beginning to end.
#[derive(Debug, Default)]
pub struct Totals {
    /// In the order of the labels' places.
    pub labels: Vec<Measurements>,
    pub checks: Vec<CheckCount>,
    pub metrics: Vec<Option<Metric>>,
    pub transactions: Vec<Measurements>,
    /// How many users found no row, by feed.
    pub exhausted: Vec<u64>,
    pub iterations: Iterations,
    pub max_virtual_users: u64,
    pub last_end: Option<Instant>,
}

/// Adds up deliveries. A second is complete when every thread has delivered it or is done.
pub struct Aggregate {
    totals: Totals,
    pending: BTreeMap<u64, SecondSum>,
    /// The last second that each thread delivered.
    delivered: Vec<u64>,
}

impl Aggregate {
    /// For so many threads and labels.
    pub fn new(shards: usize, labels: usize) -> Self {
        let totals = Totals { labels: (0..labels).map(|_| Measurements::default()).collect(), ..Totals::default() };
        Self { totals, pending: BTreeMap::new(), delivered: vec![0; shards] }
    }

    /// Adds one thread's second and gives its window back.
    pub fn add(&mut self, delivery: Delivery) {
        let Delivery { shard, second, is_last, mut window, spares } = delivery;
        self.delivered[shard] = if is_last { u64::MAX } else { second };
        if !(is_last && window.is_empty()) {
            self.add_window(second, &window);
        }
        window.clear();
        // A thread that is done needs no window.
        let _ = spares.send(window);
    }

    /// The next complete second.
    pub fn next_complete(&mut self) -> Option<SecondSum> {
        let complete = self.delivered.iter().min().copied().unwrap_or(u64::MAX);
        let first = self.pending.first_entry().filter(|entry| *entry.key() <= complete)?;
        let sum = first.remove();
        self.totals.max_virtual_users = self.totals.max_virtual_users.max(sum.virtual_users);
        Some(sum)
    }

    /// What was seen in all.
    pub fn into_totals(self) -> Totals {
        self.totals
    }

    fn add_window(&mut self, second: u64, window: &Window) {
        let sum = self.pending.entry(second).or_insert_with(|| SecondSum { second, ..SecondSum::default() });
        for (index, tally) in window.labels.iter().enumerate() {
            tally.add_to(at(&mut self.totals.labels, index, Measurements::default));
            sum.succeeded += tally.succeeded;
            sum.failed += tally.failed;
            sum.bytes_received += tally.bytes_received;
            sum.bytes_sent += tally.bytes_sent;
            sum.latency.merge(&tally.latency);
        }
        sum.virtual_users += window.virtual_users;
        sum.loop_lag = sum.loop_lag.max(window.loop_lag);
        sum.dropped_iterations += window.iterations.dropped;
        let iterations = &mut self.totals.iterations;
        iterations.completed += window.iterations.completed;
        iterations.interrupted += window.iterations.interrupted;
        iterations.dropped += window.iterations.dropped;
        self.totals.add_rest(window);
        self.totals.last_end = self.totals.last_end.max(window.last_end);
    }
}

impl Totals {
    /// What comes besides samples.
    fn add_rest(&mut self, window: &Window) {
        for (index, count) in window.checks.iter().enumerate() {
            at(&mut self.checks, index, CheckCount::default).merge(*count);
        }
        for (index, metric) in window.metrics.iter().enumerate() {
            let Some(metric) = metric else { continue };
            at(&mut self.metrics, index, || None).get_or_insert_with(|| Metric::new(metric.kind)).merge(metric);
        }
        for (index, times) in window.transactions.iter().enumerate() {
            times.add_to(at(&mut self.transactions, index, Measurements::default));
        }
        for (index, users) in window.exhausted.iter().enumerate() {
            *at(&mut self.exhausted, index, u64::default) += users;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::{Fault, transport::Traffic};

    fn delivery(shard: usize, second: u64, is_last: bool, samples: u64) -> Delivery {
        let mut window = Box::new(Window::new(1));
        window.virtual_users = samples;
        for _ in 0..samples {
            window.labels[0].record(Err(Fault::DnsFailed), false, Duration::from_millis(1), &Traffic::default());
            window.last_end = Some(Instant::now());
        }
        Delivery { shard, second, is_last, window, spares: mpsc::channel().0 }
    }

    #[test]
    fn a_second_waits_for_the_slowest_thread() {
        let mut aggregate = Aggregate::new(2, 1);
        aggregate.add(delivery(0, 1, false, 3));
        aggregate.add(delivery(0, 2, false, 1));
        assert!(aggregate.next_complete().is_none());
        aggregate.add(delivery(1, 1, false, 4));
        let first = aggregate.next_complete().expect("both have delivered it");
        assert_eq!((first.second, first.failed, first.virtual_users, first.latency.count()), (1, 7, 7, 7));
        assert!(aggregate.next_complete().is_none());
    }

    #[test]
    fn a_thread_that_is_done_holds_nobody_up_and_an_empty_rest_is_no_second() {
        let mut aggregate = Aggregate::new(2, 1);
        aggregate.add(delivery(0, 1, true, 0));
        aggregate.add(delivery(1, 1, false, 2));
        assert_eq!(aggregate.next_complete().expect("complete").failed, 2);
        aggregate.add(delivery(1, 2, true, 0));
        assert!(aggregate.next_complete().is_none());
        let totals = aggregate.into_totals();
        assert_eq!((totals.labels[0].failed, totals.max_virtual_users), (2, 2));
    }
}
