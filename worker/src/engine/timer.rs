//! An alarm clock that is exact to some microseconds: the event loop's own timers are a millisecond coarse.

use std::{io, os::fd::OwnedFd};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::{Interest, unix::AsyncFd};

use crate::clock::Instant;

/// A timer of the kernel's that wakes the event loop as a socket does.
pub struct ExactTimer(AsyncFd<OwnedFd>);

impl ExactTimer {
    /// A timer that is not set. Needs a runtime.
    ///
    /// # Errors
    /// Returns an error when there is no descriptor left.
    pub fn new() -> io::Result<Self> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe; an owned descriptor keeps the promise that it asks for"
        )]
        let registered = AsyncFd::with_interest(timer, Interest::READABLE)?;
        Ok(Self(registered))
    }

    /// Waits until the instant. It may return too early when an earlier wait was given up: ask the clock.
    ///
    /// # Errors
    /// Returns an error when the kernel refuses the timer.
    pub async fn sleep_until(&self, at: Instant) -> io::Result<()> {
        let wait = at.saturating_duration_since(Instant::now());
        if wait.is_zero() {
            return Ok(());
        }
        let it_value = Timespec::try_from(wait).map_err(io::Error::other)?;
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
        // Setting it forgets that it went off before, so it need not be read.
        timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &once)?;
        self.0.readable().await?.clear_ready();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn it_goes_off_again_and_again_and_never_early() {
        let timer = ExactTimer::new().expect("a descriptor");
        for _ in 0..20 {
            let at = Instant::now() + Duration::from_micros(300);
            timer.sleep_until(at).await.expect("set");
            assert!(Instant::now() >= at);
        }
        timer.sleep_until(Instant::now()).await.expect("nothing to wait for");
    }

    #[tokio::test]
    async fn a_wait_that_was_given_up_does_not_hold_the_next_one() {
        let timer = ExactTimer::new().expect("a descriptor");
        let (soon, late) = (Instant::now() + Duration::from_millis(5), Instant::now() + Duration::from_secs(3_600));
        tokio::select! {
            biased;
            _ = timer.sleep_until(late) => panic!("an hour has passed"),
            () = tokio::task::yield_now() => {}
        }
        while Instant::now() < soon {
            timer.sleep_until(soon).await.expect("set");
        }
        assert!(soon.elapsed() < Duration::from_secs(5));
    }
}
