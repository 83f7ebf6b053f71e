//! The life of a test run: which step comes next, given what we can see.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    census::Census,
    ports::Phase,
    record::{RunRecord, Stop},
    status::Status,
};

/// How many workers one step launches, so that a record is written between batches.
pub const LAUNCH_BATCH: usize = 100;
/// How long after asking the fleet to stop it is asked again, in milliseconds.
pub const ASK_AGAIN_MS: u64 = 15_000;

/// What to do next with a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Begin to launch workers.
    Provision,
    /// Launch these workers.
    Launch(Vec<u32>),
    /// Give these workers up, each for its reason.
    Lose(BTreeMap<u32, String>),
    /// Set the start instant, in milliseconds since 1970.
    Start(u64),
    /// Write the start instant where the workers look.
    Announce,
    /// Ask every worker to finish.
    Stop,
    /// Nothing more will come: read what the workers reported.
    Parse,
    /// Merge the reports and end as this, or as failed if there are none.
    Finish(Status),
    /// Look again after so many milliseconds.
    Wait(u64),
    /// It has ended.
    Done,
}

/// The table: what comes next.
pub fn next(run: &RunRecord, census: &Census, now_ms: u64) -> Step {
    match run.status {
        Status::Queued => Step::Provision,
        Status::Provisioning => while_provisioning(run, census, now_ms),
        Status::Running => while_running(run, census, now_ms),
        Status::Cancelling => while_cancelling(run, census, now_ms),
        Status::ParsingResults => Step::Finish(Status::Complete),
        Status::Complete | Status::Failed | Status::Cancelled => Step::Done,
    }
}

/// What the record says once a step was decided, before it is done. Only ever moves a run forwards.
pub fn apply(run: &mut RunRecord, step: &Step, now_ms: u64) {
    match step {
        Step::Provision => {
            forward(run, Status::Provisioning);
            run.provisioning_at_ms = Some(now_ms);
        }
        Step::Lose(losses) => run.lose(losses),
        Step::Start(at_ms) => {
            forward(run, Status::Running);
            run.start_at_ms = Some(*at_ms);
        }
        Step::Stop => {
            let since_ms = run.stop.map_or(now_ms, |stop| stop.since_ms);
            run.stop = Some(Stop { since_ms, asked_at_ms: now_ms });
        }
        Step::Parse => forward(run, Status::ParsingResults),
        Step::Launch(_) | Step::Announce | Step::Finish(_) | Step::Wait(_) | Step::Done => {}
    }
}

/// Moves a run to a later status; an earlier one is a fault of ours and changes nothing.
pub fn forward(run: &mut RunRecord, status: Status) {
    debug_assert!(run.status.may_become(status), "{} may not become {status}", run.status);
    if run.status.may_become(status) {
        run.status = status;
    }
}

fn while_provisioning(run: &RunRecord, census: &Census, now_ms: u64) -> Step {
    let began_ms = run.provisioning_at_ms.unwrap_or(run.created_at_ms);
    let overdue = now_ms >= began_ms + run.pace.provisioning_ms;
    let missing: Vec<u32> = expected(run).filter(|worker| !run.launched.contains(worker)).collect();
    let ended = losses(run, census, now_ms, |worker| census.has_reported(worker));
    let waiting: BTreeSet<u32> = expected(run).filter(|worker| !census.is_ready(*worker)).collect();

    if !ended.is_empty() {
        Step::Lose(ended)
    } else if !missing.is_empty() && !overdue {
        launch_or_wait(run, missing, now_ms)
    } else if !waiting.is_empty() && overdue {
        Step::Lose(late(run, &waiting))
    } else if !waiting.is_empty() {
        Step::Wait(run.pace.poll_ms)
    } else if expected(run).next().is_none() {
        Step::Parse
    } else {
        Step::Start(now_ms + run.pace.lead_ms)
    }
}

/// The next batch; after trouble only once per look, so that a throttled fleet is not asked without pause.
fn launch_or_wait(run: &RunRecord, missing: Vec<u32>, now_ms: u64) -> Step {
    let rested = run.launched_at_ms.is_none_or(|at_ms| now_ms >= at_ms + run.pace.poll_ms);
    if run.launch_trouble.is_some() && !rested {
        return Step::Wait(run.pace.poll_ms);
    }
    Step::Launch(missing.into_iter().take(LAUNCH_BATCH).collect())
}

