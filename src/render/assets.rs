//! What changes between two deployments of one template: the values of its parameters.

use std::collections::BTreeMap;

use dlt_model::id::Region;

use super::{Part, context};
use crate::config::{Config, ImageName, Network};

/// Where the things that a deployment uploads have been put, in one region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assets {
    /// The foundation's bucket.
    pub artifact_bucket: String,
    /// The key of the functions' zip; names its digest.
    pub code_key: String,
    /// The worker image with its digest.
    pub worker_image: String,
    /// The prefix of the console's files, without slashes at its ends, as `console/<digest>`.
    pub console_prefix: String,
}

/// The values of a template's parameters.
pub fn parameters(part: Part, config: &Config, region: &Region, assets: &Assets) -> BTreeMap<String, String> {
    let mut values = Values::default();
    if part == Part::Foundation {
        return values.0;
    }
    values.set("EgressCidr", config.egress_cidr.to_string());
    network(&mut values, config.network_of(region));
    values.set("AdminEmail", &*config.admin.email);
    if part == Part::Main {
        values.set("AdminName", &*config.admin.name);
        values.set("InvitedEmail", &*config.admin.email);
    }
    for name in context::uploads(part, config) {
        values.set(
            name,
            match name {
                "ArtifactBucket" => &*assets.artifact_bucket,
                "CodeKey" => &*assets.code_key,
                "WorkerImage" => config.worker_image.as_ref().map_or(&*assets.worker_image, ImageName::as_str),
                "ConsolePrefix" => &*assets.console_prefix,
                _ => config.region.as_str(),
            },
        );
    }
    values.0
}

fn network(values: &mut Values, network: &Network) {
    match network {
        Network::New { vpc_cidr, subnet_a_cidr, subnet_b_cidr } => {
            values.set("VpcCidrBlock", vpc_cidr.to_string());
            values.set("SubnetACidrBlock", subnet_a_cidr.to_string());
            values.set("SubnetBCidrBlock", subnet_b_cidr.to_string());
        }
        Network::Existing { vpc, subnets, .. } => {
            values.set("ExistingVPCId", &**vpc);
            for (name, subnet) in ["ExistingSubnetA", "ExistingSubnetB"].into_iter().zip(subnets) {
                values.set(name, &**subnet);
            }
        }
    }
}

#[derive(Default)]
struct Values(BTreeMap<String, String>);

impl Values {
    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }
}
