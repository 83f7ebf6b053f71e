//! Where the virtual users of one thread write down what they see. Whatever is dropped half-way is still counted.

use std::{
    cell::{Cell, RefCell},
    mem,
    time::Duration,
};

use dlt_model::{counts::LatencyCounts, program::MetricKind};

use super::{
    ledger::Ledger,
    tally::{Seen, microseconds},
    window::Window,
};
use crate::{
    Fault,
    clock::{Instant, RunClock},
    transport::Traffic,
};

/// One thread's current second, and everything since its start.
pub struct Recorder {
    clock: RunClock,
    window: RefCell<Box<Window>>,
    ledger: RefCell<Ledger>,
    virtual_users: Cell<u64>,
    is_unconnected: Cell<bool>,
}

impl Recorder {
    /// A recorder with an empty window.
    pub fn new(clock: RunClock, window: Box<Window>) -> Self {
        Self {
            clock,
            window: RefCell::new(window),
            ledger: RefCell::default(),
            virtual_users: Cell::new(0),
            is_unconnected: Cell::new(false),
        }
    }

    /// Takes the second that is over and begins the next one in an empty window.
    pub fn rotate(&self, mut empty: Box<Window>) -> Box<Window> {
        empty.virtual_users = self.virtual_users.get();
        mem::replace(&mut self.window.borrow_mut(), empty)
    }

    /// Takes everything since the start.
    pub fn close(&self) -> Ledger {
        self.ledger.take()
    }

    /// Notes how late the event loop was.
    pub fn note_lag(&self, lag: Duration) {
        let mut window = self.window.borrow_mut();
        window.loop_lag = window.loop_lag.max(lag);
    }

    /// Notes that an iteration begins now that was meant to begin at this instant.
    pub fn note_lateness(&self, intended: Instant, now: Instant) {
        let lateness_us = microseconds(now.saturating_duration_since(intended));
        let note = |counts: &mut LatencyCounts| counts.record(lateness_us);
        note(&mut self.window.borrow_mut().lateness);
        note(&mut self.ledger.borrow_mut().lateness);
    }

    /// An iteration was due and there was nobody to do it.
    pub fn drop_iteration(&self) {
        self.window.borrow_mut().dropped += 1;
        self.ledger.borrow_mut().iterations.dropped += 1;
    }

    /// So many iterations will not begin because time is up.
    pub fn give_up(&self, iterations: u64) {
        self.ledger.borrow_mut().iterations.dropped += iterations;
    }

    /// A feed had no row left for a user, so that it does no more.
    pub fn exhausted(&self, feed: usize) {
        *Ledger::place(&mut self.ledger.borrow_mut().exhausted, feed) += 1;
    }

    /// Whether the sample that ended last on this thread got no connection.
    pub fn is_unconnected(&self) -> bool {
        self.is_unconnected.get()
    }

    /// A check held or did not.
    pub fn check(&self, index: usize, passed: bool) {
        Ledger::place(&mut self.ledger.borrow_mut().checks, index).count(passed);
    }

    /// A value of a metric of the user's own.
    pub fn measure(&self, index: usize, kind: MetricKind, value: f64) {
        let at_ms = self.clock.epoch_ms_of(Instant::now());
        self.ledger.borrow_mut().metric(index, kind).record(value, at_ms);
    }

    /// Bytes of a label that belong to none of its samples.
    pub fn pass(&self, label: usize, traffic: &Traffic) {
        Ledger::place(&mut self.ledger.borrow_mut().labels, label).pass(traffic);
        let mut window = self.window.borrow_mut();
        window.bytes_received += traffic.bytes_received;
        window.bytes_sent += traffic.bytes_sent;
    }

    /// A virtual user iterates, until the guard is dropped.
    pub fn enter(&self) -> Presence<'_> {
        let now = self.virtual_users.get() + 1;
        self.virtual_users.set(now);
        let mut window = self.window.borrow_mut();
        window.virtual_users = window.virtual_users.max(now);
        Presence(self)
    }

    /// An iteration begins now. Dropping the guard means that it was interrupted.
    pub fn begin_iteration(&self, now: Instant) -> Iteration<'_> {
        Iteration { recorder: self, began: now, ended: None }
    }

    /// A sample begins now that was meant to begin at `intended`. Dropping the guard means that it was interrupted.
    pub fn begin_sample(&self, label: usize, intended: Instant, now: Instant) -> Sample<'_> {
        Sample { recorder: self, label, intended, began: now, traffic: Traffic::default(), is_open: true }
    }

    /// A transaction begins. Dropping the guard means that it was interrupted.
    pub fn begin_transaction(&self, index: usize) -> Transaction<'_> {
        Transaction { recorder: self, index, began: Instant::now(), succeeded: true, is_complete: false }
    }
}

