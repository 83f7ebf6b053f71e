//! Following an operation to its end. Reading may fail as often as it likes: only a terminal status of the stack decides.

mod leave;
mod ours;

use std::{collections::BTreeSet, time::Duration};

use aws_sdk_cloudformation::Client;
use tokio::{sync::watch, time::Instant};

use self::{
    leave::{cancel, detached, lost},
    ours::{Depth, conclusion, is_far_enough, own},
};
use super::{
    complaint::Complaint,
    event::{Cause, Event, Observer, Operation, ResourceEvent, StackRef},
    fold::{Fold, is_echo},
    pace::Pace,
    plan::Live,
    sift::Sieve,
    stacks,
    status::Verdict,
};
use crate::{
    cloud::{CloudError, Kind},
    failure::Failure,
};

/// How long AWS may be out of reach before we leave the operation to itself.
const LOST_AFTER: Duration = Duration::from_secs(15 * 60);
/// How long events may lag behind the end of an operation that failed: so long we wait for the one that says why.
const LAG: Duration = Duration::from_secs(5);

/// What the person at the keyboard wants of a running operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    /// See it through.
    #[default]
    Continue,
    /// Stop it and go back.
    Cancel,
    /// Let it go on without us.
    Detach,
}

/// An operation that was begun.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The stack.
    pub stack: StackRef,
    /// Its unique id, which also finds it when it is gone.
    pub stack_id: String,
    /// What is done.
    pub operation: Operation,
    /// The stack before.
    pub before: Live,
    /// The events that it already had: they belong to earlier operations.
    pub earlier: BTreeSet<String>,
    /// True when an earlier command began it.
    pub joined: bool,
    /// The token that it was begun with, where that is known.
    pub token: Option<String>,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ending {
    /// The stack.
    pub stack: StackRef,
    /// The stack as it is now.
    pub live: Live,
    /// What its status means.
    pub verdict: Verdict,
    /// Why it failed, if it did.
    pub cause: Option<Cause>,
}

/// Follows an operation until the stack's status is terminal, telling what happens.
///
/// # Errors
/// When the person leaves, or AWS cannot be asked any more. The operation goes on.
pub async fn follow(
    client: &Client,
    begun: Begun,
    observer: &Observer,
    wishes: watch::Receiver<Wish>,
) -> Result<Ending, Failure> {
    follow_for(client, begun, observer, wishes, LOST_AFTER).await
}

/// The same, with another idea of how long AWS may be out of reach.
pub(super) async fn follow_for(
    client: &Client,
    begun: Begun,
    observer: &Observer,
    mut wishes: watch::Receiver<Wish>,
    lost_after: Duration,
) -> Result<Ending, Failure> {
    let mut watcher = Watcher::new(client, begun, observer);
    let mut cancelled = false;
    loop {
        let looked = tokio::select! {
            looked = watcher.look() => looked,
            () = leaving(&mut wishes) => return Err(detached(&watcher.begun)),
        };
        match looked {
            Ok(Some((live, verdict))) => return Ok(watcher.conclude(live, verdict).await),
            Ok(None) => {}
            Err(error) if watcher.answered.elapsed() >= lost_after => return Err(lost(&watcher, &error)),
            Err(_) => {}
        }
        let wish = *wishes.borrow_and_update();
        match wish {
            Wish::Detach => return Err(detached(&watcher.begun)),
            Wish::Cancel if !cancelled => {
                cancelled = true;
                cancel(client, &watcher.begun, observer).await;
            }
            Wish::Cancel | Wish::Continue => {}
        }
        tokio::select! {
            () = tokio::time::sleep(watcher.pace.next(watcher.began.elapsed())) => {}
            Ok(()) = wishes.changed() => {}
        }
    }
}

/// Waits until the person wants to leave. A call that hangs must not keep anybody.
async fn leaving(wishes: &mut watch::Receiver<Wish>) {
    if wishes.wait_for(|wish| *wish == Wish::Detach).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// What is known of an operation while it is watched.
struct Watcher<'a> {
    client: &'a Client,
    observer: &'a Observer,
    begun: Begun,
    began: Instant,
    answered: Instant,
    pace: Pace,
    fold: Fold,
    sieve: Sieve,
    complaint: Complaint,
}

