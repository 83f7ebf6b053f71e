//! A test on an environment, as its file has it: what a worker is, and which of them have an address of their own.

use dlt_model::{
    duration::Duration,
    forecast::{Forecast, Size},
};

use super::Load;
use crate::config::{Architecture, Config, Network};

/// MiB of a GiB, and ECS units of a virtual CPU.
const THOUSAND: f64 = 1_024.0;

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

/// An hour of the same load, however short the test is.
pub fn an_hour_of(load: &Load) -> Load {
    let hour = Duration::from_secs(3_600);
    #[expect(clippy::cast_precision_loss, reason = "durations are far below 2^53 milliseconds")]
    let times = hour.as_millis() as f64 / load.duration.as_millis().max(1) as f64;
    Load { duration: hour, bytes_sent: load.bytes_sent.map(|bytes| bytes * times), ..load.clone() }
}

/// What a worker of an environment is.
pub fn size(config: &Config) -> Size {
    Size {
        vcpus: f64::from(config.worker.cpu_units) / THOUSAND,
        memory_gib: f64::from(config.worker.memory_mib) / THOUSAND,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::Test;

    #[test]
    fn an_hour_costs_the_same_however_short_the_test_is() {
        let size = Size { vcpus: 2.0, memory_gib: 4.0, arm: false };
        let short = Load {
            name: "shop".to_owned(),
            fleet: vec![("us-east-1".to_owned(), 2)],
            public_workers: 2,
            duration: Duration::from_secs(36),
            size,
            live_data: true,
            bytes_sent: Some(1e6),
        };
        let long = Load { duration: Duration::from_secs(7_200), bytes_sent: Some(2e8), ..short.clone() };
        let (short, long) = (an_hour_of(&short), an_hour_of(&long));
        assert_eq!((short.bytes_sent, short.duration), (Some(1e8), Duration::from_secs(3_600)));
        assert!((Test::of(&short).bill.usd - Test::of(&long).bill.usd).abs() < 1e-9);
    }
}
