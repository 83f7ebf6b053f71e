//! What holds for the time of every template that ships.

use std::collections::BTreeMap;

use super::{
    Past, Span, durations,
    estimate::{self, estimate, estimate_with},
    graph::Graph,
    samples::Sample,
};
use crate::{
    config::{Config, Layers, Network},
    deploy::{
        changes::Act,
        diff::ResourceDiff,
        event::{Operation, StackRef},
        plan::{self, Action, Live, Plan, StackPlan, Wanted},
    },
    render::{self, Part},
};

const FILE: &str = "stack: shop\nregion: eu-west-1\nregions: [us-east-1]\nadmin: {name: admin, email: a@example.com}\n";
const NETWORK: &str = "{existing: {vpc: vpc-0a1b2c3d, subnets: [subnet-0a1b2c3a, subnet-0a1b2c3b]}}";

/// Template, console, live data, a network that is there; and the seconds that its longest chain may take. A change that
/// lets one of them grow makes every deployment slower: find the new edge with `dlt render --critical-path`, and raise the
/// number only if it cannot be cut.
const MOST_SECONDS: [(Part, &str, bool, bool, f64); 17] = [
    (Part::Foundation, "cloudfront", true, false, 42.0),
    (Part::Main, "cloudfront", true, false, 280.0),
    (Part::Main, "cloudfront", false, false, 280.0),
    (Part::Main, "cloudfront", true, true, 280.0),
    (Part::Main, "cloudfront", false, true, 280.0),
    (Part::Main, "headless", true, false, 226.0),
    (Part::Main, "headless", false, false, 226.0),
    (Part::Main, "headless", true, true, 226.0),
    (Part::Main, "headless", false, true, 226.0),
    (Part::Regional, "cloudfront", true, false, 165.0),
    (Part::Regional, "cloudfront", false, false, 128.0),
    (Part::Regional, "cloudfront", true, true, 165.0),
    (Part::Regional, "cloudfront", false, true, 128.0),
    (Part::Regional, "headless", true, false, 165.0),
    (Part::Regional, "headless", false, false, 128.0),
    (Part::Pipeline, "cloudfront", true, false, 98.0),
    (Part::Pipeline, "headless", true, false, 98.0),
];

fn config(console: &str, live: bool, existing: bool) -> Config {
    let networks = format!("network: {NETWORK}\nregional_networks: {{us-east-1: {NETWORK}}}\n");
    let file = format!("{FILE}{}", if existing { networks.as_str() } else { "" });
    let sets = [format!("console={console}"), format!("live_data={live}")];
    Config::read(&file, &Layers::new([], &sets)).unwrap()
}

fn graph(part: Part, config: &Config) -> Graph {
    let region = part.regions(config)[0].clone();
    let existing = matches!(config.network_of(&region), Network::Existing { .. }).then_some("vpc-0a1b2c3d");
    let parameters = existing.map(|vpc| ("ExistingVPCId".to_owned(), vpc.to_owned()));
    Graph::of(&render::render(part, config, &region).unwrap().text, &parameters.into_iter().collect()).unwrap()
}

