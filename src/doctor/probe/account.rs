//! Who we are, for how long, by which clock; and whether ECS can work in this account.

use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;
use jiff::{SignedDuration, Timestamp};

use super::Asker;
use crate::{
    cloud::{Doing, Kind, configured},
    config::Config,
    doctor::{
        clock,
        finding::{Area, Finding, State},
        permissions::Principal,
    },
};

/// Credentials that end sooner may end in the middle of a deployment.
const LONG_ENOUGH: SignedDuration = SignedDuration::from_mins(30);
/// How long a server may take to say what time it is.
const TIME_WITHIN: Duration = Duration::from_secs(10);
/// The role by which ECS works in an account.
const ECS_ROLE: &str = "AWSServiceRoleForECS";

pub(super) async fn credentials(asker: &Asker<'_>) -> Vec<Finding> {
    let identity = &asker.cloud.identity;
    let finding = |state, says: String| Finding::new(Area::Account, "credentials", state, says);
    let sdk = configured(&asker.config.region).await;
    let expiry = match sdk.credentials_provider() {
        Some(provider) => provider.provide_credentials().await.ok().and_then(|credentials| credentials.expiry()),
        None => None,
    };
    let left = expiry.and_then(|end| Timestamp::try_from(end).ok()).map(|end| end.duration_since(Timestamp::now()));
    let arn = &identity.arn;
    let found = match left {
        Some(left) if left < LONG_ENOUGH => {
            let says = format!("{arn}, for {} more minutes only", left.as_mins().max(0));
            finding(State::Warn, says).cure("aws sso login, or whatever gave you these")
        }
        Some(left) => finding(State::Ok, format!("{arn}, for {} more minutes", left.as_mins())),
        None => finding(State::Ok, arn.clone()),
    };
    let root = (Principal::of(arn) == Principal::Root).then(|| {
        let says = "these are the account's own, which no policy limits: better a role for deployments";
        Finding::new(Area::Account, "root user", State::Warn, says).cure("AWS_PROFILE=… with a role")
    });
    std::iter::once(found).chain(root).collect()
}

/// The clock of this machine against the clock of whatever answers for AWS; no credentials are needed to ask.
pub(super) async fn clock(endpoint: Option<&str>, config: &Config) -> Finding {
    let url = endpoint.map_or_else(|| format!("https://sts.{}.amazonaws.com/", config.region), ToOwned::to_owned);
    let asked = async {
        let http = reqwest::Client::builder().timeout(TIME_WITHIN).build()?;
        http.get(&url).send().await
    };
    match asked.await {
        Ok(answer) => {
            let date = answer.headers().get("date").and_then(|date| date.to_str().ok());
            clock::judge(Timestamp::now(), date)
        }
        Err(error) => {
            let says = format!("failed to ask {url} what time it is: {}", error.without_url());
            Finding::new(Area::Account, "clock", State::NotKnown, says)
        }
    }
}

pub(super) async fn role_of_ecs(asker: &Asker<'_>) -> Vec<Finding> {
    let what = "the role of ECS";
    let asked = asker.cloud.hub().iam.get_role().role_name(ECS_ROLE).send().await;
    vec![match asked.doing(format!("look for the role `{ECS_ROLE}`")) {
        Ok(_) => Finding::new(Area::Account, what, State::Ok, format!("{ECS_ROLE} is there")),
        Err(error) if error.kind == Kind::Absent => {
            let says = format!("{ECS_ROLE} is missing; `dlt up` makes it, if it may");
            let cure = "aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com";
            Finding::new(Area::Account, what, State::Warn, says).cure(cure)
        }
        Err(error) => Finding::not_known(Area::Account, what, &error),
    }]
}