/// A virtual user that iterates.
pub struct Presence<'a>(&'a Recorder);

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        self.0.virtual_users.set(self.0.virtual_users.get() - 1);
    }
}

/// An iteration under way.
pub struct Iteration<'a> {
    recorder: &'a Recorder,
    began: Instant,
    ended: Option<Instant>,
}

impl Iteration<'_> {
    /// It has run to its last step, now.
    pub fn complete(mut self, now: Instant) {
        self.ended = Some(now);
    }
}

impl Drop for Iteration<'_> {
    fn drop(&mut self) {
        let mut ledger = self.recorder.ledger.borrow_mut();
        if let Some(ended) = self.ended {
            ledger.iterations.completed += 1;
            ledger.iteration_duration.record(microseconds(ended.saturating_duration_since(self.began)));
        } else {
            ledger.iterations.interrupted += 1;
        }
    }
}

/// A group of steps under way that is timed as one.
pub struct Transaction<'a> {
    recorder: &'a Recorder,
    index: usize,
    began: Instant,
    succeeded: bool,
    is_complete: bool,
}

impl Transaction<'_> {
    /// One of its samples failed.
    pub fn fail(&mut self) {
        self.succeeded = false;
    }

    /// It ran to its last step.
    pub fn complete(mut self) {
        self.is_complete = true;
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        let succeeded = self.succeeded && self.is_complete;
        let mut ledger = self.recorder.ledger.borrow_mut();
        let tally = Ledger::place(&mut ledger.transactions, self.index);
        tally.record_transaction(self.began.elapsed(), succeeded, !self.is_complete);
    }
}

/// A sample under way.
pub struct Sample<'a> {
    recorder: &'a Recorder,
    label: usize,
    intended: Instant,
    began: Instant,
    /// What has gone over the wire so far.
    pub traffic: Traffic,
    is_open: bool,
}

impl Sample<'_> {
    /// It ended: with a status or a named fault. Only its first end counts.
    ///
    /// It is borrowed, since it is large enough for a move to cost as much as the counting.
    pub fn finish(&mut self, outcome: Result<u16, Fault>, succeeded: bool) {
        let end = match outcome {
            Ok(_) => self.traffic.last_byte_at.unwrap_or_else(Instant::now),
            Err(_) => Instant::now(),
        };
        if self.is_open {
            self.record(outcome, succeeded, end);
        }
    }

    fn record(&mut self, outcome: Result<u16, Fault>, succeeded: bool, end: Instant) {
        self.is_open = false;
        let service = end.saturating_duration_since(self.began);
        let is_punctual = self.intended == self.began;
        let latency = if is_punctual { service } else { end.saturating_duration_since(self.intended) };
        let seen = Seen { outcome, succeeded, latency, service, traffic: &self.traffic };
        let mut ledger = self.recorder.ledger.borrow_mut();
        ledger.last_end = ledger.last_end.max(Some(end));
        Ledger::place(&mut ledger.labels, self.label).record(&seen);
        self.recorder.is_unconnected.set(outcome.is_err_and(|fault| fault.is_unconnected()));
        let mut window = self.recorder.window.borrow_mut();
        window.succeeded += u64::from(succeeded);
        window.failed += u64::from(!succeeded);
        window.bytes_received += self.traffic.bytes_received;
        window.bytes_sent += self.traffic.bytes_sent;
        window.latency.record(microseconds(latency));
    }
}

