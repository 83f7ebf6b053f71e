//! The run's folder: a few small files in S3 or on this machine, each read and written with patience and a bound.

use std::{error::Error, time::Duration};

use object_store::{ObjectStore, ObjectStoreExt, PutPayload, local::LocalFileSystem, path::Path};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::{sleep, timeout};
use url::Url;

use crate::WorkerError;

/// How often a read or write is tried.
const ATTEMPTS: u32 = 6;
/// How long the first pause between attempts is; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// How long one read may take.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one write may take; the report of a long run has some megabytes.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// Where this run's files lie.
pub struct Folder {
    store: Box<dyn ObjectStore>,
}

impl Folder {
    /// The folder behind a `file://` or `s3://` URL.
    ///
    /// # Errors
    /// Returns an error for any other URL, for a local folder that is not there, and when S3 is not configured.
    pub fn open(url: &Url) -> Result<Self, WorkerError> {
        let store = match url.scheme() {
            "file" => local(url),
            #[cfg(feature = "s3")]
            "s3" => s3(url),
            other => Err(format!("`{other}://` is not a place for files; expected file:// or s3://")),
        };
        let store = store.map_err(|problem| WorkerError::Folder { url: url.to_string(), problem })?;
        Ok(Self { store })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Returns an error when it is not there, is not what it should be, or cannot be read after every retry.
    pub async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<T, WorkerError> {
        let missing = || failed("read", key, 1, "there is no such file".into());
        self.read_if_there(key).await?.ok_or_else(missing)
    }

    /// Reads a file that may not be there yet.
    ///
    /// # Errors
    /// Returns an error when it is not what it should be, or cannot be read after every retry.
    pub async fn read_if_there<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, WorkerError> {
        let path = Path::from(key);
        let get = async || match self.store.get(&path).await {
            Ok(found) => found.bytes().await.map(Some),
            // Who may not list a bucket is not told that a file is missing: S3 says that access is denied.
            Err(object_store::Error::NotFound { .. } | object_store::Error::PermissionDenied { .. }) => Ok(None),
            Err(error) => Err(error),
        };
        let Some(bytes) = patiently("read", key, READ_TIMEOUT, get).await? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| failed("read", key, 1, error.into()))
    }

    /// Writes a file, whole or not at all.
    ///
    /// # Errors
    /// Returns an error when it cannot be written after every retry.
    pub async fn write(&self, key: &str, value: &impl Serialize) -> Result<(), WorkerError> {
        let path = Path::from(key);
        let bytes = serde_json::to_vec(value).map_err(|error| failed("write", key, 1, error.into()))?;
        let payload = PutPayload::from(bytes);
        let put = async || self.store.put(&path, payload.clone()).await.map(|_| ());
        patiently("write", key, WRITE_TIMEOUT, put).await
    }
}

fn local(url: &Url) -> Result<Box<dyn ObjectStore>, String> {
    let path = url.to_file_path().map_err(|()| "it is not the path of a folder on this machine".to_owned())?;
    let store = LocalFileSystem::new_with_prefix(path).map_err(|error| error.to_string())?;
    Ok(Box::new(store))
}

/// Credentials, region and endpoint come from the environment, as AWS's own tools have them; a bucket in another region
/// than the worker's is named with `?region=`. Retries are ours.
#[cfg(feature = "s3")]
fn s3(url: &Url) -> Result<Box<dyn ObjectStore>, String> {
    use std::sync::Arc;

    use object_store::{ClientOptions, RetryConfig, aws::AmazonS3Builder, prefix::PrefixStore};

    use crate::transport::StoreNames;

    let bucket = url.host_str().ok_or_else(|| "it names no bucket".to_owned())?;
    let retry = RetryConfig { max_retries: 0, ..RetryConfig::default() };
    let plain = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok())
        .is_some_and(|endpoint| endpoint.starts_with("http://"));
    let client = ClientOptions::new().with_allow_http(plain).with_dns_resolver(Arc::new(StoreNames));
    let region = url.query_pairs().find_map(|(name, value)| (name == "region").then(|| value.into_owned()));
    let environment = AmazonS3Builder::from_env();
    let builder = match region {
        Some(region) => environment.with_region(region),
        None => environment,
    };
    let store = builder
        .with_client_options(client)
        .with_retry(retry)
        .with_bucket_name(bucket)
        .build()
        .map_err(|error| error.to_string())?;
    Ok(Box::new(PrefixStore::new(store, url.path().trim_matches('/'))))
}

async fn patiently<T>(
    verb: &'static str,
    key: &str,
    bound: Duration,
    attempt: impl AsyncFn() -> object_store::Result<T>,
) -> Result<T, WorkerError> {
    let mut pause = FIRST_PAUSE;
    let mut tried = 0;
    loop {
        tried += 1;
        let source: Box<dyn Error + Send + Sync> = match timeout(bound, attempt()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => error.into(),
            Err(_) => format!("no answer within {} s", bound.as_secs()).into(),
        };
        if tried == ATTEMPTS {
            return Err(failed(verb, key, tried, source));
        }
        sleep(pause).await;
        pause *= 2;
    }
}

fn failed(verb: &'static str, key: &str, attempts: u32, source: Box<dyn Error + Send + Sync>) -> WorkerError {
    WorkerError::Blob { verb, key: key.to_owned(), attempts, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(folder: &std::path::Path) -> Folder {
        Folder::open(&Url::from_directory_path(folder).expect("absolute")).expect("it is there")
    }

    #[tokio::test]
    async fn what_is_written_is_read_and_what_is_not_there_is_nothing() {
        let temporary = tempfile::tempdir().expect("a folder");
        let folder = open(temporary.path());
        folder.write("ready/0.json", &7).await.expect("written");
        assert_eq!(folder.read::<u32>("ready/0.json").await.expect("read"), 7);
        assert_eq!(folder.read_if_there::<u32>("start.json").await.expect("asked"), None);
        let missing = folder.read::<u32>("assignments/0.json").await.expect_err("refused").to_string();
        assert!(missing.contains("assignments/0.json") && missing.contains("no such file"), "{missing}");
    }

    #[tokio::test]
    async fn a_file_that_is_not_what_it_should_be_is_an_error_at_once() {
        let temporary = tempfile::tempdir().expect("a folder");
        std::fs::write(temporary.path().join("start.json"), "{").expect("written");
        assert!(open(temporary.path()).read_if_there::<u32>("start.json").await.is_err());
    }

    #[test]
    fn other_places_are_refused() {
        let refused = |url: &str| Folder::open(&Url::parse(url).expect("a URL")).is_err();
        assert!(refused("http://a.test/x"));
        assert!(refused("file:///there/is/no/such/folder"));
    }
}
