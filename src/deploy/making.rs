//! Making a change set under a name that says what it is for, or finding the one that is there under it already.

use aws_sdk_cloudformation::{
    operation::create_change_set::builders::CreateChangeSetFluentBuilder,
    types::{Capability, ChangeSetStatus, ExecutionStatus},
};

use super::{event::StackRef, patience::Asking};
use crate::{
    cloud::{CloudError, Doing, Kind},
    failure::Failure,
};

/// How often what is in the way is removed: the remains of an earlier command, and what somebody made obsolete meanwhile.
const TRIES: usize = 3;

/// A request to make a change set, with what is the same for all. The token makes asking again harmless.
pub fn request(asking: &Asking<'_>, stack: &StackRef, name: &str) -> CreateChangeSetFluentBuilder {
    let request = asking.client.create_change_set().stack_name(&stack.name).change_set_name(name).client_token(name);
    request.capabilities(Capability::CapabilityIam).capabilities(Capability::CapabilityNamedIam)
}

/// Makes a change set of this name, or finds the one that is there: its id, and its stack's.
///
/// # Errors
/// What AWS does not like about it.
pub async fn make(
    asking: &Asking<'_>,
    stack: &StackRef,
    name: &str,
    request: CreateChangeSetFluentBuilder,
) -> Result<(String, String), Failure> {
    let doing = format!("make a change set for the stack `{stack}`");
    for _ in 0..TRIES {
        let answer = asking.patiently(async || request.clone().send().await.doing(doing.clone())).await;
        match answer {
            Ok(answer) => match (answer.id, answer.stack_id) {
                (Some(id), Some(stack_id)) => return Ok((id, stack_id)),
                _ => return Err(CloudError::unexpected(doing, "the answer names no change set").into()),
            },
            // It may be ours all the same: AWS has heard us, and its answer was lost.
            Err(error) if error.code.as_deref() == Some("AlreadyExistsException") => {
                if let Some(found) = found(asking, stack, name).await? {
                    return Ok(found);
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(CloudError::unexpected(doing, "a change set with this name comes back as fast as it is removed").into())
}

/// The change set that is there, when it can still be executed; otherwise it is removed.
async fn found(asking: &Asking<'_>, stack: &StackRef, name: &str) -> Result<Option<(String, String)>, Failure> {
    let doing = format!("read the change set `{name}`");
    let request = asking.client.describe_change_set().stack_name(&stack.name).change_set_name(name);
    let found = match asking.patiently(async || request.clone().send().await.doing(doing.clone())).await {
        Ok(found) => found,
        Err(error) if error.kind == Kind::Absent => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let thinking = matches!(found.status, Some(ChangeSetStatus::CreatePending | ChangeSetStatus::CreateInProgress));
    // One that another command executes, or has just executed, is as good: executing it once more is watching it.
    let is_good = matches!(
        found.execution_status,
        Some(ExecutionStatus::Available | ExecutionStatus::ExecuteInProgress | ExecutionStatus::ExecuteComplete)
    );
    match (found.change_set_id, found.stack_id) {
        (Some(id), Some(stack_id)) if thinking || is_good => Ok(Some((id, stack_id))),
        _ => {
            let doing = format!("remove the change set `{name}` of an earlier command");
            let request = asking.client.delete_change_set().stack_name(&stack.name).change_set_name(name);
            asking.patiently(async || request.clone().send().await.doing(doing.clone())).await?;
            Ok(None)
        }
    }
}
