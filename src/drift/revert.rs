//! Taking drift back: a change set that starts from what is deployed and ends at what the template describes.
//!
//! The template and its parameters stay as they are, so that nothing else is changed on the way. CloudFormation takes a
//! stack back as a whole; nested stacks are not part of it (`IncludeNestedStacks` must not even be said).

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudformation::types::{ChangeSetType, DeploymentMode, Parameter};
use futures::future::try_join_all;

use super::answer::{Answer, ResourceDrift, StackDrift};
use crate::{
    deploy::{
        begin::Next,
        consent::{ChangeSet, Consent, Demand},
        engine::{self, Surroundings},
        event::{Event, Phase, StackRef},
        gather::gather,
        making,
        plan::Live,
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
    let looks = stacks.iter().map(|(stack, _)| async move {
        let asking = around.asking(stack);
        let live = asking.patiently(async || stacks::look(asking.client, &stack.name).await).await?;
        Ok::<_, Failure>((stack.clone(), live))
    });
    let before: BTreeMap<StackRef, Live> = try_join_all(looks).await?.into_iter().collect();
    let proposed = engine::phase(around.observer, Phase::ChangeSet, async {
        let questions = stacks.iter().map(|(stack, drift)| propose(around, stack, drift, &before[stack]));
        gather(questions).await.whole(around).await
    });
    let (consent, proposed) = engine::review(around, proposed.await?, consent, ask).await?;
    if proposed.is_empty() {
        return Ok(());
    }
    engine::phase(around.observer, Phase::Deploy, async {
        engine::carry_out(around, |stack| before[stack].clone(), proposed, &consent).await.map(drop)
    })
    .await
}

async fn propose(
    around: &Surroundings<'_>,
    stack: &StackRef,
    drift: &StackDrift,
    live: &Live,
) -> Result<Option<Next>, Failure> {
    let asking = around.asking(stack);
    let token = token(drift, &format!("{}@{}", live.stack_id, live.changed_ms));
    let kept = |name: &String| Parameter::builder().parameter_key(name).use_previous_value(true).build();
    let request = making::request(&asking, stack, token.as_str())
        .change_set_type(ChangeSetType::Update)
        .deployment_mode(DeploymentMode::RevertDrift)
        .use_previous_template(true)
        .set_parameters(Some(live.parameters.keys().map(kept).collect()));
    let (id, stack_id) = making::make(&asking, stack, token.as_str(), request).await?;
    let made = ChangeSet { stack: stack.clone(), stack_id, id, creates: false, token, changes: Vec::new() };
    match proposal::answered(&asking, made).await? {
        Proposal::Changes(change_set) => {
            let changes = change_set.changes.clone();
            around.observer.tell(Event::Proposed { stack: stack.clone(), changes });
            Ok(Some(Next::Approve(change_set)))
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
