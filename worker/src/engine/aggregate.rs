//! Where what all threads saw comes together: one sum per second, and the totals at the end.

use std::{collections::BTreeMap, time::Duration};

use dlt_model::histogram::Histogram;

pub use super::ledger::Totals;
use super::{shard::Delivery, window::Window};

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
    pub lateness: Histogram,
    pub loop_lag: Duration,
    pub dropped_iterations: u64,
    pub open_sockets: u64,
}

/// Adds up deliveries. A second is complete when every thread has delivered it or is done.
pub struct Aggregate {
    totals: Totals,
    pending: BTreeMap<u64, SecondSum>,
    /// The last second that each thread delivered.
    delivered: Vec<u64>,
}

impl Aggregate {
    /// For so many threads.
    pub fn new(shards: usize) -> Self {
        Self { totals: Totals::default(), pending: BTreeMap::new(), delivered: vec![0; shards] }
    }

    /// Adds one thread's second and gives its window back.
    pub fn add(&mut self, delivery: Delivery) {
        let Delivery { shard, second, mut window, ledger, spares } = delivery;
        self.delivered[shard] = if ledger.is_some() { u64::MAX } else { second };
        if ledger.is_none() || !window.is_empty() {
            self.add_window(second, &window);
        }
        if let Some(ledger) = ledger {
            self.totals.add(&ledger);
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
        sum.succeeded += window.succeeded;
        sum.failed += window.failed;
        sum.bytes_received += window.bytes_received;
        sum.bytes_sent += window.bytes_sent;
        sum.latency.add(&window.latency);
        sum.lateness.add(&window.lateness);
        sum.virtual_users += window.virtual_users;
        sum.loop_lag = sum.loop_lag.max(window.loop_lag);
        sum.dropped_iterations += window.dropped;
        sum.open_sockets += window.open_sockets;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::engine::ledger::Ledger;

    fn delivery(shard: usize, second: u64, is_last: bool, samples: u64) -> Delivery {
        let counted = Window { virtual_users: samples, failed: samples, open_sockets: samples, ..Window::default() };
        let mut window = Box::new(counted);
        (0..samples).for_each(|_| window.latency.record(1_000));
        let mut ledger = Ledger::default();
        ledger.iterations.completed = 1;
        Delivery { shard, second, window, ledger: is_last.then(|| Box::new(ledger)), spares: mpsc::channel().0 }
    }

    #[test]
    fn a_second_waits_for_the_slowest_thread() {
        let mut aggregate = Aggregate::new(2);
        aggregate.add(delivery(0, 1, false, 3));
        aggregate.add(delivery(0, 2, false, 1));
        assert!(aggregate.next_complete().is_none());
        aggregate.add(delivery(1, 1, false, 4));
        let first = aggregate.next_complete().expect("both have delivered it");
        assert_eq!((first.second, first.failed, first.virtual_users, first.latency.count()), (1, 7, 7, 7));
        assert_eq!(first.open_sockets, 7);
        assert!(aggregate.next_complete().is_none());
    }

    #[test]
    fn a_thread_that_is_done_holds_nobody_up_and_an_empty_rest_is_no_second() {
        let mut aggregate = Aggregate::new(2);
        aggregate.add(delivery(0, 1, true, 0));
        aggregate.add(delivery(1, 1, false, 2));
        assert_eq!(aggregate.next_complete().expect("complete").failed, 2);
        aggregate.add(delivery(1, 2, true, 0));
        assert!(aggregate.next_complete().is_none());
        let totals = aggregate.into_totals();
        assert_eq!((totals.iterations.completed, totals.max_virtual_users), (2, 2));
    }
}
