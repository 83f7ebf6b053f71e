//! The images of an environment's repositories: which there are, and who needs them. What is deployed bears a tag that the
//! repository's lifecycle rules spare; they cannot know by themselves what a task definition refers to.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecr::types::{ImageDetail, ImageIdentifier};
use dlt_model::id::Region;
use serde::Serialize;

use super::{
    Upload,
    image::spec::{DOCKER_LIST, DOCKER_MANIFEST, INDEX, MANIFEST},
};
use crate::cloud::{Clients, Cloud, CloudError, Doing, Kind};

/// What the tags of deployed images begin with. The foundation's lifecycle rules name it too.
pub const DEPLOYED: &str = "deployed-";
/// How many digits of its digest follow.
const DIGITS: usize = 16;

/// An image of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stored {
    /// The region.
    pub region: Region,
    /// `sha256:…`.
    pub digest: String,
    /// Its tags, sorted.
    pub tags: Vec<String>,
    /// What it is: `image`, `index`, or the type of what is attached to an image.
    pub kind: String,
    /// Compressed, where ECR says so.
    pub bytes: Option<u64>,
    /// When it was pushed, in milliseconds since 1970.
    pub pushed_ms: Option<i64>,
    /// Who refers to it: task definitions, and how many running workers.
    pub used_by: Vec<String>,
}

/// The tag that a deployed image bears.
pub fn deployed_tag(digest: &str) -> String {
    let digits: String = digest.trim_start_matches("sha256:").chars().take(DIGITS).collect();
    format!("{DEPLOYED}{digits}")
}

/// The images of an environment in one region, the latest first.
///
/// # Errors
/// When AWS refuses.
pub async fn images(cloud: &Cloud, region: &Region, stack: &str) -> Result<Vec<Stored>, CloudError> {
    let clients = cloud.at(region);
    let repository = format!("{stack}/worker");
    let (details, users) = tokio::try_join!(details(clients, &repository), users(clients, stack))?;
    let mut images: Vec<Stored> = details.iter().filter_map(|detail| stored(region, detail, &users)).collect();
    images.sort_by(|one, other| (other.pushed_ms, &one.digest).cmp(&(one.pushed_ms, &other.digest)));
    Ok(images)
}

fn stored(region: &Region, detail: &ImageDetail, users: &BTreeMap<String, Vec<String>>) -> Option<Stored> {
    let digest = detail.image_digest()?.to_owned();
    let mut tags = detail.image_tags().to_vec();
    tags.sort();
    let kind = kind(detail);
    Some(Stored {
        region: region.clone(),
        tags,
        kind: kind.to_owned(),
        bytes: detail.image_size_in_bytes().and_then(|bytes| u64::try_from(bytes).ok()),
        pushed_ms: detail.image_pushed_at().and_then(|at| at.to_millis().ok()),
        used_by: users.get(&digest).cloned().unwrap_or_default(),
        digest,
    })
}

/// What it is: `image`, `index`, or the type of what is attached to an image.
pub fn kind(detail: &ImageDetail) -> &str {
    let media_type = detail.image_manifest_media_type().unwrap_or_default();
    match (media_type, detail.artifact_media_type().unwrap_or_default()) {
        (INDEX | DOCKER_LIST, _) => "index",
        (_, artifact) if artifact.is_empty() || artifact.contains("image") || artifact == media_type => "image",
        (_, artifact) => artifact,
    }
}

async fn details(clients: &Clients, repository: &str) -> Result<Vec<ImageDetail>, CloudError> {
    let (mut details, mut next) = (Vec::new(), None);
    loop {
        let page = clients.ecr.describe_images().repository_name(repository).set_next_token(next).send().await;
        let page = match page.doing(format!("list the images of `{repository}`")) {
            Err(error) if error.kind == Kind::Absent => return Ok(details),
            page => page?,
        };
        details.extend(page.image_details().iter().cloned());
        next = page.next_token;
        if next.is_none() {
            return Ok(details);
        }
    }
}

/// Who refers to which digest: active task definitions of the environment, and its running workers.
async fn users(clients: &Clients, stack: &str) -> Result<BTreeMap<String, Vec<String>>, CloudError> {
    let mut users: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for arn in task_definitions(clients, stack).await? {
        let answer = clients.ecs.describe_task_definition().task_definition(&arn).send().await;
        let answer = answer.doing(format!("read the task definition `{arn}`"))?;
        let containers = answer.task_definition().map(|it| it.container_definitions()).unwrap_or_default();
        let name = arn.rsplit('/').next().unwrap_or(&arn);
        for digest in containers.iter().filter_map(|container| digest_in(container.image()?)) {
            users.entry(digest).or_default().push(name.to_owned());
        }
    }
    for (digest, count) in running(clients, stack).await? {
        let what = if count == 1 { "1 worker".to_owned() } else { format!("{count} workers") };
        users.entry(digest).or_default().push(what);
    }
    Ok(users)
}

fn digest_in(image: &str) -> Option<String> {
    image.split_once('@').map(|(_, digest)| digest.to_owned())
}

async fn task_definitions(clients: &Clients, stack: &str) -> Result<Vec<String>, CloudError> {
    let (mut arns, mut next) = (Vec::new(), None);
    loop {
        let request = clients.ecs.list_task_definitions().family_prefix(format!("{stack}-worker"));
        let page = request.set_next_token(next).send().await.doing("list the task definitions")?;
        arns.extend(page.task_definition_arns().iter().cloned());
        next = page.next_token;
        if next.is_none() {
            return Ok(arns);
        }
    }
}

