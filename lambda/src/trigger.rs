//! Who calls `advance`, and why: a step of the state machine, a change of a worker's task, or a minute that has begun.

use dlt_control::ports::RunKey;
use serde_json::Value;

/// What the function was invoked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The state machine asks, for the `count`th time in this execution.
    Step {
        /// The run that the execution drives.
        run: RunKey,
        /// How many steps this execution has made before.
        count: u64,
    },
    /// A worker of a run has started or ended.
    Worker(RunKey),
    /// It is time to look over the schedules.
    Minute,
    /// An event that is no reason to look at a run, and why.
    Nothing(&'static str),
}

const TASK_STATE_CHANGE: &str = "ECS Task State Change";
const SCHEDULED: &str = "Scheduled Event";

/// Reads an invocation.
///
/// # Errors
/// Says what is missing of a step's input, or which name in it is not valid.
pub fn read(event: &Value) -> Result<Trigger, String> {
    match event.get("detail-type").and_then(Value::as_str) {
        Some(TASK_STATE_CHANGE) => Ok(of_task(&event["detail"])),
        Some(SCHEDULED) => Ok(Trigger::Minute),
        Some(_) => Ok(Trigger::Nothing("an event of another kind")),
        None => step(event),
    }
}

fn step(event: &Value) -> Result<Trigger, String> {
    let run = RunKey { test_id: id(event, "testId")?, run_id: id(event, "runId")? };
    Ok(Trigger::Step { run, count: event.get("count").and_then(Value::as_u64).unwrap_or(0) })
}

fn id<T: std::str::FromStr<Err: std::fmt::Display>>(event: &Value, name: &str) -> Result<T, String> {
    let text = event.get(name).and_then(Value::as_str).ok_or_else(|| format!("the event has no text `{name}`"))?;
    text.parse().map_err(|error| format!("`{name}` is `{text}`: {error}"))
}

fn of_task(detail: &Value) -> Trigger {
    // The states between these say nothing that would move a run.
    if !matches!(detail["lastStatus"].as_str(), Some("RUNNING" | "STOPPED")) {
        return Trigger::Nothing("a task between two states");
    }
    let containers = detail["overrides"]["containerOverrides"].as_array();
    let variables: Vec<&Value> = containers
        .into_iter()
        .flatten()
        .filter_map(|container| container["environment"].as_array())
        .flatten()
        .collect();
    let value = |name: &str| variables.iter().find(|pair| pair["name"] == name).and_then(|pair| pair["value"].as_str());
    let run = || Some(RunKey { test_id: value("TEST_ID")?.parse().ok()?, run_id: value("RUN_ID")?.parse().ok()? });
    run().map_or(Trigger::Nothing("a task that is no worker"), Trigger::Worker)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run() -> RunKey {
        RunKey { test_id: "abc".parse().unwrap(), run_id: "01J".parse().unwrap() }
    }

    fn task_event(status: &str, environment: &Value) -> Value {
        json!({
            "version": "0", "detail-type": "ECS Task State Change", "source": "aws.ecs", "region": "eu-west-1",
            "detail": {"lastStatus": status, "overrides": {"containerOverrides": [
                {"name": "worker", "environment": environment}
            ]}},
        })
    }

    #[test]
    fn a_step_names_its_run_and_the_first_one_need_not_count() {
        let event = json!({"testId": "abc", "runId": "01J", "count": 7});
        assert_eq!(read(&event), Ok(Trigger::Step { run: run(), count: 7 }));
        let event = json!({"testId": "abc", "runId": "01J"});
        assert_eq!(read(&event), Ok(Trigger::Step { run: run(), count: 0 }));
    }

    #[test]
    fn a_step_without_a_run_is_refused_with_what_is_missing() {
        assert_eq!(read(&json!({"testId": "abc"})), Err("the event has no text `runId`".to_owned()));
        assert!(read(&json!({"testId": "../x", "runId": "01J"})).unwrap_err().starts_with("`testId` is `../x`: "));
    }

    #[test]
    fn a_worker_s_task_names_its_run_in_its_environment() {
        let environment = json!([{"name": "RUN_ID", "value": "01J"}, {"name": "TEST_ID", "value": "abc"}]);
        assert_eq!(read(&task_event("STOPPED", &environment)), Ok(Trigger::Worker(run())));
        assert_eq!(read(&task_event("RUNNING", &environment)), Ok(Trigger::Worker(run())));
        assert!(matches!(read(&task_event("PENDING", &environment)), Ok(Trigger::Nothing(_))));
    }

    #[test]
    fn a_rule_with_a_rate_says_that_it_is_time() {
        let event = json!({"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}});
        assert_eq!(read(&event), Ok(Trigger::Minute));
    }

    #[test]
    fn tasks_and_events_of_others_are_no_reason_to_do_anything() {
        assert!(matches!(read(&task_event("STOPPED", &json!([]))), Ok(Trigger::Nothing(_))));
        assert!(matches!(read(&json!({"detail-type": "EC2 Spot Instance", "detail": {}})), Ok(Trigger::Nothing(_))));
    }
}
