//! A worker's life: read the assignment, say ready, wait for the start, make the load, report.

use std::{
    future::Future,
    io::Write,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use dlt_model::{
    assignment::{Assignment, Ready, Start, keys},
    report::Ending,
};
use rand::Rng;
use tokio::{sync::watch, time::sleep};

use crate::{
    Settings, WorkerError,
    clock::{Instant, RunClock, epoch_ms},
    engine,
    facts::Facts,
    folder::Folder,
    plan::Plan,
    report::{Chronicle, Names, WrittenReport},
    secrets::Secrets,
    ticks::Ticks,
    transport::{Roots, chance},
};

/// How often the start instant is looked for.
const START_POLL: Duration = Duration::from_millis(200);
/// By how much each look is earlier or later, so that many workers do not ask at once.
const START_POLL_JITTER: Duration = Duration::from_millis(50);
/// How far in the future a start instant may lie.
const MAX_START_AHEAD: Duration = Duration::from_secs(600);
/// How far in the past; who is later has missed the run.
const MAX_START_BEHIND: Duration = Duration::from_secs(3_600);

/// How a worker's life went. The rest is in its report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Why it ended.
    pub ending: Ending,
    /// How many samples it took.
    pub samples: u64,
    /// How many ticks were lost because nobody read them.
    pub lost_ticks: u64,
}

/// Does this worker's part of a run. When `stop` is ready no iteration begins any more; what has begun may end within the
/// assignment's bound, and the report is written. Ticks go to `out`, a line each.
///
/// # Errors
/// Returns an error when the assignment cannot be read or run, when the report cannot be written, and when the engine fails.
pub async fn run(
    settings: Settings,
    stop: impl Future<Output = ()>,
    out: impl Write + Send + 'static,
) -> Result<Outcome, WorkerError> {
    let mut stop = pin!(stop);
    let folder = Folder::open(&settings.folder)?;
    let assignment: Assignment = folder.read(&keys::assignment(settings.worker)).await?;
    settings.check(&assignment)?;
    let secrets = Secrets::resolve(&assignment.program, &settings.home_region()).await?;
    let plan = Arc::new(Plan::new(&assignment, settings.workers, &secrets)?);
    let facts = Facts::gather();
    // Both take a while, and nobody may be late for the start.
    let roots = Roots::load();
    if chance::is_needed(&assignment.program) {
        chance::gather();
    }
    let ready = Ready { worker: assignment.worker, at_ms: epoch_ms(), facts: facts.to_map() };
    folder.write(&keys::ready(assignment.worker), &ready).await?;
    let (report, lost_ticks) = match wait_for_start(&folder, &assignment, stop.as_mut()).await? {
        Barrier::Open(clock) => {
            let chronicle = Chronicle::new(&assignment, clock, facts, Ticks::to(out)?);
            make_load(plan, clock, roots, chronicle, stop).await?
        }
        Barrier::Shut(ending) => (WrittenReport::of_nothing(&assignment, ending, epoch_ms()), 0),
    };
    folder.write(&keys::report(assignment.worker), &report).await?;
    Ok(Outcome { ending: report.ending, samples: report.samples(), lost_ticks })
}

/// Whether the load may begin.
enum Barrier {
    Open(RunClock),
    Shut(Ending),
}

async fn wait_for_start(
    folder: &Folder,
    assignment: &Assignment,
    stop: Pin<&mut impl Future<Output = ()>>,
) -> Result<Barrier, WorkerError> {
    let deadline = Duration::from_millis(assignment.start_deadline_ms);
    tokio::select! {
        biased;
        () = stop => Ok(Barrier::Shut(Ending::Stopped)),
        start = poll_start(folder) => Ok(Barrier::Open(clock_of(start?)?)),
        () = sleep(deadline) => Ok(Barrier::Shut(Ending::NeverStarted)),
    }
}

async fn poll_start(folder: &Folder) -> Result<Start, WorkerError> {
    loop {
        if let Some(start) = folder.read_if_there(keys::START).await? {
            return Ok(start);
        }
        let jitter = rand::rng().random_range(Duration::ZERO..=2 * START_POLL_JITTER);
        sleep(START_POLL - START_POLL_JITTER + jitter).await;
    }
}

fn clock_of(start: Start) -> Result<RunClock, WorkerError> {
    let now_ms = epoch_ms();
    let ahead = Duration::from_millis(start.start_at_ms.saturating_sub(now_ms));
    if ahead > MAX_START_AHEAD {
        let problem = format!("it is {} s ahead of this machine's clock", ahead.as_secs());
        return Err(WorkerError::Start(problem));
    }
    let behind = Duration::from_millis(now_ms.saturating_sub(start.start_at_ms));
    if behind > MAX_START_BEHIND {
        let problem = format!("it is {} s behind this machine's clock", behind.as_secs());
        return Err(WorkerError::Start(problem));
    }
    Ok(RunClock::new(start.start_at_ms, now_ms, Instant::now()))
}

async fn make_load(
    plan: Arc<Plan>,
    clock: RunClock,
    roots: Roots,
    mut chronicle: Chronicle<'_>,
    mut stop: Pin<&mut impl Future<Output = ()>>,
) -> Result<(WrittenReport, u64), WorkerError> {
    let (tell_stop, stopped) = watch::channel(false);
    let cores = chronicle.cores();
    let totals = {
        let mut load =
            pin!(engine::run(Arc::clone(&plan), clock, cores, roots, stopped, |second| chronicle.observe(second)));
        tokio::select! {
            totals = &mut load => totals?,
            () = stop.as_mut() => {
                tell_stop.send_replace(true);
                load.await?
            }
        }
    };
    let ending = if *tell_stop.borrow() { Ending::Stopped } else { Ending::Finished };
    let tables = &plan.scripts.names;
    let names = Names {
        labels: tables.labels.all(),
        checks: tables.checks.all(),
        metrics: tables.metrics.all(),
        transactions: tables.transactions.all(),
        feeds: plan.scripts.feeds.iter().map(|feed| feed.name.clone()).collect(),
    };
    Ok(chronicle.finish(totals, &names, ending))
}
