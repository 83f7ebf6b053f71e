//! Change sets: asking CloudFormation what it would do, reading the whole answer, and doing it once approved.

use std::time::Duration;

use aws_sdk_cloudformation::types::{
    Change, ChangeAction, ChangeSetStatus, ChangeSetType, ChangeSource, EvaluationType, ExecutionStatus, Parameter,
    PolicyAction, Replacement, RequiresRecreation, ResourceChangeDetail, Tag,
};

use super::{
    changes::{self, Act, ChangeDetail, Fate, ResourceChange, Seen},
    consent::{Approved, ChangeSet},
    event::StackRef,
    making,
    pace::Pace,
    patience::Asking,
    plan::{Action, Live, StackPlan, Wanted},
    stacks,
};
use crate::{
    cloud::{CloudError, Doing, Kind},
    exit::Exit,
    failure::Failure,
};

/// How long CloudFormation may think about a change set.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// How long AWS may take to know of a stack that it has made for us.
const KNOWN_WITHIN: Duration = Duration::from_secs(30);

/// Where CloudFormation finds a template.
#[derive(Clone, Debug)]
pub enum Source {
    /// In a bucket.
    Url(String),
    /// Here: for templates that make the bucket.
    Text(String),
}

/// What CloudFormation answered to a wish.
#[derive(Debug)]
pub enum Proposal {
    /// There is something to do.
    Changes(ChangeSet),
    /// The stack is as wished. The empty change set was removed, and so was a stack that only it had made.
    Nothing,
}

/// Makes a change set, or finds the one that an earlier command made for the same wish, and reads it completely.
pub async fn propose(
    asking: &Asking<'_>,
    wanted: &Wanted,
    plan: &StackPlan,
    template: &Source,
) -> Result<Proposal, Failure> {
    let (id, stack_id) = create(asking, wanted, plan, template, plan.token.as_str()).await?;
    let (stack, token) = (wanted.stack.clone(), plan.token.clone());
    let creates = plan.action == Action::Create;
    answered(asking, ChangeSet { stack, stack_id, id, creates, token, changes: Vec::new() }).await
}

/// Waits until CloudFormation has thought about a change set that was just made, and reads it completely. What will not be
/// executed is removed.
pub async fn answered(asking: &Asking<'_>, made: ChangeSet) -> Result<Proposal, Failure> {
    let left = match read_through(asking, &made).await {
        Ok(Some(changes)) => return Ok(Proposal::Changes(ChangeSet { changes, ..made })),
        Ok(None) => Ok(Proposal::Nothing),
        // One that is still being made is found again.
        Err(failure) if failure.exit == Exit::DeadlinePassed => return Err(failure),
        Err(failure) => Err(failure),
    };
    let discarded = discard(asking, &made.id, &made.stack_id, made.creates).await;
    match (left, discarded) {
        (Err(mut failure), Err(error)) => {
            failure.causes.push(format!("also: {error}"));
            Err(failure)
        }
        (left, Ok(())) => left,
        (Ok(_), Err(error)) => Err(error.into()),
    }
}

/// Waits for a change set and reads all that it would do; nothing when that is nothing.
async fn read_through(asking: &Asking<'_>, made: &ChangeSet) -> Result<Option<Vec<ResourceChange>>, Failure> {
    match wait(asking, &made.id).await? {
        Outcome::Ready => describe(asking, &made.id).await.map(Some),
        Outcome::Empty => Ok(None),
        Outcome::Failed(reason) => Err(refused(asking, &made.stack, &made.stack_id, &made.id, reason).await),
    }
}

/// Why there can be no change set, with what early validation found.
async fn refused(asking: &Asking<'_>, stack: &StackRef, stack_id: &str, id: &str, reason: String) -> Failure {
    let validation =
        asking.patiently(async || stacks::validation_failures(asking.client, stack_id, Some(id)).await).await;
    let message = format!("CloudFormation cannot make a change set for the stack `{stack}`");
    let mut failure = Failure::new(Exit::Invalid, message);
    failure.causes.push(reason);
    let found = validation
        .unwrap_or_default()
        .into_iter()
        .map(|cause| format!("{} ({}): {}", cause.logical_id, cause.kind, cause.reason));
    failure.causes.extend(found);
    failure
}

