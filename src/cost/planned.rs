//! A test on an environment, as its file has it: what a worker is, and which of them have an address of their own.

use dlt_model::{
    duration::Duration,
    forecast::{Forecast, Size},
};

use super::Load;
use crate::config::{Architecture, Config, Network};

/// As ECS counts processors.
pub const UNITS_PER_VCPU: f64 = 1_024.0;
/// As ECS counts memory.
pub const MIB_PER_GIB: f64 = 1_024.0;

/// A test of so many workers by region.
pub fn load(
    config: &Config,
    name: String,
    fleet: Vec<(String, u32)>,
    duration: Duration,
    bytes_sent: Option<f64>,
) -> Load {
    let public_workers = fleet.iter().filter(|(region, _)| is_public(config, region)).map(|(_, workers)| workers).sum();
    Load { name, fleet, public_workers, duration, size: size(config), live_data: config.live_data, bytes_sent }
}

/// The test that a scenario was forecast to be.
pub fn of_forecast(config: &Config, forecast: &Forecast) -> Load {
    let fleet = forecast.regions.iter().map(|region| (region.region.clone(), region.workers)).collect();
    load(config, format!("`{}`", forecast.name), fleet, forecast.duration, Some(forecast.bytes_sent))
}

/// What a worker of an environment is.
pub fn size(config: &Config) -> Size {
    Size {
        vcpus: f64::from(config.worker.cpu_units) / UNITS_PER_VCPU,
        memory_gib: f64::from(config.worker.memory_mib) / MIB_PER_GIB,
        arm: config.worker.architecture == Architecture::Arm64,
    }
}

fn is_public(config: &Config, region: &str) -> bool {
    let network = region.parse().map_or(&config.network, |region| config.network_of(&region));
    match network {
        Network::New { .. } => true,
        Network::Existing { public, .. } => *public,
    }
}
