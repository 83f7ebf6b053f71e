//! Whether a deployment may call what it calls: IAM's own simulation, without calling any of it.

use std::collections::BTreeSet;

use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType};
use futures::stream::{self, StreamExt};

use super::Asker;
use crate::{
    cloud::{CloudError, Doing},
    doctor::{
        finding::{Area, Finding, State},
        names,
        permissions::{self, Batch, Principal},
    },
    render::Part,
};

/// How many simulations run at once: IAM throttles early.
const AT_ONCE: usize = 4;

pub(super) async fn simulated(asker: &Asker<'_>) -> Vec<Finding> {
    let principal = Principal::of(&asker.cloud.identity.arn);
    let arn = match &principal {
        Principal::User(arn, _) => arn.clone(),
        Principal::Role(arn, name) => with_path(asker, arn, name).await,
        Principal::Root => {
            return vec![Finding::new(Area::Permissions, "policies", State::Ok, "the root user may do everything")];
        }
        Principal::Other => {
            let says = format!("IAM cannot say what {} may do", asker.cloud.identity.arn);
            return vec![Finding::new(Area::Permissions, "policies", State::NotKnown, says)];
        }
    };
    let mut kinds = BTreeSet::new();
    for part in Part::ALL {
        let Some(region) = part.regions(asker.config).into_iter().next() else { continue };
        match names::kinds(part, asker.config, &region) {
            Ok(found) => kinds.extend(found),
            Err(fault) => return vec![Finding::new(Area::Permissions, "policies", State::NotKnown, fault.message)],
        }
    }
    let (actions, _) = permissions::actions(&kinds);
    let account = &asker.cloud.identity.account;
    let batches = permissions::batches(&actions, asker.config, account, &asker.config.region);
    let asked = stream::iter(&batches).map(|batch| denied(asker, &arn, batch)).buffer_unordered(AT_ONCE);
    let answers: Vec<Result<Vec<(String, String)>, CloudError>> = asked.collect().await;
    let mut denied: Vec<(String, String)> = Vec::new();
    for answer in answers {
        match answer {
            Ok(more) => denied.extend(more),
            Err(error) => return vec![Finding::not_known(Area::Permissions, "policies", &error)],
        }
    }
    denied.sort();
    permissions::judge(&principal, actions.len(), &denied)
}

/// A session does not say the path of its role, which is a part of the role's ARN.
async fn with_path(asker: &Asker<'_>, arn: &str, name: &str) -> String {
    let asked = asker.cloud.hub().iam.get_role().role_name(name).send().await;
    asked.ok().and_then(|answer| answer.role).map_or_else(|| arn.to_owned(), |role| role.arn)
}

async fn denied(asker: &Asker<'_>, arn: &str, batch: &Batch) -> Result<Vec<(String, String)>, CloudError> {
    let region = ContextEntry::builder()
        .context_key_name("aws:RequestedRegion")
        .context_key_type(ContextKeyTypeEnum::String)
        .context_key_values(asker.config.region.as_str())
        .build();
    let mut denied = Vec::new();
    let mut next = None;
    loop {
        let request = asker.cloud.hub().iam.simulate_principal_policy().policy_source_arn(arn);
        let request = request.set_action_names(Some(batch.actions.clone())).resource_arns(&batch.resource);
        let page = request.context_entries(region.clone()).set_marker(next).send().await;
        let page = page.doing(format!("simulate what {arn} may do"))?;
        let refused = page.evaluation_results().iter();
        let refused = refused.filter(|result| result.eval_decision() != &PolicyEvaluationDecisionType::Allowed);
        denied.extend(refused.map(|result| (result.eval_action_name().to_owned(), batch.resource.clone())));
        next = page.marker().map(ToOwned::to_owned).filter(|_| page.is_truncated());
        if next.is_none() {
            return Ok(denied);
        }
    }
}