async fn running(clients: &Clients, cluster: &str) -> Result<BTreeMap<String, usize>, CloudError> {
    let (mut running, mut next) = (BTreeMap::new(), None);
    loop {
        let page = clients.ecs.list_tasks().cluster(cluster).set_next_token(next).send().await;
        let page = match page.doing("list the workers") {
            Err(error) if error.code.as_deref() == Some("ClusterNotFoundException") => return Ok(running),
            page => page?,
        };
        if !page.task_arns().is_empty() {
            let request = clients.ecs.describe_tasks().cluster(cluster).set_tasks(Some(page.task_arns().to_vec()));
            let tasks = request.send().await.doing("read the workers")?;
            for container in tasks.tasks().iter().flat_map(|task| task.containers()) {
                let digest = container.image_digest().map(ToOwned::to_owned);
                if let Some(digest) = digest.or_else(|| digest_in(container.image()?)) {
                    *running.entry(digest).or_default() += 1;
                }
            }
        }
        next = page.next_token;
        if next.is_none() {
            return Ok(running);
        }
    }
}

/// Gives an image the tag that lifecycle rules spare. It has it already when an earlier deployment used it.
///
/// # Errors
/// When AWS refuses.
pub async fn spare(cloud: &Cloud, upload: &Upload, digest: &str) -> Result<(), CloudError> {
    let (ecr, repository) = (&cloud.at(&upload.region).ecr, &upload.repository);
    let doing = format!("tag the deployed image in `{repository}`");
    let id = ImageIdentifier::builder().image_digest(digest).build();
    let types = [INDEX, MANIFEST, DOCKER_LIST, DOCKER_MANIFEST].map(ToOwned::to_owned).to_vec();
    let request = ecr.batch_get_image().repository_name(repository).image_ids(id);
    let answer = request.set_accepted_media_types(Some(types)).send().await.doing(doing.clone())?;
    let image = answer.images().first().and_then(|image| Some((image.image_manifest()?, image)));
    let Some((manifest, image)) = image else {
        return Err(CloudError::unexpected(doing, format!("the image {digest} is not there any more")));
    };
    let request = ecr.put_image().repository_name(repository).image_tag(deployed_tag(digest)).image_digest(digest);
    let request = request
        .image_manifest(manifest)
        .set_image_manifest_media_type(image.image_manifest_media_type().map(ToOwned::to_owned));
    match request.send().await.doing(doing) {
        Err(error) if !error.code.as_deref().unwrap_or_default().ends_with("AlreadyExistsException") => Err(error),
        _ => Ok(()),
    }
}

/// Takes the tag from images that nothing refers to any more, so that lifecycle rules count them again. Answers how many.
///
/// # Errors
/// When AWS refuses.
pub async fn release_others(cloud: &Cloud, upload: &Upload, stack: &str, digest: &str) -> Result<usize, CloudError> {
    let images = images(cloud, &upload.region, stack).await?;
    let tags = idle_tags(&images, digest);
    for tag in &tags {
        let id = ImageIdentifier::builder().image_tag(*tag).build();
        let request = cloud.at(&upload.region).ecr.batch_delete_image().repository_name(&upload.repository);
        request.image_ids(id).send().await.doing(format!("untag an image in `{}`", upload.repository))?;
    }
    Ok(tags.len())
}

/// The tags to take away. An image's last tag stays: ECR would delete the image with it.
fn idle_tags<'a>(images: &'a [Stored], deployed: &str) -> BTreeSet<&'a str> {
    let idle =
        images.iter().filter(|image| image.digest != deployed && image.used_by.is_empty() && image.tags.len() > 1);
    idle.flat_map(|image| &image.tags).filter(|tag| tag.starts_with(DEPLOYED)).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(digest: &str, tags: &[&str], used_by: &[&str]) -> Stored {
        Stored {
            region: "eu-west-1".parse().unwrap(),
            digest: digest.to_owned(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            kind: "image".to_owned(),
            bytes: None,
            pushed_ms: None,
            used_by: used_by.iter().map(|user| (*user).to_owned()).collect(),
        }
    }

    #[test]
    fn only_images_that_nobody_needs_lose_the_tag_that_spares_them_and_none_its_last() {
        let images = [
            image("now", &["content-1", "deployed-1"], &[]),
            image("used", &["content-2", "deployed-2"], &["shop-worker:2"]),
            image("idle", &["content-3", "deployed-3"], &[]),
            image("bare", &["deployed-4"], &[]),
            image("never", &["content-5"], &[]),
        ];
        assert_eq!(idle_tags(&images, "now").into_iter().collect::<Vec<_>>(), ["deployed-3"]);
    }

    #[test]
    fn the_lifecycle_rules_spare_the_tag_of_what_is_deployed() {
        let template = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/foundation.yaml.j2"));
        assert!(template.unwrap().contains(&format!("\"tagPrefixList\":[\"{DEPLOYED}\"]")));
        assert_eq!(deployed_tag(&format!("sha256:{}", "a".repeat(64))), format!("deployed-{}", "a".repeat(16)));
    }
}
