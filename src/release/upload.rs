//! Putting a release where the stacks find it: asking first what is there, sending only what is not.

use std::{collections::BTreeMap, sync::Arc};

use aws_sdk_ecr::types::{ImageDetail, ImageIdentifier};
use aws_sdk_s3::primitives::ByteStream;
use dlt_model::id::Region;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};

use super::{
    Image, Release,
    registry::{self, Basic, Kind as Refusal, Login, Meter, Pushed, Registry, Trouble},
};
use crate::{
    cloud::{Clients, Cloud, CloudError, Doing, Kind},
    exit::Exit,
    failure::Failure,
    render::Assets,
};

/// How many files of the console are sent at once.
const AT_ONCE: usize = 8;

/// Where a release goes in one region, and what of it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The region.
    pub region: Region,
    /// The foundation's bucket.
    pub bucket: String,
    /// The foundation's repository.
    pub repository: String,
    /// True when the functions' zip is there.
    pub has_functions: bool,
    /// The digest of the worker image, when it is there.
    pub image_digest: Option<String>,
    /// True when the console is there. Other regions than the hub never have one and never need one.
    pub has_console: bool,
    /// True when the release's manifest is there, or it has none.
    pub has_manifest: bool,
}

/// Where things go in each region, the hub first, whatever is there.
pub fn places(cloud: &Cloud, stack: &str) -> Vec<Upload> {
    let place = |region: &Region| Upload {
        region: region.clone(),
        bucket: format!("{stack}-artifacts-{}-{region}", cloud.identity.account),
        repository: format!("{stack}/worker"),
        has_functions: false,
        image_digest: None,
        has_console: false,
        has_manifest: false,
    };
    cloud.regions().map(place).collect()
}

/// Looks what of a release is in each region. A bucket or repository that is not there yet holds nothing.
pub async fn uploads(cloud: &Cloud, stack: &str, release: &Release) -> Result<Vec<Upload>, CloudError> {
    let looks = places(cloud, stack).into_iter().map(async |place| {
        let clients = cloud.at(&place.region);
        let console_key = console_marker(release);
        let manifest_key = release.manifest_key();
        let (has_functions, image_digest, has_console, has_manifest) = tokio::try_join!(
            has_object(clients, &place.bucket, &release.functions.key),
            image_digest(clients, &place.repository, &release.worker.tag),
            has_object(clients, &place.bucket, &console_key),
            async {
                match &manifest_key {
                    Some(key) => has_object(clients, &place.bucket, key).await,
                    None => Ok(true),
                }
            },
        )?;
        Ok(Upload { has_functions, image_digest, has_console, has_manifest, ..place })
    });
    futures::future::try_join_all(looks).await
}

/// The page is sent last: when it is there, all of the console is.
fn console_marker(release: &Release) -> String {
    format!("{}/index.html", release.console.prefix)
}

async fn has_object(clients: &Clients, bucket: &str, key: &str) -> Result<bool, CloudError> {
    let doing = format!("look for `{key}` in the bucket `{bucket}`");
    match clients.s3.head_object().bucket(bucket).key(key).send().await {
        Ok(_) => Ok(true),
        Err(error) => {
            let status = error.raw_response().map(|response| response.status().as_u16());
            // Without the right to list a bucket AWS answers 403 for what is not there; sending it will tell.
            if matches!(status, Some(403 | 404)) { Ok(false) } else { Err(error).doing(doing) }
        }
    }
}

/// The digest of the image with a tag, when the registry has one.
pub async fn image_digest(clients: &Clients, repository: &str, tag: &str) -> Result<Option<String>, CloudError> {
    let request = clients
        .ecr
        .describe_images()
        .repository_name(repository)
        .image_ids(ImageIdentifier::builder().image_tag(tag).build());
    match request.send().await.doing(format!("look for the worker image in `{repository}`")) {
        Ok(answer) => Ok(answer.image_details().first().and_then(ImageDetail::image_digest).map(ToOwned::to_owned)),
        Err(error) if error.kind == Kind::Absent => Ok(None),
        Err(error) => Err(error),
    }
}

/// The host of an account's registry in a region.
pub fn registry_host(account: &str, region: &Region) -> String {
    format!("{account}.dkr.ecr.{region}.amazonaws.com")
}

impl Upload {
    /// The values that the templates get.
    pub fn assets(&self, account: &str, release: &Release, digest: &str) -> Assets {
        let host = registry_host(account, &self.region);
        Assets {
            artifact_bucket: self.bucket.clone(),
            code_key: release.functions.key.clone(),
            worker_image: format!("{host}/{}@{digest}", self.repository),
            console_prefix: release.console.prefix.clone(),
        }
    }

    /// Sends the functions' zip, and answers its size.
    pub async fn send_functions(&self, clients: &Clients, release: &Release) -> Result<u64, Failure> {
        let zip = release
            .functions
            .zip()
            .map_err(|error| Failure::from_error(Exit::Internal, "failed to zip the functions", &error))?;
        let key = &release.functions.key;
        self.send(clients, key, zip, "application/zip", None).await
    }

