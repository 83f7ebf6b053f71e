//! Clients for every region of an environment, made once. Profile, region and endpoint variables mean what they mean
//! everywhere.

use std::{collections::BTreeMap, time::Duration};

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_cloudformation::config::retry::RetryPartition;
use dlt_model::id::Region;

use super::{CloudError, Doing, Key, kms};

/// How often the SDK tries a call before we hear of a failure.
const ATTEMPTS: u32 = 6;
/// How long we wait for a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long we wait for the next byte of an answer.
const READ_WITHIN: Duration = Duration::from_secs(60);

/// AWS, seen from one account and from the regions of one environment.
#[derive(Clone, Debug)]
pub struct Cloud {
    /// Who we are there.
    pub identity: Identity,
    /// Where the main stack lives.
    pub hub: Region,
    /// Where all services are found, when it is not AWS's own endpoints.
    pub endpoint: Option<String>,
    regions: BTreeMap<Region, Clients>,
    config: SdkConfig,
}

/// Who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Twelve digits.
    pub account: String,
    /// The user or role.
    pub arn: String,
}

/// The clients of one region. All calls of one client share one retry budget and one rate limiter, so that a region is
/// never asked faster than it answers.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Stacks.
    pub cloudformation: aws_sdk_cloudformation::Client,
    /// Artifacts and data.
    pub s3: aws_sdk_s3::Client,
    /// The worker image.
    pub ecr: aws_sdk_ecr::Client,
    /// Workers.
    pub ecs: aws_sdk_ecs::Client,
    /// Parameters.
    pub ssm: aws_sdk_ssm::Client,
    /// The table.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Log groups.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// The roles of the account.
    pub iam: aws_sdk_iam::Client,
    /// Who may listen to live data.
    pub iot: aws_sdk_iot::Client,
    /// Functions.
    pub lambda: aws_sdk_lambda::Client,
    /// Users.
    pub cognito: aws_sdk_cognitoidentityprovider::Client,
}

impl Cloud {
    /// Clients for the hub and the load regions. Asks AWS one question: who are we?
    pub async fn connect(hub: &Region, load: &[Region]) -> Result<Self, CloudError> {
        Self::with(configured(hub).await, hub, load).await
    }

    /// The same with clients that are made of the given configuration.
    pub async fn with(hub_config: SdkConfig, hub: &Region, load: &[Region]) -> Result<Self, CloudError> {
        let endpoint = hub_config.endpoint_url().map(ToOwned::to_owned);
        let identity = whoami(&hub_config).await?;
        let mut regions = BTreeMap::from([(hub.clone(), Clients::new(hub, &hub_config))]);
        for region in load {
            if !regions.contains_key(region) {
                let config = in_region(&hub_config, region);
                regions.insert(region.clone(), Clients::new(region, &config));
            }
        }
        Ok(Self { identity, hub: hub.clone(), endpoint, regions, config: hub_config })
    }

    /// An account that nobody has to be asked about.
    #[cfg(test)]
    pub fn of_rehearsal(config: &SdkConfig, regions: &[Region]) -> Self {
        let clients = |region: &Region| (region.clone(), Clients::new(region, &in_region(config, region)));
        Self {
            identity: Identity {
                account: "123456789012".to_owned(),
                arn: "arn:aws:iam::123456789012:user/you".to_owned(),
            },
            hub: regions[0].clone(),
            endpoint: config.endpoint_url().map(ToOwned::to_owned),
            regions: regions.iter().map(clients).collect(),
            config: config.clone(),
        }
    }

    /// The same account, and clients of CloudFormation that remember nothing of how fast it answered.
    #[cfg(test)]
    #[must_use]
    pub fn renewed(&self) -> Self {
        let mut cloud = self.clone();
        for (region, clients) in &mut cloud.regions {
            clients.cloudformation = cloudformation(region, &in_region(&self.config, region));
        }
        cloud
    }

