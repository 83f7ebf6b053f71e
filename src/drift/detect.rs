//! Asking CloudFormation to compare a stack with what is deployed, and reading the whole answer.
//!
//! Whatever cannot be read becomes a gap with its reason. No error here ends the look: a stack that says no must not hide
//! what the others say.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_cloudformation::{
    Client,
    types::{DifferenceType, StackDriftDetectionStatus, StackResourceDrift, StackResourceDriftStatus},
};
use tokio::time::Instant;

use super::{
    answer::{Coverage, Fate, ResourceDrift, StackDrift, Unread},
    differences::{self, How, Told},
};
use crate::{
    cloud::{CloudError, Doing, Kind},
    deploy::{
        event::StackRef,
        pace::Pace,
        stacks::{self, StackResource},
        status::{Standing, standing},
    },
};

/// How long CloudFormation may take to compare one stack.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// How many resources a page of the answer holds at most; AWS's own limit.
const A_PAGE: i32 = 100;
/// How many pages we are willing to read: CloudFormation has at most 500 resources in a stack.
const MOST_PAGES: usize = 1000;
/// How deeply stacks may be nested in stacks.
const DEEPEST: usize = 8;
/// The type of a stack in a stack.
const NESTED: &str = "AWS::CloudFormation::Stack";

/// Compares a stack, and every stack in it, since CloudFormation itself leaves those out.
pub async fn detect(client: &Client, stack: &StackRef) -> Vec<StackDrift> {
    detect_at(client, stack, &stack.name, None, DEEPEST).await
}

/// `id` finds the stack: its name, or the unique id by which its parent knows it.
async fn detect_at(
    client: &Client,
    stack: &StackRef,
    id: &str,
    nested_in: Option<String>,
    depth: usize,
) -> Vec<StackDrift> {
    let (name, region) = (stack.name.clone(), stack.region.to_string());
    let mut found = StackDrift { name, region, nested_in, ..StackDrift::default() };
    let resources = one(client, id, &mut found).await;
    let mut all = vec![found];
    for resource in resources.iter().filter(|it| it.kind == NESTED && !it.physical_id.is_empty()) {
        if depth == 0 {
            all[0].gaps.push(format!("`{}` is nested more than {DEEPEST} stacks deep", resource.logical_id));
            continue;
        }
        let child = StackRef { name: short_name(&resource.physical_id), region: stack.region.clone() };
        let parent = Some(stack.name.clone());
        all.extend(Box::pin(detect_at(client, &child, &resource.physical_id, parent, depth - 1)).await);
    }
    all
}

/// `arn:aws:cloudformation:…:stack/name/uuid` as `name`.
fn short_name(id: &str) -> String {
    id.split(":stack/").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or(id).to_owned()
}

/// Compares one stack, and answers the resources that it has.
async fn one(client: &Client, id: &str, found: &mut StackDrift) -> Vec<StackResource> {
    let deadline = Instant::now() + PATIENCE;
    match patient(deadline, async || stacks::look(client, id).await).await {
        Ok(live) => match standing(live.status.as_deref()) {
            Standing::Absent | Standing::Review => {
                found.absent = true;
                return Vec::new();
            }
            Standing::Moving => {
                let status = live.status.unwrap_or_default();
                found.gaps.push(format!("another operation is going on ({status}); look again when it is over"));
                return Vec::new();
            }
            Standing::Settled | Standing::Stuck(_) => {}
        },
        Err(error) => {
            found.gaps.push(error.to_string());
            return Vec::new();
        }
    }
    let resources = match patient(deadline, async || stacks::resources(client, id).await).await {
        Ok(resources) => resources,
        Err(error) => {
            found.gaps.push(error.to_string());
            Vec::new()
        }
    };
    let said = match detection(client, id, deadline).await {
        Ok(said) => said,
        Err(why) => {
            found.gaps.push(why);
            return resources;
        }
    };
    if let Some(reason) = &said.failure {
        found.gaps.push(format!("CloudFormation could not compare the whole stack: {reason}"));
    }
    let pages = pages(client, id, deadline, &mut found.gaps).await;
    settle(found, &resources, pages, &said);
    resources
}