#[test]
fn no_templates_longest_chain_grows() {
    let mut wrong = Vec::new();
    for (part, console, live, existing, most) in MOST_SECONDS {
        let chain = estimate::creation(&graph(part, &config(console, live, existing)));
        let names: Vec<&str> = chain.steps.iter().map(|step| step.logical_id.as_str()).collect();
        let seconds = chain.takes.p50_secs;
        // A number that is too high would let the chain grow back unseen.
        if (seconds - most).abs() >= 0.5 {
            let variant = format!("{} {console}, live data {live}, network there {existing}", part.word());
            wrong.push(format!("{variant}: {seconds} s instead of {most}, by {}", names.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_type_of_our_templates_is_timed() {
    for part in [Part::Foundation, Part::Main, Part::Regional, Part::Pipeline] {
        for (name, resource) in graph(part, &config("cloudfront", true, false)).resources {
            assert!(durations::knows(&resource.kind), "{name}: {}", resource.kind);
        }
    }
}

fn stack_plan(part: Part, region: &str, changes: &[(&str, &str, Act)]) -> StackPlan {
    let wanted = Wanted {
        stack: StackRef { name: "shop".to_owned(), region: region.parse().unwrap() },
        part,
        template: "Resources: {}\n".to_owned(),
        parameters: BTreeMap::new(),
        tags: BTreeMap::new(),
        protection: false,
    };
    let resource = |(name, kind, act): &(&str, &str, Act)| ResourceDiff {
        logical_id: (*name).to_owned(),
        kind: (*kind).to_owned(),
        act: *act,
        ..ResourceDiff::default()
    };
    StackPlan {
        action: if changes.is_empty() { Action::Nothing } else { Action::Update },
        resources: changes.iter().map(resource).collect(),
        ..plan::decide(&wanted, &Live::default())
    }
}

fn plan(stacks: Vec<StackPlan>) -> Plan {
    Plan { stack: "shop".to_owned(), account: "1".to_owned(), stacks, assets: Vec::new() }
}

const FUNCTION: (&str, &str, Act) = ("ApiFunction", "AWS::Lambda::Function", Act::Modify);
const DISTRIBUTION: (&str, &str, Act) = ("Distribution", "AWS::CloudFront::Distribution", Act::Modify);

#[test]
fn a_plan_without_changes_takes_no_time() {
    let estimate = estimate(&plan(vec![stack_plan(Part::Main, "eu-west-1", &[])]));
    assert_eq!((estimate.takes, estimate.stacks.len()), (Span::default(), 0));
}

#[test]
fn stacks_side_by_side_take_as_long_as_the_slowest_and_foundations_come_first() {
    let small = || stack_plan(Part::Regional, "us-east-1", &[("Cluster", "AWS::ECS::Cluster", Act::Modify)]);
    let large = || stack_plan(Part::Main, "eu-west-1", &[DISTRIBUTION]);
    let alone = estimate(&plan(vec![large()])).takes;
    assert_eq!(estimate(&plan(vec![large(), small()])).takes, alone);
    let foundation = stack_plan(Part::Foundation, "eu-west-1", &[("Repository", "AWS::ECR::Repository", Act::Add)]);
    assert!(estimate(&plan(vec![foundation, large()])).takes.p50_secs > alone.p50_secs);
}

#[test]
fn changes_that_wait_for_each_other_add_up_also_over_what_does_not_change() {
    let chain = |changes: &[(&str, &str, Act)]| {
        let estimate = estimate(&plan(vec![stack_plan(Part::Main, "eu-west-1", changes)]));
        (estimate.takes.p50_secs, estimate.stacks[0].chain.join(" "))
    };
    let role = ("ApiRole", "AWS::IAM::Role", Act::Modify);
    let route = ("ApiRoute", "AWS::ApiGatewayV2::Route", Act::Modify);
    let beside = ("Topic", "AWS::SNS::Topic", Act::Modify);
    let (seconds, names) = chain(&[role, FUNCTION, route, beside]);
    assert_eq!(names, "ApiRole ApiFunction ApiRoute", "the integration between them stays as it is");
    assert!(seconds >= 17.0 + 12.0 + 3.0);
    assert!(chain(&[FUNCTION]).0 < seconds);
}

#[test]
fn what_is_replaced_is_made_first_and_its_forerunner_goes_at_the_end() {
    let takes = |act| {
        let changed = [("Distribution", "AWS::CloudFront::Distribution", act)];
        estimate(&plan(vec![stack_plan(Part::Main, "eu-west-1", &changed)])).takes
    };
    assert!(takes(Act::Replace).p50_secs > takes(Act::Add).p50_secs + 100.0);
    assert!(takes(Act::Remove).p50_secs > 100.0);
    let either = takes(Act::MayReplace);
    assert_eq!(either.p50_secs, takes(Act::Modify).p50_secs);
    assert!(either.p90_secs > takes(Act::Modify).p90_secs);
}

#[test]
fn what_this_machine_has_seen_wins_over_the_table() {
    let mut past = Past::default();
    for tenths in 600..620 {
        let (region, kind) = ("eu-west-1".parse().unwrap(), FUNCTION.1.to_owned());
        past.learn("1", &Sample { region, kind, operation: Operation::Update, tenths });
    }
    let plan = plan(vec![stack_plan(Part::Main, "eu-west-1", &[FUNCTION])]);
    let (table, learned) = (estimate(&plan), estimate_with(&plan, &past));
    assert!(learned.takes.p50_secs > table.takes.p50_secs + 40.0);
    assert_eq!((table.learned_types, learned.learned_types), (0, 1));
    assert_eq!((table.slow.len(), learned.slow.len()), (0, 1));
    assert!(learned.slow[0].after_secs > 61.0);
}

#[test]
fn an_estimate_survives_being_written_and_read() {
    let estimate = estimate(&plan(vec![stack_plan(Part::Main, "eu-west-1", &[FUNCTION, DISTRIBUTION])]));
    let read: super::Estimate = serde_json::from_str(&serde_json::to_string(&estimate).unwrap()).unwrap();
    assert_eq!(read.to_string(), estimate.to_string());
    assert_eq!(read.stacks[0].chain, estimate.stacks[0].chain);
}
