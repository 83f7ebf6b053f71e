//! A gate on this machine: a system of its own, from the scenario to its workers' merged reports.

use std::{sync::OnceLock, time::Duration};

use dlt_local::LocalSystem;
use dlt_model::{plan::LoadPlan, summary::Summary};
use tokio::sync::mpsc;

use super::{
    conclusion::Ending,
    event::Event,
    stop::{Stop, Stops},
};
use crate::{
    failure::Failure,
    run::{self, Order},
};

/// How much longer than its load a run on this machine may take.
pub const SETTLING: Duration = Duration::from_secs(120);

/// A run that is over.
#[derive(Debug)]
pub struct Ran {
    /// The scenario's id.
    pub test_id: String,
    /// The run's id.
    pub run_id: String,
    /// How it ended.
    pub ending: Ending,
    /// What was measured.
    pub summary: Option<Summary>,
}

/// How long a run may take unless somebody says otherwise.
pub fn deadline(plan: &LoadPlan, settling: Duration) -> Duration {
    let estimate = plan.estimate();
    let load_ms = estimate.duration.as_millis() + 2 * plan.scenario.graceful_stop().as_millis();
    Duration::from_millis(load_ms) + settling
}

/// Runs an order to its end. The first reason to stop cancels the run and keeps what was measured, a second leaves.
///
/// # Errors
/// When the scenario cannot be planned, started or followed.
pub async fn run(
    system: &LocalSystem,
    order: &Order,
    mut stops: Stops,
    observe: &mut dyn FnMut(&Event<'_>),
) -> Result<Ran, Failure> {
    let why = OnceLock::new();
    let (sender, mut interrupts) = mpsc::channel(1);
    let watch = async {
        loop {
            let stop = stops.next().await;
            why.get_or_init(|| stop);
            if sender.send(()).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut tell = |event: &run::Event<'_>| told(event, why.get(), observe);
    let outcome = tokio::select! {
        outcome = run::run(system, order, &mut interrupts, &mut tell) => outcome?,
        () = watch => unreachable!("it never ends by itself"),
    };
    let stopped = why.get().copied().filter(|_| outcome.interrupted);
    let ending = Ending {
        status: outcome.run.status.to_string(),
        error_reason: outcome.run.error_reason.clone(),
        stopped,
        aborted_by: outcome.summary.as_ref().and_then(|summary| summary.aborted_by.clone()),
        unknown: None,
    };
    let run = outcome.run;
    Ok(Ran { test_id: run.test_id.to_string(), run_id: run.run_id.to_string(), ending, summary: outcome.summary })
}

fn told(event: &run::Event<'_>, why: Option<&Stop>, observe: &mut dyn FnMut(&Event<'_>)) {
    match event {
        run::Event::Accepted { run, plan, page } => {
            let run_id = run.run_id.to_string();
            let planned_secs = plan.estimate().duration.as_millis().div_ceil(1_000);
            observe(&Event::Started { run_id: &run_id, what: described(plan), planned_secs, link: page });
            plan.warnings.iter().for_each(|warning| observe(&Event::Note(format!("warning: {warning}"))));
        }
        run::Event::Status(run) => observe(&Event::Status(run.status.as_str())),
        run::Event::Second { number, seconds, .. } => observe(&Event::Second { number: *number, seconds }),
        run::Event::Aborted(broken) => observe(&Event::Note(format!("stopping: `{}` is broken", broken.clause))),
        run::Event::Interrupted => observe(&Event::Note(stopping(why.copied()).to_owned())),
    }
}

/// What is run, and with how much load.
pub fn described(plan: &LoadPlan) -> String {
    let estimate = plan.estimate();
    let workers = if estimate.workers == 1 { "worker" } else { "workers" };
    format!(
        "`{}`, up to {} VUs on {} {workers} for {}",
        plan.scenario.name, estimate.virtual_users, estimate.workers, estimate.duration
    )
}

/// What is said when a run is ended before its time.
pub fn stopping(why: Option<Stop>) -> &'static str {
    match why {
        Some(Stop::DeadlinePassed) => "the deadline passed: cancelling the run; what was measured is kept",
        _ => "interrupted: cancelling the run; what was measured is kept (again: leave at once)",
    }
}
