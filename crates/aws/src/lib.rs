//! The control plane's ports on AWS: DynamoDB, S3, ECS on Fargate, IoT Core and Step Functions.
//!
//! Everything regional is found by deterministic [`names`], so a regional stack needs nothing from the hub and the hub
//! needs nothing from it.

pub mod blobs;
pub mod cloud;
pub mod driver;
pub mod environment;
mod fault;
pub mod fleet;
pub mod live;
pub mod names;
pub mod network;
pub mod sighting;
pub mod store;

pub use self::{
    cloud::Cloud,
    driver::SfnDriver,
    environment::{Environment, EnvironmentError, Records, Role},
    fleet::EcsFleet,
    live::IotLive,
    store::DynamoStore,
};
