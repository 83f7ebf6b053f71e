//! The control plane over AWS.

use std::sync::Arc;

use dlt_aws::{Cloud, DynamoStore, EcsFleet, Environment, IotLive, Records, SfnDriver, blobs};
use dlt_control::{ControlPlane, Ports, pace::Pace, ports::SystemClock};

/// Chooses the adapters; none of them is called before somebody asks for something.
///
/// # Errors
/// Says which setting of the data bucket cannot be used.
pub fn build(cloud: &Cloud, environment: &Environment, records: &Records) -> anyhow::Result<ControlPlane> {
    let hub_region = &environment.hub_region;
    let ports = Ports {
        store: Arc::new(DynamoStore::new(cloud, &records.table)),
        blobs: blobs::open(&records.bucket, hub_region)?,
        fleet: Arc::new(EcsFleet::new(cloud, &environment.stack, hub_region)),
        live: Arc::new(IotLive::new(cloud, &environment.stack, hub_region).switched(environment.live)),
        driver: Arc::new(SfnDriver::new(cloud, &records.state_machine_arn)),
        clock: Arc::new(SystemClock),
    };
    let place = dlt_control::Environment {
        stack: environment.stack.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        regions: environment.regions.clone(),
        any_region: false,
        blobs_url: format!("s3://{}", records.bucket),
        console_url: None,
        pace: Pace::AWS,
        facts: serde_json::Map::new(),
    };
    Ok(ControlPlane::new(ports, place))
}
