//! The threads of the engine: one per core, started together, watched until the last is done.

use std::{
    io,
    sync::{Arc, mpsc as std_mpsc},
    thread::{self, JoinHandle},
};

use dlt_model::segment::Segment;
use tokio::sync::{mpsc, watch};

use super::{
    aggregate::{Aggregate, SecondSum, Totals},
    shard::{Delivery, Shard},
};
use crate::{WorkerError, clock::RunClock, pacer::Share, plan::Plan, processors, transport::Roots};

/// How many seconds may be on their way to the aggregate before threads wait for it.
const DELIVERIES_UNDER_WAY: usize = 64;

/// Makes the load that the plan says, on as many threads as there are cores, and tells each complete second to `observe`.
///
/// # Errors
/// Returns an error when a thread cannot be started or fails.
pub async fn run(
    plan: Arc<Plan>,
    clock: RunClock,
    cores: usize,
    roots: Roots,
    stop: watch::Receiver<bool>,
    mut observe: impl FnMut(SecondSum),
) -> Result<Totals, WorkerError> {
    let shards = number_of_shards(&plan, cores);
    let mut aggregate = Aggregate::new(shards);
    let (threads, mut deliveries) = start(&plan, clock, shards, &roots, &stop)?;
    while let Some(delivery) = deliveries.recv().await {
        aggregate.add(delivery);
        while let Some(second) = aggregate.next_complete() {
            observe(second);
        }
    }
    // Every sender is gone, so every thread is at its end.
    for thread in threads {
        let ended = thread.join().map_err(|_| WorkerError::Engine("a thread panicked; see above".to_owned()))?;
        ended.map_err(|error| WorkerError::Engine(format!("a thread cannot begin: {error}")))?;
    }
    Ok(aggregate.into_totals())
}

/// Not more threads than the largest execution has users.
fn number_of_shards(plan: &Plan, cores: usize) -> usize {
    let users = plan.executions.iter().map(|execution| plan.segment.share_of(execution.pacing.users()));
    cores.min(usize::try_from(users.max().unwrap_or(0)).unwrap_or(usize::MAX)).max(1)
}

fn number_of(thread: usize) -> u32 {
    u32::try_from(thread).expect("fewer threads than that")
}

type Thread = JoinHandle<io::Result<()>>;

fn start(
    plan: &Arc<Plan>,
    clock: RunClock,
    shards: usize,
    roots: &Roots,
    stop: &watch::Receiver<bool>,
) -> Result<(Vec<Thread>, mpsc::Receiver<Delivery>), WorkerError> {
    let (seconds, deliveries) = mpsc::channel(DELIVERIES_UNDER_WAY);
    // Who has to be punctual goes wherever a processor is free.
    let is_closed = plan.executions.iter().all(|execution| execution.pacing.is_closed());
    let homes = if is_closed { processors::homes(shards) } else { None };
    let threads: Result<_, _> = (0..shards)
        .map(|number| {
            let shard = Shard {
                number,
                home: homes.as_ref().map(|homes| homes[number]),
                share: Share::new(plan.segment, Segment { index: number_of(number), count: number_of(shards) }),
                rows: plan.rows.part(number_of(number), number_of(shards)),
                plan: Arc::clone(plan),
                clock,
                roots: roots.clone(),
                stop: stop.clone(),
                seconds: seconds.clone(),
                spares: std_mpsc::channel(),
            };
            thread::Builder::new()
                .name(format!("load-{number}"))
                .spawn(move || shard.run())
                .map_err(|error| WorkerError::Engine(format!("cannot start a thread: {error}")))
        })
        .collect();
    Ok((threads?, deliveries))
}
