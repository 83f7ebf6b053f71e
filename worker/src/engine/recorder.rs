//! Where the virtual users of one thread write down what they see. Whatever is dropped half-way is still counted.

use std::{
    cell::{Cell, RefCell},
    mem,
    time::{Duration, Instant},
};

use dlt_model::program::MetricKind;

use super::window::Window;
use crate::{Fault, clock::epoch_ms, transport::Traffic};

/// One thread's current second.
pub struct Recorder {
    window: RefCell<Box<Window>>,
    virtual_users: Cell<u64>,
}

impl Recorder {
    /// A recorder with an empty window.
    pub fn new(window: Box<Window>) -> Self {
        Self { window: RefCell::new(window), virtual_users: Cell::new(0) }
    }

    /// Takes the second that is over and begins the next one in an empty window.
    pub fn rotate(&self, mut empty: Box<Window>) -> Box<Window> {
        empty.virtual_users = self.virtual_users.get();
        mem::replace(&mut self.window.borrow_mut(), empty)
    }

    /// Notes how late the event loop was.
    pub fn note_lag(&self, lag: Duration) {
        let mut window = self.window.borrow_mut();
        window.loop_lag = window.loop_lag.max(lag);
    }

    /// A virtual user iterates, until the guard is dropped.
    pub fn enter(&self) -> Presence<'_> {
        let now = self.virtual_users.get() + 1;
        self.virtual_users.set(now);
        let mut window = self.window.borrow_mut();
        window.virtual_users = window.virtual_users.max(now);
        Presence(self)
    }

    /// An iteration begins. Dropping the guard means that it was interrupted.
    pub fn begin_iteration(&self) -> Iteration<'_> {
        Iteration { recorder: self, is_complete: false }
    }

    /// A sample begins. Dropping the guard means that it was interrupted.
    pub fn begin_sample(&self, label: usize, intended: Instant) -> Sample<'_> {
        Sample { recorder: self, label, intended, traffic: Traffic::default(), is_open: true }
    }
}

impl Recorder {
    /// A check was made.
    pub fn check(&self, index: usize, passed: bool) {
        self.window.borrow_mut().check(index).count(passed);
    }

    /// A metric of the user's own has another value.
    pub fn measure(&self, index: usize, kind: MetricKind, value: f64) {
        self.window.borrow_mut().metric(index, kind).record(value, epoch_ms());
    }

    /// A transaction begins. Dropping the guard means that it was interrupted.
    pub fn begin_transaction(&self, index: usize) -> Transaction<'_> {
        Transaction { recorder: self, index, began: Instant::now(), is_complete: false, is_failed: false }
    }

    /// A feed has no row for a user, who is done.
    pub fn exhausted(&self, feed: usize) {
        *self.window.borrow_mut().exhausted(feed) += 1;
    }
}

/// A transaction under way.
pub struct Transaction<'a> {
    recorder: &'a Recorder,
    index: usize,
    began: Instant,
    is_complete: bool,
    is_failed: bool,
}

impl Transaction<'_> {
    /// Something in it failed.
    pub fn fail(&mut self) {
        self.is_failed = true;
    }

    /// It ran to its last step.
    pub fn complete(mut self) {
        self.is_complete = true;
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        let succeeded = self.is_complete.then_some(!self.is_failed);
        self.recorder.window.borrow_mut().transaction(self.index).record(succeeded, self.began.elapsed());
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
    is_complete: bool,
}

impl Iteration<'_> {
    /// It ran to its last step.
    pub fn complete(mut self) {
        self.is_complete = true;
    }
}

impl Drop for Iteration<'_> {
    fn drop(&mut self) {
        let iterations = &mut self.recorder.window.borrow_mut().iterations;
        if self.is_complete {
            iterations.completed += 1;
        } else {
            iterations.interrupted += 1;
        }
    }
}

/// A sample under way.
pub struct Sample<'a> {
    recorder: &'a Recorder,
    label: usize,
    intended: Instant,
    /// What has gone over the wire so far.
    pub traffic: Traffic,
    is_open: bool,
}

