//! Following an operation to its end. Reading may fail as often as it likes: only a terminal status of the stack decides.

use std::{collections::BTreeSet, time::Duration};

use aws_sdk_cloudformation::Client;
use tokio::{sync::watch, time::Instant};

use super::{
    complaint::Complaint,
    event::{Cause, Event, Observer, Operation, ResourceEvent, StackRef},
    fold::{Fold, is_echo},
    pace::Pace,
    plan::Live,
    sift::{CANCEL, Sieve},
    stacks,
    status::{self, Verdict, verdict},
};
use crate::{
    cloud::{CloudError, Kind},
    exit::Exit,
    failure::Failure,
};

/// How long an operation may say nothing new about its beginning before its final status is believed all the same.
const BELIEVED_AFTER: Duration = Duration::from_secs(20);
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

/// How far back events are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// To the first page that brings nothing new.
    News,
    /// To the beginning of the operation: what came late may stand below what is known.
    All,
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

/// A page that reaches back before the operation, or brings nothing new, has no news behind it.
fn is_far_enough(page: &[ResourceEvent], begun: &Begun, fold: &Fold, depth: Depth) -> bool {
    let reaches_back = page.iter().any(|event| begun.earlier.contains(&event.id) || is_start(event, begun));
    reaches_back || (depth == Depth::News && page.iter().all(|event| fold.knows(&event.id)))
}

/// The events of this operation, out of events that are given newest first. AWS may give neighbours in another order, so one
/// event of an earlier operation says nothing about the next; two do.
fn own(events: Vec<ResourceEvent>, begun: &Begun) -> Vec<ResourceEvent> {
    let (mut started, mut earlier) = (false, 0);
    let goes_on = |event: &ResourceEvent| {
        let goes_on = !started && earlier < 2;
        started |= is_start(event, begun);
        earlier += usize::from(begun.earlier.contains(&event.id));
        goes_on
    };
    let near: Vec<ResourceEvent> = events.into_iter().take_while(goes_on).collect();
    near.into_iter().filter(|event| !begun.earlier.contains(&event.id)).collect()
}

/// Who joins an operation does not know what was there before it, but the operation's first event says that it is.
fn is_start(event: &ResourceEvent, begun: &Begun) -> bool {
    begun.joined && event.of_stack && status::is_start(&event.status)
}

/// How the operation ended, if it did. AWS may still answer with a status from before, so a final status counts only when it
/// cannot be such a one: when it is another, was reached by a later change, or is what the stack's own events end with. Of a
/// stack that stood still and is updated only the events count: somebody else may have updated it between our look and our
/// turn, and that would be another status by a later change as well.
fn conclusion(begun: &Begun, live: &Live, fold: &Fold, elapsed: Duration) -> Option<Verdict> {
    let Some(status) = live.status.as_deref() else {
        // A deleted stack can be gone altogether; any other stack that nobody knows is a stale answer.
        return (begun.operation == Operation::Delete).then_some(Verdict::Deleted);
    };
    let verdict = verdict(status)?;
    let is_older = live.changed_ms < begun.before.changed_ms;
    let before = begun.before.status.as_deref();
    let stood_still = begun.operation == Operation::Update && before.and_then(status::verdict).is_some();
    let differs = before != Some(status) || begun.before.changed_ms != live.changed_ms;
    let is_new = fold.stack_verdict() == Some(verdict) || (differs && !stood_still);
    ((is_new && !is_older) || elapsed >= BELIEVED_AFTER).then_some(verdict)
}

fn status_reason(stack: &StackRef, live: &Live) -> Option<Cause> {
    Some(Cause {
        logical_id: stack.name.clone(),
        kind: "AWS::CloudFormation::Stack".to_owned(),
        status: live.status.clone()?,
        reason: live.status_reason.clone()?,
    })
}

/// Going back: an update is cancelled; a stack that is being made is deleted, for there is nothing to go back to.
async fn cancel(client: &Client, begun: &Begun, observer: &Observer) {
    let asked = match begun.operation {
        Operation::Update => stacks::cancel_update(client, &begun.stack_id).await,
        Operation::Create => stacks::delete(client, &begun.stack_id, CANCEL).await,
        Operation::Delete => {
            observer.notice(format!("AWS cannot cancel the deletion of {}; it goes on", begun.stack));
            return;
        }
        Operation::RollBack => {
            observer.notice(format!("{} goes back already", begun.stack));
            return;
        }
    };
    match asked {
        Ok(()) => observer.notice(format!("asked AWS to cancel; following {} back", begun.stack)),
        Err(error) => observer.notice(format!("could not cancel: {error}")),
    }
}

fn detached(begun: &Begun) -> Failure {
    let message = format!("detached: the operation on the stack `{}` goes on in AWS", begun.stack);
    Failure::new(Exit::Interrupted, message)
        .hint("`dlt attach` joins it and shows how it ends, and so does the same command")
}

fn lost(watcher: &Watcher<'_>, error: &CloudError) -> Failure {
    let (stack, minutes) = (&watcher.begun.stack, watcher.answered.elapsed().as_secs() / 60);
    let message = format!("AWS could not be asked about the stack `{stack}` for {minutes} minutes");
    let mut failure = Failure::new(Exit::DeadlinePassed, message);
    failure.causes.push(error.message.clone());
    if error.kind == Kind::Credentials {
        failure = failure.hint("sign in again (`aws sso login`)");
    }
    failure.hint("the operation goes on in AWS; `dlt attach` joins it when AWS can be reached again")
}

#[cfg(test)]
mod tests {
    use super::{super::fold::tests::event, *};

