//! How late a loop is that has nothing to do but to be punctual: what the machine itself takes from a schedule.

use std::{
    thread,
    time::{Duration, Instant},
};

use dlt_model::histogram::Histogram;

use crate::{machine, task::Place};

/// How long it sleeps at least, as the worker does at high rates: what is due by then begins together.
const QUANTUM: Duration = Duration::from_micros(200);
/// How long it is busy each time it wakes, about as long as the worker is.
const BUSY: Duration = Duration::from_micros(50);

/// How late arrivals begin, where the client would be, when nothing has to be sent.
pub fn lateness(rate: u64, lasts: Duration, place: &Place) -> Histogram {
    thread::scope(|scope| scope.spawn(|| sleep_and_wake(rate, lasts, place)).join()).expect("the loop cannot panic")
}

fn sleep_and_wake(rate: u64, lasts: Duration, place: &Place) -> Histogram {
    machine::pin_this_thread(&place.client);
    let mut late = Histogram::default();
    let step = Duration::from_secs(1).div_f64(rate as f64);
    let begin = Instant::now();
    let mut due = begin;
    while due < begin + lasts {
        let now = Instant::now();
        while due <= now {
            late.record(u64::try_from((now - due).as_micros()).unwrap_or(u64::MAX));
            due += step;
        }
        while now.elapsed() < BUSY {}
        machine::rest(due.max(now + QUANTUM).saturating_duration_since(Instant::now()));
    }
    late
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_arrival_is_counted_once() {
        let place = super::super::apart();
        let late = lateness(1_000, Duration::from_millis(100), &place);
        assert!((100..=101).contains(&late.count()), "{}", late.count());
    }
}
