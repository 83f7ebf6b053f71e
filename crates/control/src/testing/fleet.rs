//! A fleet of pretended workers: each does what the test tells it, and leaves the files that a real one leaves.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use dlt_model::{
    assignment::{Ready, keys},
    buckets::Buckets,
    histogram::Histogram,
    id::Region,
    report::{Ending, Iterations, Measurements, Report, Second},
};
use object_store::{ObjectStore, ObjectStoreExt, path::Path};

use crate::ports::{Fleet, FleetError, Launch, Phase, RunKey, Sighting};

/// Pretended workers and everything that happened to them.
#[derive(Debug)]
pub struct FakeFleet {
    blobs: Arc<dyn ObjectStore>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    workers: BTreeMap<(RunKey, u32), Worker>,
    trouble: Option<FleetError>,
    stops: u32,
    interrupted: bool,
}

#[derive(Clone, Debug)]
struct Worker {
    region: Region,
    phase: Phase,
    starts: u32,
    forgotten: bool,
}

impl FakeFleet {
    /// A fleet whose workers leave their files there.
    pub fn new(blobs: Arc<dyn ObjectStore>) -> Self {
        Self { blobs, state: Mutex::default() }
    }

    /// The next call fails like this.
    pub fn fail_next(&self, error: FleetError) {
        self.state().trouble = Some(error);
    }

    /// How often each worker of a run was really started.
    pub fn starts(&self, run: &RunKey) -> Vec<u32> {
        let state = self.state();
        state.workers.iter().filter(|((of, _), _)| of == run).map(|(_, worker)| worker.starts).collect()
    }

    /// How often the fleet was asked to stop.
    pub fn stops(&self) -> u32 {
        self.state().stops
    }

    /// Whether a worker was asked to stop before it had ended.
    pub fn any_interrupted(&self) -> bool {
        self.state().interrupted
    }

    /// A worker comes up and says that it is ready, unless it is not there.
    pub async fn make_ready(&self, run: &RunKey, worker: u32) {
        if self.move_to(run, worker, Phase::Running) {
            let ready = Ready { worker, at_ms: 1, facts: BTreeMap::new() };
            self.leave(run, &keys::ready(worker), &ready).await;
        }
    }

    /// A worker ends and leaves its report of `samples` samples, unless it is not there.
    pub async fn finish(&self, run: &RunKey, worker: u32, samples: u64, ending: Ending) {
        let Some(region) = self.alive(run, worker) else { return };
        self.leave(run, &keys::report(worker), &report(run, worker, region, samples, ending)).await;
        self.move_to(run, worker, Phase::Stopped { exit_code: Some(0), reason: "exited".to_owned() });
    }

    /// A worker dies and leaves nothing.
    pub fn kill(&self, run: &RunKey, worker: u32) {
        self.move_to(run, worker, Phase::Stopped { exit_code: Some(137), reason: "killed".to_owned() });
    }

    /// The fleet knows a worker no more.
    pub fn forget(&self, run: &RunKey, worker: u32) {
        self.kill(run, worker);
        if let Some(known) = self.state().workers.get_mut(&(run.clone(), worker)) {
            known.forgotten = true;
        }
    }

    /// Whether any worker of a run is still there.
    pub fn any_alive(&self, run: &RunKey) -> bool {
        let state = self.state();
        state.workers.iter().any(|((of, _), worker)| of == run && !matches!(worker.phase, Phase::Stopped { .. }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn alive(&self, run: &RunKey, worker: u32) -> Option<Region> {
        let state = self.state();
        let known = state.workers.get(&(run.clone(), worker))?;
        (!matches!(known.phase, Phase::Stopped { .. })).then(|| known.region.clone())
    }

    fn move_to(&self, run: &RunKey, worker: u32, phase: Phase) -> bool {
        let mut state = self.state();
        let known = state.workers.get_mut(&(run.clone(), worker));
        let Some(known) = known.filter(|known| !matches!(known.phase, Phase::Stopped { .. })) else { return false };
        known.phase = phase;
        true
    }

    async fn leave<T: serde::Serialize>(&self, run: &RunKey, key: &str, value: &T) {
        let path = Path::from(format!("{}/{key}", keys::run(&run.test_id, &run.run_id)));
        let bytes = serde_json::to_vec(value).expect("our own types are JSON");
        self.blobs.put(&path, bytes.into()).await.expect("the test's blobs work");
    }

    fn trouble(&self) -> Result<(), FleetError> {
        self.state().trouble.take().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl Fleet for FakeFleet {
    async fn launch(&self, launch: &Launch) -> Result<(), FleetError> {
        self.trouble()?;
        tokio::task::yield_now().await;
        let fresh = || Worker { region: launch.region.clone(), phase: Phase::Pending, starts: 1, forgotten: false };
        let mut state = self.state();
        let known = state.workers.entry((launch.run.clone(), launch.worker)).or_insert_with(fresh);
        // A fleet that has forgotten a worker has forgotten that it was launched, too.
        if known.forgotten {
            *known = Worker { starts: known.starts + 1, ..fresh() };
        }
        Ok(())
    }

    async fn census(&self, run: &RunKey, _: &[Region]) -> Result<Vec<Sighting>, FleetError> {
        self.trouble()?;
        tokio::task::yield_now().await;
        let state = self.state();
        let ours = state.workers.iter().filter(|((of, _), worker)| of == run && !worker.forgotten);
        let sighting = |((_, worker), known): (&(RunKey, u32), &Worker)| Sighting {
            worker: *worker,
            region: known.region.clone(),
            name: format!("worker-{worker}"),
            phase: known.phase.clone(),
        };
        Ok(ours.map(sighting).collect())
    }

    async fn stop(&self, run: &RunKey, _: &[Region], _: &str) -> Result<(), FleetError> {
        self.trouble()?;
        let alive = self.any_alive(run);
        let mut state = self.state();
        state.stops += 1;
        state.interrupted |= alive;
        Ok(())
    }
}

fn report(run: &RunKey, worker: u32, region: Region, samples: u64, ending: Ending) -> Report {
    let mut latency = Histogram::default();
    (0..samples).for_each(|sample| latency.record(10_000 + sample));
    let outcomes = [("200".to_owned(), samples)].into();
    let seen = Measurements { succeeded: samples, outcomes, latency: latency.clone(), ..Measurements::default() };
    Report {
        test_id: run.test_id.clone(),
        run_id: run.run_id.clone(),
        region,
        worker,
        started_at_ms: 1_000,
        ended_at_ms: 2_000,
        ending,
        max_virtual_users: samples.min(1),
        iterations: Iterations { completed: samples, ..Iterations::default() },
        labels: [("home".to_owned(), seen)].into(),
        seconds: vec![Second {
            virtual_users: samples.min(1),
            succeeded: samples,
            failed: 0,
            latency: Buckets::from(&latency),
        }],
        resolution_secs: 1,
        checks: BTreeMap::new(),
        metrics: BTreeMap::new(),
        transactions: BTreeMap::new(),
        exhausted_feeds: BTreeMap::new(),
        lateness: Histogram::default(),
        iteration_duration: Histogram::default(),
        degraded: Vec::new(),
    }
}
