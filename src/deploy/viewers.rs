//! The right to listen to live data, taken back from everybody who has it.

use futures::{StreamExt, TryStreamExt, stream};

use super::{event::StackRef, stacks};
use crate::cloud::{Clients, Cloud, CloudError, Doing, Kind};

/// The type of what lets somebody listen.
pub const POLICY: &str = "AWS::IoT::Policy";
/// How many identities one page names; IoT gives no more.
const PAGE: i32 = 250;
/// How many pages are read before we say that it does not end.
const MOST_PAGES: usize = 400;
/// How many DetachPolicy calls are under way at once; IoT takes fifteen a second.
const DETACHES_AT_ONCE: usize = 8;

/// Detaches the IoT policies of a stack from whatever they are attached to, and answers from how many things.
///
/// # Errors
/// A refusal of AWS.
pub async fn release(cloud: &Cloud, stack: &StackRef) -> Result<u64, CloudError> {
    let clients = cloud.at(&stack.region);
    let resources = stacks::resources(&clients.cloudformation, &stack.name).await?;
    let there =
        |it: &&stacks::StackResource| it.kind == POLICY && !it.physical_id.is_empty() && it.status != "DELETE_COMPLETE";
    let mut released = 0;
    for policy in resources.iter().filter(there) {
        released += detach_all(clients, &policy.physical_id).await?;
    }
    Ok(released)
}

async fn detach_all(clients: &Clients, policy: &str) -> Result<u64, CloudError> {
    let mut detached = 0;
    for _ in 0..MOST_PAGES {
        // Always the first page: what it named is gone when it is read again.
        let page = clients.iot.list_targets_for_policy().policy_name(policy).page_size(PAGE).send().await;
        let targets = match page.doing(format!("list who the IoT policy `{policy}` is attached to")) {
            Ok(page) => page.targets.unwrap_or_default(),
            Err(error) if error.kind == Kind::Absent => return Ok(detached),
            Err(error) => return Err(error),
        };
        if targets.is_empty() {
            return Ok(detached);
        }
        let detaches = targets.iter().map(|target| async move {
            let answer = clients.iot.detach_policy().policy_name(policy).target(target).send().await;
            answer.doing(format!("detach the IoT policy `{policy}` from {target}"))
        });
        let done: Vec<_> = stream::iter(detaches).buffer_unordered(DETACHES_AT_ONCE).try_collect().await?;
        detached += done.len() as u64;
    }
    let doing = format!("detach the IoT policy `{policy}` from all viewers");
    Err(CloudError::unexpected(doing, format!("{detached} were detached, and it is still attached to more")))
}
