//! The run's time: how far we are from the common start, and what the calendar says.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Now, in milliseconds since 1970.
pub fn epoch_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Ties the monotonic clock to the common start instant, once: a calendar that is set during the run changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct RunClock {
    start: Instant,
    start_at_ms: u64,
}

impl RunClock {
    /// A clock whose zero is `start_at_ms`, seen at the instant `now` at which the calendar said `now_ms`.
    pub fn new(start_at_ms: u64, now_ms: u64, now: Instant) -> Self {
        let start = if start_at_ms >= now_ms {
            now + Duration::from_millis(start_at_ms - now_ms)
        } else {
            now.checked_sub(Duration::from_millis(now_ms - start_at_ms)).unwrap_or(now)
        };
        Self { start, start_at_ms }
    }

    /// The common start.
    pub fn start_at_ms(&self) -> u64 {
        self.start_at_ms
    }

    /// The instant that lies `offset` after the start.
    pub fn at(&self, offset: Duration) -> Instant {
        self.start + offset
    }

    /// How long after the start an instant lies; zero before it.
    pub fn since_start(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.start)
    }

    /// An instant of the run as milliseconds since 1970.
    pub fn epoch_ms_of(&self, instant: Instant) -> u64 {
        self.start_at_ms + u64::try_from(self.since_start(instant).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_in_the_past_and_one_in_the_future_are_both_the_clocks_zero() {
        let now = Instant::now();
        let future = RunClock::new(10_500, 10_000, now);
        assert_eq!(future.at(Duration::ZERO) - now, Duration::from_millis(500));
        let past = RunClock::new(9_800, 10_000, now);
        assert_eq!(past.since_start(now), Duration::from_millis(200));
        assert_eq!(past.epoch_ms_of(now), 10_000);
    }
}