/// What CloudFormation answered to a question.
#[derive(Debug)]
pub enum Answer {
    /// There is something to do.
    Changes(Vec<ResourceChange>),
    /// The stack is as wished.
    Nothing,
}

/// Makes a change set that is only to be read. Its name is its own, so that no other command finds and executes it.
pub async fn begin_review(
    asking: &Asking<'_>,
    wanted: &Wanted,
    plan: &StackPlan,
    template: &Source,
) -> Result<String, Failure> {
    let moment = jiff::Timestamp::now().as_nanosecond();
    let name = format!("{}-review-{moment:x}-{:x}", plan.token.as_str(), std::process::id());
    Ok(create(asking, wanted, plan, template, &name).await?.0)
}

/// Waits for a change set and reads it completely. It is neither executed nor removed.
pub async fn read_review(asking: &Asking<'_>, wanted: &Wanted, id: &str) -> Result<Answer, Failure> {
    match wait(asking, id).await? {
        Outcome::Ready => Ok(Answer::Changes(describe(asking, id).await?)),
        Outcome::Empty => Ok(Answer::Nothing),
        Outcome::Failed(reason) => Err(refused(asking, &wanted.stack, &wanted.stack.name, id, reason).await),
    }
}

async fn create(
    asking: &Asking<'_>,
    wanted: &Wanted,
    plan: &StackPlan,
    template: &Source,
    name: &str,
) -> Result<(String, String), Failure> {
    let kind = if plan.action == Action::Create { ChangeSetType::Create } else { ChangeSetType::Update };
    let imports = plan.count(Act::Import) > 0;
    let parameter =
        |(name, value): (&String, &String)| Parameter::builder().parameter_key(name).parameter_value(value).build();
    let tag = |(name, value): (&String, &String)| Tag::builder().key(name).value(value).build();
    let (url, body) = match template {
        Source::Url(url) => (Some(url.clone()), None),
        Source::Text(text) => (None, Some(text.clone())),
    };
    let request = making::request(asking, &wanted.stack, name)
        .change_set_type(kind)
        .set_template_url(url)
        .set_template_body(body)
        .set_parameters(Some(wanted.parameters.iter().map(parameter).collect()))
        .set_tags(Some(wanted.tags.iter().map(tag).collect()))
        .set_import_existing_resources(imports.then_some(true));
    making::make(asking, &wanted.stack, name, request).await
}

enum Outcome {
    Ready,
    Empty,
    Failed(String),
}

async fn wait(asking: &Asking<'_>, id: &str) -> Result<Outcome, Failure> {
    let began = tokio::time::Instant::now();
    let pace = Pace::default();
    while began.elapsed() < PATIENCE {
        let request = asking.client.describe_change_set().change_set_name(id);
        let answer = asking.patiently(async || request.clone().send().await.doing("read the change set")).await?;
        if let Some(outcome) = outcome(answer.status(), answer.status_reason().unwrap_or_default()) {
            return Ok(outcome);
        }
        tokio::time::sleep(pace.next(began.elapsed())).await;
    }
    let message =
        format!("CloudFormation has been thinking about a change set for {} minutes", PATIENCE.as_secs() / 60);
    Err(Failure::new(Exit::DeadlinePassed, message).hint("run the same command again: it finds this change set"))
}

fn outcome(status: Option<&ChangeSetStatus>, reason: &str) -> Option<Outcome> {
    match status? {
        ChangeSetStatus::CreateComplete => Some(Outcome::Ready),
        ChangeSetStatus::Failed if is_empty(reason) => Some(Outcome::Empty),
        ChangeSetStatus::Failed => Some(Outcome::Failed(reason.to_owned())),
        _ => None,
    }
}

/// CloudFormation calls a change set without changes a failure and says so only in words.
fn is_empty(reason: &str) -> bool {
    reason.contains("didn't contain changes") || reason.contains("No updates are to be performed")
}

