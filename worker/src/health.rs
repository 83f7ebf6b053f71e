//! The generator's view of itself: when it was the bottleneck, its measurements are not the target's.

use std::{fs, time::Duration};

use dlt_model::tick::Health;
use rustix::{
    param::page_size,
    time::{ClockId, clock_gettime},
};

use crate::{clock::Instant, facts::Facts};

/// How late the event loop may be, in milliseconds.
const LOOP_LAG_MS_LIMIT: f64 = 100.0;
/// How much of the allowed processor time may be used, in percent.
const CPU_PERCENT_LIMIT: f64 = 95.0;
/// How much of the allowed memory may be used, in percent.
const MEMORY_PERCENT_LIMIT: f64 = 90.0;
/// How late iterations with an instant of their own may begin, 99 of 100, in milliseconds.
const SEND_LATENESS_MS_LIMIT: f64 = 100.0;
/// How much of the descriptors that are allowed may be used by sockets, in percent.
const SOCKETS_PERCENT_LIMIT: f64 = 95.0;
/// How many seconds in a row a limit may be exceeded.
const SECONDS_LIMIT: u64 = 5;

/// Measures this process once a second, by what costs least: it does so on a processor that has load to make.
pub struct Meter {
    facts: Facts,
    last: (Instant, Duration),
}

impl Meter {
    /// A meter that starts now.
    pub fn new(facts: Facts) -> Self {
        Self { facts, last: (Instant::now(), cpu_time()) }
    }

    /// Processor time since the last reading in percent of what is allowed, and resident memory.
    pub fn read(&mut self) -> Health {
        let (now, used) = (Instant::now(), cpu_time());
        let elapsed = (now - self.last.0).as_secs_f64();
        let spent = used.saturating_sub(self.last.1).as_secs_f64();
        self.last = (now, used);
        let cpu_percent = if elapsed > 0.0 { 100.0 * spent / elapsed / self.facts.allowed_cores } else { 0.0 };
        Health { cpu_percent, memory_bytes: memory_bytes(), ..Health::default() }
    }
}

/// What all threads of this process have used.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap_or_default()
}

fn memory_bytes() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").ok().and_then(|text| resident_pages_of(&text));
    pages.unwrap_or_default() * page_size() as u64
}

/// The second number; the first is what the process might use.
fn resident_pages_of(statm: &str) -> Option<u64> {
    statm.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Remembers for how long each limit was exceeded.
#[derive(Debug)]
pub struct Judge {
    limits: [Limit; 5],
    dropped: u64,
}

#[derive(Debug)]
struct Limit {
    what: &'static str,
    unit: &'static str,
    limit: f64,
    seconds: u64,
    longest: u64,
    worst: f64,
}

impl Default for Judge {
    fn default() -> Self {
        let limit = |what, unit, limit| Limit { what, unit, limit, seconds: 0, longest: 0, worst: 0.0 };
        let limits = [
            limit("the event loop was late", "ms", LOOP_LAG_MS_LIMIT),
            limit("processor time was", "% of what is allowed", CPU_PERCENT_LIMIT),
            limit("memory was", "% of what is allowed", MEMORY_PERCENT_LIMIT),
            limit("iterations began late (99th percentile)", "ms", SEND_LATENESS_MS_LIMIT),
            limit("open sockets were", "% of what is allowed", SOCKETS_PERCENT_LIMIT),
        ];
        Self { limits, dropped: 0 }
    }
}

impl Judge {
    /// Takes one second into account.
    pub fn observe(&mut self, health: &Health, facts: &Facts) {
        let memory_percent = 100.0 * health.memory_bytes as f64 / facts.memory_bytes as f64;
        let sockets_percent = 100.0 * health.open_sockets as f64 / facts.open_files as f64;
        let lateness_ms = health.send_lateness_ms_p99;
        let values = [health.loop_lag_ms_max, health.cpu_percent, memory_percent, lateness_ms, sockets_percent];
        for (limit, value) in self.limits.iter_mut().zip(values) {
            limit.observe(value);
        }
        self.dropped += health.dropped_iterations;
    }

    /// Why the measurements may not be trusted; empty when they may.
    pub fn reasons(&self) -> Vec<String> {
        let exceeded = self.limits.iter().filter(|limit| limit.longest > SECONDS_LIMIT).map(Limit::reason);
        let dropped = (self.dropped > 0).then(|| {
            format!("{} iterations were dropped: all virtual users were busy; allow more of them", self.dropped)
        });
        exceeded.chain(dropped).collect()
    }
}

impl Limit {
    fn observe(&mut self, value: f64) {
        self.worst = self.worst.max(value);
        self.seconds = if value > self.limit { self.seconds + 1 } else { 0 };
        self.longest = self.longest.max(self.seconds);
    }

    fn reason(&self) -> String {
        let Self { what, unit, limit, longest, worst, .. } = self;
        format!("{what} over {limit} {unit} for {longest} seconds in a row, {worst:.0} at worst")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: Facts = Facts { cores: 2, allowed_cores: 2.0, memory_bytes: 1_000, open_files: 1_024 };

    fn reasons(seconds: &[Health]) -> Vec<String> {
        let mut judge = Judge::default();
        seconds.iter().for_each(|health| judge.observe(health, &FACTS));
        judge.reasons()
    }

    #[test]
    fn a_limit_that_is_exceeded_for_too_long_is_a_reason_and_a_short_while_is_none() {
        let busy = Health { cpu_percent: 99.0, ..Health::default() };
        assert_eq!(reasons(&[busy; 5]), Vec::<String>::new());
        let interrupted = [busy, busy, busy, Health::default(), busy, busy, busy];
        assert_eq!(reasons(&interrupted), Vec::<String>::new());
        let reasons = reasons(&[busy; 6]);
        assert_eq!(reasons, ["processor time was over 95 % of what is allowed for 6 seconds in a row, 99 at worst"]);
    }

    #[test]
    fn lag_memory_lateness_sockets_and_dropped_iterations_are_reasons_of_their_own() {
        let bad = Health {
            loop_lag_ms_max: 250.0,
            cpu_percent: 1.0,
            memory_bytes: 990,
            dropped_iterations: 1,
            open_sockets: 1_020,
            send_lateness_ms_p99: 101.0,
            send_lateness_ms_max: 101.0,
            ..Health::default()
        };
        assert_eq!(reasons(&[bad; 6]).len(), 5);
        assert_eq!(reasons(&[bad]), ["1 iterations were dropped: all virtual users were busy; allow more of them"]);
    }

    #[test]
    fn a_second_of_work_is_a_second_of_processor_time() {
        let mut meter = Meter::new(FACTS);
        let (began, used) = (Instant::now(), cpu_time());
        while cpu_time() - used < Duration::from_millis(50) {
            std::hint::spin_loop();
        }
        let least = 100.0 * 0.05 / began.elapsed().as_secs_f64() / FACTS.allowed_cores;
        let health = meter.read();
        // Other tests of this process work meanwhile.
        assert!(health.cpu_percent > 0.9 * least, "{} of {least}", health.cpu_percent);
    }

    #[test]
    fn resident_memory_is_the_second_number() {
        assert_eq!(resident_pages_of("1234 567 89 1 0 2 0\n"), Some(567));
        let megabytes = memory_bytes() >> 20;
        assert!((1..100_000).contains(&megabytes), "{megabytes}");
    }
}