fn while_running(run: &RunRecord, census: &Census, now_ms: u64) -> Step {
    let end_ms = run.start_at_ms.unwrap_or(now_ms) + run.duration_ms;
    let deadline_ms = end_ms + run.graceful_stop_ms + run.pace.margin_ms;
    let ended = losses(run, census, now_ms, |_| false);
    let unsettled: BTreeSet<u32> = expected(run).filter(|worker| !census.has_reported(*worker)).collect();

    if !run.start_written {
        Step::Announce
    } else if !ended.is_empty() {
        Step::Lose(ended)
    } else if unsettled.is_empty() {
        Step::Parse
    } else if now_ms >= deadline_ms {
        stop_or(run, now_ms, || Step::Lose(each(&unsettled, "did not report in time")))
    } else {
        Step::Wait(run.pace.watch_ms.min(end_ms.saturating_sub(now_ms)).max(run.pace.poll_ms))
    }
}

fn while_cancelling(run: &RunRecord, census: &Census, now_ms: u64) -> Step {
    let gone = losses(run, census, now_ms, |_| false);
    let launched = expected(run).filter(|worker| run.launched.contains(worker) && !gone.contains_key(worker));
    let unsettled: BTreeSet<u32> = launched.chain(census.alive()).filter(|one| !census.has_reported(*one)).collect();

    if run.stop.is_some() && unsettled.is_empty() {
        Step::Finish(Status::Cancelled)
    } else {
        stop_or(run, now_ms, || Step::Finish(Status::Cancelled))
    }
}

/// Asks for the end, then again from time to time, and after the workers' time is over does something else.
fn stop_or(run: &RunRecord, now_ms: u64, give_up: impl FnOnce() -> Step) -> Step {
    match run.stop {
        None => Step::Stop,
        Some(stop) if now_ms >= stop.since_ms + run.graceful_stop_ms + run.pace.margin_ms => give_up(),
        Some(stop) if now_ms >= stop.asked_at_ms + ASK_AGAIN_MS => Step::Stop,
        Some(_) => Step::Wait(run.pace.poll_ms),
    }
}

/// Workers that were not given up.
fn expected(run: &RunRecord) -> impl Iterator<Item = u32> {
    (0..run.workers()).filter(|worker| !run.lost.contains(worker))
}

/// Expected workers that have ended without a report, or that meanwhile `also` counts as ended.
fn losses(run: &RunRecord, census: &Census, now_ms: u64, also: impl Fn(u32) -> bool) -> BTreeMap<u32, String> {
    let settled = |worker: &u32| census.has_reported(*worker) && !also(*worker);
    let launched = expected(run).filter(|worker| run.launched.contains(worker));
    let unsettled = launched.filter(|worker| !settled(worker));
    unsettled.filter_map(|worker| Some((worker, loss(run, census, now_ms, worker)?))).collect()
}

fn loss(run: &RunRecord, census: &Census, now_ms: u64, worker: u32) -> Option<String> {
    let patient_until_ms = run.launched_at_ms.unwrap_or(now_ms) + run.pace.vanish_ms;
    match census.phase(worker) {
        _ if census.has_reported(worker) => Some("ended before the start".to_owned()),
        Some(Phase::Stopped { exit_code: Some(code), reason }) => Some(format!("ended with code {code}: {reason}")),
        Some(Phase::Stopped { exit_code: None, reason }) => Some(format!("ended: {reason}")),
        Some(Phase::Pending | Phase::Running) => None,
        None => (now_ms >= patient_until_ms).then(|| "vanished without a report".to_owned()),
    }
}

fn late(run: &RunRecord, waiting: &BTreeSet<u32>) -> BTreeMap<u32, String> {
    let seconds = run.pace.provisioning_ms / 1_000;
    let trouble = run.launch_trouble.as_deref().unwrap_or("the fleet gave no reason");
    let reason = |worker: &u32| match run.launched.contains(worker) {
        true => format!("was not ready within {seconds} s"),
        false => format!("could not be launched within {seconds} s: {trouble}"),
    };
    waiting.iter().map(|worker| (*worker, reason(worker))).collect()
}

fn each(workers: &BTreeSet<u32>, reason: &str) -> BTreeMap<u32, String> {
    workers.iter().map(|worker| (*worker, reason.to_owned())).collect()
}