/// Everything that the change set would do: all pages, with and without property values, merged.
async fn describe(asking: &Asking<'_>, id: &str) -> Result<Vec<ResourceChange>, Failure> {
    let without = pages(asking, id, false).await?;
    let with = match pages(asking, id, true).await {
        Ok(with) => with,
        // The values are an addition: without them the review is shorter, not wrong.
        Err(error) if matches!(error.kind, Kind::Invalid | Kind::Other) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    Ok(changes::merge(with, without))
}

async fn pages(asking: &Asking<'_>, id: &str, values: bool) -> Result<Vec<ResourceChange>, CloudError> {
    let mut changes = Vec::new();
    let mut next = None;
    loop {
        let request = asking.client.describe_change_set().change_set_name(id).set_next_token(next);
        let request = if values { request.include_property_values(true) } else { request };
        let page = asking.patiently(async || request.clone().send().await.doing("read the change set")).await?;
        changes.extend(page.changes().iter().filter_map(read));
        next = page.next_token().map(ToOwned::to_owned);
        if next.is_none() {
            return Ok(changes);
        }
    }
}

fn read(change: &Change) -> Option<ResourceChange> {
    let change = change.resource_change()?;
    let act = match (change.action()?, change.replacement()) {
        (ChangeAction::Add, _) => Act::Add,
        (ChangeAction::Remove, _) => Act::Remove,
        (ChangeAction::Import, _) => Act::Import,
        (_, Some(Replacement::True)) => Act::Replace,
        (ChangeAction::Dynamic, _) | (_, Some(Replacement::Conditional)) => Act::MayReplace,
        _ => Act::Modify,
    };
    let fate = match change.policy_action() {
        Some(PolicyAction::Delete | PolicyAction::ReplaceAndDelete) => Fate::Deleted,
        Some(_) => Fate::Kept,
        None => Fate::Unknown,
    };
    let details = change.details().iter().filter_map(|detail| {
        let target = detail.target()?;
        let attribute = target.attribute().map(|attribute| attribute.as_str()).unwrap_or_default();
        let path = match (target.path(), target.name()) {
            (Some(path), _) => path.trim_start_matches('/').replace('/', "."),
            (None, Some(name)) => format!("{attribute}.{name}"),
            (None, None) => attribute.to_owned(),
        };
        Some(ChangeDetail {
            path,
            before: target.before_value().map(ToOwned::to_owned),
            after: target.after_value().map(ToOwned::to_owned),
            recreates: target.requires_recreation().is_some_and(|it| *it != RequiresRecreation::Never),
            perhaps: detail.evaluation() == Some(&EvaluationType::Dynamic),
            follows: cause(detail),
        })
    });
    let change = ResourceChange {
        logical_id: change.logical_resource_id()?.to_owned(),
        physical_id: change.physical_resource_id().map(ToOwned::to_owned),
        kind: change.resource_type().unwrap_or_default().to_owned(),
        act,
        fate,
        details: details.collect(),
        seen: Seen::Both,
    };
    Some(change.sober())
}

/// The resource whose change is why a property changes.
fn cause(detail: &ResourceChangeDetail) -> Option<String> {
    let from_another =
        matches!(detail.change_source(), Some(ChangeSource::ResourceReference | ChangeSource::ResourceAttribute));
    let entity = detail.causing_entity().filter(|_| from_another)?;
    Some(entity.split('.').next().unwrap_or(entity).to_owned())
}

/// Removes a change set that is not going to be executed, and the stack without resources that it may have made. Somebody
/// else may have executed another change set meanwhile: then the stack is theirs.
pub async fn discard(asking: &Asking<'_>, id: &str, stack_id: &str, creates: bool) -> Result<(), CloudError> {
    let is_ours = creates && !is_overtaken(asking, id).await?;
    let request = asking.client.delete_change_set().change_set_name(id);
    asking.patiently(async || request.clone().send().await.doing("remove the change set")).await?;
    if is_ours && known(asking, stack_id).await?.status.as_deref() == Some("REVIEW_IN_PROGRESS") {
        let request = asking.client.delete_stack().stack_name(stack_id);
        asking.patiently(async || request.clone().send().await.doing("remove the empty stack")).await?;
    }
    Ok(())
}

/// A stack that was just made. That nobody knows it is the answer of a moment before: a stack is known by its id for long
/// after it is gone.
async fn known(asking: &Asking<'_>, stack_id: &str) -> Result<Live, CloudError> {
    let began = tokio::time::Instant::now();
    let pace = Pace::default();
    loop {
        let live = asking.patiently(async || stacks::look(asking.client, stack_id).await).await?;
        if live.status.is_some() || began.elapsed() >= KNOWN_WITHIN {
            return Ok(live);
        }
        tokio::time::sleep(pace.next(began.elapsed())).await;
    }
}

/// Whether the stack was changed since this change set was made: then the change set is obsolete, or gone.
async fn is_overtaken(asking: &Asking<'_>, id: &str) -> Result<bool, CloudError> {
    let request = asking.client.describe_change_set().change_set_name(id);
    match asking.patiently(async || request.clone().send().await.doing("read the change set")).await {
        Ok(answer) => Ok(matches!(
            answer.execution_status(),
            Some(ExecutionStatus::Obsolete | ExecutionStatus::ExecuteInProgress | ExecutionStatus::ExecuteComplete)
        )),
        Err(error) if error.kind == Kind::Absent => Ok(true),
        Err(error) => Err(error),
    }
}

/// Executes an approved change set. Executing it is what uses the approval up.
pub async fn execute(asking: &Asking<'_>, approved: Approved<ChangeSet>) -> Result<ChangeSet, Failure> {
    let change_set = approved.into_inner();
    let doing = format!("execute the change set of the stack `{}`", change_set.stack);
    let request = asking
        .client
        .execute_change_set()
        .change_set_name(&change_set.id)
        .client_request_token(change_set.token.as_str());
    match asking.patiently(async || request.clone().send().await.doing(doing.clone())).await {
        Ok(_) => Ok(change_set),
        // Another command with the same wish was faster: its operation is ours to watch.
        Err(error) if error.message.contains("EXECUTE_IN_PROGRESS") || error.message.contains("EXECUTE_COMPLETE") => {
            Ok(change_set)
        }
        // Whether AWS has heard us is not known: what may be going on is not taken away.
        Err(error) if error.passes() => Err(error.into()),
        Err(error) => {
            discard(asking, &change_set.id, &change_set.stack_id, change_set.creates).await?;
            Err(not_executed(&change_set, error))
        }
    }
}

/// Why a change set that was agreed to could not be executed.
fn not_executed(change_set: &ChangeSet, error: CloudError) -> Failure {
    let stack = &change_set.stack;
    if error.message.contains("_IN_PROGRESS state") {
        let mut failure = Failure::new(Exit::Held, format!("another operation holds the stack `{stack}`"));
        failure.causes.push(error.message);
        return failure.hint("wait until it is over, and run this again");
    }
    if error.message.contains("OBSOLETE") {
        let message = format!("somebody else changed the stack `{stack}` after its change set was made");
        return Failure::new(Exit::Guarded, message).hint("run this again: it is planned anew, from what is there now");
    }
    error.into()
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types::{ResourceAttribute, ResourceTargetDefinition};

    use super::*;

    #[test]
    fn a_failure_for_lack_of_changes_is_no_failure() {
        for reason in [
            "The submitted information didn't contain changes. Submit different information to create a change set.",
            "No updates are to be performed.",
        ] {
            assert!(matches!(outcome(Some(&ChangeSetStatus::Failed), reason), Some(Outcome::Empty)), "{reason}");
        }
        let other = outcome(Some(&ChangeSetStatus::Failed), "Transform AWS::Serverless failed");
        assert!(matches!(other, Some(Outcome::Failed(_))));
        assert!(outcome(Some(&ChangeSetStatus::CreateInProgress), "").is_none());
    }

    #[test]
    fn a_change_is_read_with_its_act_its_fate_and_its_paths() {
        let target = ResourceTargetDefinition::builder()
            .attribute(ResourceAttribute::Properties)
            .name("TableName")
            .path("/Properties/TableName")
            .before_value("old")
            .after_value("new")
            .requires_recreation(RequiresRecreation::Always)
            .build();
        let change = aws_sdk_cloudformation::types::ResourceChange::builder()
            .action(ChangeAction::Modify)
            .replacement(Replacement::True)
            .policy_action(PolicyAction::ReplaceAndRetain)
            .logical_resource_id("Table")
            .resource_type("AWS::DynamoDB::Table")
            .details(ResourceChangeDetail::builder().target(target).build())
            .build();
        let read = read(&Change::builder().resource_change(change).build()).unwrap();
        assert_eq!((read.act, read.fate), (Act::Replace, Fate::Kept));
        assert_eq!(read.details[0].path, "Properties.TableName");
        assert!(read.details[0].recreates);
        assert!(!read.loses_data(), "the old table is kept");
    }
}
