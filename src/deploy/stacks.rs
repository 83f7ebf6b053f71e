//! Reading stacks: what is there, what happens to it, and switching its protection.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::{
    Client,
    types::{DeletionMode, EventFilter, Stack, TemplateStage},
};

use super::{
    event::{Cause, ResourceEvent},
    plan::Live,
    status::{Standing, standing},
};
use crate::cloud::{CloudError, Doing, Kind};

/// How many pages of events we are willing to read at once.
const MOST_PAGES: usize = 50;

/// The stack as it is, without its template. The name may be a unique id, which also finds deleted stacks.
pub async fn look(client: &Client, name: &str) -> Result<Live, CloudError> {
    let answer = client.describe_stacks().stack_name(name).send().await.doing(format!("read the stack `{name}`"));
    match answer {
        Ok(answer) => Ok(answer.stacks().first().map(live).unwrap_or_default()),
        Err(error) if error.kind == Kind::Absent => Ok(Live::default()),
        Err(error) => Err(error),
    }
}

/// The stack as it is, with all that a plan needs.
pub async fn facts(client: &Client, name: &str) -> Result<Live, CloudError> {
    let mut live = look(client, name).await?;
    match standing(live.status.as_deref()) {
        Standing::Absent | Standing::Review => return Ok(live),
        Standing::Moving => {
            let events = recent_events(client, name).await?;
            live.running_token = events.into_iter().find_map(|event| event.token);
        }
        Standing::Settled | Standing::Stuck(_) => {}
    }
    let doing = format!("read the template of the stack `{name}`");
    let template = client.get_template().stack_name(name).template_stage(TemplateStage::Original).send().await;
    live.template = template.doing(doing)?.template_body;
    Ok(live)
}

fn live(stack: &Stack) -> Live {
    let changed = stack.last_updated_time().or(stack.creation_time());
    Live {
        status: stack.stack_status().map(|status| status.as_str().to_owned()),
        status_reason: stack.stack_status_reason().map(ToOwned::to_owned),
        stack_id: stack.stack_id().unwrap_or_default().to_owned(),
        changed_ms: changed.and_then(|at| at.to_millis().ok()).unwrap_or_default(),
        template: None,
        parameters: pairs(stack.parameters().iter().map(|it| (it.parameter_key(), it.parameter_value()))),
        tags: pairs(stack.tags().iter().map(|it| (it.key(), it.value())))
            .into_iter()
            .filter(|(name, _)| !name.starts_with("aws:"))
            .collect(),
        outputs: pairs(stack.outputs().iter().map(|it| (it.output_key(), it.output_value()))),
        protection: stack.enable_termination_protection().unwrap_or(false),
        running_token: None,
        drift: stack.drift_information().and_then(|it| {
            let at_ms = it.last_check_timestamp()?.to_millis().ok()?;
            Some(format!("{}@{at_ms}", it.stack_drift_status()?.as_str()))
        }),
    }
}

fn pairs<'a>(items: impl Iterator<Item = (Option<&'a str>, Option<&'a str>)>) -> BTreeMap<String, String> {
    items.filter_map(|(name, value)| Some((name?.to_owned(), value.unwrap_or_default().to_owned()))).collect()
}

/// Newest events of a stack, one page.
pub async fn recent_events(client: &Client, name: &str) -> Result<Vec<ResourceEvent>, CloudError> {
    Ok(events_page(client, name, None).await?.0)
}

/// Events of a stack, newest first, page by page until `enough` says that a page needs no successor.
pub async fn events_until(
    client: &Client,
    name: &str,
    mut enough: impl FnMut(&[ResourceEvent]) -> bool,
) -> Result<Vec<ResourceEvent>, CloudError> {
    let mut events = Vec::new();
    let mut next = None;
    for _ in 0..MOST_PAGES {
        let (page, more) = events_page(client, name, next).await?;
        let done = enough(&page);
        events.extend(page);
        next = more;
        if done || next.is_none() {
            break;
        }
    }
    Ok(events)
}

async fn events_page(
    client: &Client,
    name: &str,
    next: Option<String>,
) -> Result<(Vec<ResourceEvent>, Option<String>), CloudError> {
    let doing = format!("read the events of the stack `{name}`");
    let page = client.describe_stack_events().stack_name(name).set_next_token(next).send().await.doing(doing)?;
    let events = page.stack_events().iter().map(|event| {
        let stack_id = event.stack_id().unwrap_or_default();
        ResourceEvent {
            id: event.event_id().unwrap_or_default().to_owned(),
            logical_id: event.logical_resource_id().unwrap_or_default().to_owned(),
            kind: event.resource_type().unwrap_or_default().to_owned(),
            status: event.resource_status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
            reason: event.resource_status_reason().filter(|reason| !reason.is_empty()).map(ToOwned::to_owned),
            at_ms: event.timestamp().and_then(|at| at.to_millis().ok()).unwrap_or_default(),
            token: event.client_request_token().map(ToOwned::to_owned),
            of_stack: event.physical_resource_id() == Some(stack_id),
        }
    });
    Ok((events.collect(), page.next_token().map(ToOwned::to_owned)))
}

