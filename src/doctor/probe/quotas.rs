//! The quotas of an account in a region, and what is used of them already.

use aws_sdk_ecs::types::{DesiredStatus, LaunchType};

use super::{Asker, Place};
use crate::{
    cloud::{CloudError, Doing, Kind},
    config::Config,
    deploy::{stacks, survey},
    doctor::{
        finding::{Area, Finding},
        quotas::{self, Need, Quota},
    },
};

/// More clusters than this are not counted through.
const MOST_CLUSTERS: usize = 100;
/// How many tasks ECS describes in one call.
const TASKS_A_CALL: usize = 100;
/// How many network interfaces EC2 lists in one call, and how many calls are made.
const INTERFACES_A_PAGE: i32 = 1_000;
const MOST_PAGES: usize = 20;
/// ECS units of one virtual CPU.
const UNITS_PER_VCPU: f64 = 1_024.0;
/// The capacity that may be taken back.
const SPOT: &str = "FARGATE_SPOT";

pub(super) async fn enough(asker: &Asker<'_>, place: &Place) -> Vec<Finding> {
    let missing = missing_stacks(asker, place, asker.config).await.unwrap_or_default();
    let needs = quotas::needs(asker.config, &place.region, asker.planned, missing);
    let used = Used::count(asker, place).await;
    futures::future::join_all(needs.iter().map(|need| judged(place, need, &used))).await
}

async fn judged(place: &Place, need: &Need, used: &Used) -> Finding {
    match limit(place, need.quota).await {
        Ok((limit, code)) => quotas::judge(&place.region, need, limit, &code, used.of(need.quota)),
        Err(error) => Finding::not_known(Area::Quotas, need.quota.what(), &error).in_region(&place.region),
    }
}

/// How many of the environment's stacks are not in this region yet.
async fn missing_stacks(asker: &Asker<'_>, place: &Place, config: &Config) -> Result<usize, CloudError> {
    let here = survey::stacks_of(config).into_iter().filter(|(_, stack)| stack.region == place.region);
    let looks =
        here.map(
            |(_, stack)| async move { stacks::look(&asker.cloud.at(&stack.region).cloudformation, &stack.name).await },
        );
    let found = futures::future::try_join_all(looks).await?;
    Ok(found.iter().filter(|live| live.status.is_none()).count())
}

/// The account's own value, else AWS's default; and the quota's code.
async fn limit(place: &Place, quota: Quota) -> Result<(f64, String), CloudError> {
    let doing = format!("read the quota of {} in {}", quota.what(), place.region);
    let known = match quota.code() {
        Some(code) => asked(place, quota, code, &doing).await?.map(|value| (value, code.to_owned())),
        None => None,
    };
    if let Some(known) = known {
        return Ok(known);
    }
    let code = code_of(place, quota, &doing).await?;
    let value = asked(place, quota, &code, &doing).await?;
    value.map(|value| (value, code)).ok_or_else(|| CloudError::unexpected(doing, "AWS names no value"))
}

/// The value of a code, if AWS knows it and calls it as we do: a number of something else would be worse than none.
async fn asked(place: &Place, quota: Quota, code: &str, doing: &str) -> Result<Option<f64>, CloudError> {
    let own = place.quotas.get_service_quota().service_code(quota.service()).quota_code(code).send().await;
    let found = match own.doing(doing) {
        Ok(answer) => answer.quota,
        Err(error) if error.kind == Kind::Absent => {
            let default = place.quotas.get_aws_default_service_quota().service_code(quota.service()).quota_code(code);
            match default.send().await.doing(doing) {
                Ok(answer) => answer.quota,
                Err(error) if error.kind == Kind::Absent => None,
                Err(error) => return Err(error),
            }
        }
        Err(error) => return Err(error),
    };
    Ok(found.filter(|found| found.quota_name().is_some_and(|name| quota.is_called(name))).and_then(|found| found.value))
}

