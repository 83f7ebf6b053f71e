//! The control plane itself: its ports, and where it stands.

use std::sync::Arc;

use dlt_model::{
    assignment::keys,
    id::{Region, TestId},
};
use object_store::{ObjectStore, path::Path};

use crate::{
    error::ControlError,
    pace::Pace,
    ports::{Clock, Driver, Fleet, Live, RunKey, Store, Subscription, Viewer},
    records::Records,
};

/// Everything the control plane asks of the world.
#[derive(Clone, Debug)]
pub struct Ports {
    /// Records.
    pub store: Arc<dyn Store>,
    /// Files: scenarios, assignments, reports, summaries.
    pub blobs: Arc<dyn ObjectStore>,
    /// Load generators.
    pub fleet: Arc<dyn Fleet>,
    /// Live data.
    pub live: Arc<dyn Live>,
    /// What calls [`ControlPlane::advance`] until a run has ended.
    pub driver: Arc<dyn Driver>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What the control plane must know about the place where it runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// The stack's name.
    pub stack: String,
    /// The version of the program.
    pub version: String,
    /// Where workers may run, the hub first; at least one.
    pub regions: Vec<Region>,
    /// Whether workers of any region's name run, as they do on one machine, where the name is but a label.
    pub any_region: bool,
    /// The URL of the root of `blobs` as workers reach it, without a slash at its end: `s3://bucket`, `file:///…`.
    pub blobs_url: String,
    /// Where people find the console, if there is one.
    pub console_url: Option<String>,
    /// How patient to be.
    pub pace: Pace,
    /// More facts for `GET /stack-info`, such as `account_id`; shown as they are.
    pub facts: serde_json::Map<String, serde_json::Value>,
}

/// What can be done with scenarios and runs. Cheap to clone; every clone is the same control plane.
#[derive(Clone, Debug)]
pub struct ControlPlane {
    pub(crate) ports: Ports,
    pub(crate) records: Records,
    pub(crate) environment: Arc<Environment>,
}

impl ControlPlane {
    /// A control plane over these ports.
    pub fn new(ports: Ports, environment: Environment) -> Self {
        let records = Records::new(Arc::clone(&ports.store));
        Self { ports, records, environment: Arc::new(environment) }
    }

    /// Where it runs.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// How a viewer may listen to a scenario's ticks.
    ///
    /// # Errors
    /// When there is no such scenario, or no live data.
    pub async fn subscription(&self, test: &TestId, viewer: Option<&Viewer>) -> Result<Subscription, ControlError> {
        self.scenario(test).await?;
        if !self.ports.live.is_on() {
            return Err(ControlError::LiveOff);
        }
        Ok(self.ports.live.subscription(test, viewer).await?)
    }

    /// The URL of a run's folder, as its workers are given it.
    pub fn folder_url(&self, run: &RunKey) -> String {
        format!("{}/{}", self.environment.blobs_url, keys::run(&run.test_id, &run.run_id))
    }

    /// Where a file of a run lies.
    pub(crate) fn blob(run: &RunKey, key: &str) -> Path {
        Path::from(format!("{}/{key}", keys::run(&run.test_id, &run.run_id)))
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.ports.clock.now_ms()
    }
}
