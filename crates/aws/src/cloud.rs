//! How AWS is reached: credentials, retries, time limits, one configuration per region.

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use dlt_model::id::Region;

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(8);
/// How long a call may take with its attempts; well below the functions' own time limit.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(25);
/// How often a call is tried before its failure is the caller's.
const MAX_ATTEMPTS: u32 = 4;

/// The way to AWS, from which each region's clients are made. Making it reads no credentials and opens no connection.
#[derive(Clone, Debug)]
pub struct Cloud {
    config: SdkConfig,
}

impl Cloud {
    /// Takes profile, credentials and endpoint from where every AWS tool takes them, and the region from the caller.
    pub async fn load(region: &Region) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(aws_region(region))
            .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS))
            .timeout_config(timeouts)
            .load()
            .await;
        Self { config }
    }

    /// The configuration of the hub's region.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// The same configuration in another region.
    pub fn in_region(&self, region: &Region) -> SdkConfig {
        self.config.to_builder().region(aws_region(region)).build()
    }

    /// Whether calls go to an endpoint that somebody named, such as an emulator's.
    pub fn has_own_endpoint(&self) -> bool {
        self.config.endpoint_url().is_some()
    }
}

impl From<SdkConfig> for Cloud {
    fn from(config: SdkConfig) -> Self {
        Self { config }
    }
}

fn aws_region(region: &Region) -> aws_config::Region {
    aws_config::Region::new(region.as_str().to_owned())
}
