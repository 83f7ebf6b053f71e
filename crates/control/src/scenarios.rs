//! Scenarios: create, change, list, delete.

use dlt_model::{
    id::TestId,
    problem::{Problem, Problems},
    scenario::Scenario,
};

use crate::{
    blobs,
    error::ControlError,
    plane::ControlPlane,
    ports::{Expect, StoreError},
    record::{Claim, RunRecord, ScenarioRecord},
    records::{self, SCENARIOS},
};

/// How long a claim without a run is respected, in milliseconds: whoever made it was stopped in between.
pub const CLAIM_PATIENCE_MS: u64 = 60_000;

/// A scenario on its way into the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The id to create or change; `None` makes one.
    pub test_id: Option<TestId>,
    /// The caller's key: the same request with the same key has an effect once.
    pub idempotency_key: Option<String>,
}

impl ControlPlane {
    /// Stores a scenario under a new id, or over the one that `draft` names. A running one cannot be changed.
    ///
    /// The flag is true if a request with the same idempotency key wrote it before; then nothing was written.
    ///
    /// # Errors
    /// When its regions are not ours, it is running, or the store fails.
    pub async fn create_scenario(
        &self,
        scenario: &Scenario,
        draft: &Draft,
    ) -> Result<(ScenarioRecord, bool), ControlError> {
        self.check_regions(scenario)?;
        let test_id = draft.test_id.clone().unwrap_or_else(|| new_id(draft.idempotency_key.as_deref()));
        for _ in 0..3 {
            let Some((found, version)) = self.records.get::<ScenarioRecord>(&records::scenario_key(&test_id)).await?
            else {
                match self.write_scenario(fresh(test_id.clone(), self.now_ms()), Expect::Absent, scenario, draft).await
                {
                    Err(ControlError::Store(StoreError::Conflict)) => continue,
                    written => return Ok((written?, false)),
                }
            };
            if draft.idempotency_key.is_some() && found.idempotency_key == draft.idempotency_key {
                return Ok((found, true));
            }
            if found.deleting {
                self.delete_scenario(&test_id).await?;
                continue;
            }
            self.refuse_while_running(&found).await?;
            match self.write_scenario(found, Expect::Version(version), scenario, draft).await {
                Err(ControlError::Store(StoreError::Conflict)) => {}
                written => return Ok((written?, false)),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// A scenario's record.
    ///
    /// # Errors
    /// When there is no such scenario.
    pub async fn scenario(&self, test: &TestId) -> Result<ScenarioRecord, ControlError> {
        let found = self.records.get::<ScenarioRecord>(&records::scenario_key(test)).await?;
        let shown = found.map(|(record, _)| record).filter(|record| !record.deleting);
        shown.ok_or_else(|| ControlError::TestNotFound(test.clone()))
    }

    /// What a record's body says: the load itself.
    ///
    /// # Errors
    /// When it is gone or is no scenario.
    pub async fn body(&self, test: &TestId, digest: &crate::record::BodyDigest) -> Result<Scenario, ControlError> {
        let path = blobs::body_path(test, digest);
        let found = blobs::read(&self.ports.blobs, &path).await?;
        found.ok_or_else(|| ControlError::Corrupt(format!("{path} is gone")))
    }

    /// Every scenario.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn all_scenarios(&self) -> Result<Vec<ScenarioRecord>, ControlError> {
        let mut all = self.records.all::<ScenarioRecord>(SCENARIOS).await?;
        all.retain(|record| !record.deleting);
        Ok(all)
    }

    /// Removes a scenario, its runs and everything they left. Interrupted, it can be called again.
    ///
    /// # Errors
    /// When there is no such scenario, it is running, or the store fails.
    pub async fn delete_scenario(&self, test: &TestId) -> Result<(), ControlError> {
        let key = records::scenario_key(test);
        let not_found = || ControlError::TestNotFound(test.clone());
        let (record, version) = self.records.get::<ScenarioRecord>(&key).await?.ok_or_else(not_found)?;
        self.refuse_while_running(&record).await?;
        // From here on it cannot be started: starting needs the version that this write replaces.
        let mark = ScenarioRecord { deleting: true, active: None, ..record.clone() };
        let version = match record == mark {
            true => version,
            false => self.records.put(&mark, Expect::Version(version)).await?,
        };
        self.forget_schedule(test).await?;
        self.delete_all_runs(test).await?;
        blobs::remove_folder(&self.ports.blobs, &blobs::folder_of(test)).await?;
        self.records.delete(&key, version).await?;
        Ok(())
    }

    /// The run that holds a scenario's claim and has not ended; stale claims count as none.
    pub(crate) async fn holder(&self, record: &ScenarioRecord) -> Result<Option<Claim>, ControlError> {
        let Some(claim) = &record.active else { return Ok(None) };
        let run = self.records.get::<RunRecord>(&records::run_key(&record.test_id, &claim.run_id)).await?;
        let holds = match run {
            Some((run, _)) => !run.status.is_end(),
            None => self.now_ms() < claim.at_ms + CLAIM_PATIENCE_MS,
        };
        Ok(holds.then(|| claim.clone()))
    }

    pub(crate) async fn refuse_while_running(&self, record: &ScenarioRecord) -> Result<(), ControlError> {
        match self.holder(record).await? {
            Some(_) => Err(ControlError::Running(record.test_id.clone())),
            None => Ok(()),
        }
    }

    async fn write_scenario(
        &self,
        before: ScenarioRecord,
        expect: Expect,
        scenario: &Scenario,
        draft: &Draft,
    ) -> Result<ScenarioRecord, ControlError> {
        let bytes = serde_json::to_vec(scenario).map_err(|error| ControlError::Corrupt(error.to_string()))?;
        let body = blobs::digest(&bytes);
        blobs::write(&self.ports.blobs, &blobs::body_path(&before.test_id, &body), scenario).await?;
        let record = ScenarioRecord {
            name: scenario.name.clone(),
            description: bounded(&scenario.description),
            test_type: "simple".to_owned(),
            tags: scenario.tags.clone(),
            show_live: scenario.show_live,
            body,
            idempotency_key: draft.idempotency_key.clone(),
            deleting: false,
            ..before
        };
        self.records.put(&record, expect).await?;
        Ok(record)
    }

    /// Refuses regions where no worker can run, all at once.
    fn check_regions(&self, scenario: &Scenario) -> Result<(), ControlError> {
        let known = &self.environment.regions;
        if self.environment.any_region {
            return Ok(());
        }
        let names: Vec<&str> = known.iter().map(|region| region.as_str()).collect();
        let strangers = scenario.fleet.iter().enumerate().filter(|(_, load)| !known.contains(&load.region));
        let problems = strangers.map(|(index, load)| {
            let message = format!("no worker can run in `{}`", load.region);
            Problem::of(format!("testTaskConfigs[{index}].region"), message)
                .hint(format!("this environment has {}", names.join(", ")))
        });
        Problems::unless_empty(problems.collect(), ()).map_err(ControlError::Invalid)
    }
}

/// The same id for the same key, so that a repeated request finds what the first one made.
fn new_id(idempotency_key: Option<&str>) -> TestId {
    match idempotency_key {
        None => TestId::generate(&mut rand::rng()),
        Some(key) => blobs::digest(key.as_bytes()).0[..20].parse().expect("hexadecimal digits are an id"),
    }
}

fn fresh(test_id: TestId, now_ms: u64) -> ScenarioRecord {
    ScenarioRecord {
        test_id,
        name: String::new(),
        description: String::new(),
        test_type: String::new(),
        tags: Vec::new(),
        show_live: false,
        body: crate::record::BodyDigest(String::new()),
        created_at_ms: now_ms,
        active: None,
        latest: None,
        total_runs: 0,
        idempotency_key: None,
        deleting: false,
    }
}

/// Enough of a description for a list; the whole is in the body.
fn bounded(description: &str) -> String {
    const MAX_CHARS: usize = 4_000;
    description.chars().take(MAX_CHARS).collect()
}