impl Drop for Sample<'_> {
    fn drop(&mut self) {
        if self.is_open {
            let sent = self.traffic.requests > 0 || self.traffic.bytes_sent > 0;
            let fault = if sent { Fault::Interrupted } else { Fault::InterruptedBeforeSending };
            self.record(Err(fault), false, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ledger::Totals;

    fn recorder() -> Recorder {
        Recorder::new(RunClock::new(0, 0, Instant::now()), Box::default())
    }

    fn seen(recorder: &Recorder) -> Totals {
        let mut totals = Totals::default();
        totals.add(&recorder.close());
        totals
    }

    #[test]
    fn what_is_dropped_half_way_is_counted_as_interrupted() {
        let recorder = recorder();
        let now = Instant::now();
        drop(recorder.begin_iteration(now));
        drop(recorder.begin_sample(0, now, now));
        let mut sent = recorder.begin_sample(0, now, now);
        sent.traffic.requests = 1;
        drop(sent);
        drop(recorder.begin_transaction(0));
        let totals = seen(&recorder);
        let whole = &totals.labels[0];
        assert_eq!(totals.iterations.interrupted, 1);
        assert_eq!((whole.succeeded, whole.failed), (0, 2));
        assert_eq!((whole.outcomes["interrupted"], whole.outcomes["interrupted before sending"]), (1, 1));
        assert_eq!((totals.transactions[0].failed, totals.transactions[0].outcomes["interrupted"]), (1, 1));
    }

    #[test]
    fn a_sample_is_counted_once_and_a_rotated_recorder_begins_anew() {
        let recorder = recorder();
        let now = Instant::now();
        recorder.begin_sample(3, now, now).finish(Ok(200), true);
        assert!(!recorder.is_unconnected());
        recorder.begin_sample(3, now, now).finish(Err(Fault::ConnectRefused), false);
        assert!(recorder.is_unconnected());
        let second = recorder.rotate(Box::default());
        let latencies: u64 = second.latency.buckets().map(|(_, count)| count).sum();
        assert_eq!((second.succeeded, second.failed, latencies), (1, 1, 2));
        assert!(recorder.rotate(Box::default()).is_empty());
        let whole = &seen(&recorder).labels[3];
        assert_eq!((whole.samples(), whole.outcomes["200"], whole.outcomes["connect refused"]), (2, 1, 1));
    }

    #[test]
    fn latency_counts_from_the_intended_start_and_service_from_the_actual_one() {
        let recorder = recorder();
        let now = Instant::now();
        let intended = now.checked_sub(Duration::from_secs(2)).expect("the machine runs for longer");
        recorder.note_lateness(intended, now);
        recorder.begin_sample(0, intended, now).finish(Ok(200), true);
        let totals = seen(&recorder);
        assert!(totals.labels[0].latency.min_us() >= Some(1_990_000));
        assert!(totals.labels[0].service.max_us() < Some(1_000_000));
        assert!(totals.lateness.min_us() >= Some(1_990_000));
    }

    #[test]
    fn checks_metrics_and_transactions_find_their_places() {
        let recorder = recorder();
        recorder.check(1, true);
        recorder.check(1, false);
        recorder.measure(2, MetricKind::Counter, 2.5);
        recorder.measure(2, MetricKind::Counter, 2.5);
        recorder.begin_transaction(0).complete();
        let mut broken = recorder.begin_transaction(0);
        broken.fail();
        broken.complete();
        let now = Instant::now();
        recorder.begin_iteration(now).complete(now);
        recorder.drop_iteration();
        recorder.give_up(2);
        recorder.exhausted(0);
        let totals = seen(&recorder);
        assert_eq!((totals.checks[0].passed, totals.checks[1].passed, totals.checks[1].failed), (0, 1, 1));
        assert_eq!(totals.metrics[2].as_ref().map(|metric| (metric.count, metric.sum)), Some((2, 5.0)));
        assert!(totals.metrics[0].is_none());
        assert_eq!((totals.transactions[0].succeeded, totals.transactions[0].failed), (1, 1));
        assert_eq!((totals.iterations.completed, totals.iterations.dropped, totals.exhausted[0]), (1, 3, 1));
        assert_eq!(totals.iteration_duration.count(), 1);
        // What was given up at the end was nobody's fault; what found nobody free was.
        assert_eq!(recorder.rotate(Box::default()).dropped, 1);
    }

    #[test]
    fn users_that_stay_are_still_there_in_the_next_second() {
        let recorder = recorder();
        let (first, second) = (recorder.enter(), recorder.enter());
        drop(first);
        assert_eq!(recorder.rotate(Box::default()).virtual_users, 2);
        assert_eq!(recorder.rotate(Box::default()).virtual_users, 1);
        drop(second);
        recorder.rotate(Box::default());
        assert_eq!(recorder.rotate(Box::default()).virtual_users, 0);
    }
}
