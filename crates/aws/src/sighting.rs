//! What an ECS task says about the worker in it.

use aws_sdk_ecs::types::{KeyValuePair, Task};
use dlt_control::ports::{Phase, RunKey, Sighting};
use dlt_model::id::Region;

/// The worker that a task runs, if the task belongs to the run.
pub fn of_task(task: &Task, run: &RunKey, region: &Region) -> Option<Sighting> {
    let belongs =
        variable(task, "TEST_ID")? == run.test_id.as_str() && variable(task, "RUN_ID")? == run.run_id.as_str();
    let worker = variable(task, "TASK_INDEX")?.parse().ok()?;
    let name = task.task_arn()?.to_owned();
    belongs.then(|| Sighting { worker, region: region.clone(), name, phase: phase(task) })
}

fn variable<'task>(task: &'task Task, name: &str) -> Option<&'task str> {
    let containers = task.overrides()?.container_overrides();
    let mut variables = containers.iter().flat_map(|container| container.environment());
    variables.find(|pair| pair.name() == Some(name)).and_then(KeyValuePair::value)
}

fn phase(task: &Task) -> Phase {
    match task.last_status() {
        Some("PROVISIONING" | "PENDING" | "ACTIVATING") => Phase::Pending,
        // The process is gone and its exit code known; only the network interface remains to be released.
        Some("DEPROVISIONING" | "STOPPED") => Phase::Stopped { exit_code: exit_code(task), reason: reason(task) },
        _ => Phase::Running,
    }
}

fn exit_code(task: &Task) -> Option<i32> {
    task.containers().iter().find_map(|container| container.exit_code())
}

/// The container's reason is the nearer one (`OutOfMemoryError`), the task's tells who stopped it.
fn reason(task: &Task) -> String {
    let near = task.containers().iter().find_map(|container| container.reason()).filter(|reason| !reason.is_empty());
    let far = task.stopped_reason().filter(|reason| !reason.is_empty());
    match (far, near) {
        (Some(far), Some(near)) if far != near => format!("{far} ({near})"),
        (Some(reason), _) | (None, Some(reason)) => reason.to_owned(),
        (None, None) => "ECS gave no reason".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{Container, ContainerOverride, TaskOverride};

    use super::*;

    fn run() -> RunKey {
        RunKey { test_id: "abc".parse().unwrap(), run_id: "01J".parse().unwrap() }
    }

    fn task(status: &str, run_id: &str) -> aws_sdk_ecs::types::builders::TaskBuilder {
        let mut container = ContainerOverride::builder().name("worker");
        for (name, value) in [("TEST_ID", "abc"), ("RUN_ID", run_id), ("TASK_INDEX", "3")] {
            container = container.environment(KeyValuePair::builder().name(name).value(value).build());
        }
        let overrides = TaskOverride::builder().container_overrides(container.build()).build();
        Task::builder().task_arn("arn:task/1").last_status(status).overrides(overrides)
    }

    fn phase_of(task: &Task) -> Option<Phase> {
        let sighting = of_task(task, &run(), &"eu-west-1".parse().unwrap())?;
        assert_eq!((sighting.worker, sighting.name.as_str()), (3, "arn:task/1"));
        Some(sighting.phase)
    }

    #[test]
    fn a_task_is_pending_then_running_until_its_process_is_gone() {
        for status in ["PROVISIONING", "PENDING", "ACTIVATING"] {
            assert_eq!(phase_of(&task(status, "01J").build()), Some(Phase::Pending), "{status}");
        }
        for status in ["RUNNING", "DEACTIVATING", "STOPPING"] {
            assert_eq!(phase_of(&task(status, "01J").build()), Some(Phase::Running), "{status}");
        }
    }

    #[test]
    fn a_stopped_task_tells_its_exit_code_and_both_reasons() {
        let container = Container::builder().exit_code(137).reason("OutOfMemoryError: killed").build();
        let task = task("STOPPED", "01J").containers(container).stopped_reason("Essential container in task exited");
        let reason = "Essential container in task exited (OutOfMemoryError: killed)".to_owned();
        assert_eq!(phase_of(&task.build()), Some(Phase::Stopped { exit_code: Some(137), reason }));
    }

    #[test]
    fn a_task_that_never_started_has_no_exit_code() {
        let task = task("STOPPED", "01J").stopped_reason("CannotPullContainerError: not found").build();
        let reason = "CannotPullContainerError: not found".to_owned();
        assert_eq!(phase_of(&task), Some(Phase::Stopped { exit_code: None, reason }));
    }

    #[test]
    fn a_task_of_another_run_is_nobody_s_worker() {
        assert_eq!(phase_of(&task("RUNNING", "01K").build()), None);
        assert_eq!(phase_of(&Task::builder().task_arn("arn:task/2").build()), None);
    }
}
