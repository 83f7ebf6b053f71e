//! The workers of a run as tasks of ECS on Fargate, one task per worker.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use aws_sdk_ecs::{
    Client,
    types::{
        ContainerOverride, DesiredStatus, Failure, KeyValuePair, LaunchType, PropagateTags, Tag, Task, TaskOverride,
    },
};
use dlt_control::ports::{Fleet, FleetError, Launch, RunKey, Sighting};
use dlt_model::id::Region;
use futures::{StreamExt, stream};
use tokio::sync::OnceCell;

use crate::{
    cloud::Cloud,
    fault::{Fault, fault},
    names,
    network::Network,
    sighting,
};

/// How many tasks one DescribeTasks call may name.
const DESCRIBE_LIMIT: usize = 100;
/// How many StopTask calls are under way at once in a region.
const STOPS_AT_ONCE: usize = 8;
/// How long a StopTask reason may be.
const MAX_REASON_CHARS: usize = 255;

/// The workers of one environment, in all its regions.
#[derive(Debug)]
pub struct EcsFleet {
    cloud: Cloud,
    stack: String,
    hub_region: Region,
    regions: Mutex<HashMap<Region, Arc<Regional>>>,
}

/// What is kept of a region between calls.
#[derive(Debug)]
struct Regional {
    ecs: Client,
    ssm: aws_sdk_ssm::Client,
    network: OnceCell<Network>,
}

impl EcsFleet {
    /// The workers of the environment `stack`, whose data bucket lies in `hub_region`.
    pub fn new(cloud: &Cloud, stack: &str, hub_region: &Region) -> Self {
        Self {
            cloud: cloud.clone(),
            stack: stack.to_owned(),
            hub_region: hub_region.clone(),
            regions: Mutex::default(),
        }
    }

    fn regional(&self, region: &Region) -> Arc<Regional> {
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        let regional = regions.entry(region.clone()).or_insert_with(|| {
            let config = self.cloud.in_region(region);
            let network = OnceCell::new();
            Arc::new(Regional { ecs: Client::new(&config), ssm: aws_sdk_ssm::Client::new(&config), network })
        });
        Arc::clone(regional)
    }

    /// The tasks of a run that should run. ECS takes no other filter beside this one.
    async fn running(&self, ecs: &Client, run: &RunKey) -> Result<Vec<String>, Fault> {
        let request = ecs.list_tasks().cluster(&self.stack).started_by(run.run_id.as_str());
        let pages = request.into_paginator().items().send();
        pages.try_collect().await.map_err(|error| fault(&error))
    }

    /// The tasks of every run that should not run any more; ECS forgets them after an hour.
    async fn stopped(&self, ecs: &Client) -> Result<Vec<String>, Fault> {
        let request = ecs.list_tasks().cluster(&self.stack).family(names::worker_family(&self.stack));
        let pages = request.desired_status(DesiredStatus::Stopped).into_paginator().items().send();
        pages.try_collect().await.map_err(|error| fault(&error))
    }

    async fn sightings(&self, run: &RunKey, region: &Region) -> Result<Vec<Sighting>, FleetError> {
        let ecs = &self.regional(region).ecs;
        let doing = || format!("failed to count the workers in {region}");
        let (running, stopped) = futures::future::try_join(self.running(ecs, run), self.stopped(ecs))
            .await
            .map_err(|fault| refuse(&doing(), &fault))?;
        let mut arns = [running, stopped].concat();
        // A task that stops between the two lists is in both.
        arns.sort();
        arns.dedup();
        let mut sightings = Vec::new();
        for some in arns.chunks(DESCRIBE_LIMIT) {
            let request = ecs.describe_tasks().cluster(&self.stack).set_tasks(Some(some.to_vec()));
            let answer = request.send().await.map_err(|error| refuse(&doing(), &fault(&error)))?;
            sightings.extend(answer.tasks().iter().filter_map(|task| sighting::of_task(task, run, region)));
        }
        Ok(sightings)
    }

