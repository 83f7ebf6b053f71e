//! Taking drift back: a change set that starts from what is deployed and ends at what the template describes.
//!
//! The template and its parameters stay as they are, so that nothing else is changed on the way. CloudFormation takes a
//! stack back as a whole; nested stacks are not part of it (`IncludeNestedStacks` must not even be said).

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudformation::{
    Client,
    types::{Capability, ChangeSetType, DeploymentMode, Parameter},
};
use futures::future::{join_all, try_join_all};

use super::answer::{Answer, ResourceDrift, StackDrift};
use crate::{
    cloud::{CloudError, Doing},
    deploy::{
        consent::{Approved, ChangeSet, Consent, Demand},
        engine::{self, Surroundings},
        event::{Event, Operation, Phase, StackRef},
        follow::Begun,
        proposal::{self, Proposal},
        stacks,
        token::Token,
    },
    exit::Exit,
    failure::Failure,
};

/// The phases of taking drift back, in order.
pub const PHASES: [Phase; 3] = [Phase::Plan, Phase::ChangeSet, Phase::Deploy];

/// Stacks with something to take back.
///
/// # Errors
/// Drift that the environment file ignores: it would be taken back with the rest.
pub fn doomed(answer: &Answer, also_ignored: bool) -> Result<Vec<&StackDrift>, Failure> {
    let counts = |stack: &&StackDrift| stack.resources.iter().any(ResourceDrift::counts);
    let stacks: Vec<&StackDrift> = answer.stacks.iter().filter(counts).collect();
    let is_hidden = |resource: &&ResourceDrift| {
        resource.ignored.is_some() || resource.properties.iter().any(|property| property.ignored.is_some())
    };
    let hidden: BTreeSet<&str> = stacks
        .iter()
        .flat_map(|stack| stack.resources.iter().filter(is_hidden).map(|resource| resource.logical_id.as_str()))
        .collect();
    if hidden.is_empty() || also_ignored {
        return Ok(stacks);
    }
    let names = hidden.into_iter().collect::<Vec<_>>().join(", ");
    let message = format!(
        "CloudFormation takes a stack back as a whole, and the environment file ignores what differs in {names}"
    );
    Err(Failure::new(Exit::Guarded, message).hint("`--also-ignored` takes that back too"))
}

/// Takes stacks back to what their templates describe.
///
/// # Errors
/// A change set that cannot be made, a no, or an update that failed.
pub async fn revert(
    around: &Surroundings<'_>,
    stacks: &[(StackRef, &StackDrift)],
    consent: Consent,
    ask: &impl AsyncFn(Demand) -> Result<Consent, Failure>,
) -> Result<(), Failure> {
    let change_sets = engine::phase(around.observer, Phase::ChangeSet, async {
        let proposals = stacks.iter().map(|(stack, drift)| propose(around, stack, drift));
        Ok(try_join_all(proposals).await?.into_iter().flatten().collect::<Vec<_>>())
    })
    .await?;
    if change_sets.is_empty() {
        return Ok(());
    }
    let losses: BTreeSet<String> = change_sets.iter().flat_map(ChangeSet::losses).collect();
    let agreed = engine::agree(consent, &losses.into_iter().collect::<Vec<_>>(), ask).await;
    let consent = match agreed {
        Ok(consent) => consent,
        Err(no) => {
            discard(around, &change_sets).await?;
            return Err(no);
        }
    };
    engine::phase(around.observer, Phase::Deploy, async {
        let work = change_sets.into_iter().map(async |change_set| {
            let approved = engine::approve(change_set, &consent)?;
            execute(around, approved).await
        });
        engine::finish(around, join_all(work).await).await.map(drop)
    })
    .await
}

/// What is not agreed to leaves nothing behind.
async fn discard(around: &Surroundings<'_>, change_sets: &[ChangeSet]) -> Result<(), Failure> {
    let work = change_sets
        .iter()
        .map(async |it| proposal::discard(&around.asking(&it.stack), &it.id, &it.stack_id, false).await);
    try_join_all(work).await?;
    Ok(())
}

async fn propose(
    around: &Surroundings<'_>,
    stack: &StackRef,
    drift: &StackDrift,
) -> Result<Option<ChangeSet>, Failure> {
    let client = &around.cloud.at(&stack.region).cloudformation;
    let live = stacks::look(client, &stack.name).await?;
    let token = token(drift, &format!("{}@{}", live.stack_id, live.changed_ms));
    let (id, stack_id) = create(client, stack, &live.parameters, &token).await?;
    let made = ChangeSet { stack: stack.clone(), stack_id, id, creates: false, token, changes: Vec::new() };
    match proposal::answered(&around.asking(stack), made).await? {
        Proposal::Changes(change_set) => {
            let changes = change_set.changes.clone();
            around.observer.tell(Event::Proposed { stack: stack.clone(), changes });
            Ok(Some(change_set))
        }
        Proposal::Nothing => {
            around.observer.tell(Event::Unchanged { stack: stack.clone() });
            Ok(None)
        }
    }
}

