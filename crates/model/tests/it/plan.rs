//! Shares add up, whatever is shared.

use std::collections::BTreeMap;

use dlt_model::{
    id::Region,
    load::Executor,
    plan::{LoadPlan, Sharing},
    scenario::{RegionLoad, Scenario, Sources},
};
use proptest::prelude::*;

use crate::reports::{region, run_id, test_id};

fn native(users: u64, workers: &[(&str, u32)]) -> Scenario {
    let regions: Vec<String> =
        workers.iter().map(|(region, count)| format!("{{region: {region}, workers: {count}}}")).collect();
    let text = format!(
        "name: shares\nload: {{virtual_users: {users}, hold_for: 1m}}\nregions: [{}]\nrequests: [GET http://127.0.0.1/]\n",
        regions.join(", ")
    );
    Scenario::read("shares.yaml", &text, &Sources::NONE, None).unwrap().0
}

/// The users that the workers really start, per region.
fn started(plan: &LoadPlan) -> BTreeMap<Region, u64> {
    let mut users = BTreeMap::new();
    for assignment in plan.assignments(&test_id(), &run_id()) {
        let share = assignment.segment.share_of(assignment.load[0].executor.peak_virtual_users());
        assert!(share > 0, "a worker without users");
        *users.entry(assignment.region).or_default() += share;
    }
    users
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_virtual_user_is_lost_and_no_worker_is_idle(users in 1..5_000_u64, here in 1..40_u32, there in 1..40_u32) {
        let plan = LoadPlan::new(&native(users, &[("eu-west-1", here), ("us-east-1", there)])).unwrap();
        prop_assert_eq!(started(&plan).values().sum::<u64>(), users);
        let workers: Vec<u32> = plan.workers().map(|(worker, _)| worker).collect();
        let numbered: Vec<u32> = plan.assignments(&test_id(), &run_id()).iter().map(|assignment| assignment.worker).collect();
        prop_assert_eq!(&numbered, &workers);
        prop_assert_eq!(workers, (0..plan.estimate().workers).collect::<Vec<_>>());
    }
}

#[test]
fn every_worker_is_told_everything() {
    let plan = LoadPlan::new(&native(10, &[("eu-west-1", 2), ("us-east-1", 1)])).unwrap();
    let assignments = plan.assignments(&test_id(), &run_id());
    assert_eq!(assignments.len(), 3);
    assert_eq!((assignments[2].worker, assignments[2].segment.index, assignments[2].segment.count), (2, 2, 3));
    assert_eq!(assignments[1].program, plan.scenario.program);
    assert_eq!(assignments[1].duration_ms(), 60_000);
    assert_eq!(started(&plan), BTreeMap::from([(region("eu-west-1"), 7), (region("us-east-1"), 3)]));
}

#[test]
fn regions_of_different_concurrency_keep_their_own_users() {
    let mut scenario = native(40, &[("eu-west-1", 2), ("us-east-1", 2)]);
    scenario.fleet[0].virtual_users = 30;
    scenario.fleet[1].virtual_users = 10;
    let plan = LoadPlan::new(&scenario).unwrap();
    assert_eq!(plan.sharing, Sharing::ByRegion);
    let assignments = plan.assignments(&test_id(), &run_id());
    assert_eq!((assignments[3].segment.index, assignments[3].segment.count), (1, 2));
    assert_eq!(started(&plan), BTreeMap::from([(region("eu-west-1"), 30), (region("us-east-1"), 10)]));
}

#[test]
fn a_stored_scenario_beyond_the_limits_is_refused() {
    let good = native(10, &[("eu-west-1", 1)]);
    let with = |change: &dyn Fn(&mut Scenario)| {
        let mut scenario = good.clone();
        change(&mut scenario);
        LoadPlan::new(&scenario).expect_err("beyond the limits").to_string()
    };
    let load = |workers, virtual_users| RegionLoad { region: region("eu-west-1"), workers, virtual_users };
    assert!(with(&|scenario| scenario.fleet.clear()).contains("at least one region"));
    assert!(with(&|scenario| scenario.program.flows.clear()).contains("at least one request"));
    assert!(with(&|scenario| scenario.load[0].executor = Executor::ramp_and_hold(10, 0, 0)).contains("longer than 0s"));
    assert!(with(&|scenario| scenario.fleet = vec![load(0, 1)]).contains("at least one worker"));
    assert!(with(&|scenario| scenario.fleet = vec![load(1, 25_001)]).contains("virtual users per worker"));
    assert!(with(&|scenario| scenario.fleet = vec![load(u32::MAX, u64::MAX)]).contains("more than 10000 workers"));
}

#[test]
fn a_stored_scenario_with_idle_workers_is_reduced_and_says_so() {
    let mut scenario = native(10, &[("eu-west-1", 1)]);
    scenario.fleet[0].workers = 20;
    let plan = LoadPlan::new(&scenario).unwrap();
    assert_eq!(plan.estimate().workers, 10);
    assert_eq!(plan.warnings.len(), 1);
}
