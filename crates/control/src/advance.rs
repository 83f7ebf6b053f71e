//! The reconciler: looks at a run, decides, writes what it is going to do, and does it.

use dlt_model::{
    assignment::{Start, keys},
    id::Region,
    plan::LoadPlan,
};
use futures::StreamExt;
use object_store::path::Path;

use crate::{
    blobs,
    census::Census,
    error::ControlError,
    plane::ControlPlane,
    ports::{Expect, FleetError, Launch, RunKey, StoreError},
    record::RunRecord,
    state::{self, Step},
    status::Status,
};

/// How many steps one call takes before it answers, so that no call is endless.
const MAX_STEPS: usize = 24;
/// How many workers are launched at the same time.
const LAUNCHES_AT_ONCE: usize = 10;

/// When to call again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// After so many milliseconds.
    Wait(u64),
    /// Never: the run has ended.
    Done,
}

impl ControlPlane {
    /// Moves a run as far as it can be moved now. May be called twice, late, or by several callers at once.
    ///
    /// # Errors
    /// When a port fails. Nothing is lost; call again after a while.
    pub async fn advance(&self, key: &RunKey) -> Result<Next, ControlError> {
        for _ in 0..MAX_STEPS {
            let Some((mut run, version)) = self.records.get::<RunRecord>(&key.into()).await? else {
                return self.without_record(key).await;
            };
            let census = self.census(&run).await?;
            let now_ms = self.now_ms();
            let step = state::next(&run, &census, now_ms);
            match step {
                Step::Wait(ms) => return Ok(Next::Wait(ms)),
                Step::Done => return self.note_latest(&run).await.map(|()| Next::Done),
                _ => {}
            }
            let before = run.clone();
            state::apply(&mut run, &step, now_ms);
            if run != before {
                match self.records.put(&run, Expect::Version(version)).await {
                    // Somebody else moved it meanwhile: look again.
                    Err(StoreError::Conflict) => continue,
                    written => written?,
                };
                if run.status != before.status {
                    tracing::info!(test = %run.test_id, run = %run.run_id, status = %run.status, "the run moved");
                    self.note_latest(&run).await?;
                }
            }
            self.perform(&run, &step, &census).await?;
        }
        Ok(Next::Wait(self.environment.pace.poll_ms))
    }

    /// What is there to see. A fleet that cannot be asked long after all should be over counts as empty.
    async fn census(&self, run: &RunRecord) -> Result<Census, ControlError> {
        let mut census = Census::default();
        if run.status.is_end() || run.status == Status::Queued {
            return Ok(census);
        }
        // The fleet first: who has ended by then has written its report by the time the reports are listed.
        match self.ports.fleet.census(&run.key(), &run.regions()).await {
            Ok(sightings) => {
                for sighting in sightings {
                    census.workers.entry(sighting.worker).or_default().phase = Some(sighting.phase);
                }
            }
            Err(error) if self.now_ms() < run.last_deadline_ms() => return Err(error.into()),
            Err(error) => tracing::warn!(run = %run.run_id, %error, "the fleet cannot be asked; going by the reports"),
        }
        if run.status == Status::Provisioning {
            for worker in blobs::indices(&self.ports.blobs, &Self::blob(&run.key(), "ready")).await? {
                census.workers.entry(worker).or_default().ready = true;
            }
        }
        for worker in blobs::indices(&self.ports.blobs, &Self::blob(&run.key(), "reports")).await? {
            census.workers.entry(worker).or_default().reported = true;
        }
        census.workers.retain(|worker, _| *worker < run.workers());
        Ok(census)
    }

    async fn perform(&self, run: &RunRecord, step: &Step, census: &Census) -> Result<(), ControlError> {
        match step {
            Step::Launch(workers) => self.launch(run, workers).await,
            Step::Announce => self.announce(run).await,
            Step::Stop => self.stop(run, "the run was asked to end").await,
            Step::Finish(status) => self.finish(run, *status, census).await,
            Step::Provision | Step::Lose(_) | Step::Start(_) | Step::Parse | Step::Wait(_) | Step::Done => Ok(()),
        }
    }

