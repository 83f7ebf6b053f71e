//! A run while it goes on: one line a second.

use dlt_model::summary::Slice;

use super::{forecast::counted, units};

/// What is known of a run in progress.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// What the control plane says it is doing.
    pub status: String,
    /// How many seconds the profile takes.
    pub planned_secs: u64,
    /// Workers that the run has.
    pub workers: u32,
    /// The merged seconds so far.
    pub seconds: Vec<Slice>,
    /// For how many seconds the load has been going on, where nothing is heard of it.
    pub elapsed_secs: Option<u64>,
}

impl Progress {
    /// Everything that has been counted so far.
    pub fn samples(&self) -> u64 {
        self.seconds.iter().map(Slice::samples).sum()
    }
}

/// The line for the last complete second.
pub fn line(progress: &Progress) -> String {
    let Some(last) = progress.seconds.last() else { return unheard(progress) };
    let failed: u64 = progress.seconds.iter().map(|second| second.failed).sum();
    format!(
        "{elapsed}/{planned} · {users} VUs · {rate}/s · p95 {p95} · {samples} samples · {failed} failed",
        elapsed = units::span(progress.seconds.len() as u64 * 1_000),
        planned = units::span(progress.planned_secs * 1_000),
        users = last.virtual_users,
        rate = units::count(last.samples()),
        p95 = units::latency_or_dash(last.latency.percentile_us(95_000)),
        samples = units::count(progress.samples()),
        failed = units::count(failed),
    )
}

/// The line while nothing is heard of the load.
fn unheard(progress: &Progress) -> String {
    let time = progress.elapsed_secs.map_or_else(String::new, |secs| {
        format!(" · {}/{}", units::span(secs * 1_000), units::span(progress.planned_secs * 1_000))
    });
    format!("{}{time} · {}", progress.status, counted(u64::from(progress.workers), "worker"))
}

/// The last seconds' rates as a row of bars, at most `width` of them.
pub fn spark(seconds: &[Slice], width: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let recent = &seconds[seconds.len().saturating_sub(width)..];
    let highest = recent.iter().map(Slice::samples).max().unwrap_or(0).max(1);
    let height = |second: &Slice| usize::try_from(second.samples() * 7 / highest).unwrap_or(7);
    recent.iter().map(|second| BARS[height(second)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_the_first_second_the_status_is_shown() {
        let progress = Progress { status: "provisioning".to_owned(), workers: 2, ..Progress::default() };
        assert_eq!(line(&progress), "provisioning · 2 workers");
    }

    #[test]
    fn where_nothing_is_heard_the_time_is_shown() {
        let status = "running".to_owned();
        let progress = Progress { status, workers: 1, planned_secs: 90, elapsed_secs: Some(20), ..Progress::default() };
        assert_eq!(line(&progress), "running · 20s/1m30s · 1 worker");
    }

    #[test]
    fn bars_are_relative_to_the_highest_of_those_shown() {
        let second = |succeeded| Slice { succeeded, ..Slice::default() };
        assert_eq!(spark(&[second(0), second(50), second(100)], 80), "▁▄█");
        assert_eq!(spark(&[second(0), second(50), second(100)], 1), "█");
    }
}