/// The same drift of the same stack is the same operation.
fn token(drift: &StackDrift, base: &str) -> Token {
    let places: Vec<_> = drift.resources.iter().map(|it| (&it.logical_id, it.fate, &it.properties)).collect();
    Token::new(&format!("revert {}", serde_json::json!(places)), &BTreeMap::new(), &BTreeMap::new(), base)
}

async fn create(
    client: &Client,
    stack: &StackRef,
    parameters: &BTreeMap<String, String>,
    token: &Token,
) -> Result<(String, String), Failure> {
    let kept = |name: &String| Parameter::builder().parameter_key(name).use_previous_value(true).build();
    let doing = format!("make a change set that takes back the drift of the stack `{stack}`");
    // Two tries: the first may find the remains of an earlier command.
    for last in [false, true] {
        let answer = client
            .create_change_set()
            .stack_name(&stack.name)
            .change_set_name(token.as_str())
            .client_token(token.as_str())
            .change_set_type(ChangeSetType::Update)
            .deployment_mode(DeploymentMode::RevertDrift)
            .use_previous_template(true)
            .set_parameters(Some(parameters.keys().map(kept).collect()))
            .capabilities(Capability::CapabilityIam)
            .capabilities(Capability::CapabilityNamedIam)
            .send()
            .await
            .doing(doing.clone());
        match answer {
            Ok(answer) => match (answer.id, answer.stack_id) {
                (Some(id), Some(stack_id)) => return Ok((id, stack_id)),
                _ => return Err(CloudError::unexpected(doing, "the answer names no change set").into()),
            },
            Err(error) if !last && error.code.as_deref() == Some("AlreadyExistsException") => {
                let remains = client.delete_change_set().stack_name(&stack.name).change_set_name(token.as_str());
                remains.send().await.doing("remove the change set of an earlier command")?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(CloudError::unexpected(doing, "a change set with this name comes back as fast as it is removed").into())
}

async fn execute(around: &Surroundings<'_>, approved: Approved<ChangeSet>) -> Result<Begun, Failure> {
    let (stack, operation) = (approved.stack().clone(), Operation::Update);
    let asking = around.asking(&stack);
    // What is there now is not news later.
    let earlier = stacks::recent_events(asking.client, approved.stack_id()).await?;
    let before = stacks::look(asking.client, approved.stack_id()).await?;
    let change_set = proposal::execute(&asking, approved).await?;
    let expected = Some(change_set.changes.len());
    around.observer.tell(Event::Started { stack: stack.clone(), operation, joined: false, expected });
    let earlier = earlier.into_iter().map(|event| event.id).collect();
    Ok(Begun { stack, stack_id: change_set.stack_id, operation, before, earlier, joined: false })
}

#[cfg(test)]
mod tests {
    use super::{
        super::answer::{
            Ignored,
            tests::{answer, changed, stack},
        },
        *,
    };

    fn two_stacks(ignored: bool) -> Answer {
        let reason = Ignored { reason: "audit".to_owned(), until: "2027-01-01".to_owned() };
        let mut first = stack("shop", 9, 0);
        first.resources = vec![changed("Logs", "RetentionInDays"), changed("Api", "Timeout")];
        first.resources[1].ignored = ignored.then_some(reason.clone());
        let mut second = stack("shop-regional", 9, 0);
        second.resources = vec![changed("Logs", "RetentionInDays")];
        second.resources[0].ignored = Some(reason);
        answer(vec![first, second])
    }

    #[test]
    fn only_stacks_with_drift_that_counts_are_taken_back() {
        let answer = two_stacks(false);
        let names: Vec<_> = doomed(&answer, false).unwrap().iter().map(|it| it.name.clone()).collect();
        assert_eq!(names, ["shop"]);
    }

    #[test]
    fn what_is_ignored_is_taken_back_only_when_that_is_said() {
        let answer = two_stacks(true);
        let refused = doomed(&answer, false).unwrap_err();
        assert_eq!(refused.exit, Exit::Guarded);
        assert!(refused.message.ends_with("differs in Api"), "{refused}");
        assert_eq!(doomed(&answer, true).unwrap().len(), 1);
    }

    #[test]
    fn other_drift_is_another_operation() {
        let base = stack("shop", 9, 0);
        let with = |path: &str| StackDrift { resources: vec![changed("Logs", path)], ..base.clone() };
        assert_eq!(token(&with("A"), "1"), token(&with("A"), "1"));
        assert_ne!(token(&with("A"), "1"), token(&with("B"), "1"));
        assert_ne!(token(&with("A"), "1"), token(&with("A"), "2"));
    }
}
