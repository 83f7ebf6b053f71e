//! What an account must have before the first stack of its kind: the role by which ECS works in it.
//!
//! ECS makes that role by itself when a cluster is made in its console; CloudFormation's first cluster in a fresh account
//! fails for lack of it.

use super::event::Observer;
use crate::cloud::{Cloud, CloudError, Doing, Kind};

/// The role's name in every account.
const ECS_ROLE: &str = "AWSServiceRoleForECS";
/// Who it belongs to.
const ECS: &str = "ecs.amazonaws.com";

/// Makes the role of ECS where it is missing. Who may not look or make it is told the command; the stack will show
/// whether it was there.
pub async fn let_ecs_work(cloud: &Cloud, observer: &Observer) -> Result<(), CloudError> {
    match provided(cloud).await {
        Ok(false) => Ok(()),
        Ok(true) => {
            observer.notice(format!("made the role {ECS_ROLE}, by which ECS works in this account"));
            Ok(())
        }
        Err(error) if error.kind == Kind::Denied => {
            observer.notice(format!(
                "these credentials may not see to the role {ECS_ROLE}; if the account has never used ECS, let somebody \
                 run `aws iam create-service-linked-role --aws-service-name {ECS}` first"
            ));
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Sees to it that the role is there; answers whether it was made now.
async fn provided(cloud: &Cloud) -> Result<bool, CloudError> {
    let iam = &cloud.hub().iam;
    match iam.get_role().role_name(ECS_ROLE).send().await.doing(format!("look for the role `{ECS_ROLE}`")) {
        Ok(_) => return Ok(false),
        Err(error) if error.kind == Kind::Absent => {}
        Err(error) => return Err(error),
    }
    let request = iam.create_service_linked_role().aws_service_name(ECS);
    match request.send().await.doing(format!("make the role `{ECS_ROLE}`")) {
        Ok(_) => Ok(true),
        // Somebody else was faster.
        Err(error) if error.message.contains("has been taken") => Ok(false),
        Err(error) => Err(error),
    }
}
