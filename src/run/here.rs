//! A run on this machine, from a scenario to its workers' merged reports: its status comes from the control plane, its seconds
//! from the workers' ticks.

use std::{sync::Arc, time::Duration};

use dlt_control::{ControlError, ControlPlane, Draft, ports::RunKey};
use dlt_local::LocalSystem;
use dlt_model::{
    gate::{self, Clause},
    plan::LoadPlan,
    summary::Summary,
    tick::Tick,
};
use tokio::{sync::broadcast, time};

use super::{
    Order,
    event::{Accepted, Event},
    outcome::{Ending, Ran},
    seconds::Seconds,
    stop::{Stop, Stops},
};
use crate::{exit::Exit, failure::Failure};

/// How much longer than its load a run on this machine may take.
pub const SETTLING: Duration = Duration::from_secs(120);
/// How often the control plane is asked how far the run is.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Runs an order to its end. The first reason to stop cancels the run and keeps what was measured, a second leaves.
///
/// # Errors
/// When it cannot be planned, started or followed. A run that fails is no error; its ending says so.
pub async fn run(
    system: &LocalSystem,
    order: &Order,
    mut stops: Stops,
    observe: &mut dyn FnMut(&Event<'_>),
) -> Result<Ran, Failure> {
    let plan = LoadPlan::new(&order.scenario).map_err(|problems| Failure::invalid("scenario", problems))?;
    let ticks = system.live().ticks();
    let plane = system.plane();
    let (record, _) = plane.create_scenario(&order.scenario, &Draft::default()).await.map_err(refused)?;
    let run = plane.start_run(&record.test_id).await.map_err(refused)?;
    let key = run.key();
    let (test_id, run_id) = (key.test_id.to_string(), key.run_id.to_string());
    let page = system.page_of(&test_id, &run_id);
    let accepted = Accepted { test_id: &test_id, run_id: &run_id, plan: &plan, page: &page, commands: None };
    observe(&Event::Accepted(accepted));
    let follower = Follower { plane, clauses: &order.clauses, workers: run.workers(), run: &key };
    let ending = follower.to_the_end(ticks, &mut stops, observe).await.map_err(refused)?;
    let summary = match plane.summary(&key).await {
        Ok(summary) => Some(Summary { aborted_by: ending.aborted_by.clone(), ..summary }),
        Err(ControlError::NoResults(..)) => None,
        Err(error) => return Err(refused(error)),
    };
    Ok(Ran { test_id, run_id, ending, summary })
}

fn refused(error: ControlError) -> Failure {
    match error {
        ControlError::Invalid(problems) => Failure::invalid("scenario", problems),
        error => Failure::from_error(Exit::Internal, "failed to run the scenario", &error),
    }
}

/// Whoever watches one run.
struct Follower<'a> {
    plane: &'a ControlPlane,
    clauses: &'a [Clause],
    workers: u32,
    run: &'a RunKey,
}

impl Follower<'_> {
    /// Follows to the end, and answers how it came to it.
    async fn to_the_end(
        &self,
        mut ticks: broadcast::Receiver<Arc<Tick>>,
        stops: &mut Stops,
        observe: &mut dyn FnMut(&Event<'_>),
    ) -> Result<Ending, ControlError> {
        let mut look = time::interval(LOOK_EVERY);
        let mut seconds = Seconds::default();
        let (mut stopped, mut aborted_by) = (None, None);
        let mut status = None;
        loop {
            tokio::select! {
                stop = stops.next() => {
                    if stopped.is_some() && stop == Stop::Interrupted {
                        let left = Some("we left before the run had ended".to_owned());
                        let run = self.plane.run(self.run).await?;
                        return Ok(Ending { stopped: Some(stop), aborted_by, unknown: left, ..Ending::of_record(run) });
                    }
                    stopped.get_or_insert(stop);
                    observe(&Event::Stopping(stop));
                    self.stop().await?;
                }
                tick = ticks.recv() => match tick {
                    Ok(tick) if tick.run_id == self.run.run_id => {
                        seconds.add(&tick);
                        while let Some(number) = seconds.next(self.workers) {
                            observe(&Event::Second { number, seconds: seconds.complete() });
                        }
                        let undisturbed = stopped.is_none() && aborted_by.is_none();
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
                    let run = self.plane.run(self.run).await?;
                    if status.replace(run.status) != Some(run.status) {
                        observe(&Event::Status(run.status.as_str()));
                    }
                    if run.status.is_end() {
                        while let Some(number) = seconds.rest() {
                            observe(&Event::Second { number, seconds: seconds.complete() });
                        }
                        return Ok(Ending { stopped, aborted_by, ..Ending::of_record(run) });
                    }
                }
            }
        }
    }

    async fn stop(&self) -> Result<(), ControlError> {
        match self.plane.cancel_run(self.run).await {
            // It ended in the meantime.
            Ok(_) | Err(ControlError::NotActive(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