    async fn stop_region(&self, run: &RunKey, region: &Region, reason: &str) -> Result<(), FleetError> {
        let ecs = &self.regional(region).ecs;
        let doing = format!("failed to stop the workers in {region}");
        let arns = self.running(ecs, run).await.map_err(|fault| refuse(&doing, &fault))?;
        let reason: String = reason.chars().take(MAX_REASON_CHARS).collect();
        let stops: Vec<_> =
            arns.iter().map(|arn| ecs.stop_task().cluster(&self.stack).task(arn).reason(&reason).send()).collect();
        let results: Vec<_> = stream::iter(stops).buffer_unordered(STOPS_AT_ONCE).collect().await;
        let mut faults = results.iter().filter_map(|result| result.as_ref().err()).map(fault);
        // A task that is gone already needs no stopping.
        faults
            .find(|fault| !fault.message.contains("was not found"))
            .map_or(Ok(()), |fault| Err(refuse(&doing, &fault)))
    }
}

#[async_trait]
impl Fleet for EcsFleet {
    async fn launch(&self, launch: &Launch) -> Result<(), FleetError> {
        let regional = self.regional(&launch.region);
        let network = regional.network(&self.stack, &launch.region).await?;
        let doing = format!("failed to start worker {} in {}", launch.worker, launch.region);
        let answer = regional
            .ecs
            .run_task()
            .cluster(&self.stack)
            .task_definition(names::worker_family(&self.stack))
            .launch_type(LaunchType::Fargate)
            .count(1)
            .client_token(names::launch_token(&launch.run, launch.worker))
            .started_by(launch.run.run_id.as_str())
            .network_configuration(network.configuration())
            .overrides(overrides(launch, &self.hub_region))
            .set_tags(Some(tags(&launch.run)))
            .propagate_tags(PropagateTags::TaskDefinition)
            .send()
            .await
            .map_err(|error| refuse(&doing, &fault(&error)))?;
        outcome(&doing, answer.tasks(), answer.failures())
    }

    async fn census(&self, run: &RunKey, regions: &[Region]) -> Result<Vec<Sighting>, FleetError> {
        let each = regions.iter().map(|region| self.sightings(run, region));
        Ok(futures::future::try_join_all(each).await?.concat())
    }

    async fn stop(&self, run: &RunKey, regions: &[Region], reason: &str) -> Result<(), FleetError> {
        // Every region is asked, even when one of them cannot be reached.
        let each = regions.iter().map(|region| self.stop_region(run, region, reason));
        futures::future::join_all(each).await.into_iter().collect()
    }
}

impl Regional {
    /// Where this region's workers are attached; read once.
    async fn network(&self, stack: &str, region: &Region) -> Result<&Network, FleetError> {
        self.network.get_or_try_init(|| self.read_network(stack, region)).await
    }

    async fn read_network(&self, stack: &str, region: &Region) -> Result<Network, FleetError> {
        let name = names::network_parameter(stack);
        let doing = format!("failed to read the parameter `{name}` in {region}");
        let answer =
            self.ssm.get_parameter().name(&name).send().await.map_err(|error| refuse(&doing, &fault(&error)))?;
        let text = answer.parameter().and_then(|parameter| parameter.value()).unwrap_or_default();
        Network::parse(text).map_err(|problem| FleetError::Refused(format!("{doing}: {problem}")))
    }
}

fn overrides(launch: &Launch, hub_region: &Region) -> TaskOverride {
    let mut worker = ContainerOverride::builder().name(names::WORKER_CONTAINER);
    for (name, value) in variables(launch, hub_region) {
        worker = worker.environment(KeyValuePair::builder().name(name).value(value).build());
    }
    let task = TaskOverride::builder().container_overrides(worker.build());
    match launch.size {
        Some(size) => task.cpu(size.cpu_units.to_string()).memory(size.memory_mib.to_string()).build(),
        None => task.build(),
    }
}

