//! An environment file: what differs between one environment and the next, and nothing else.

pub mod cidr;
pub mod ignore;
mod image;
pub mod kinds;
pub mod layers;
pub mod loader;
mod network;
pub mod origin;
pub mod partition;
mod reader;
pub mod schema;
pub mod starter;
pub mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use dlt_model::id::Region;

pub use self::{
    cidr::Cidr,
    ignore::Ignore,
    image::{EcrRepository, ImageName, ecr_host},
    kinds::{Admin, Architecture, Console, DataRetention, Network, Retention, StackName, Worker},
    layers::Layers,
    loader::load,
    origin::{Origin, Setting},
    partition::Partition,
};

/// Everything that an environment file, the `DLT_*` variables and the flags decide, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The name that all resources of the environment derive from.
    pub stack: StackName,
    /// The hub region: API, data and console live there.
    pub region: Region,
    /// More regions to generate load from.
    pub regions: Vec<Region>,
    /// The first user of the console.
    pub admin: Admin,
    /// Where workers run, unless `regional_networks` says otherwise for a region.
    pub network: Network,
    /// Networks of single regions.
    pub regional_networks: BTreeMap<Region, Network>,
    /// Where workers may send requests to.
    pub egress_cidr: Cidr,
    /// How the console is served.
    pub console: Console,
    /// Whether workers' ticks are published while a run goes on.
    pub live_data: bool,
    /// How large a worker is unless a scenario says otherwise.
    pub worker: Worker,
    /// An image to run instead of the shipped one.
    pub worker_image: Option<ImageName>,
    /// What stays, and for how long.
    pub retention: Retention,
    /// Whether CloudFormation refuses to delete the stacks.
    pub protection: bool,
    /// Tags of every resource.
    pub tags: BTreeMap<String, String>,
    /// What `dlt drift` is not to count.
    pub ignored: Vec<Ignore>,
    /// Every value, as text, and where it came from.
    settings: Vec<Setting>,
}

impl Config {
    /// The hub region and then the others, in the order of the file.
    pub fn all_regions(&self) -> impl Iterator<Item = &Region> {
        std::iter::once(&self.region).chain(&self.regions)
    }

    /// The part of AWS that the environment is in, with all its regions.
    pub fn partition(&self) -> Partition {
        Partition::of(&self.region).expect("a hub is where this system can live: checked when it was read")
    }

    /// The network of a region.
    pub fn network_of(&self, region: &Region) -> &Network {
        self.regional_networks.get(region).unwrap_or(&self.network)
    }

    /// Every value as text with its origin, in the order of the documentation.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }
}
