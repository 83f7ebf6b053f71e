//! What bears the environment's name and nothing in it needs: tasks, log groups, images and uploads.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_ecr::types::ImageDetail;
use aws_sdk_ecs::types::Task;
use dlt_control::{record::RunRecord, records::runs_of};
use dlt_model::id::{Region, TestId};
use serde::de::DeserializeOwned;

use super::{
    answer::Stray,
    code::{Found, objects},
};
use crate::{
    cloud::{Clients, Cloud, CloudError, Doing},
    config::Config,
    deploy::{
        holdings::{LOG_GROUP, removal},
        plan::Live,
    },
    release::repository,
};

/// How many tasks ECS describes in one call.
const TASKS_A_CALL: usize = 100;

/// What the stacks of one region have and name.
#[derive(Clone, Debug, Default)]
pub struct Owned {
    /// What is in the stacks, by its name in AWS.
    pub resources: BTreeSet<String>,
    /// The values of the stacks' parameters.
    pub parameters: BTreeSet<String>,
}

impl Owned {
    /// Adds a stack.
    pub fn add(&mut self, resources: impl IntoIterator<Item = String>, live: &Live) {
        self.resources.extend(resources);
        self.parameters.extend(live.parameters.values().cloned());
    }
}

/// Looks at one region.
pub async fn look(cloud: &Cloud, config: &Config, region: &Region, owned: &Owned) -> Found {
    let (clients, hub) = (cloud.at(region), cloud.hub());
    let mut found = Found::default();
    let answers = tokio::join!(
        tasks(clients, hub, config, region),
        log_groups(clients, config, region, owned),
        images(clients, config, region, owned),
        uploads(cloud, config, region, owned),
    );
    for strays in [answers.0, answers.1, answers.2, answers.3] {
        let strays = found.take(strays).unwrap_or_default();
        found.strays.extend(strays);
    }
    found
}

fn stray(kind: &str, name: &str, region: &Region, why: &str, cure: String) -> Stray {
    Stray {
        kind: kind.to_owned(),
        name: name.to_owned(),
        region: region.to_string(),
        count: None,
        bytes: None,
        why: why.to_owned(),
        cure,
        active: false,
        ignored: None,
    }
}

/// Tasks of the cluster that no run has as workers. They cost money until somebody stops them.
async fn tasks(clients: &Clients, hub: &Clients, config: &Config, region: &Region) -> Result<Vec<Stray>, CloudError> {
    let cluster = config.stack.as_str();
    let doing = format!("list the tasks of the cluster `{cluster}` in {region}");
    let pages = clients.ecs.list_tasks().cluster(cluster).into_paginator().items().send();
    let arns: Vec<String> = match pages.try_collect().await.doing(doing.clone()) {
        Ok(arns) => arns,
        Err(error) if error.code.as_deref() == Some("ClusterNotFoundException") => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut strays = Vec::new();
    for some in arns.chunks(TASKS_A_CALL) {
        let request = clients.ecs.describe_tasks().cluster(cluster).set_tasks(Some(some.to_vec()));
        let answer = request.send().await.doing(doing.clone())?;
        for task in answer.tasks().iter().filter(|task| task.desired_status() != Some("STOPPED")) {
            if let Some(why) = idle(hub, config, task).await? {
                let id = task.task_arn().unwrap_or_default().rsplit('/').next().unwrap_or_default();
                let cure = format!("aws ecs stop-task --cluster {cluster} --task {id} --region {region}");
                strays.push(Stray { active: true, ..stray("running task", id, region, &why, cure) });
            }
        }
    }
    Ok(strays)
}

/// Why a task works for nobody; nothing when it works for a run.
async fn idle(hub: &Clients, config: &Config, task: &Task) -> Result<Option<String>, CloudError> {
    let (Some(test), Some(run)) = (variable(task, "TEST_ID"), variable(task, "RUN_ID")) else {
        return Ok(Some("it was not started for a run".to_owned()));
    };
    let Ok(test) = test.parse::<TestId>() else {
        return Ok(Some(format!("it was started for `{test}`, which is no scenario's id")));
    };
    let record = document::<RunRecord>(hub, config.stack.as_str(), &runs_of(&test), run).await?;
    Ok(match record {
        None => Some(format!("it was started for the run {run} of {test}, which is not stored")),
        Some(record) if record.status.rank() >= dlt_control::status::Status::Complete.rank() => {
            Some(format!("it was started for the run {run} of {test}, which is over ({})", record.status.as_str()))
        }
        Some(_) => None,
    })
}

fn variable<'task>(task: &'task Task, name: &str) -> Option<&'task str> {
    let containers = task.overrides()?.container_overrides();
    let mut variables = containers.iter().flat_map(|container| container.environment());
    variables.find(|pair| pair.name() == Some(name)).and_then(|pair| pair.value())
}

/// A document of the environment's table.
async fn document<T: DeserializeOwned>(
    hub: &Clients,
    table: &str,
    collection: &str,
    id: &str,
) -> Result<Option<T>, CloudError> {
    let doing = format!("read `{collection}/{id}` in the table `{table}`");
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let request = hub.dynamodb.get_item().table_name(table).key("pk", text(collection)).key("sk", text(id));
    let answer = request.consistent_read(true).send().await.doing(doing.clone())?;
    let Some(item) = answer.item else { return Ok(None) };
    let document = item.get("document").and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
    serde_json::from_str(&document).map(Some).map_err(|error| CloudError::unexpected(doing, error.to_string()))
}

