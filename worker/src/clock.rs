//! The run's time: instants, how far we are from the common start, and what the calendar says.

use std::{
    num::NonZeroU64,
    ops::{Add, Sub},
    sync::LazyLock,
    time::{self, Duration, SystemTime, UNIX_EPOCH},
};

use nix::time::{ClockId, clock_gettime};

/// A reading of the monotonic clock, as one number.
///
/// A request's times are read, compared and subtracted some ten times. The standard library's instants have seconds and
/// nanoseconds, of which each costs forty instructions; these cost a few.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant {
    /// Since the machine started: enough for five hundred years. Nobody reads a clock that has just begun, so that an
    /// instant that is not known yet takes no more room than one that is.
    nanoseconds: NonZeroU64,
}

impl Instant {
    /// What the clock says.
    pub fn now() -> Self {
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every kernel has this clock");
        // Neither is ever negative: the clock begins at zero.
        let nanoseconds = now.tv_sec().cast_unsigned() * 1_000_000_000 + now.tv_nsec().cast_unsigned();
        Self { nanoseconds: NonZeroU64::new(nanoseconds).unwrap_or(NonZeroU64::MIN) }
    }

    /// How much later it is than another; zero when it is earlier.
    pub fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanoseconds.get().saturating_sub(earlier.nanoseconds.get()))
    }

    /// How long ago it was.
    pub fn elapsed(self) -> Duration {
        Self::now().saturating_duration_since(self)
    }

    /// So much earlier, if the machine had started by then.
    pub fn checked_sub(self, duration: Duration) -> Option<Self> {
        let nanoseconds = self.nanoseconds.get().checked_sub(whole_nanoseconds(duration))?;
        NonZeroU64::new(nanoseconds).map(|nanoseconds| Self { nanoseconds })
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// So much later; five hundred years at most.
    fn add(self, duration: Duration) -> Self {
        Self { nanoseconds: self.nanoseconds.saturating_add(whole_nanoseconds(duration)) }
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

/// For the runtime's timers, which are a millisecond coarse.
impl From<Instant> for tokio::time::Instant {
    fn from(instant: Instant) -> Self {
        /// The same moment on both clocks.
        static BOTH: LazyLock<(Instant, time::Instant)> = LazyLock::new(|| (Instant::now(), time::Instant::now()));
        let (ours, theirs) = *BOTH;
        let later = theirs + instant.saturating_duration_since(ours);
        later.checked_sub(ours.saturating_duration_since(instant)).unwrap_or(theirs).into()
    }
}

fn whole_nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

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
    fn instants_are_those_of_the_runtimes_timers() {
        let now = Instant::now();
        let far = Duration::from_secs(2);
        let [before, after] = [now.checked_sub(far).expect("the machine runs for longer"), now + far];
        assert_eq!((after - now, now - before, now - after), (far, far, Duration::ZERO));
        let [before, at, after] = [before, now, after].map(tokio::time::Instant::from);
        assert_eq!((after - at, at - before), (far, far));
        assert!(at.elapsed() < Duration::from_secs(60) && now.elapsed() < Duration::from_secs(60));
        assert_eq!(now.checked_sub(Duration::MAX), None);
        assert!(now + Duration::MAX > now + far);
    }

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
