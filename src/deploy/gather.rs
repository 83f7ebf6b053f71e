//! Change sets of several stacks at once: all of them or none.

use futures::future::join_all;

use super::{
    begin::{self, Next},
    consent::ChangeSet,
    engine::{Surroundings, worst},
    follow::Begun,
    plan::{StackPlan, Wanted},
};
use crate::failure::Failure;

/// What CloudFormation would do, and what goes on there already.
#[derive(Debug, Default)]
pub(super) struct Proposed {
    /// What is to be reviewed.
    pub change_sets: Vec<ChangeSet>,
    /// What another command has begun.
    pub joined: Vec<Begun>,
}

/// The same, and what went wrong meanwhile.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    proposed: Proposed,
    failures: Vec<Failure>,
}

impl Gathered {
    /// All of it or nothing: where one stack failed, the change sets of the others are removed.
    pub async fn whole(self, around: &Surroundings<'_>) -> Result<Proposed, Failure> {
        match worst(self.failures) {
            None => Ok(self.proposed),
            Some(failure) => {
                begin::discard(around, &self.proposed.change_sets).await;
                Err(failure)
            }
        }
    }
}

/// Asks for all stacks at once, and waits for every answer: what is not heard out is left lying about.
pub(super) async fn gather<'a>(
    stacks: impl Iterator<Item = (&'a Wanted, &'a StackPlan)>,
    ask: impl AsyncFn(&'a Wanted, &'a StackPlan) -> Result<Option<Next>, Failure>,
) -> Gathered {
    let mut gathered = Gathered::default();
    for next in join_all(stacks.map(|(wanted, plan)| ask(wanted, plan))).await {
        match next {
            Ok(Some(Next::Approve(change_set))) => gathered.proposed.change_sets.push(change_set),
            Ok(Some(Next::Join(begun))) => gathered.proposed.joined.push(begun),
            Ok(None) => {}
            Err(failure) => gathered.failures.push(failure),
        }
    }
    gathered
}
