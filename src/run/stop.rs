//! Why a run is ended before its time: somebody stops us, or the deadline passes.

use std::time::Duration;

use dlt_model::plan::LoadPlan;
use tokio::{sync::mpsc, time};

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// SIGINT or SIGTERM.
    Interrupted,
    /// The deadline.
    DeadlinePassed,
}

/// Interrupts, and the deadline between them.
#[derive(Debug)]
pub struct Stops {
    interrupts: mpsc::Receiver<()>,
    deadline: Option<time::Instant>,
}

impl Stops {
    /// From now on.
    pub fn new(interrupts: mpsc::Receiver<()>, within: Duration) -> Self {
        Self { interrupts, deadline: Some(time::Instant::now() + within) }
    }

    /// Nothing but interrupts.
    pub fn without_deadline(interrupts: mpsc::Receiver<()>) -> Self {
        Self { interrupts, deadline: None }
    }

    /// The next reason to stop. May be dropped and asked again.
    pub async fn next(&mut self) -> Stop {
        let deadline = self.deadline;
        let passes = async {
            match deadline {
                Some(at) => time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(()) = self.interrupts.recv() => Stop::Interrupted,
            () = passes => {
                self.deadline = None;
                Stop::DeadlinePassed
            }
        }
    }
}

/// How long a run may take unless somebody says otherwise: its load, twice the time to finish, and the time to settle.
pub fn deadline(plan: &LoadPlan, settling: Duration) -> Duration {
    let load_ms = plan.estimate().duration.as_millis() + 2 * plan.scenario.graceful_stop().as_millis();
    Duration::from_millis(load_ms) + settling
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_deadline_passes_once_and_interrupts_go_on() {
        let (sender, receiver) = mpsc::channel(2);
        let mut stops = Stops::new(receiver, Duration::from_secs(60));
        assert_eq!(stops.next().await, Stop::DeadlinePassed);
        sender.send(()).await.unwrap();
        assert_eq!(stops.next().await, Stop::Interrupted);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_deadline_only_an_interrupt_stops() {
        let (sender, receiver) = mpsc::channel(2);
        let mut stops = Stops::without_deadline(receiver);
        assert!(time::timeout(Duration::from_secs(1_000_000), stops.next()).await.is_err());
        sender.send(()).await.unwrap();
        assert_eq!(stops.next().await, Stop::Interrupted);
    }
}