    /// Writes assignments and launches their workers, then records which the fleet took.
    async fn launch(&self, run: &RunRecord, workers: &[u32]) -> Result<(), ControlError> {
        let launches = self.prepare(run, workers).await?;
        let attempts = launches.into_iter().map(|launch| async move {
            let outcome = self.ports.fleet.launch(&launch).await;
            (launch.worker, outcome)
        });
        let outcomes: Vec<_> = futures::stream::iter(attempts).buffer_unordered(LAUNCHES_AT_ONCE).collect().await;
        let now_ms = self.now_ms();
        let record = |run: &mut RunRecord| {
            run.launched_at_ms = Some(now_ms);
            run.launch_trouble = None;
            for (worker, outcome) in &outcomes {
                note_launch(run, *worker, outcome);
            }
        };
        let changed = self.records.update::<RunRecord>(&(&run.key()).into(), record).await?;
        // The run was cancelled or ended while its workers were being launched: they must not stay. Where another caller has
        // launched the same workers and started them, they are the run's.
        let wanted = |status| matches!(status, Status::Provisioning | Status::Running);
        if !changed.is_some_and(|now| wanted(now.status)) {
            self.stop(run, "the run ended while its workers were being launched").await?;
        }
        Ok(())
    }

    async fn prepare(&self, run: &RunRecord, workers: &[u32]) -> Result<Vec<Launch>, ControlError> {
        let body = self.body(&run.test_id, &run.body).await?;
        let plan = LoadPlan::new(&body).map_err(ControlError::Invalid)?;
        let patience_ms = run.pace.provisioning_ms + run.pace.lead_ms + run.pace.margin_ms;
        let wanted =
            plan.assignments(&run.test_id, &run.run_id).into_iter().filter(|one| workers.contains(&one.worker));
        let key = run.key();
        let writes = wanted.map(|mut assignment| {
            assignment.start_deadline_ms = patience_ms;
            let path = Self::blob(&key, &keys::assignment(assignment.worker));
            let launch = self.launch_of(run, assignment.worker, &assignment.region);
            async move { blobs::write(&self.ports.blobs, &path, &assignment).await.map(|()| launch) }
        });
        let writes: Vec<_> = writes.collect();
        let written: Vec<_> = futures::stream::iter(writes).buffered(LAUNCHES_AT_ONCE).collect().await;
        written.into_iter().collect()
    }

    fn launch_of(&self, run: &RunRecord, worker: u32, region: &Region) -> Launch {
        Launch {
            run: run.key(),
            region: region.clone(),
            worker,
            workers: run.workers(),
            folder: self.folder_url(&run.key()),
            size: None,
        }
    }

    /// Writes the start instant once; all callers read it from the record, so all write the same.
    async fn announce(&self, run: &RunRecord) -> Result<(), ControlError> {
        let Some(start_at_ms) = run.start_at_ms else { return Ok(()) };
        let path: Path = Self::blob(&run.key(), keys::START);
        blobs::write_once(&self.ports.blobs, &path, &Start { start_at_ms }).await?;
        self.records.update::<RunRecord>(&(&run.key()).into(), |run| run.start_written = true).await?;
        Ok(())
    }

    pub(crate) async fn stop(&self, run: &RunRecord, reason: &str) -> Result<(), ControlError> {
        Ok(self.ports.fleet.stop(&run.key(), &run.regions(), reason).await?)
    }

    /// A claim whose run was never recorded, or whose run was removed.
    async fn without_record(&self, key: &RunKey) -> Result<Next, ControlError> {
        match self.scenario(&key.test_id).await {
            Ok(scenario) if self.holder(&scenario).await?.is_some_and(|claim| claim.run_id == key.run_id) => {
                Ok(Next::Wait(self.environment.pace.poll_ms))
            }
            Ok(_) => self.release(key).await.map(|()| Next::Done),
            Err(ControlError::TestNotFound(_)) => Ok(Next::Done),
            Err(error) => Err(error),
        }
    }
}

fn note_launch(run: &mut RunRecord, worker: u32, outcome: &Result<(), FleetError>) {
    match outcome {
        Ok(()) => drop(run.launched.insert(worker)),
        Err(FleetError::Refused(reason)) => run.lose(&[(worker, format!("was refused: {reason}"))].into()),
        Err(FleetError::Unavailable(reason)) => run.launch_trouble = Some(reason.chars().take(300).collect()),
    }
}
