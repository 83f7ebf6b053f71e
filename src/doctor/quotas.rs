//! What AWS lets an account have, against what an environment and a planned test need of it.
//!
//! The values are always asked for, never assumed. Codes were not read in an account of ours: that of Fargate on demand is the
//! one that AWS's own load-testing solution asks for, that of API Gateway stands in its developer guide, and the others come
//! from lists that people publish of what Service Quotas answered them. So a code is believed only if AWS calls the quota as we
//! do, and without that the quota is looked for by its name.

use dlt_model::id::Region;

use super::{
    finding::{Area, Finding, State},
    planned::Planned,
};
use crate::config::{Config, Network};

/// Beyond this share of a quota it is worth thinking about more.
const TIGHT: f64 = 0.8;
/// What our API's stage lets through in a second: see `templates/api.yaml.j2`.
const API_REQUESTS_PER_SECOND: f64 = 100.0;

/// A quota of a service in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quota {
    /// Processors of running on-demand tasks.
    FargateVcpus,
    /// Processors of running Spot tasks.
    SpotVcpus,
    /// Functions at the same time.
    LambdaConcurrency,
    /// Requests a second of all HTTP APIs.
    ApiRequests,
    /// Messages a second that an account publishes.
    IotPublishing,
    /// Networks.
    Vpcs,
    /// Network interfaces.
    Interfaces,
    /// Stacks.
    Stacks,
}

impl Quota {
    /// The service's code.
    pub fn service(self) -> &'static str {
        match self {
            Self::FargateVcpus | Self::SpotVcpus => "fargate",
            Self::LambdaConcurrency => "lambda",
            Self::ApiRequests => "apigateway",
            Self::IotPublishing => "iotcore",
            Self::Vpcs | Self::Interfaces => "vpc",
            Self::Stacks => "cloudformation",
        }
    }

    /// Its code, where one is known.
    pub fn code(self) -> Option<&'static str> {
        match self {
            Self::FargateVcpus => Some("L-3032A538"),
            Self::SpotVcpus => Some("L-36FBB829"),
            Self::LambdaConcurrency => Some("L-B99A9384"),
            Self::ApiRequests => Some("L-8A5B8E43"),
            Self::IotPublishing => None,
            Self::Vpcs => Some("L-F678F1CE"),
            Self::Interfaces => Some("L-DF5E4CA3"),
            Self::Stacks => Some("L-0485CB21"),
        }
    }

    /// What AWS calls it, in lower case.
    fn name(self) -> &'static str {
        match self {
            Self::FargateVcpus => "fargate on-demand vcpu resource count",
            Self::SpotVcpus => "fargate spot vcpu resource count",
            Self::LambdaConcurrency => "concurrent executions",
            Self::ApiRequests => "throttle rate",
            Self::IotPublishing => "inbound publish requests per second per account",
            Self::Vpcs => "vpcs per region",
            Self::Interfaces => "network interfaces per region",
            Self::Stacks => "stack count",
        }
    }

    /// True when what AWS calls so is this quota.
    pub fn is_called(self, name: &str) -> bool {
        name.to_lowercase().contains(self.name())
    }

    /// What it counts.
    pub fn what(self) -> &'static str {
        match self {
            Self::FargateVcpus => "Fargate vCPUs",
            Self::SpotVcpus => "Fargate Spot vCPUs",
            Self::LambdaConcurrency => "functions at once",
            Self::ApiRequests => "API requests/s",
            Self::IotPublishing => "IoT messages/s",
            Self::Vpcs => "VPCs",
            Self::Interfaces => "network interfaces",
            Self::Stacks => "stacks",
        }
    }
}

/// What is needed of a quota.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Need {
    /// Of which.
    pub quota: Quota,
    /// How much, on top of what is used.
    pub amount: f64,
    /// True when being short of it makes a test slower or dearer, and false when it makes it impossible.
    pub is_soft: bool,
}

/// What a region must have free. `missing_stacks` is how many of the environment's stacks are not there yet.
pub fn needs(config: &Config, region: &Region, planned: &Planned, missing_stacks: usize) -> Vec<Need> {
    let hard = |quota, amount| Need { quota, amount, is_soft: false };
    let soft = |quota, amount| Need { quota, amount, is_soft: true };
    let hub = *region == config.region;
    let mut needs = vec![
        hard(Quota::FargateVcpus, planned.vcpus()),
        soft(Quota::SpotVcpus, planned.vcpus()),
        #[expect(clippy::cast_precision_loss, reason = "numbers of workers are far below 2^53")]
        hard(Quota::Interfaces, planned.addresses() as f64),
    ];
    if config.live_data || hub {
        needs.push(hard(Quota::LambdaConcurrency, planned.functions_at_once()));
    }
    if hub {
        needs.push(soft(Quota::ApiRequests, API_REQUESTS_PER_SECOND));
    }
    if hub && config.live_data {
        needs.push(soft(Quota::IotPublishing, planned.messages_per_second()));
    }
    if missing_stacks > 0 {
        #[expect(clippy::cast_precision_loss, reason = "an environment has few stacks")]
        needs.push(hard(Quota::Stacks, missing_stacks as f64));
        if matches!(config.network_of(region), Network::New { .. }) {
            needs.push(hard(Quota::Vpcs, 1.0));
        }
    }
    needs
}