    /// The clients of a region of this environment.
    pub fn at(&self, region: &Region) -> &Clients {
        self.regions.get(region).expect("every region of the environment has clients: made in Cloud::connect")
    }

    /// The clients of the hub region.
    pub fn hub(&self) -> &Clients {
        self.at(&self.hub)
    }

    /// Who did what in a region, which need not be one of the environment's.
    pub fn trail(&self, region: &str) -> aws_sdk_cloudtrail::Client {
        let region = aws_config::Region::new(region.to_owned());
        aws_sdk_cloudtrail::Client::new(&self.config.to_builder().region(region).build())
    }

    /// A key of KMS, unless there is none of this id.
    pub async fn key(&self, region: &Region, id: &str) -> Result<Option<Key>, CloudError> {
        kms::describe(&in_region(&self.config, region), region, id).await
    }

    /// The hub first, then the others in the order of their names.
    pub fn regions(&self) -> impl Iterator<Item = &Region> {
        std::iter::once(&self.hub).chain(self.regions.keys().filter(|region| **region != self.hub))
    }
}

impl Identity {
    /// The region in which this part of AWS keeps what belongs to no region.
    pub fn global_region(&self) -> &'static str {
        match self.arn.split(':').nth(1) {
            Some("aws-us-gov") => "us-gov-west-1",
            Some("aws-cn") => "cn-north-1",
            _ => "us-east-1",
        }
    }
}

impl Clients {
    fn new(region: &Region, config: &SdkConfig) -> Self {
        // A bucket's name as a host name needs DNS that a custom endpoint does not have.
        let by_path = config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
        let s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(by_path).build();
        Self {
            cloudformation: cloudformation(region, config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            ecr: aws_sdk_ecr::Client::new(config),
            ecs: aws_sdk_ecs::Client::new(config),
            ssm: aws_sdk_ssm::Client::new(config),
            dynamodb: aws_sdk_dynamodb::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            iot: aws_sdk_iot::Client::new(config),
            lambda: aws_sdk_lambda::Client::new(config),
            cognito: aws_sdk_cognitoidentityprovider::Client::new(config),
        }
    }
}

/// The client that is asked the most, so it slows down when AWS says so.
fn cloudformation(region: &Region, config: &SdkConfig) -> aws_sdk_cloudformation::Client {
    let without_lot = config.retry_config().is_some_and(RetryConfig::use_static_exponential_base);
    let patient = RetryConfig::adaptive().with_max_attempts(ATTEMPTS).with_use_static_exponential_base(without_lot);
    // Of its own, and not one for all clients of this name in the process.
    let partition = RetryPartition::custom(format!("cloudformation-{region}")).build();
    let config = aws_sdk_cloudformation::config::Builder::from(config).retry_config(patient).retry_partition(partition);
    aws_sdk_cloudformation::Client::from_conf(config.build())
}

/// What AWS's own variables and files say, for one region: credentials, endpoint, patience. Asks AWS nothing.
pub async fn configured(region: &Region) -> SdkConfig {
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_WITHIN).read_timeout(READ_WITHIN).build();
    aws_config::defaults(BehaviorVersion::latest())
        .region(aws_config::Region::new(region.to_string()))
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts)
        .load()
        .await
}

fn in_region(config: &SdkConfig, region: &Region) -> SdkConfig {
    config.to_builder().region(aws_config::Region::new(region.to_string())).build()
}

async fn whoami(config: &SdkConfig) -> Result<Identity, CloudError> {
    let profile = std::env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty());
    let with = profile.map(|name| format!(", with the profile `{name}`")).unwrap_or_default();
    let doing = format!("ask AWS who we are{with}");
    let caller = aws_sdk_sts::Client::new(config).get_caller_identity().send().await.doing(doing.clone())?;
    match (caller.account, caller.arn) {
        (Some(account), Some(arn)) => Ok(Identity { account, arn }),
        _ => Err(CloudError::unexpected(doing, "the answer names no account")),
    }
}