/// The code of a quota that is only known by its name.
async fn code_of(place: &Place, quota: Quota, doing: &str) -> Result<String, CloudError> {
    let mut next = None;
    loop {
        let page = place.quotas.list_aws_default_service_quotas().service_code(quota.service());
        let page = page.set_next_token(next).send().await.doing(doing)?;
        let found = page.quotas().iter().find(|found| found.quota_name().is_some_and(|name| quota.is_called(name)));
        if let Some(code) = found.and_then(|found| found.quota_code()) {
            return Ok(code.to_owned());
        }
        next = page.next_token().map(ToOwned::to_owned);
        if next.is_none() {
            return Err(CloudError::unexpected(doing, format!("no quota of {} has its name", quota.service())));
        }
    }
}

/// What is taken already, where it can be counted. What cannot is left out, and the finding then says only the limit.
#[derive(Default)]
struct Used {
    vcpus: Option<(f64, f64)>,
    vpcs: Option<f64>,
    interfaces: Option<f64>,
}

impl Used {
    async fn count(asker: &Asker<'_>, place: &Place) -> Self {
        let (vcpus, vpcs, interfaces) = tokio::join!(vcpus(asker, place), vpcs(place), interfaces(place));
        Self { vcpus: vcpus.ok().flatten(), vpcs: vpcs.ok(), interfaces: interfaces.ok().flatten() }
    }

    fn of(&self, quota: Quota) -> Option<f64> {
        match quota {
            Quota::FargateVcpus => self.vcpus.map(|(on_demand, _)| on_demand),
            Quota::SpotVcpus => self.vcpus.map(|(_, spot)| spot),
            Quota::Vpcs => self.vpcs,
            Quota::Interfaces => self.interfaces,
            Quota::LambdaConcurrency | Quota::ApiRequests | Quota::IotPublishing | Quota::Stacks => None,
        }
    }
}

/// Processors of all running Fargate tasks of the account in this region: on demand, and Spot.
async fn vcpus(asker: &Asker<'_>, place: &Place) -> Result<Option<(f64, f64)>, CloudError> {
    let ecs = &asker.cloud.at(&place.region).ecs;
    let clusters: Result<Vec<String>, _> = ecs.list_clusters().into_paginator().items().send().try_collect().await;
    let clusters = clusters.doing("list the clusters")?;
    if clusters.len() > MOST_CLUSTERS {
        return Ok(None);
    }
    let (mut on_demand, mut spot) = (0.0, 0.0);
    for cluster in clusters {
        let tasks = ecs.list_tasks().cluster(&cluster).launch_type(LaunchType::Fargate);
        let tasks = tasks.desired_status(DesiredStatus::Running).into_paginator().items().send();
        let tasks: Result<Vec<String>, _> = tasks.try_collect().await;
        for some in tasks.doing("list the running tasks")?.chunks(TASKS_A_CALL) {
            let asked = ecs.describe_tasks().cluster(&cluster).set_tasks(Some(some.to_vec())).send().await;
            for task in asked.doing("describe the running tasks")?.tasks() {
                let vcpus = task.cpu().and_then(|units| units.parse::<f64>().ok()).unwrap_or_default() / UNITS_PER_VCPU;
                let sum = if task.capacity_provider_name() == Some(SPOT) { &mut spot } else { &mut on_demand };
                *sum += vcpus;
            }
        }
    }
    Ok(Some((on_demand, spot)))
}

#[expect(clippy::cast_precision_loss, reason = "an account has few networks")]
async fn vpcs(place: &Place) -> Result<f64, CloudError> {
    let found: Result<Vec<_>, _> = place.ec2.describe_vpcs().into_paginator().items().send().try_collect().await;
    found.doing("count the VPCs").map(|found| found.len() as f64)
}

/// Network interfaces of the region; nothing when there are too many to be counted in time.
#[expect(clippy::cast_precision_loss, reason = "at most so many as fit on the pages that are read")]
async fn interfaces(place: &Place) -> Result<Option<f64>, CloudError> {
    let pages = place.ec2.describe_network_interfaces().max_results(INTERFACES_A_PAGE).into_paginator();
    let mut pages = pages.send();
    let mut count = 0;
    for _ in 0..MOST_PAGES {
        match pages.next().await {
            Some(page) => count += page.doing("count the network interfaces")?.network_interfaces().len(),
            None => return Ok(Some(count as f64)),
        }
    }
    Ok(None)
}