impl Sample<'_> {
    /// It ended: with a status or a named fault.
    pub fn finish(mut self, outcome: Result<u16, Fault>, succeeded: bool) {
        let end = match outcome {
            Ok(_) => self.traffic.last_byte_at.unwrap_or_else(Instant::now),
            Err(_) => Instant::now(),
        };
        self.record(outcome, succeeded, end);
    }

    fn record(&mut self, outcome: Result<u16, Fault>, succeeded: bool, end: Instant) {
        self.is_open = false;
        let latency = end.saturating_duration_since(self.intended);
        let mut window = self.recorder.window.borrow_mut();
        window.last_end = window.last_end.max(Some(end));
        window.label(self.label).record(outcome, succeeded, latency, &self.traffic);
    }
}

impl Drop for Sample<'_> {
    fn drop(&mut self) {
        if self.is_open {
            let sent = self.traffic.requests > 0;
            let fault = if sent { Fault::Interrupted } else { Fault::InterruptedBeforeSending };
            self.record(Err(fault), false, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use dlt_model::report::Measurements;

    use super::*;

    fn seen(recorder: &Recorder) -> (Measurements, Box<Window>) {
        let window = recorder.rotate(Box::new(Window::new(1)));
        let mut whole = Measurements::default();
        window.labels[0].add_to(&mut whole);
        (whole, window)
    }

    #[test]
    fn what_is_dropped_half_way_is_counted_as_interrupted() {
        let recorder = Recorder::new(Box::new(Window::new(1)));
        drop(recorder.begin_iteration());
        drop(recorder.begin_sample(0, Instant::now()));
        let mut sent = recorder.begin_sample(0, Instant::now());
        sent.traffic.requests = 1;
        drop(sent);
        let (whole, window) = seen(&recorder);
        assert_eq!(window.iterations.interrupted, 1);
        assert_eq!((whole.succeeded, whole.failed), (0, 2));
        assert_eq!((whole.outcomes["interrupted"], whole.outcomes["interrupted before sending"]), (1, 1));
    }

    #[test]
    fn a_sample_is_counted_once_and_a_rotated_recorder_begins_anew() {
        let recorder = Recorder::new(Box::new(Window::new(1)));
        recorder.begin_sample(0, Instant::now()).finish(Ok(200), true);
        recorder.begin_sample(0, Instant::now()).finish(Err(Fault::DnsFailed), false);
        let (whole, _) = seen(&recorder);
        assert_eq!((whole.samples(), whole.outcomes["200"], whole.outcomes["dns failed"]), (2, 1, 1));
        assert_eq!(seen(&recorder).0.samples(), 0);
    }

    #[test]
    fn what_comes_besides_samples_is_counted_too() {
        let recorder = Recorder::new(Box::new(Window::new(0)));
        recorder.check(1, true);
        recorder.check(1, false);
        recorder.measure(0, MetricKind::Counter, 2.5);
        recorder.exhausted(0);
        recorder.begin_transaction(0).complete();
        let mut failing = recorder.begin_transaction(0);
        failing.fail();
        failing.complete();
        drop(recorder.begin_transaction(0));
        recorder.begin_sample(3, Instant::now()).finish(Ok(200), true);
        let mut window = recorder.rotate(Box::new(Window::new(0)));
        assert_eq!((window.checks[1].passed, window.checks[1].failed, window.exhausted[0]), (1, 1, 1));
        assert_eq!(window.metrics[0].as_ref().map(|metric| metric.sum), Some(2.5));
        assert_eq!((window.labels.len(), window.labels[3].succeeded), (4, 1));
        let mut whole = Measurements::default();
        window.transactions[0].add_to(&mut whole);
        assert_eq!((whole.succeeded, whole.failed, whole.latency.count()), (1, 2, 3));
        assert_eq!(whole.outcomes["interrupted"], 1);
        window.clear();
        assert!(window.is_empty());
    }

    #[test]
    fn users_that_stay_are_still_there_in_the_next_second() {
        let recorder = Recorder::new(Box::new(Window::new(1)));
        let (first, second) = (recorder.enter(), recorder.enter());
        drop(first);
        assert_eq!(seen(&recorder).1.virtual_users, 2);
        assert_eq!(seen(&recorder).1.virtual_users, 1);
        drop(second);
        seen(&recorder);
        assert_eq!(seen(&recorder).1.virtual_users, 0);
    }
}
