//! Gathering evidence from AWS: stack events and validation results, stopped tasks, lines of logs. What cannot be read is
//! said and stops nothing.

use aws_sdk_ecs::types::{DesiredStatus, Task};
use futures::future::join_all;

use super::explanation::{Evidence, Findings, Source};
use crate::{
    cloud::{Clients, Cloud, CloudError, Doing, Kind},
    deploy::{
        event::{Cause, ResourceEvent, StackRef},
        fold::Fold,
        joining,
        plan::Live,
        stacks,
        status::{Verdict, verdict},
    },
};

/// How many stopped tasks are told.
const MOST_TASKS: usize = 5;
/// How many lines of one log group are told.
const MOST_LINES: i32 = 5;
/// How long before its first event an operation may have caused a line.
const BEFORE_MS: i64 = 60_000;
/// What a line must have one of, in CloudWatch's language.
const TELLING: &str = "?ERROR ?Error ?error ?panicked ?\"Task timed out\"";

/// What AWS knows about the last operation on every stack.
///
/// # Errors
/// A refusal of AWS to show the stacks themselves.
pub async fn gather(cloud: &Cloud, stacks: &[StackRef]) -> Result<Findings, CloudError> {
    let present = joining::present(cloud, stacks).await?;
    let mut findings = Findings { live: true, ..Findings::default() };
    let looks = present.iter().map(|(stack, live)| look(cloud, stack, live));
    for ((stack, live), looked) in present.iter().zip(join_all(looks).await) {
        findings.statuses.push((stack.clone(), live.status.clone().unwrap_or_default()));
        match looked {
            Ok((Some((cause, echoes)), _)) => findings.failures.push((stack.clone(), cause, echoes)),
            Ok((None, _)) => {}
            Err(error) => findings.unread.push(format!("the events of {stack}: {}", error.message)),
        }
    }
    Ok(findings)
}

/// The first cause of the last operation on a stack, if it failed or is failing, and when that operation began.
async fn look(
    cloud: &Cloud,
    stack: &StackRef,
    live: &Live,
) -> Result<(Option<(Cause, usize)>, Option<i64>), CloudError> {
    let client = &cloud.at(&stack.region).cloudformation;
    let events = stacks::events_until(client, &live.stack_id, |page| page.iter().any(is_start)).await?;
    let own = last_operation(events);
    let began_ms = own.last().map(|event| event.at_ms);
    let mut fold = Fold::default();
    fold.take(own);
    let ended_well = matches!(live.status.as_deref().and_then(verdict), Some(Verdict::Succeeded | Verdict::Deleted));
    if ended_well {
        return Ok((None, began_ms));
    }
    let (cause, echoes) = fold.cause();
    // Early validation is only told by the newer list of events; the stack's own event merely points at it.
    let named = cause.clone().filter(|cause| cause.kind != "AWS::CloudFormation::Stack");
    let cause = match named {
        Some(named) => Some(named),
        None => stacks::validation_failures(client, &live.stack_id, None).await?.into_iter().next().or(cause),
    };
    Ok((cause.map(|cause| (cause, echoes)), began_ms))
}

fn is_start(event: &ResourceEvent) -> bool {
    let begins = ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS"];
    event.of_stack && begins.contains(&event.status.as_str())
}

/// The events of the last operation, out of events that are given newest first.
fn last_operation(events: Vec<ResourceEvent>) -> Vec<ResourceEvent> {
    let mut own = Vec::new();
    for event in events {
        let starts = is_start(&event);
        own.push(event);
        if starts {
            break;
        }
    }
    own
}

/// What stopped tasks, functions and workers said since an operation began, in the stacks that there are.
pub async fn witnesses(cloud: &Cloud, cluster: &str, findings: &mut Findings) {
    let stacks: Vec<StackRef> = findings.statuses.iter().map(|(stack, _)| stack.clone()).collect();
    let mut regions: Vec<_> = stacks.iter().map(|stack| stack.region.clone()).collect();
    regions.sort();
    regions.dedup();
    for region in regions {
        match tasks(cloud.at(&region), cluster).await {
            Ok(found) => findings.witnesses.extend(found),
            Err(error) if error.kind == Kind::Absent || error.code.as_deref() == Some("ClusterNotFoundException") => {}
            Err(error) => findings.unread.push(format!("stopped tasks in {region}: {}", error.message)),
        }
    }
    for stack in &stacks {
        match lines(cloud, stack).await {
            Ok(found) => findings.witnesses.extend(found),
            Err(error) => findings.unread.push(format!("logs of {stack}: {}", error.message)),
        }
    }
}

