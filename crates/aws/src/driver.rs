//! Runs are driven by executions of a small state machine that calls the `advance` function.

use async_trait::async_trait;
use aws_sdk_sfn::Client;
use dlt_control::ports::{Driver, DriverError, RunKey};

use crate::{cloud::Cloud, fault::fault, names};

/// The state machine that drives runs.
#[derive(Clone, Debug)]
pub struct SfnDriver {
    client: Client,
    state_machine_arn: String,
}

impl SfnDriver {
    /// The driver of one environment.
    pub fn new(cloud: &Cloud, state_machine_arn: &str) -> Self {
        Self { client: Client::new(cloud.config()), state_machine_arn: state_machine_arn.to_owned() }
    }

    /// Begins the `n`th execution that drives a run. Beginning it again changes nothing.
    ///
    /// # Errors
    /// Says what Step Functions answered.
    pub async fn start(&self, run: &RunKey, n: u64) -> Result<(), DriverError> {
        let request = self.client.start_execution().state_machine_arn(&self.state_machine_arn);
        let request = request.name(names::execution(run, n)).input(input(run));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|answer| answer.is_execution_already_exists()) => Ok(()),
            Err(error) => Err(DriverError(format!("failed to start its execution: {}", fault(&error)))),
        }
    }
}

#[async_trait]
impl Driver for SfnDriver {
    async fn drive(&self, run: &RunKey) -> Result<(), DriverError> {
        self.start(run, 0).await
    }
}

/// The input of an execution, as the state machine's first state takes it.
fn input(run: &RunKey) -> String {
    serde_json::json!({ "testId": run.test_id, "runId": run.run_id }).to_string()
}
