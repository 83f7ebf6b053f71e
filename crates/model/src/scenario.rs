//! A scenario: which load, from where, doing what, and what must be true of it.
//!
//! One type for every format. The canonical JSON of
//! the store is this type as serde writes it.

mod limits;

use serde::{Deserialize, Serialize};

pub use self::limits::*;
pub use crate::assignment::{Expect, Request};
use crate::{duration::Duration, gate::Clause, id::Region, problem::Problem};

/// Something that is allowed and that the writer should know: ignored, reduced, or probably not meant.
pub type Warning = Problem;

/// What a load test is, whatever it was written in. Readers guarantee the limits of this module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scenario {
    /// What people call it; `testName` in AWS DLT.
    pub name: String,
    /// What it is for; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// How its iterations are described.
    #[serde(default)]
    pub kind: Kind,
    /// Where the load comes from: at least one region, each once.
    pub fleet: Vec<RegionLoad>,
    /// How long it takes until all virtual users iterate.
    pub ramp_up: Duration,
    /// How long all of them go on; more than nothing.
    pub hold_for: Duration,
    /// How long iterations may go on after the end or a stop.
    #[serde(default = "default_graceful_stop")]
    pub graceful_stop: Duration,
    /// What each virtual user does in each iteration, in order: at least one request.
    pub requests: Vec<Request>,
    /// What must be true of the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Clause>,
    /// Words to find it by, in lower case with hyphens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Whether live data is wanted.
    #[serde(default)]
    pub show_live: bool,
    /// Keys of AWS DLT's JSON that mean nothing here, kept for the clients that sent them.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub extras: serde_json::Map<String, serde_json::Value>,
}

/// How a scenario's iterations are described; `testType` in AWS DLT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A list of HTTP requests.
    #[default]
    Simple,
}

/// The load that comes from one region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegionLoad {
    /// Where.
    pub region: Region,
    /// How many workers (tasks, in AWS DLT), at least 1.
    pub workers: u32,
    /// Virtual users of all these workers together, at least 1.
    pub virtual_users: u64,
}

/// How long iterations may go on after the end, unless the scenario says otherwise.
pub const DEFAULT_GRACEFUL_STOP: Duration = Duration::from_secs(30);
/// How long one request may take, unless the scenario says otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

fn default_graceful_stop() -> Duration {
    DEFAULT_GRACEFUL_STOP
}

impl Scenario {
    /// Virtual users of all regions together.
    pub fn virtual_users(&self) -> u64 {
        self.fleet.iter().map(|load| load.virtual_users).sum()
    }

    /// Workers of all regions together.
    pub fn workers(&self) -> u32 {
        self.fleet.iter().map(|load| load.workers).sum()
    }
}
