//! Runs: start, list, cancel, delete, and what they measured.

use dlt_model::{
    assignment::keys,
    id::{RunId, TestId},
    plan::LoadPlan,
    summary::Summary,
};

use crate::{
    blobs,
    error::ControlError,
    plane::ControlPlane,
    ports::{Expect, Order, RunKey, StoreError},
    record::{Claim, Group, Latest, RunRecord, ScenarioRecord},
    records::{self, Listing, PAGE},
    state,
    status::Status,
};

impl ControlPlane {
    /// Starts a run: claims the scenario, records the run, and has it driven.
    ///
    /// # Errors
    /// When there is no such scenario, it is running, its stored body cannot be run, or the store fails.
    pub async fn start_run(&self, test: &TestId) -> Result<RunRecord, ControlError> {
        let scenario = self.scenario(test).await?;
        let run = self.planned(&scenario).await?;
        self.claim(&scenario, &run).await?;
        self.records.put(&run, Expect::Absent).await?;
        self.ports.driver.drive(&run.key()).await?;
        Ok(run)
    }

    /// A run's record.
    ///
    /// # Errors
    /// When there is no such run.
    pub async fn run(&self, key: &RunKey) -> Result<RunRecord, ControlError> {
        let found = self.records.get::<RunRecord>(&key.into()).await?;
        let not_found = || ControlError::RunNotFound(key.test_id.clone(), key.run_id.clone());
        found.map(|(run, _)| run).ok_or_else(not_found)
    }

    /// Some runs of a scenario, newest first, older than `after`.
    ///
    /// # Errors
    /// When there is no such scenario, or the store fails.
    pub async fn runs(
        &self,
        test: &TestId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listing<RunRecord>, ControlError> {
        self.scenario(test).await?;
        self.records.list(&records::runs_of(test), Order::Descending, after, limit).await
    }

    /// Asks for the end of a scenario's active run. What was measured until then is kept.
    ///
    /// # Errors
    /// When there is no such scenario, or it is not running.
    pub async fn cancel(&self, test: &TestId) -> Result<RunRecord, ControlError> {
        let scenario = self.scenario(test).await?;
        let claim = self.holder(&scenario).await?.ok_or_else(|| ControlError::NotActive(test.clone()))?;
        self.cancel_run(&RunKey { test_id: test.clone(), run_id: claim.run_id }).await
    }

    /// Asks for the end of a run. Asked twice, it is asked once.
    ///
    /// # Errors
    /// When there is no such run, or it has ended or is about to.
    pub async fn cancel_run(&self, key: &RunKey) -> Result<RunRecord, ControlError> {
        let not_active = || ControlError::NotActive(key.test_id.clone());
        let cancel = |run: &mut RunRecord| {
            if !run.status.may_become(Status::Cancelling) {
                return Err(not_active());
            }
            state::forward(run, Status::Cancelling);
            Ok(())
        };
        let changed = self.records.change(&key.into(), cancel).await?;
        let not_found = || ControlError::RunNotFound(key.test_id.clone(), key.run_id.clone());
        let (run, ()) = changed.ok_or_else(not_found)?;
        self.note_latest(&run).await?;
        self.ports.driver.drive(key).await?;
        Ok(run)
    }

    /// What a run measured, merged from its workers' reports.
    ///
    /// # Errors
    /// When there is no such run, or it has no results.
    pub async fn summary(&self, key: &RunKey) -> Result<Summary, ControlError> {
        self.run(key).await?;
        let found = blobs::read(&self.ports.blobs, &Self::blob(key, keys::SUMMARY)).await?;
        found.ok_or_else(|| ControlError::NoResults(key.test_id.clone(), key.run_id.clone()))
    }

    /// Removes runs that have ended, and answers how many there were. An unknown one is no error.
    ///
    /// # Errors
    /// When one of them is active; then none is removed.
    pub async fn delete_runs(&self, test: &TestId, runs: &[RunId]) -> Result<u64, ControlError> {
        self.scenario(test).await?;
        let mut found = Vec::new();
        for run_id in runs {
            if let Some((run, version)) = self.records.get::<RunRecord>(&records::run_key(test, run_id)).await? {
                found.push((run, version));
            }
        }
        if found.iter().any(|(run, _)| !run.status.is_end()) {
            return Err(ControlError::Running(test.clone()));
        }
        let mut deleted = 0;
        for (run, version) in found {
            deleted += u64::from(self.delete_run(&run, version).await?);
        }
        let forget = |record: &mut ScenarioRecord| record.total_runs = record.total_runs.saturating_sub(deleted);
        self.records.update(&records::scenario_key(test), forget).await?;
        Ok(deleted)
    }

    /// Has every active run driven again, after whoever drove them is gone, and answers which they are.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn recover(&self) -> Result<Vec<RunKey>, ControlError> {
        let mut active = Vec::new();
        for scenario in self.all_scenarios().await? {
            let Some(claim) = &scenario.active else { continue };
            let key = RunKey { test_id: scenario.test_id.clone(), run_id: claim.run_id.clone() };
            self.ports.driver.drive(&key).await?;
            active.push(key);
        }
        Ok(active)
    }

