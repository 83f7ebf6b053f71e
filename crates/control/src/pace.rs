//! The control plane's patience: how often it looks, and how long it waits for whom.

use serde::{Deserialize, Serialize};

/// How often a run is looked at and how long its parts may take. A run carries the pace it was started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pace {
    /// Between two looks while something is expected to change soon, in milliseconds.
    pub poll_ms: u64,
    /// Between two looks while the load is on, in milliseconds.
    pub watch_ms: u64,
    /// From writing the start instant to the start instant, so that every worker has read it, in milliseconds.
    pub lead_ms: u64,
    /// How long launching and getting ready may take, in milliseconds.
    pub provisioning_ms: u64,
    /// How long workers may take beyond what they were told before they are given up, in milliseconds.
    pub margin_ms: u64,
    /// How long a launched worker may be missing from the census before it counts as gone, in milliseconds.
    pub vanish_ms: u64,
}

impl Pace {
    /// ECS on Fargate: tasks take minutes to come and are counted a while after they are asked for.
    pub const AWS: Self = Self {
        poll_ms: 5_000,
        watch_ms: 20_000,
        lead_ms: 5_000,
        provisioning_ms: 900_000,
        margin_ms: 120_000,
        vanish_ms: 90_000,
    };

    /// Processes on this machine.
    pub const LOCAL: Self = Self {
        poll_ms: 100,
        watch_ms: 500,
        lead_ms: 500,
        provisioning_ms: 30_000,
        margin_ms: 10_000,
        vanish_ms: 5_000,
    };
}