fn variables(launch: &Launch, hub_region: &Region) -> [(&'static str, String); 8] {
    [
        ("DLT_RUN_FOLDER", launch.folder.clone()),
        ("TASK_INDEX", launch.worker.to_string()),
        ("TASK_COUNT", launch.workers.to_string()),
        ("TEST_ID", launch.run.test_id.to_string()),
        ("RUN_ID", launch.run.run_id.to_string()),
        ("REGION", launch.region.to_string()),
        // The run's folder lies in the hub's region, and a request to a bucket is signed for the bucket's region.
        ("AWS_REGION", hub_region.to_string()),
        ("AWS_DEFAULT_REGION", hub_region.to_string()),
    ]
}

fn tags(run: &RunKey) -> Vec<Tag> {
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    vec![tag("TestId", run.test_id.as_str()), tag("RunId", run.run_id.as_str())]
}

/// RunTask answers 200 and lists what it did not start.
fn outcome(doing: &str, tasks: &[Task], failures: &[Failure]) -> Result<(), FleetError> {
    let Some(failure) = failures.first() else {
        return if tasks.is_empty() {
            Err(FleetError::Unavailable(format!("{doing}: ECS started no task and gave no reason")))
        } else {
            Ok(())
        };
    };
    let reason = failure.reason().unwrap_or("no reason given");
    let detail = failure.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
    let message = format!("{doing}: {reason}{detail}");
    // `RESOURCE:*`, `AGENT` and missing capacity are states of the cluster; what is missing or inactive stays so.
    if ["MISSING", "INACTIVE", "ATTRIBUTE"].contains(&reason) {
        Err(FleetError::Refused(message))
    } else {
        Err(FleetError::Unavailable(message))
    }
}

fn refuse(doing: &str, fault: &Fault) -> FleetError {
    let message = format!("{doing}: {fault}");
    if fault.passing { FleetError::Unavailable(message) } else { FleetError::Refused(message) }
}

#[cfg(test)]
mod tests {
    use dlt_control::ports::Size;

    use super::*;

    fn launch(size: Option<Size>) -> Launch {
        Launch {
            run: RunKey { test_id: "abc".parse().unwrap(), run_id: "01J".parse().unwrap() },
            region: "us-east-1".parse().unwrap(),
            worker: 4,
            workers: 5,
            folder: "s3://data/runs/abc/01J".into(),
            size,
        }
    }

    #[test]
    fn a_worker_is_told_its_share_and_signs_for_the_hub_s_bucket() {
        let task = overrides(&launch(None), &"eu-west-1".parse().unwrap());
        let pairs = task.container_overrides()[0].environment();
        let value = |name: &str| pairs.iter().find(|pair| pair.name() == Some(name)).and_then(|pair| pair.value());
        assert_eq!(value("TASK_INDEX"), Some("4"));
        assert_eq!(value("TASK_COUNT"), Some("5"));
        assert_eq!(value("REGION"), Some("us-east-1"));
        assert_eq!(value("AWS_REGION"), Some("eu-west-1"));
        assert_eq!((task.cpu(), task.memory()), (None, None));
    }

    #[test]
    fn the_size_of_a_worker_is_an_override_of_the_task() {
        let task = overrides(&launch(Some(Size { cpu_units: 2048, memory_mib: 4096 })), &"eu-west-1".parse().unwrap());
        assert_eq!((task.cpu(), task.memory()), (Some("2048"), Some("4096")));
    }

    #[test]
    fn what_run_task_did_not_start_is_an_error_that_says_why() {
        let failure = |reason: &str| [Failure::builder().reason(reason).build()];
        let started = [Task::builder().build()];
        assert!(outcome("starting", &started, &[]).is_ok());
        assert!(matches!(outcome("starting", &[], &failure("RESOURCE:ENI")), Err(FleetError::Unavailable(_))));
        assert!(matches!(outcome("starting", &[], &failure("MISSING")), Err(FleetError::Refused(_))));
        assert!(matches!(outcome("starting", &[], &[]), Err(FleetError::Unavailable(_))));
    }
}
