//! Change sets of several stacks at once: all of them or none.

use futures::future::join_all;

use super::{
    begin::{self, Next},
    consent::ChangeSet,
    engine::Surroundings,
    follow::Begun,
    outcome::worst,
};
use crate::failure::Failure;

/// What CloudFormation would do, and what goes on there already.
#[derive(Debug, Default)]
pub(crate) struct Proposed {
    /// What is to be reviewed.
    pub change_sets: Vec<ChangeSet>,
    /// What another command has begun.
    pub joined: Vec<Begun>,
}

impl Proposed {
    /// True when there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.change_sets.is_empty() && self.joined.is_empty()
    }
}

/// The same, and what went wrong meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
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
pub(crate) async fn gather(questions: impl Iterator<Item: Future<Output = Result<Option<Next>, Failure>>>) -> Gathered {
    let mut gathered = Gathered::default();
    for next in join_all(questions).await {
        match next {
            Ok(Some(Next::Approve(change_set))) => gathered.proposed.change_sets.push(change_set),
            Ok(Some(Next::Join(begun))) => gathered.proposed.joined.push(*begun),
            Ok(None) => {}
            Err(failure) => gathered.failures.push(failure),
        }
    }
    gathered
}
