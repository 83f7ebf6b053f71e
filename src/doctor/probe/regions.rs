//! Whether the environment's regions are switched on in this account.

use std::collections::BTreeMap;

use super::Asker;
use crate::{
    cloud::Doing,
    doctor::finding::{Area, Finding, State},
};

/// EC2's word for a region that an account has not switched on.
const OFF: &str = "not-opted-in";

pub(super) async fn enabled(asker: &Asker<'_>) -> Vec<Finding> {
    let Some(hub) = asker.places.first() else { return Vec::new() };
    let asked = hub.ec2.describe_regions().all_regions(true).send().await.doing("list the account's regions");
    let answer = match asked {
        Ok(answer) => answer,
        Err(error) => return vec![Finding::not_known(Area::Regions, "regions", &error)],
    };
    let known: BTreeMap<&str, &str> = answer
        .regions()
        .iter()
        .filter_map(|region| Some((region.region_name()?, region.opt_in_status().unwrap_or_default())))
        .collect();
    let judge = |place: &super::Place| {
        let name = place.region.as_str();
        let finding = |state, says: &str| Finding::new(Area::Regions, name, state, says);
        match known.get(name) {
            Some(&OFF) => finding(State::Fail, "is not switched on in this account")
                .cure(format!("aws account enable-region --region-name {name}")),
            Some(_) => finding(State::Ok, "is switched on"),
            None => finding(State::Fail, "is no region of AWS").cure("write another in the environment file"),
        }
    };
    asker.places.iter().map(judge).collect()
}