/// Whether a quota is enough. `used` is what is taken already, where that can be told.
pub fn judge(region: &Region, need: &Need, limit: f64, code: &str, used: Option<f64>) -> Finding {
    let quota = need.quota;
    let wanted = used.unwrap_or_default() + need.amount;
    let state = match (wanted <= limit, need.is_soft) {
        (true, _) if wanted <= limit * TIGHT => State::Ok,
        (true, _) | (false, true) => State::Warn,
        (false, false) => State::Fail,
    };
    let used_of = match used {
        Some(used) => format!("{} of {} are in use", short(used), short(limit)),
        None => format!("the account may have {}", short(limit)),
    };
    let says = format!("needs {}; {used_of}", short(need.amount));
    let finding = Finding::new(Area::Quotas, quota.what(), state, says).in_region(region);
    match state {
        State::Ok => finding,
        _ => finding.cure(format!(
            "aws service-quotas request-service-quota-increase --service-code {} --quota-code {code} --desired-value {} \
             --region {region}",
            quota.service(),
            short((wanted / TIGHT).ceil())
        )),
    }
}

fn short(number: f64) -> String {
    if number.fract() == 0.0 { format!("{number:.0}") } else { format!("{number}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layers;

    fn region() -> Region {
        "eu-west-1".parse().unwrap()
    }

    fn config(more: &str) -> Config {
        let text = format!(
            "stack: shop\nregion: eu-west-1\nregions: [us-east-1]\nadmin: {{name: admin, email: a@example.com}}\n{more}"
        );
        Config::read(&text, &Layers::default()).unwrap()
    }

    fn quotas(config: &Config, region: &str, missing: usize) -> Vec<Quota> {
        let planned = Planned::of(50_000, None, 2_048, 2);
        needs(config, &region.parse().unwrap(), &planned, missing).into_iter().map(|need| need.quota).collect()
    }

    #[test]
    fn only_the_hub_has_an_api_and_only_new_stacks_need_room() {
        let hub = quotas(&config(""), "eu-west-1", 0);
        assert!(hub.contains(&Quota::ApiRequests) && hub.contains(&Quota::IotPublishing));
        assert!(!hub.contains(&Quota::Vpcs) && !hub.contains(&Quota::Stacks));
        let other = quotas(&config(""), "us-east-1", 2);
        assert!(!other.contains(&Quota::ApiRequests) && other.contains(&Quota::Vpcs) && other.contains(&Quota::Stacks));
        let quiet = quotas(&config("live_data: false\n"), "us-east-1", 0);
        assert!(!quiet.contains(&Quota::LambdaConcurrency) && !quiet.contains(&Quota::IotPublishing));
    }

    #[test]
    fn a_network_that_is_there_needs_no_vpc() {
        let there = "{existing: {vpc: vpc-0a1b2c3d, subnets: [subnet-0a1b2c3a, subnet-0a1b2c3b]}}";
        let config = config(&format!("regional_networks: {{us-east-1: {there}}}\n"));
        assert!(!quotas(&config, "us-east-1", 2).contains(&Quota::Vpcs));
        assert!(quotas(&config, "eu-west-1", 2).contains(&Quota::Vpcs));
    }

    #[test]
    fn a_quota_is_recognised_by_what_aws_calls_it_and_no_other_is_taken_for_it() {
        let names = [
            (Quota::FargateVcpus, "Fargate On-Demand vCPU resource count"),
            (Quota::SpotVcpus, "Fargate Spot vCPU resource count"),
            (Quota::LambdaConcurrency, "Concurrent executions"),
            (Quota::ApiRequests, "Throttle rate"),
            (Quota::IotPublishing, "Inbound publish requests per second per account"),
            (Quota::Vpcs, "VPCs per Region"),
            (Quota::Interfaces, "Network interfaces per Region"),
            (Quota::Stacks, "Stack count"),
        ];
        for (quota, _) in names {
            let called: Vec<Quota> = names.iter().filter(|it| quota.is_called(it.1)).map(|it| it.0).collect();
            assert_eq!(called, [quota]);
        }
        assert!(!Quota::ApiRequests.is_called("Throttle burst rate") && !Quota::Vpcs.is_called("Subnets per VPC"));
    }

    #[test]
    fn what_is_used_and_what_is_needed_must_fit_and_a_little_more() {
        let judged = |amount, limit, used, is_soft| {
            let need = Need { quota: Quota::FargateVcpus, amount, is_soft };
            judge(&region(), &need, limit, "L-3032A538", used)
        };
        assert_eq!(judged(10.0, 100.0, Some(70.0), false).state, State::Ok);
        assert_eq!(judged(10.0, 100.0, Some(71.0), false).state, State::Warn);
        assert_eq!(judged(10.0, 100.0, None, false).state, State::Ok);
        assert_eq!(judged(30.0, 100.0, Some(71.0), true).state, State::Warn);
        let short = judged(30.0, 100.0, Some(71.0), false);
        assert_eq!((short.state, short.says.as_str()), (State::Fail, "needs 30; 71 of 100 are in use"));
        assert_eq!(
            short.cure.as_deref(),
            Some(
                "aws service-quotas request-service-quota-increase --service-code fargate --quota-code L-3032A538 \
                 --desired-value 127 --region eu-west-1"
            )
        );
    }
}
