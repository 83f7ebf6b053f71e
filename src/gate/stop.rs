//! Why a run is ended before its time: somebody stops the job, or the deadline passes.

use std::time::Duration;

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
    deadline: time::Instant,
    passed: bool,
}

impl Stops {
    /// From now on.
    pub fn new(interrupts: mpsc::Receiver<()>, within: Duration) -> Self {
        Self { interrupts, deadline: time::Instant::now() + within, passed: false }
    }

    /// The next reason to stop. May be dropped and asked again.
    pub async fn next(&mut self) -> Stop {
        let passed = self.passed;
        tokio::select! {
            Some(()) = self.interrupts.recv() => Stop::Interrupted,
            () = time::sleep_until(self.deadline), if !passed => {
                self.passed = true;
                Stop::DeadlinePassed
            }
            else => std::future::pending().await,
        }
    }
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
}
