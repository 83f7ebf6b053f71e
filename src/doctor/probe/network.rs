//! Whether workers find addresses: in subnets that are there, as EC2 counts them; in ours, by arithmetic.

use dlt_model::id::Region;

use super::{Asker, Place};
use crate::{
    cloud::{Doing, Kind},
    config::{Config, Network},
    doctor::{
        addresses::{self, Subnet},
        finding::{Area, Finding, State},
        planned::Planned,
    },
};

/// A network of our own has as many addresses as its ranges.
pub(super) fn of_our_own(config: &Config, region: &Region, planned: &Planned) -> Option<Finding> {
    let Network::New { subnet_a_cidr, subnet_b_cidr, .. } = config.network_of(region) else { return None };
    let subnets = [*subnet_a_cidr, *subnet_b_cidr].map(addresses::of_range);
    let cure = "give `network.vpc_cidr`, `subnet_a_cidr` and `subnet_b_cidr` larger ranges, or list more `regions`";
    Some(addresses::judge(region, &subnets, planned.addresses(), cure))
}

pub(super) async fn room(asker: &Asker<'_>, place: &Place) -> Vec<Finding> {
    if let Some(finding) = of_our_own(asker.config, &place.region, asker.planned) {
        return vec![finding];
    }
    let Network::Existing { vpc, subnets, .. } = asker.config.network_of(&place.region) else { return Vec::new() };
    let asked = place.ec2.describe_subnets().set_subnet_ids(Some(subnets.clone())).send().await;
    let answer = match asked.doing(format!("read the subnets of {vpc}")) {
        Ok(answer) => answer,
        Err(error) if error.kind == Kind::Absent => {
            let finding = Finding::new(Area::Network, "subnets", State::Fail, error.message);
            let cure = format!("aws ec2 describe-subnets --filters Name=vpc-id,Values={vpc} --region {}", place.region);
            return vec![finding.in_region(&place.region).cure(cure)];
        }
        Err(error) => return vec![Finding::not_known(Area::Network, "subnets", &error).in_region(&place.region)],
    };
    let found: Vec<Subnet> = answer
        .subnets()
        .iter()
        .map(|subnet| Subnet {
            name: subnet.subnet_id().unwrap_or_default().to_owned(),
            free: subnet.available_ip_address_count().and_then(|count| u64::try_from(count).ok()).unwrap_or_default(),
        })
        .collect();
    let cure = "list larger or more subnets under `network.existing.subnets`";
    let mut findings = vec![addresses::judge(&place.region, &found, asker.planned.addresses(), cure)];
    let strangers = answer.subnets().iter().filter(|subnet| subnet.vpc_id() != Some(vpc));
    let strangers: Vec<&str> = strangers.filter_map(|subnet| subnet.subnet_id()).collect();
    if !strangers.is_empty() {
        let says = format!("not in {vpc}: {}", strangers.join(", "));
        let finding = Finding::new(Area::Network, "subnets", State::Fail, says).in_region(&place.region);
        findings.push(finding.cure("name subnets of one VPC under `network.existing`"));
    }
    findings
}
