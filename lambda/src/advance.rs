//! The role `advance`: one look at a run, and one step of it if it is time; and every minute, runs that are due.

use std::time::{SystemTime, UNIX_EPOCH};

use dlt_aws::{Cloud, Environment, Records, SfnDriver};
use dlt_control::{ControlPlane, Next, ports::RunKey};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::Value;

use crate::{
    plane,
    trigger::{self, Trigger},
};

/// After how many steps an execution hands over to a new one: a step makes about ten entries in a history of at most
/// 25,000.
const STEPS_PER_EXECUTION: u64 = 1000;
/// How long to wait after a step that failed, in seconds.
const RETRY_SECONDS: u64 = 5;
/// The longest wait between two looks at a run, in seconds.
const MAX_WAIT_SECONDS: u64 = 300;

/// What the state machine does next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    next: &'static str,
    wait_seconds: u64,
    #[serde(flatten)]
    run: RunKey,
    count: u64,
}

/// Answers invocations until the function is taken down.
pub async fn run(cloud: &Cloud, environment: &Environment, records: &Records) -> anyhow::Result<()> {
    let plane = &plane::build(cloud, environment, records)?;
    let driver = &SfnDriver::new(cloud, &records.state_machine_arn);
    let handler = service_fn(|event: LambdaEvent<Value>| async move {
        let trigger = trigger::read(&event.payload)?;
        Ok::<_, lambda_runtime::Error>(answer(plane, driver, trigger).await?)
    });
    lambda_runtime::run(handler).await.map_err(|error| anyhow::anyhow!(error))
}

async fn answer(plane: &ControlPlane, driver: &SfnDriver, trigger: Trigger) -> anyhow::Result<Option<Answer>> {
    match trigger {
        Trigger::Step { run, count } => step(plane, driver, run, count + 1).await.map(Some),
        // An error makes Lambda try again; the state machine would notice the change anyway, only later.
        Trigger::Worker(run) => plane.advance(&run).await.map(|_| None).map_err(Into::into),
        Trigger::Minute => {
            for (test_id, last) in plane.start_what_is_due().await? {
                tracing::info!(%test_id, due_at_ms = last.due_at_ms, outcome = ?last.outcome, "a scheduled start");
            }
            Ok(None)
        }
        Trigger::Nothing(why) => {
            tracing::debug!(why, "nothing to do");
            Ok(None)
        }
    }
}

async fn step(plane: &ControlPlane, driver: &SfnDriver, run: RunKey, count: u64) -> anyhow::Result<Answer> {
    let wait_seconds = match plane.advance(&run).await {
        Ok(Next::Done) => return Ok(Answer { next: "done", wait_seconds: 0, run, count }),
        Ok(Next::Wait(ms)) => ms.div_ceil(1000).clamp(1, MAX_WAIT_SECONDS),
        // Nothing is lost by a failed step: the run has deadlines of its own, and the next look sees it as it is then.
        Err(error) => {
            tracing::error!(test_id = %run.test_id, run_id = %run.run_id, %error, "a step failed; trying again");
            RETRY_SECONDS
        }
    };
    if count < STEPS_PER_EXECUTION {
        return Ok(Answer { next: "wait", wait_seconds, run, count });
    }
    // The new execution begins with a step of its own, so nothing is left to do in this one.
    driver.start(&run, minutes_since_1970()).await?;
    Ok(Answer { next: "done", wait_seconds: 0, run, count })
}

/// Numbers an execution that takes over. Steps are a second or more apart, so one execution never hands over twice
/// within the same minute, while a repeated attempt to hand over finds the execution that it began.
fn minutes_since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_the_state_machine_s_next_input() {
        let run = RunKey { test_id: "abc".parse().unwrap(), run_id: "01J".parse().unwrap() };
        let answer = Answer { next: "wait", wait_seconds: 3, run, count: 8 };
        let json = serde_json::to_value(&answer).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"next": "wait", "waitSeconds": 3, "testId": "abc", "runId": "01J", "count": 8})
        );
    }
}
