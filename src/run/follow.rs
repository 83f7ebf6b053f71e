//! Watching a run until it has ended: its status from the control plane, its seconds from the workers' ticks.

use std::{sync::Arc, time::Duration};

use dlt_control::{ControlError, ControlPlane, ports::RunKey, record::RunRecord};
use dlt_model::{
    gate::{self, Clause},
    summary::Slice,
    tick::Tick,
};
use tokio::{
    sync::{broadcast, mpsc},
    time,
};

use super::{Event, seconds::Seconds};

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
                        while let Some(number) = seconds.next(self.workers) {
                            observe(&shown(number, seconds.complete()));
                        }
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
                        while let Some(number) = seconds.rest() {
                            observe(&shown(number, seconds.complete()));
                        }
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

fn shown(number: u64, seconds: &[Slice]) -> Event<'_> {
    Event::Second { number, slice: &seconds[seconds.len() - 1], seconds }
}
