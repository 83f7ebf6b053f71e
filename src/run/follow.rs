//! Watching a run until it has ended: its status from the control plane, its seconds from the workers' ticks.

use std::{sync::Arc, time::Duration};

use dlt_control::{ControlError, ControlPlane, ports::RunKey, record::RunRecord};
use dlt_model::{
    gate::{self, Clause},
    summary::{Slice, add_tick},
    tick::Tick,
};
use tokio::{
    sync::{broadcast, mpsc},
    time,
};

use super::Event;

/// How often the control plane is asked how far the run is.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Whoever watches one run.
pub struct Follower<'a> {
    pub plane: &'a ControlPlane,
    pub clauses: &'a [Clause],
    pub workers: u32,
    pub run: RunKey,
}

/// How a run came to its end.
pub struct End {
    /// Its last record.
    pub run: RunRecord,
    /// Whether a person ended it.
    pub interrupted: bool,
    /// The clause for whose sake it was stopped.
    pub aborted_by: Option<Clause>,
}

/// The seconds so far, and how many of them were shown.
#[derive(Default)]
struct Seconds {
    merged: Vec<Slice>,
    parts: Vec<u32>,
    shown: usize,
}

impl Follower<'_> {
    /// Follows to the end, and answers how it came to it.
    pub async fn to_the_end(
        &self,
        mut ticks: broadcast::Receiver<Arc<Tick>>,
        interrupts: &mut mpsc::Receiver<()>,
        observe: &mut dyn FnMut(&Event<'_>),
    ) -> Result<End, ControlError> {
        let mut look = time::interval(LOOK_EVERY);
        let mut seconds = Seconds::default();
        let (mut interrupted, mut aborted_by) = (false, None);
        let mut status = None;
        loop {
            tokio::select! {
                Some(()) = interrupts.recv() => {
                    if std::mem::replace(&mut interrupted, true) {
                        return Ok(End { run: self.plane.run(&self.run).await?, interrupted, aborted_by });
                    }
                    observe(&Event::Interrupted);
                    self.stop().await?;
                }
                tick = ticks.recv() => match tick {
                    Ok(tick) if tick.run_id == self.run.run_id => {
                        seconds.add(&tick);
                        seconds.show(self.workers, observe);
                        let undisturbed = !interrupted && aborted_by.is_none();
                        let broken = gate::broken_so_far(self.clauses, seconds.complete());
                        if let Some(broken) = broken.first().filter(|_| undisturbed) {
                            observe(&Event::Aborted(broken));
                            aborted_by = Some(broken.clause.clone());
                            self.stop().await?;
                        }
                    }
                    // Live data that came too fast is lost to the screen alone; the reports have all of it.
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => time::sleep(LOOK_EVERY).await,
                },
                _ = look.tick() => {
                    let run = self.plane.run(&self.run).await?;
                    if status.replace(run.status) != Some(run.status) {
                        observe(&Event::Status(&run));
                    }
                    if run.status.is_end() {
                        seconds.show_rest(observe);
                        return Ok(End { run, interrupted, aborted_by });
                    }
                }
            }
        }
    }

    async fn stop(&self) -> Result<(), ControlError> {
        match self.plane.cancel_run(&self.run).await {
            // It ended in the meantime.
            Ok(_) | Err(ControlError::NotActive(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Seconds {
    fn add(&mut self, tick: &Tick) {
        add_tick(&mut self.merged, tick);
        self.parts.resize(self.merged.len(), 0);
        let index = usize::try_from(tick.second).unwrap_or(usize::MAX).wrapping_sub(1);
        if let Some(parts) = self.parts.get_mut(index) {
            *parts += 1;
        }
    }

    /// The seconds that nothing is expected to be added to any more.
    fn complete(&self) -> &[Slice] {
        &self.merged[..self.shown]
    }

    /// Shows what is complete: every worker ticked, or a worker is two seconds further.
    fn show(&mut self, workers: u32, observe: &mut dyn FnMut(&Event<'_>)) {
        while self.parts.get(self.shown).is_some_and(|parts| *parts >= workers || self.merged.len() > self.shown + 2) {
            self.show_next(observe);
        }
    }

    fn show_rest(&mut self, observe: &mut dyn FnMut(&Event<'_>)) {
        while self.shown < self.merged.len() {
            self.show_next(observe);
        }
    }

    fn show_next(&mut self, observe: &mut dyn FnMut(&Event<'_>)) {
        self.shown += 1;
        let seconds = &self.merged[..self.shown];
        observe(&Event::Second { number: self.shown as u64, slice: &seconds[self.shown - 1], seconds });
    }
}
