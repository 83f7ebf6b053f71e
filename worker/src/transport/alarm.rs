//! A deadline that moves with every request and costs a timer only when it is nearly due.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use tokio::time::{Sleep, sleep_until};

use crate::clock::Instant;

/// Rings at the latest instant it was set to. The timer below is moved only when it rings too early, or was set too
/// late: for requests that all have the same timeout, about once per timeout and not once per request.
pub struct Alarm {
    sleep: Pin<Box<Sleep>>,
    /// When the timer below rings.
    sleeps_until: Instant,
    at: Instant,
    /// Who is woken when the timer below rings: while it has not, it need not be asked again.
    waits: Option<Waker>,
}

impl Alarm {
    /// An alarm that is due now. Needs a runtime.
    pub fn new() -> Self {
        let at = Instant::now();
        Self { sleep: Box::pin(sleep_until(at.into())), sleeps_until: at, at, waits: None }
    }

    /// Moves the alarm.
    pub fn set(&mut self, at: Instant) {
        self.at = at;
        if at < self.sleeps_until {
            self.reset();
            self.waits = None;
        }
    }

    fn reset(&mut self) {
        self.sleeps_until = self.at;
        self.sleep.as_mut().reset(self.at.into());
    }

    /// Ready when the alarm's instant has passed.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let waits = |waker: &Waker| waker.will_wake(cx.waker());
        if self.waits.as_ref().is_some_and(waits) && !self.sleep.is_elapsed() {
            return Poll::Pending;
        }
        while self.sleep.as_mut().poll(cx).is_ready() {
            if self.sleeps_until >= self.at {
                self.waits = None;
                return Poll::Ready(());
            }
            self.reset();
        }
        self.waits = Some(cx.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, time::Duration};

    use super::*;

    #[tokio::test]
    async fn an_alarm_that_is_moved_rings_when_it_was_last_set_to() {
        let began = Instant::now();
        let mut alarm = Alarm::new();
        for ms in [50, 400, 100] {
            alarm.set(began + Duration::from_millis(ms));
            assert!(!poll_fn(|cx| Poll::Ready(alarm.poll(cx).is_ready())).await);
        }
        poll_fn(|cx| alarm.poll(cx)).await;
        assert!((100..300).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn an_alarm_wakes_whoever_asked_last() {
        let mut alarm = Alarm::new();
        alarm.set(Instant::now() + Duration::from_millis(50));
        {
            let mut first = std::pin::pin!(poll_fn(|cx| alarm.poll(cx)));
            assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        let rung = tokio::time::timeout(Duration::from_secs(20), poll_fn(|cx| alarm.poll(cx)));
        rung.await.expect("the timer wakes this task and not the one before");
    }
}
