//! Scripts, assignments, reports and results in the data bucket.

use std::sync::Arc;

use dlt_model::id::Region;
use object_store::{ObjectStore, aws::AmazonS3Builder};

/// Opens the data bucket, with the credentials and the endpoint of this process's environment.
///
/// # Errors
/// Says which of the environment's settings cannot be used.
pub fn open(bucket: &str, region: &Region) -> Result<Arc<dyn ObjectStore>, object_store::Error> {
    // Plain http only ever names an emulator; without it every request would be refused before it is sent.
    let plain = std::env::var("AWS_ENDPOINT_URL").is_ok_and(|url| url.starts_with("http://"));
    let store = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_region(region.as_str())
        .with_allow_http(plain)
        .build()?;
    Ok(Arc::new(store))
}
