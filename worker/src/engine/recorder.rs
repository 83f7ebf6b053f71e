//! Where the virtual users of one thread write down what they see. Whatever is dropped half-way is still counted.

use std::{
    cell::{Cell, RefCell},
    mem,
    time::{Duration, Instant},
};

use super::window::Window;
use crate::{Fault, transport::Traffic};

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
        window.labels[self.label].record(outcome, succeeded, latency, &self.traffic);
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
