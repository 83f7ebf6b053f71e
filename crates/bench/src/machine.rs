//! This machine: which processors there are, what they are busy with, and what the kernel says of processes.

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};

/// Linux counts processor time in hundredths of a second wherever programs can see it.
const TICKS_PER_SECOND: f64 = 100.0;

/// The processors that this process may use.
pub fn processors() -> Vec<usize> {
    let allowed = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor)).collect()
}

/// Keeps the calling thread, and the processes it starts, on these processors.
pub fn pin_this_thread(processors: &[usize]) {
    let mut set = CpuSet::new();
    processors.iter().for_each(|processor| set.set(*processor));
    sched_setaffinity(None, &set).expect("the processors are among those that this process may use");
}

/// Processor time of the calling thread.
pub fn cpu_of_this_thread() -> Duration {
    let statistics = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = statistics.split(' ').next().and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

/// Does nothing, and keeps others waiting.
pub fn rest(lasts: Duration) {
    let end = Instant::now() + lasts;
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}

/// A connection is a file: as many as we are allowed.
pub fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // Whoever may not raise it sees connections refused, and that is reported.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// Processor time until now, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    at: Instant,
    /// Of everything on this machine.
    machine: f64,
    /// Of this process.
    own: f64,
    /// Of the processes that it started and that have ended.
    children: f64,
}

/// Processor time between two moments.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Of the processes that were started and ended.
    pub children: f64,
    /// How many processors others kept busy.
    pub foreign: f64,
}

impl Used {
    pub fn now() -> Self {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let machine = sum_of(&stat, &BUSY);
        let (own, children) = fs::read_to_string("/proc/self/stat").map_or((0.0, 0.0), |text| times(&text));
        Self { at: Instant::now(), machine, own, children }
    }

    pub fn since(&self) -> Usage {
        let now = Self::now();
        let seconds = (now.at - self.at).as_secs_f64();
        let children = now.children - self.children;
        let ours = children + now.own - self.own;
        let foreign = ((now.machine - self.machine - ours) / seconds).max(0.0);
        Usage { children, foreign }
    }
}

/// Where the kernel's table has what processors were busy with: all but idling and waiting for disks; guests are counted
/// in `user` already.
const BUSY: [usize; 6] = [0, 1, 2, 5, 6, 7];

/// These columns of all processors together, in seconds.
fn sum_of(stat: &str, columns: &[usize]) -> f64 {
    let numbers: Vec<f64> = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_ascii_whitespace()
        .skip(1)
        .map(|number| number.parse().unwrap_or(0.0))
        .collect();
    columns.iter().filter_map(|column| numbers.get(*column)).sum::<f64>() / TICKS_PER_SECOND
}

/// User and system time of a process, and of its children that have ended.
fn times(stat: &str) -> (f64, f64) {
    // The name may hold anything; numbers begin behind its bracket.
    let numbers: Vec<f64> = stat
        .rsplit_once(") ")
        .map_or("", |(_, rest)| rest)
        .split(' ')
        .map(|number| number.parse().unwrap_or(0.0))
        .collect();
    let sum =
        |places: [usize; 2]| places.iter().filter_map(|place| numbers.get(*place)).sum::<f64>() / TICKS_PER_SECOND;
    (sum([11, 12]), sum([13, 14]))
}

/// A process and all below it, and how much memory each of them had at most.
pub fn peak_memory(process: u32) -> BTreeMap<u32, u64> {
    let mut found = BTreeMap::new();
    let mut open = vec![process];
    while let Some(process) = open.pop() {
        if let Some(bytes) = memory(process, "VmHWM:") {
            found.insert(process, bytes);
        }
        let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
        open.extend(children.split_ascii_whitespace().filter_map(|child| child.parse::<u32>().ok()));
    }
    found
}

/// How much memory a process has now.
pub fn resident_memory(process: u32) -> Option<u64> {
    memory(process, "VmRSS:")
}

fn memory(process: u32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1_024)
}

/// What has to be known to judge the numbers.
pub fn description() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let model = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name.to_owned()))
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    format!("{} × {model}, Linux {}, load average {}", processors().len(), read("/proc/sys/kernel/osrelease"), load())
}

/// The load averages of the last 1, 5 and 15 minutes.
pub fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_numbers_are_read_where_they_stand() {
        let stat = "cpu  100 20 30 4000 500 6 7 8 9 0\ncpu0 1";
        assert!((sum_of(stat, &BUSY) - 1.71).abs() < 1e-9);
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 100 200 0 0 150 50 25 75 20 0 1 0";
        assert_eq!(times(stat), (2.0, 1.0));
    }

    #[test]
    fn this_process_is_found() {
        let memory = peak_memory(std::process::id());
        assert!(memory[&std::process::id()] > 100_000);
        assert!(resident_memory(std::process::id()).is_some() && !processors().is_empty());
    }
}