/// What CloudFormation says about a comparison as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Said {
    failure: Option<String>,
    drifted: Option<usize>,
}

/// Begins a comparison and waits for its end.
async fn detection(client: &Client, stack: &str, deadline: Instant) -> Result<Said, String> {
    let doing = format!("compare the stack `{stack}` with what is deployed");
    let id = patient(deadline, async || {
        let answer = client.detect_stack_drift().stack_name(stack).send().await.doing(doing.clone());
        // A comparison that somebody else began must end before ours can begin.
        answer.map_err(|error| if is_busy(&error) { CloudError { kind: Kind::Throttled, ..error } } else { error })
    })
    .await
    .map_err(|error| error.to_string())?;
    let id = id.stack_drift_detection_id.unwrap_or_default();
    let (began, mut pace) = (Instant::now(), Pace::default());
    loop {
        let status = client.describe_stack_drift_detection_status().stack_drift_detection_id(&id).send().await;
        match status.doing("ask how far the comparison is") {
            Ok(status) => match status.detection_status() {
                Some(StackDriftDetectionStatus::DetectionComplete) => {
                    let drifted = status.drifted_stack_resource_count.and_then(|count| usize::try_from(count).ok());
                    return Ok(Said { failure: None, drifted });
                }
                Some(StackDriftDetectionStatus::DetectionFailed) => {
                    let reason = status.detection_status_reason.unwrap_or_else(|| "it gives no reason".to_owned());
                    return Ok(Said { failure: Some(reason), drifted: None });
                }
                _ => pace.answered(),
            },
            Err(error) if error.kind == Kind::Throttled => pace.throttled(),
            Err(error) if error.kind == Kind::Unreachable => {}
            Err(error) => return Err(error.to_string()),
        }
        if Instant::now() >= deadline {
            return Err(format!("the comparison is not over after {} minutes", PATIENCE.as_secs() / 60));
        }
        tokio::time::sleep(pace.next(began.elapsed())).await;
    }
}

fn is_busy(error: &CloudError) -> bool {
    error.message.contains("in progress") && error.message.to_lowercase().contains("drift detection")
}

/// Asks until there is an answer that is not "too often" or "no answer".
async fn patient<T>(deadline: Instant, ask: impl AsyncFn() -> Result<T, CloudError>) -> Result<T, CloudError> {
    let (began, mut pace) = (Instant::now(), Pace::default());
    loop {
        match ask().await {
            Err(error) if matches!(error.kind, Kind::Throttled) && Instant::now() < deadline => pace.throttled(),
            answer => return answer,
        }
        tokio::time::sleep(pace.next(began.elapsed())).await;
    }
}

/// Every page of the comparison. A page that cannot be read is a gap, and so is everything behind it.
async fn pages(client: &Client, stack: &str, deadline: Instant, gaps: &mut Vec<String>) -> Vec<StackResourceDrift> {
    let doing = format!("read the comparison of the stack `{stack}`");
    let (mut drifts, mut next) = (Vec::new(), None::<String>);
    for number in 1..=MOST_PAGES {
        let page = patient(deadline, async || {
            let request = client.describe_stack_resource_drifts().stack_name(stack).max_results(A_PAGE);
            request.set_next_token(next.clone()).send().await.doing(doing.clone())
        });
        match page.await {
            Ok(page) => {
                drifts.extend(page.stack_resource_drifts.unwrap_or_default());
                match page.next_token.filter(|token| !token.is_empty()) {
                    None => return drifts,
                    Some(token) if Some(&token) == next.as_ref() => break,
                    Some(token) => next = Some(token),
                }
            }
            Err(error) => {
                gaps.push(format!("page {number} and all behind it were not read: {error}"));
                return drifts;
            }
        }
    }
    gaps.push("the comparison has pages without end".to_owned());
    drifts
}

