//! Addresses for workers: each takes one of a subnet.

use dlt_model::id::Region;

use super::finding::{Area, Finding, State};
use crate::config::Cidr;

/// The addresses of every subnet that AWS keeps for itself.
const KEPT_BY_AWS: u64 = 5;

/// A subnet and how many addresses it has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Its id, or its range when it is not there yet.
    pub name: String,
    /// Free addresses.
    pub free: u64,
}

/// A subnet that will be made with this range.
pub fn of_range(range: Cidr) -> Subnet {
    let addresses = 1_u64 << (32 - u64::from(range.prefix()));
    Subnet { name: range.to_string(), free: addresses.saturating_sub(KEPT_BY_AWS) }
}

/// Whether so many workers find room. ECS spreads them evenly, so one full subnet already makes starting slow.
pub fn judge(region: &Region, subnets: &[Subnet], workers: u64, cure: &str) -> Finding {
    let free: u64 = subnets.iter().map(|subnet| subnet.free).sum();
    let share = workers.div_ceil(u64::try_from(subnets.len()).unwrap_or(1).max(1));
    let tight = subnets.iter().filter(|subnet| subnet.free < share);
    let tight: Vec<String> = tight.map(|subnet| format!("{} ({} free)", subnet.name, subnet.free)).collect();
    let needs = if workers == 1 { "1 worker needs 1".to_owned() } else { format!("{workers} workers need {workers}") };
    let finding = |state, more: String| {
        let says = format!("{needs}, {free} are free in {} subnets{more}", subnets.len());
        Finding::new(Area::Network, "addresses", state, says).in_region(region)
    };
    match (free >= workers, tight.is_empty()) {
        (false, _) => finding(State::Fail, String::new()).cure(cure),
        (true, false) => finding(State::Warn, format!("; less than an even share in {}", tight.join(", "))).cure(cure),
        (true, true) => finding(State::Ok, String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(free: &[u64], workers: u64) -> (State, String) {
        let subnets: Vec<Subnet> =
            free.iter().enumerate().map(|(at, free)| Subnet { name: format!("subnet-{at}"), free: *free }).collect();
        let finding = judge(&"eu-west-1".parse().unwrap(), &subnets, workers, "cure");
        assert_eq!(finding.cure.is_some(), finding.state != State::Ok);
        (finding.state, finding.says)
    }

    #[test]
    fn a_range_has_its_addresses_less_those_that_aws_keeps() {
        for (range, free) in [("192.168.0.0/20", 4_091), ("10.0.0.0/28", 11), ("10.0.0.0/16", 65_531)] {
            assert_eq!(of_range(range.parse().unwrap()).free, free, "{range}");
        }
    }

    #[test]
    fn workers_need_an_address_each_and_an_even_share_of_every_subnet() {
        assert_eq!(judged(&[10, 10], 20).0, State::Ok);
        assert_eq!(judged(&[10, 10], 21), (State::Fail, "21 workers need 21, 20 are free in 2 subnets".to_owned()));
        let (state, says) = judged(&[3, 100], 20);
        assert_eq!(state, State::Warn);
        assert!(says.ends_with("; less than an even share in subnet-0 (3 free)"), "{says}");
        assert_eq!(judged(&[], 1).0, State::Fail);
    }
}