impl<'a> Watcher<'a> {
    fn new(client: &'a Client, begun: Begun, observer: &'a Observer) -> Self {
        let now = Instant::now();
        let (pace, fold, sieve) = (Pace::default(), Fold::default(), Sieve::new(begun.token.clone()));
        Self { client, observer, begun, began: now, answered: now, pace, fold, sieve, complaint: Complaint::default() }
    }

    /// Tells what is new, and answers how the operation ended, if it did.
    async fn look(&mut self) -> Result<Option<(Live, Verdict)>, CloudError> {
        let heard = self.listen(Depth::News).await;
        match stacks::look(self.client, &self.begun.stack_id).await {
            Ok(live) => {
                self.answered = Instant::now();
                if heard {
                    self.pace.answered();
                    self.complaint.over();
                }
                let told = self.fold.stack_verdict().filter(|_| self.sieve.is_overtaken());
                let verdict = told.or_else(|| conclusion(&self.begun, &live, &self.fold, self.began.elapsed()));
                let Some(verdict) = verdict else { return Ok(None) };
                self.hear_out(verdict).await;
                Ok(Some((live, verdict)))
            }
            Err(error) => {
                self.trouble(&error);
                Err(error)
            }
        }
    }

    /// Events lag behind the status: what came in between is still told, and a failure is waited for until it is explained.
    async fn hear_out(&mut self, verdict: Verdict) {
        let began = Instant::now();
        let pace = Pace::default();
        loop {
            self.listen(Depth::All).await;
            let failed = matches!(verdict, Verdict::RolledBack | Verdict::NeedsRecovery);
            let is_told = !failed || (self.fold.stack_verdict() == Some(verdict) && self.fold.is_explained());
            if is_told || began.elapsed() >= LAG {
                return;
            }
            tokio::time::sleep(pace.next(began.elapsed())).await;
        }
    }

    /// Reads the events that are new and tells them. An error is told and changes nothing else.
    async fn listen(&mut self, depth: Depth) -> bool {
        let (begun, fold) = (&self.begun, &self.fold);
        let far_enough = |page: &[ResourceEvent]| is_far_enough(page, begun, fold, depth);
        let heard = stacks::events_until(self.client, &begun.stack_id, far_enough).await;
        match heard {
            Ok(events) => {
                let own = self.sieve.sift(own(events, &self.begun));
                for resource in self.fold.take(own) {
                    self.observer.tell(Event::Resource { stack: self.begun.stack.clone(), resource });
                }
                true
            }
            Err(error) => {
                self.trouble(&error);
                false
            }
        }
    }

    /// Being too fast for AWS is mended by being slower; other trouble is told.
    fn trouble(&mut self, error: &CloudError) {
        if error.kind == Kind::Throttled {
            self.pace.throttled();
            return;
        }
        self.complaint.tell(self.observer, &self.begun.stack, error);
    }

    async fn conclude(mut self, live: Live, verdict: Verdict) -> Ending {
        let failed = matches!(verdict, Verdict::RolledBack | Verdict::NeedsRecovery);
        let (mut cause, echoes) = if failed { self.fold.cause() } else { (None, 0) };
        if failed {
            // Early validation is only told by the newer list of events; the stack's own event merely points at it.
            let named = cause.take_if(|cause| cause.kind != "AWS::CloudFormation::Stack");
            match stacks::validation_failures(self.client, &self.begun.stack_id, None).await {
                Ok(validation) => {
                    let first = validation.into_iter().find(|cause| !is_echo(&cause.reason));
                    cause = named.or(first).or(cause);
                }
                Err(error) => {
                    cause = named.or(cause);
                    self.trouble(&error);
                }
            }
            cause = cause.or_else(|| status_reason(&self.begun.stack, &live));
        }
        let told = self.fold.stack_status().filter(|_| self.sieve.is_overtaken());
        let status = told.or(live.status.as_deref()).unwrap_or("DELETE_COMPLETE").to_owned();
        let stack = self.begun.stack.clone();
        self.observer.tell(Event::Ended { stack, status, verdict, cause: cause.clone(), echoes });
        Ending { stack: self.begun.stack, live, verdict, cause }
    }
}

fn status_reason(stack: &StackRef, live: &Live) -> Option<Cause> {
    Some(Cause {
        logical_id: stack.name.clone(),
        kind: "AWS::CloudFormation::Stack".to_owned(),
        status: live.status.clone()?,
        reason: live.status_reason.clone()?,
    })
}