/// Every resource of the stack finds its place: compared, drifted, unsupported or unread. What was announced and did not
/// come is a gap.
fn settle(found: &mut StackDrift, resources: &[StackResource], drifts: Vec<StackResourceDrift>, said: &Said) {
    let mut told: BTreeMap<String, StackResourceDrift> = BTreeMap::new();
    for drift in drifts {
        told.insert(drift.logical_resource_id().unwrap_or_default().to_owned(), drift);
    }
    let all_pages = found.gaps.is_empty();
    let is_there = |resource: &&StackResource| resource.status != "DELETE_COMPLETE";
    for resource in resources.iter().filter(is_there) {
        let drift = told.remove(&resource.logical_id);
        place(found, &resource.logical_id, &resource.kind, drift.as_ref(), all_pages);
    }
    // A resource that the list does not know, for instance because the list could not be read.
    for (logical_id, drift) in &told {
        let kind = drift.resource_type().unwrap_or_default().to_owned();
        place(found, logical_id, &kind, Some(drift), all_pages);
    }
    found.coverage = Coverage {
        resources: found.coverage.compared + found.coverage.unsupported + found.unread.len(),
        failed: found.unread.len(),
        ..found.coverage
    };
    if let Some(announced) = said.drifted.filter(|count| *count != found.resources.len()) {
        let read = found.resources.len();
        found.gaps.push(format!("CloudFormation counts {announced} drifted resources and named {read}"));
    }
}

fn place(found: &mut StackDrift, logical_id: &str, kind: &str, drift: Option<&StackResourceDrift>, all_pages: bool) {
    let unread = |why: &str| Unread { logical_id: logical_id.to_owned(), kind: kind.to_owned(), why: why.to_owned() };
    let Some(drift) = drift else {
        // What CloudFormation cannot compare is not in its answer; while pages are missing, so may be anything.
        if all_pages {
            found.coverage.unsupported += 1;
            found.unsupported.entry(kind.to_owned()).or_default().push(logical_id.to_owned());
        } else {
            found.unread.push(unread("it is not in the part of the answer that was read"));
        }
        return;
    };
    match drift.stack_resource_drift_status() {
        Some(StackResourceDriftStatus::InSync) => found.coverage.compared += 1,
        Some(StackResourceDriftStatus::Modified) => {
            found.coverage.compared += 1;
            found.resources.push(resource(drift, Fate::Modified));
        }
        Some(StackResourceDriftStatus::Deleted) => {
            found.coverage.compared += 1;
            found.resources.push(resource(drift, Fate::Deleted));
        }
        Some(StackResourceDriftStatus::Unsupported | StackResourceDriftStatus::NotChecked) => {
            found.coverage.unsupported += 1;
            found.unsupported.entry(kind.to_owned()).or_default().push(logical_id.to_owned());
        }
        other => {
            let word = other.map_or("nothing", |status| status.as_str());
            let reason = drift.drift_status_reason().map(|reason| format!(": {reason}")).unwrap_or_default();
            found.unread.push(unread(&format!("CloudFormation says {word} about it{reason}")));
        }
    }
}

fn resource(drift: &StackResourceDrift, fate: Fate) -> ResourceDrift {
    let kind = drift.resource_type().unwrap_or_default().to_owned();
    let told: Vec<Told> = drift
        .property_differences()
        .iter()
        .map(|it| Told {
            pointer: it.property_path().unwrap_or_default().to_owned(),
            expected: it.expected_value().unwrap_or_default().to_owned(),
            actual: it.actual_value().unwrap_or_default().to_owned(),
            how: match it.difference_type() {
                Some(DifferenceType::Add) => How::Added,
                Some(DifferenceType::Remove) => How::Removed,
                _ => How::Other,
            },
        })
        .collect();
    ResourceDrift {
        logical_id: drift.logical_resource_id().unwrap_or_default().to_owned(),
        physical_id: drift.physical_resource_id().unwrap_or_default().to_owned(),
        properties: differences::properties(&kind, &told),
        kind,
        fate,
        authors: Vec::new(),
        authors_unknown: None,
        ignored: None,
    }
}