    pub(crate) async fn delete_all_runs(&self, test: &TestId) -> Result<(), ControlError> {
        loop {
            let collection = records::runs_of(test);
            let page = self.records.list::<RunRecord>(&collection, Order::Ascending, None, PAGE).await?;
            if page.items.is_empty() && page.next.is_none() {
                return Ok(());
            }
            for run in page.items {
                if let Some((run, version)) = self.records.get::<RunRecord>(&(&run.key()).into()).await? {
                    self.delete_run(&run, version).await?;
                }
            }
        }
    }

    /// Keeps the list's view of the scenario's last run in step, and gives the claim back at the end.
    pub(crate) async fn note_latest(&self, run: &RunRecord) -> Result<(), ControlError> {
        let note = |record: &mut ScenarioRecord| {
            if run.status.is_end() && record.active.as_ref().is_some_and(|claim| claim.run_id == run.run_id) {
                record.active = None;
            }
            let latest = record.latest.as_mut().filter(|latest| latest.run_id == run.run_id);
            if let Some(latest) = latest.filter(|latest| latest.status.may_become(run.status)) {
                latest.status = run.status;
                latest.ended_at_ms = run.ended_at_ms;
            }
        };
        self.records.update(&records::scenario_key(&run.test_id), note).await?;
        Ok(())
    }

    /// Gives back the claim of a run that was never recorded.
    pub(crate) async fn release(&self, key: &RunKey) -> Result<(), ControlError> {
        let release = |record: &mut ScenarioRecord| {
            record.active = record.active.take().filter(|claim| claim.run_id != key.run_id);
        };
        self.records.update(&records::scenario_key(&key.test_id), release).await?;
        Ok(())
    }

    async fn delete_run(&self, run: &RunRecord, version: u64) -> Result<bool, ControlError> {
        let folder = object_store::path::Path::from(keys::run(&run.test_id, &run.run_id));
        blobs::remove_folder(&self.ports.blobs, &folder).await?;
        match self.records.delete(&records::run_key(&run.test_id, &run.run_id), version).await {
            Ok(()) => Ok(true),
            // Somebody else removed it meanwhile.
            Err(StoreError::Conflict) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The record of a run that has not begun.
    async fn planned(&self, scenario: &ScenarioRecord) -> Result<RunRecord, ControlError> {
        let body = self.body(&scenario.test_id, &scenario.body).await?;
        let plan = LoadPlan::new(&body).map_err(ControlError::Invalid)?;
        let now_ms = self.now_ms();
        let group = |group: &dlt_model::plan::Group| Group {
            region: group.region.clone(),
            workers: group.workers,
            virtual_users: group.virtual_users,
        };
        Ok(RunRecord {
            test_id: scenario.test_id.clone(),
            run_id: RunId::generate(now_ms, &mut rand::rng()),
            status: Status::Queued,
            name: scenario.name.clone(),
            description: scenario.description.clone(),
            test_type: scenario.test_type.clone(),
            body: scenario.body.clone(),
            groups: plan.groups.iter().map(group).collect(),
            duration_ms: plan.estimate().duration.as_millis(),
            graceful_stop_ms: body.graceful_stop().as_millis(),
            pace: self.environment.pace,
            created_at_ms: now_ms,
            provisioning_at_ms: None,
            start_at_ms: None,
            start_written: false,
            ended_at_ms: None,
            launched: Default::default(),
            launched_at_ms: None,
            launch_trouble: None,
            lost: Default::default(),
            reasons: Vec::new(),
            stop: None,
            partial: false,
            error_reason: None,
            complete_tasks: Default::default(),
            results: None,
        })
    }

    /// Makes a run the only one of its scenario, or fails because another one is. A stale claim is taken over.
    async fn claim(&self, scenario: &ScenarioRecord, run: &RunRecord) -> Result<(), ControlError> {
        let stale = match (&scenario.active, self.holder(scenario).await?) {
            (_, Some(_)) => return Err(ControlError::Running(scenario.test_id.clone())),
            (claim, None) => claim.clone(),
        };
        let claim = |record: &mut ScenarioRecord| {
            if record.deleting {
                return Err(ControlError::TestNotFound(record.test_id.clone()));
            }
            if record.active != stale {
                return Err(ControlError::Running(record.test_id.clone()));
            }
            record.active = Some(Claim { run_id: run.run_id.clone(), at_ms: run.created_at_ms });
            record.latest = Some(Latest {
                run_id: run.run_id.clone(),
                status: run.status,
                started_at_ms: run.created_at_ms,
                ended_at_ms: None,
            });
            record.total_runs += 1;
            Ok(())
        };
        let claimed = self.records.change(&records::scenario_key(&scenario.test_id), claim).await?;
        claimed.map(|_| ()).ok_or_else(|| ControlError::TestNotFound(scenario.test_id.clone()))
    }
}
