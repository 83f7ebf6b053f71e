//! A deadline that moves with every request and costs a timer only when it is nearly due.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use tokio::time::{Sleep, sleep_until};

/// Rings at the latest instant it was set to. The timer below is moved only when it rings too early, or was set too
/// late: for requests that all have the same timeout, about once per timeout and not once per request.
pub struct Alarm {
    sleep: Pin<Box<Sleep>>,
    at: Instant,
}

impl Alarm {
    /// An alarm that is due now. Needs a runtime.
    pub fn new() -> Self {
        let at = Instant::now();
        Self { sleep: Box::pin(sleep_until(at.into())), at }
    }

    /// Moves the alarm.
    pub fn set(&mut self, at: Instant) {
        self.at = at;
        if at < self.sleep.deadline().into_std() {
            self.sleep.as_mut().reset(at.into());
        }
    }

    /// Ready when the alarm's instant has passed.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.sleep.as_mut().poll(cx));
            if self.sleep.deadline().into_std() >= self.at {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(self.at.into());
        }
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
}