/// Log groups under names that only this environment gives, and that are in none of its stacks.
async fn log_groups(
    clients: &Clients,
    config: &Config,
    region: &Region,
    owned: &Owned,
) -> Result<Vec<Stray>, CloudError> {
    let stack = config.stack.as_str();
    let names = ["advance", "api", "live"].map(|role| format!("/aws/lambda/{stack}-{role}"));
    let vended = [format!("/aws/vendedlogs/apis/{stack}"), format!("/aws/vendedlogs/states/{stack}-runs")];
    let exact: BTreeSet<String> = names.into_iter().chain(vended).collect();
    let mut strays = Vec::new();
    // Below this prefix every name is ours; elsewhere another environment's name may begin with ours.
    let whole = format!("/dlt/{stack}/");
    for prefix in std::iter::once(&whole).chain(&exact) {
        for (name, bytes) in groups(clients, prefix).await? {
            let is_ours = exact.contains(&name) || name.starts_with(&whole);
            if is_ours && !owned.resources.contains(&name) {
                let why = "it is in none of the stacks";
                let cure = removal(LOG_GROUP, &name, region);
                strays.push(Stray { bytes: Some(bytes), ..stray("log group", &name, region, why, cure) });
            }
        }
    }
    strays.sort_by(|a, b| a.name.cmp(&b.name));
    strays.dedup();
    Ok(strays)
}

async fn groups(clients: &Clients, prefix: &str) -> Result<Vec<(String, u64)>, CloudError> {
    let doing = format!("list the log groups below `{prefix}`");
    let pages = clients.logs.describe_log_groups().log_group_name_prefix(prefix).into_paginator().items().send();
    let groups = pages.try_collect().await.doing(doing)?;
    let bytes = |stored: Option<i64>| stored.and_then(|stored| u64::try_from(stored).ok()).unwrap_or_default();
    Ok(groups.into_iter().filter_map(|it| Some((it.log_group_name?, bytes(it.stored_bytes)))).collect())
}

/// Worker images that no stack names, as one line: they are earlier releases, and a lifecycle rule bounds them.
async fn images(clients: &Clients, config: &Config, region: &Region, owned: &Owned) -> Result<Vec<Stray>, CloudError> {
    let name = format!("{}/worker", config.stack);
    let doing = format!("list the images of `{name}` in {region}");
    let pages = clients.ecr.describe_images().repository_name(&name).into_paginator().items().send();
    let images = pages.try_collect().await.doing(doing)?;
    let is_idle = |digest: &str| !owned.parameters.iter().any(|value| value.ends_with(digest));
    // What is attached to an image goes with it.
    let is_image = |it: &&ImageDetail| repository::kind(it) == "image";
    let idle: Vec<_> = images.iter().filter(is_image).filter(|it| it.image_digest().is_some_and(is_idle)).collect();
    if idle.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = idle.iter().filter_map(|it| u64::try_from(it.image_size_in_bytes()?).ok()).sum();
    let ids: Vec<String> = idle.iter().filter_map(|it| Some(format!("imageDigest={}", it.image_digest()?))).collect();
    let cure =
        format!("aws ecr batch-delete-image --repository-name {name} --region {region} --image-ids {}", ids.join(" "));
    let why = "no stack runs them; the newest thirty are kept";
    let count = Some(idle.len() as u64);
    Ok(vec![Stray { count, bytes: Some(bytes), ..stray("worker images", &name, region, why, cure) }])
}

/// Functions and consoles in the artifact bucket that no stack names, as one line for each kind.
async fn uploads(cloud: &Cloud, config: &Config, region: &Region, owned: &Owned) -> Result<Vec<Stray>, CloudError> {
    let bucket = format!("{}-artifacts-{}-{region}", config.stack, cloud.identity.account);
    let mut strays = Vec::new();
    for (kind, folder) in [("functions", "functions/"), ("consoles", "console/")] {
        let all = objects(cloud.at(region), &bucket, folder).await?;
        let (used, idle): (BTreeMap<_, _>, BTreeMap<_, _>) = all.into_iter().partition(|(key, _)| is_used(key, owned));
        if idle.is_empty() {
            continue;
        }
        let roots = |keys: &BTreeMap<String, u64>| keys.keys().map(|key| root(key).to_owned()).collect::<BTreeSet<_>>();
        let kept: String = roots(&used).iter().map(|root| format!(" --exclude '{}*'", &root[folder.len()..])).collect();
        let cure = format!("aws s3 rm s3://{bucket}/{folder} --recursive{kept} --region {region}");
        let (count, bytes) = (Some(roots(&idle).len() as u64), Some(idle.values().sum()));
        let why = "no stack names them; they are of other releases";
        strays.push(Stray { count, bytes, ..stray(kind, &format!("{bucket}/{folder}"), region, why, cure) });
    }
    Ok(strays)
}

fn is_used(key: &str, owned: &Owned) -> bool {
    owned.parameters.contains(root(key))
}

/// The part of a key that a stack's parameter holds: `functions/x.zip`, `console/digest`.
fn root(key: &str) -> &str {
    let end = key.match_indices('/').nth(1).map_or(key.len(), |(index, _)| index);
    &key[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_used_when_a_stack_names_what_it_lies_in() {
        let mut owned = Owned::default();
        let values = [("CodeKey", "functions/a.zip"), ("ConsolePrefix", "console/1f")];
        let parameters = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        owned.add(Vec::new(), &Live { parameters, ..Live::default() });
        for (key, used) in [
            ("functions/a.zip", true),
            ("functions/b.zip", false),
            ("console/1f/index.html", true),
            ("console/1f/assets/app.js", true),
            ("console/1f2/index.html", false),
        ] {
            assert_eq!(is_used(key, &owned), used, "{key}");
        }
    }
}
