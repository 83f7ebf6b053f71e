//! What this process may use: cores, memory, open files.

use std::{collections::BTreeMap, fs, num::NonZero, thread};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// The machine as this process sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Facts {
    /// How many threads can run at once.
    pub cores: usize,
    /// How many processors' worth of time it may use; less than one in a small container.
    pub allowed_cores: f64,
    /// How much memory it may use.
    pub memory_bytes: u64,
    /// How many files and sockets it may have open.
    pub open_files: u64,
}

impl Facts {
    /// Reads them, after raising the limit of open files as far as we are allowed: a virtual user is a socket.
    pub fn gather() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            cores,
            allowed_cores: cpu_quota().unwrap_or(f64::MAX).min(cores as f64),
            memory_bytes: memory_limit(),
            open_files: raise_open_files(),
        }
    }

    /// As the run's log shows them.
    pub fn to_map(self) -> BTreeMap<String, String> {
        [
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("cores", self.cores.to_string()),
            ("allowedCores", format!("{:.2}", self.allowed_cores)),
            ("memoryBytes", self.memory_bytes.to_string()),
            ("openFiles", self.open_files.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

fn raise_open_files() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 0 };
    if soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() { hard } else { soft }
}

/// Control groups of both versions.
fn cpu_quota() -> Option<f64> {
    let read = |path: &str| fs::read_to_string(path).ok();
    let second = || {
        let quota = read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")?;
        Some(format!("{} {}", quota.trim(), read("/sys/fs/cgroup/cpu/cpu.cfs_period_us")?))
    };
    quota_of(&read("/sys/fs/cgroup/cpu.max").or_else(second)?)
}

/// `50000 100000` is half a processor; `max 100000` and `-1 100000` are no limit.
fn quota_of(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.trim().parse().ok()?);
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

fn memory_limit() -> u64 {
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limits = limits.into_iter().filter_map(|path| fs::read_to_string(path).ok()?.trim().parse().ok());
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| kilobytes_of(&text, "MemTotal:"));
    limits.chain(machine).min().unwrap_or(u64::MAX)
}

/// The value of a line such as `VmRSS:     1234 kB`, in bytes.
pub fn kilobytes_of(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_read_as_processors() {
        assert_eq!(quota_of("50000 100000\n"), Some(0.5));
        assert_eq!(quota_of("max 100000\n"), None);
        assert_eq!(quota_of("-1 100000\n"), None);
    }

    #[test]
    fn lines_of_proc_are_read_in_bytes() {
        assert_eq!(kilobytes_of("Name:\tx\nVmRSS:\t    12 kB\n", "VmRSS:"), Some(12_288));
        assert_eq!(kilobytes_of("Name:\tx\n", "VmRSS:"), None);
    }

    #[test]
    fn this_process_may_use_something() {
        let facts = Facts::gather();
        assert!(facts.cores >= 1 && facts.allowed_cores > 0.0 && facts.memory_bytes > 0 && facts.open_files > 0);
    }
}