    fn begun(operation: Operation, status: Option<&str>) -> Begun {
        Begun {
            stack: StackRef { name: "shop".to_owned(), region: "eu-west-1".parse().unwrap() },
            stack_id: "arn:shop".to_owned(),
            operation,
            before: live(status, 1),
            earlier: BTreeSet::new(),
            joined: false,
            token: None,
        }
    }

    fn live(status: Option<&str>, changed_ms: i64) -> Live {
        Live { status: status.map(ToOwned::to_owned), changed_ms, ..Live::default() }
    }

    #[test]
    fn events_of_earlier_operations_are_not_told() {
        let page = || {
            ["UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "CREATE_COMPLETE", "CREATE_IN_PROGRESS"]
                .into_iter()
                .enumerate()
                .map(|(index, status)| event(&index.to_string(), 9 - index as i64, "Stack", status, None))
                .collect::<Vec<_>>()
        };
        let ids = |begun: &Begun| own(page(), begun).into_iter().map(|it| it.id).collect::<Vec<_>>();
        let fresh =
            Begun { earlier: BTreeSet::from(["2".to_owned(), "3".to_owned()]), ..begun(Operation::Update, None) };
        assert_eq!(ids(&fresh), ["0", "1"]);
        let joined = Begun { joined: true, ..begun(Operation::Update, None) };
        assert_eq!(ids(&joined), ["0", "1"]);
        assert!(is_far_enough(&page(), &joined, &Fold::default(), Depth::All));
        let mut swapped = page();
        swapped.swap(1, 2);
        let told: Vec<_> = own(swapped, &fresh).into_iter().map(|it| it.id).collect();
        assert_eq!(told, ["0", "1"], "neighbours may stand the other way round");
    }

    #[test]
    fn what_comes_late_is_found_below_what_is_known() {
        let mut fold = Fold::default();
        let page = vec![event("1", 1, "A", "CREATE_FAILED", None)];
        fold.take(page.clone());
        let begun = begun(Operation::Create, None);
        assert!(is_far_enough(&page, &begun, &fold, Depth::News));
        assert!(!is_far_enough(&page, &begun, &fold, Depth::All));
    }

    const SOON: Duration = Duration::from_secs(1);

    #[test]
    fn a_status_from_before_the_update_is_not_its_end() {
        let begun = begun(Operation::Update, Some("UPDATE_COMPLETE"));
        for stale in
            [live(Some("UPDATE_COMPLETE"), 1), live(Some("UPDATE_COMPLETE"), 2), live(Some("CREATE_COMPLETE"), 0)]
        {
            assert_eq!(conclusion(&begun, &stale, &Fold::default(), SOON), None, "{stale:?}");
        }
        let mut fold = Fold::default();
        fold.take(vec![event("1", 1, "Stack", "UPDATE_COMPLETE", None)]);
        let now = live(Some("UPDATE_COMPLETE"), 2);
        assert_eq!(conclusion(&begun, &now, &fold, SOON), Some(Verdict::Succeeded));
    }

    #[test]
    fn a_status_that_cannot_be_told_from_the_one_before_counts_when_the_stacks_events_end_with_it() {
        let begun = begun(Operation::Update, Some("UPDATE_COMPLETE"));
        let mut fold = Fold::default();
        let now = live(Some("UPDATE_COMPLETE"), 1);
        fold.take(vec![event("1", 1, "Stack", "UPDATE_IN_PROGRESS", None)]);
        assert_eq!(conclusion(&begun, &now, &fold, SOON), None, "it has only begun: the status is stale");
        fold.take(vec![event("2", 2, "Stack", "UPDATE_COMPLETE", None)]);
        assert_eq!(conclusion(&begun, &now, &fold, SOON), Some(Verdict::Succeeded));
    }

    #[test]
    fn a_status_from_before_an_operation_that_is_joined_is_not_its_end() {
        let joined =
            Begun { joined: true, before: live(Some("UPDATE_IN_PROGRESS"), 2), ..begun(Operation::Update, None) };
        let at = |changed_ms| conclusion(&joined, &live(Some("UPDATE_COMPLETE"), changed_ms), &Fold::default(), SOON);
        assert_eq!((at(1), at(2)), (None, Some(Verdict::Succeeded)));
    }

    #[test]
    fn a_review_that_is_still_reported_after_execution_is_stale() {
        let begun = begun(Operation::Create, Some("REVIEW_IN_PROGRESS"));
        assert_eq!(conclusion(&begun, &live(Some("REVIEW_IN_PROGRESS"), 1), &Fold::default(), SOON), None);
        assert_eq!(
            conclusion(&begun, &live(Some("ROLLBACK_COMPLETE"), 1), &Fold::default(), SOON),
            Some(Verdict::RolledBack)
        );
    }

    #[test]
    fn a_stack_that_nobody_knows_is_deleted_only_when_it_was_being_deleted() {
        let nothing = live(None, 0);
        let deleting = begun(Operation::Delete, Some("CREATE_COMPLETE"));
        assert_eq!(conclusion(&deleting, &nothing, &Fold::default(), SOON), Some(Verdict::Deleted));
        let creating = begun(Operation::Create, None);
        assert_eq!(conclusion(&creating, &nothing, &Fold::default(), SOON), None);
    }

    #[test]
    fn a_status_that_never_moves_is_believed_in_the_end() {
        let begun = begun(Operation::Update, Some("UPDATE_COMPLETE"));
        let now = live(Some("UPDATE_COMPLETE"), 1);
        assert_eq!(conclusion(&begun, &now, &Fold::default(), BELIEVED_AFTER), Some(Verdict::Succeeded));
    }
}