/// What only the newer event list tells: early validation and hook failures of a stack's last operations or of a
/// change set. An emulation that lacks the call answers nothing.
pub async fn validation_failures(
    client: &Client,
    stack: &str,
    change_set: Option<&str>,
) -> Result<Vec<Cause>, CloudError> {
    let mut causes = Vec::new();
    let mut next = None;
    for _ in 0..MOST_PAGES {
        let request = client
            .describe_events()
            .stack_name(stack)
            .set_change_set_name(change_set.map(ToOwned::to_owned))
            .filters(EventFilter::builder().failed_events(true).build())
            .set_next_token(next)
            .send()
            .await
            .doing(format!("read the validation results of `{stack}`"));
        let page = match request {
            Ok(page) => page,
            Err(error) if error.is_unknown_operation() => return Ok(causes),
            Err(error) => return Err(error),
        };
        causes.extend(page.operation_events().iter().filter_map(|event| {
            let reason = event.validation_status_reason().or(event.resource_status_reason())?;
            let path = event.validation_path().map(|path| format!(" (at {path})")).unwrap_or_default();
            Some(Cause {
                logical_id: event.logical_resource_id().unwrap_or(stack).to_owned(),
                kind: event.resource_type().unwrap_or_default().to_owned(),
                status: event.validation_name().unwrap_or("VALIDATION_ERROR").to_owned(),
                reason: format!("{reason}{path}"),
            })
        }));
        next = page.next_token().map(ToOwned::to_owned);
        if next.is_none() {
            break;
        }
    }
    Ok(causes)
}

/// Makes CloudFormation refuse the stack's deletion, or stop refusing it.
pub async fn protect(client: &Client, name: &str, on: bool) -> Result<(), CloudError> {
    let doing = format!("switch the termination protection of the stack `{name}`");
    let request = client.update_termination_protection().stack_name(name).enable_termination_protection(on);
    request.send().await.doing(doing).map(drop)
}

/// Asks CloudFormation to delete a stack. Asking twice with one token is asking once.
pub async fn delete(client: &Client, name: &str, token: &str) -> Result<(), CloudError> {
    let doing = format!("delete the stack `{name}`");
    client.delete_stack().stack_name(name).client_request_token(token).send().await.doing(doing).map(drop)
}

/// Asks CloudFormation to go on with a deletion that failed, leaving some resources as they are or, by force, whatever
/// cannot be deleted.
pub async fn delete_again(
    client: &Client,
    name: &str,
    token: &str,
    retain: Vec<String>,
    force: bool,
) -> Result<(), CloudError> {
    let doing = format!("go on deleting the stack `{name}`");
    let request = client.delete_stack().stack_name(name).client_request_token(token);
    let request = request.set_retain_resources((!retain.is_empty()).then_some(retain));
    let request = request.set_deletion_mode(force.then_some(DeletionMode::ForceDeleteStack));
    request.send().await.doing(doing).map(drop)
}

/// Asks CloudFormation to go back from an update that failed and was left as it was.
pub async fn roll_back(client: &Client, name: &str, token: &str) -> Result<(), CloudError> {
    let doing = format!("roll the stack `{name}` back");
    client.rollback_stack().stack_name(name).client_request_token(token).send().await.doing(doing).map(drop)
}

/// Asks CloudFormation to go on going back, leaving some resources as they are.
pub async fn continue_roll_back(client: &Client, name: &str, token: &str, skip: Vec<String>) -> Result<(), CloudError> {
    let doing = format!("go on rolling the stack `{name}` back");
    let request = client.continue_update_rollback().stack_name(name).client_request_token(token);
    let request = request.set_resources_to_skip((!skip.is_empty()).then_some(skip));
    request.send().await.doing(doing).map(drop)
}

/// Asks CloudFormation to stop an update and go back.
pub async fn cancel_update(client: &Client, name: &str) -> Result<(), CloudError> {
    let doing = format!("cancel the update of the stack `{name}`");
    client.cancel_update_stack().stack_name(name).send().await.doing(doing).map(drop)
}

/// A resource of a deployed stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackResource {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name in AWS.
    pub physical_id: String,
    /// Its type.
    pub kind: String,
    /// CloudFormation's word.
    pub status: String,
    /// Why it has this status, where CloudFormation says so.
    pub reason: Option<String>,
}

/// Every resource of a stack, all pages.
pub async fn resources(client: &Client, name: &str) -> Result<Vec<StackResource>, CloudError> {
    let doing = format!("list the resources of the stack `{name}`");
    let mut resources = Vec::new();
    let mut next = None;
    loop {
        let page = client.list_stack_resources().stack_name(name).set_next_token(next).send().await;
        let page = page.doing(doing.clone())?;
        resources.extend(page.stack_resource_summaries().iter().map(|it| StackResource {
            logical_id: it.logical_resource_id().unwrap_or_default().to_owned(),
            physical_id: it.physical_resource_id().unwrap_or_default().to_owned(),
            kind: it.resource_type().unwrap_or_default().to_owned(),
            status: it.resource_status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
            reason: it.resource_status_reason().filter(|reason| !reason.is_empty()).map(ToOwned::to_owned),
        }));
        next = page.next_token().map(ToOwned::to_owned);
        if next.is_none() {
            return Ok(resources);
        }
    }
}