    /// Sends the console, its page last, and answers its size.
    pub async fn send_console(&self, clients: &Clients, release: &Release) -> Result<u64, Failure> {
        let console = &release.console;
        let send = |file: &'_ super::ConsoleFile| {
            let (key, content) = (format!("{}/{}", console.prefix, file.path), file.content.clone());
            let (kind, cache) = (file.content_type(), file.cache_control());
            async move { self.send(clients, &key, content, kind, Some(cache)).await }
        };
        let (page, others): (Vec<_>, Vec<_>) = console.files.iter().partition(|file| file.path == "index.html");
        let sizes: Vec<u64> =
            stream::iter(others.into_iter().map(send)).buffer_unordered(AT_ONCE).try_collect().await?;
        let page: Vec<u64> = stream::iter(page.into_iter().map(send)).buffer_unordered(1).try_collect().await?;
        Ok(sizes.into_iter().chain(page).sum())
    }

    /// Sends `release.json`, and answers its size.
    pub async fn send_manifest(&self, clients: &Clients, release: &Release) -> Result<u64, Failure> {
        let Some(key) = release.manifest_key() else { return Ok(0) };
        self.send(clients, &key, release.manifest()?, "application/json", None).await
    }

    /// Sends a text under a key that names its content, and answers its address. What is there is not sent again.
    pub async fn send_template(&self, cloud: &Cloud, text: &str) -> Result<String, Failure> {
        let clients = cloud.at(&self.region);
        let key = format!("templates/{}.yaml", super::sha256(&[text.as_bytes()]));
        if !has_object(clients, &self.bucket, &key).await? {
            self.send(clients, &key, text.as_bytes().to_vec(), "application/yaml", None).await?;
        }
        Ok(match &cloud.endpoint {
            Some(endpoint) => format!("{}/{}/{key}", endpoint.trim_end_matches('/'), self.bucket),
            None => format!("https://{}.s3.{}.amazonaws.com/{key}", self.bucket, self.region),
        })
    }

    /// The repository of worker images in this region.
    ///
    /// # Errors
    /// When its address is none.
    pub fn registry(&self, cloud: &Cloud) -> Result<Registry, Trouble> {
        let (host, plain) = answering(cloud.endpoint.as_deref(), &registry_host(&cloud.identity.account, &self.region));
        let (ecr, region) = (cloud.at(&self.region).ecr.clone(), self.region.to_string());
        let renew = move || sign_in(ecr.clone(), region.clone()).boxed();
        Registry::new(&host, plain, self.repository.clone(), Login::Renewed(Arc::new(renew)))
    }

    /// Pushes the worker image, and answers what was sent.
    ///
    /// # Errors
    /// Why the registry refused it.
    pub async fn push_image(&self, cloud: &Cloud, tag: &str, image: &Image, meter: &Meter) -> Result<Pushed, Failure> {
        registry::push(&self.registry(cloud)?, image, tag, meter).await.map_err(|mut trouble| {
            trouble.doing = format!("{} in {}", trouble.doing, self.region);
            trouble.into()
        })
    }

    async fn send(
        &self,
        clients: &Clients,
        key: &str,
        content: Vec<u8>,
        kind: &str,
        cache: Option<&str>,
    ) -> Result<u64, Failure> {
        let size = content.len() as u64;
        let request = clients.s3.put_object().bucket(&self.bucket).key(key).content_type(kind);
        let request = request.set_cache_control(cache.map(ToOwned::to_owned)).body(ByteStream::from(content));
        request.send().await.doing(format!("send `{key}` to the bucket `{}`", self.bucket))?;
        Ok(size)
    }
}

/// What answers for a registry of ECR, and whether nothing is encrypted on the way: an endpoint of one's own answers for all.
pub(super) fn answering(endpoint: Option<&str>, host: &str) -> (String, bool) {
    match endpoint.and_then(|endpoint| endpoint.strip_prefix("http://")) {
        Some(plain) => (plain.trim_end_matches('/').to_owned(), true),
        None => (host.to_owned(), false),
    }
}

/// The login that ECR gives for some hours.
pub(super) async fn sign_in(ecr: aws_sdk_ecr::Client, region: String) -> Result<Basic, Trouble> {
    let doing = format!("sign in to the image registry in {region}");
    let answer = ecr.get_authorization_token().send().await.doing(doing.clone());
    let answer = answer.map_err(|error| {
        let kind = if error.kind == Kind::Unreachable { Refusal::Unreachable } else { Refusal::Credentials };
        Trouble::new(doing.clone(), kind, error.message)
    })?;
    let token = answer.authorization_data().first().and_then(|data| data.authorization_token());
    token
        .and_then(Basic::decode)
        .ok_or_else(|| Trouble::new(doing, Refusal::Other, "the answer has no token that we understand"))
}

/// The digest of the worker image: from a registry that has it, else by making it.
pub fn known_digest(uploads: &[Upload]) -> Option<&str> {
    let digests: BTreeMap<&str, ()> = uploads.iter().filter_map(|it| Some((it.image_digest.as_deref()?, ()))).collect();
    // Registries that disagree cannot be believed.
    (digests.len() == 1).then(|| digests.keys().next().copied()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_named_by_account_region_and_digest() {
        let region: Region = "eu-west-1".parse().unwrap();
        assert_eq!(registry_host("1234", &region), "1234.dkr.ecr.eu-west-1.amazonaws.com");
    }

    #[test]
    fn registries_that_disagree_about_a_digest_are_not_believed() {
        let upload = |digest: Option<&str>| Upload {
            region: "eu-west-1".parse().unwrap(),
            bucket: "b".to_owned(),
            repository: "r".to_owned(),
            has_functions: true,
            image_digest: digest.map(ToOwned::to_owned),
            has_console: true,
            has_manifest: true,
        };
        assert_eq!(known_digest(&[upload(Some("a")), upload(None)]), Some("a"));
        assert_eq!(known_digest(&[upload(Some("a")), upload(Some("b"))]), None);
        assert_eq!(known_digest(&[upload(None)]), None);
    }
}