async fn tasks(clients: &Clients, cluster: &str) -> Result<Vec<Evidence>, CloudError> {
    let doing = format!("list the stopped tasks of the cluster `{cluster}`");
    let request = clients.ecs.list_tasks().cluster(cluster).desired_status(DesiredStatus::Stopped);
    let arns = request.send().await.doing(doing.clone())?.task_arns.unwrap_or_default();
    if arns.is_empty() {
        return Ok(Vec::new());
    }
    let request = clients.ecs.describe_tasks().cluster(cluster).set_tasks(Some(arns));
    let tasks = request.send().await.doing(doing)?.tasks.unwrap_or_default();
    Ok(tasks.iter().filter_map(task).take(MOST_TASKS).collect())
}

/// What a task that did not stop as it should says of itself.
fn task(task: &Task) -> Option<Evidence> {
    let failed = |code: Option<i32>| code.is_some_and(|code| code != 0);
    let containers: Vec<String> = task
        .containers()
        .iter()
        .filter(|it| failed(it.exit_code()) || it.reason().is_some())
        .map(|it| {
            let code = it.exit_code().map(|code| format!("exit code {code}"));
            let said: Vec<String> = code.into_iter().chain(it.reason().map(ToOwned::to_owned)).collect();
            format!("{}: {}", it.name().unwrap_or("container"), said.join(", "))
        })
        .collect();
    let orderly =
        task.stop_code().is_some_and(|code| ["UserInitiated", "EssentialContainerExited"].contains(&code.as_str()));
    if orderly && containers.is_empty() {
        return None;
    }
    let reason = task.stopped_reason().unwrap_or("no reason was given").to_owned();
    let name = task.task_arn().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default();
    let says = std::iter::once(reason).chain(containers).collect::<Vec<_>>().join("; ");
    Some(Evidence { source: Source::Task, about: format!("task {name}"), says })
}

/// The telling lines of a stack's log groups since its last operation began.
async fn lines(cloud: &Cloud, stack: &StackRef) -> Result<Vec<Evidence>, CloudError> {
    let clients = cloud.at(&stack.region);
    let events = stacks::events_until(&clients.cloudformation, &stack.name, |page| page.iter().any(is_start)).await?;
    let Some(began_ms) = last_operation(events).last().map(|event| event.at_ms) else { return Ok(Vec::new()) };
    let resources = stacks::resources(&clients.cloudformation, &stack.name).await?;
    let there = |it: &&stacks::StackResource| {
        it.kind == "AWS::Logs::LogGroup" && it.status.ends_with("_COMPLETE") && it.status != "DELETE_COMPLETE"
    };
    let mut found = Vec::new();
    for group in resources.iter().filter(there) {
        found.extend(lines_of(clients, &group.physical_id, began_ms - BEFORE_MS).await?);
    }
    Ok(found)
}

async fn lines_of(clients: &Clients, group: &str, since_ms: i64) -> Result<Vec<Evidence>, CloudError> {
    let request = clients.logs.filter_log_events().log_group_name(group).start_time(since_ms);
    let page = request.filter_pattern(TELLING).limit(MOST_LINES).send().await;
    let page = match page.doing(format!("read the log group `{group}`")) {
        Err(error) if error.kind == Kind::Absent => return Ok(Vec::new()),
        page => page?,
    };
    let evidence =
        |message: &str| Evidence { source: Source::Log, about: group.to_owned(), says: message.trim().to_owned() };
    Ok(page.events().iter().filter_map(|event| event.message()).map(evidence).collect())
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{Container, TaskStopCode};

    use super::*;
    use crate::deploy::fold::tests::event;

    #[test]
    fn only_the_last_operation_is_looked_at() {
        let events = ["ROLLBACK_COMPLETE", "CREATE_IN_PROGRESS", "DELETE_COMPLETE", "DELETE_IN_PROGRESS"];
        let events = events.iter().map(|status| event(status, 0, "Stack", status, None)).collect();
        let own: Vec<String> = last_operation(events).into_iter().map(|it| it.status).collect();
        assert_eq!(own, ["ROLLBACK_COMPLETE", "CREATE_IN_PROGRESS"]);
    }

    #[test]
    fn a_task_that_stopped_as_it_should_is_no_witness() {
        let container = |code: i32| Container::builder().name("worker").exit_code(code).build();
        let stopped = |code: TaskStopCode, reason: &str, container: Container| {
            let arn = "arn:aws:ecs:eu-west-1:1:task/shop/abc";
            Task::builder().task_arn(arn).stop_code(code).stopped_reason(reason).containers(container).build()
        };
        assert_eq!(task(&stopped(TaskStopCode::EssentialContainerExited, "done", container(0))), None);
        let killed =
            task(&stopped(TaskStopCode::EssentialContainerExited, "Essential container exited", container(137)));
        let killed = killed.unwrap();
        assert_eq!(killed.says, "Essential container exited; worker: exit code 137");
        let pull = task(&stopped(TaskStopCode::TaskFailedToStart, "CannotPullContainerError: no route", container(0)));
        assert_eq!(pull.map(|it| it.about), Some("task abc".to_owned()));
    }
}
