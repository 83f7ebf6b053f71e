//! The ways to leave an operation before its end: cancelled, left to itself, or out of sight.

use aws_sdk_cloudformation::Client;

use super::{Begun, Watcher};
use crate::{
    cloud::{CloudError, Kind},
    deploy::{
        event::{Observer, Operation},
        sift::CANCEL,
        stacks,
    },
    exit::Exit,
    failure::Failure,
};

/// Going back: an update is cancelled; a stack that is being made is deleted, for there is nothing to go back to.
pub(super) async fn cancel(client: &Client, begun: &Begun, observer: &Observer) {
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

pub(super) fn detached(begun: &Begun) -> Failure {
    let message = format!("detached: the operation on the stack `{}` goes on in AWS", begun.stack);
    Failure::new(Exit::Interrupted, message)
        .hint("`dlt attach` joins it and shows how it ends, and so does the same command")
}

pub(super) fn lost(watcher: &Watcher<'_>, error: &CloudError) -> Failure {
    let (stack, minutes) = (&watcher.begun.stack, watcher.answered.elapsed().as_secs() / 60);
    let message = format!("AWS could not be asked about the stack `{stack}` for {minutes} minutes");
    let mut failure = Failure::new(Exit::DeadlinePassed, message);
    failure.causes.push(error.message.clone());
    if error.kind == Kind::Credentials {
        failure = failure.hint("sign in again (`aws sso login`)");
    }
    failure.hint("the operation goes on in AWS; `dlt attach` joins it when AWS can be reached again")
}
