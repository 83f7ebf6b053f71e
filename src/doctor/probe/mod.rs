//! Asking AWS, everything at once and each question for a bounded time. What is refused is not known, and never an end.

mod account;
mod names;
mod network;
mod permissions;
mod quotas;
mod regions;

use std::time::Duration;

use dlt_model::id::Region;
use futures::future::{FutureExt, LocalBoxFuture, join_all};

use super::{
    finding::{Area, Finding, Report, State},
    image,
    planned::Planned,
};
use crate::{
    cloud::{Cloud, CloudError, Kind, configured},
    config::{Config, ImageName},
    release,
};

/// How long one question may take, with all its pages and second tries.
const QUESTION_WITHIN: Duration = Duration::from_secs(25);

/// What questions are asked with.
struct Asker<'a> {
    cloud: &'a Cloud,
    config: &'a Config,
    planned: &'a Planned,
    places: Vec<Place>,
}

/// One region, with the clients that only these questions need.
struct Place {
    region: Region,
    ec2: aws_sdk_ec2::Client,
    quotas: aws_sdk_servicequotas::Client,
}

/// Looks at everything.
pub async fn examine(config: &Config, planned: Planned) -> Report {
    let regions: Vec<Region> = config.all_regions().cloned().collect();
    let connected = tokio::time::timeout(QUESTION_WITHIN, Cloud::connect(&config.region, &config.regions)).await;
    let connected = connected.unwrap_or_else(|_| Err(late("ask AWS who we are")));
    let mut checks = match &connected {
        Ok(cloud) => ask_all(cloud, config, &planned, &regions).await,
        Err(error) => without_aws(error, config, &planned).await,
    };
    // Stable: inside an area the order is that of the questions.
    checks.sort_by_key(|check| check.area);
    Report { stack: config.stack.to_string(), regions, planned, checks }
}

async fn ask_all(cloud: &Cloud, config: &Config, planned: &Planned, regions: &[Region]) -> Vec<Finding> {
    let places = join_all(regions.iter().map(|region| async move {
        let sdk = configured(region).await;
        let (ec2, quotas) = (aws_sdk_ec2::Client::new(&sdk), aws_sdk_servicequotas::Client::new(&sdk));
        Place { region: region.clone(), ec2, quotas }
    }))
    .await;
    let asker = Asker { cloud, config, planned, places };
    let asker = &asker;
    let mut questions: Vec<LocalBoxFuture<'_, Vec<Finding>>> = vec![
        bounded(Area::Account, "credentials", account::credentials(asker)),
        bounded(Area::Account, "clock", async { vec![account::clock(cloud.endpoint.as_deref(), config).await] }),
        bounded(Area::Account, "the role of ECS", account::role_of_ecs(asker)),
        bounded(Area::Regions, "regions", regions::enabled(asker)),
        bounded(Area::Permissions, "policies", permissions::simulated(asker)),
        async { vec![invitations()] }.boxed_local(),
    ];
    questions.extend(
        config.worker_image.as_ref().map(|image| bounded(Area::Image, "worker.image", own_image(config, image))),
    );
    for place in &asker.places {
        questions.push(bounded(Area::Quotas, "quotas", quotas::enough(asker, place)));
        questions.push(bounded(Area::Network, "addresses", network::room(asker, place)));
        questions.push(bounded(Area::Names, "names", names::free(asker, &place.region)));
    }
    join_all(questions).await.into_iter().flatten().collect()
}

fn bounded<'f>(
    area: Area,
    what: &'static str,
    question: impl Future<Output = Vec<Finding>> + 'f,
) -> LocalBoxFuture<'f, Vec<Finding>> {
    let answered = tokio::time::timeout(QUESTION_WITHIN, question);
    answered
        .map(move |answer| answer.unwrap_or_else(|_| vec![Finding::not_known(area, what, &late("ask AWS"))]))
        .boxed_local()
}

fn late(doing: &str) -> CloudError {
    let message = format!("no answer within {} s", QUESTION_WITHIN.as_secs());
    CloudError { doing: doing.to_owned(), kind: Kind::Unreachable, code: None, message }
}

/// What can be said when AWS does not let us in.
async fn without_aws(error: &CloudError, config: &Config, planned: &Planned) -> Vec<Finding> {
    // The SDK goes on with every place where it looked in vain.
    let says = error.to_string();
    let says = says.split(". Attempted").next().unwrap_or(&says);
    let refused = Finding::new(Area::Account, "credentials", State::Fail, says);
    let refused = match error.kind {
        Kind::Unreachable => refused.cure("check the network, and AWS_ENDPOINT_URL if it is set"),
        _ => refused.cure("aws sso login, or AWS_PROFILE=… with one of `aws configure list-profiles`"),
    };
    let endpoint = configured(&config.region).await.endpoint_url().map(ToOwned::to_owned);
    let mut checks = vec![refused, account::clock(endpoint.as_deref(), config).await];
    checks.extend(config.all_regions().filter_map(|region| network::of_our_own(config, region, planned)));
    for area in [Area::Regions, Area::Quotas, Area::Names, Area::Permissions] {
        checks.push(Finding::new(area, area.word(), State::NotKnown, "not asked, for lack of credentials"));
    }
    checks
}

async fn own_image(config: &Config, image: &ImageName) -> Vec<Finding> {
    let found = release::own::machines(image).await;
    vec![image::judge(image, config.worker.architecture, found)]
}

/// Cognito sends invitations itself, as the user pool says nothing else. The limit is fixed and cannot be asked for.
fn invitations() -> Finding {
    let says = "Cognito sends them itself, at most 50 messages a day for the account; nothing is needed of SES";
    Finding::new(Area::Email, "invitations", State::Ok, says)
}
