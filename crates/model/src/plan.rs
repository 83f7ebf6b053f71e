//! From a scenario to what each worker is told: who does how much of it.

use serde::Serialize;

use crate::{
    assignment::{Assignment, Profile},
    duration::Duration,
    id::{Region, RunId, TestId},
    problem::{Problem, Problems},
    scenario::{MAX_VIRTUAL_USERS_PER_WORKER, MAX_WORKERS, RegionLoad, Scenario, Warning},
    segment::Segment,
};

/// How long a worker waits for the common start before it gives up.
pub const START_DEADLINE: Duration = Duration::from_secs(600);

/// Every decision about a run's load, made before anything is started.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadPlan {
    /// The scenario it was made from.
    pub scenario: Scenario,
    /// One group of workers per region, in the scenario's order; every worker has at least one virtual user.
    pub groups: Vec<Group>,
    /// What was changed to make it possible.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// The workers of one region, which share its virtual users evenly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Where.
    pub region: Region,
    /// How many workers.
    pub workers: u32,
    /// Virtual users of all of them together.
    pub virtual_users: u64,
    /// The number of its first worker, over all regions.
    pub first_worker: u32,
}

/// What a run will be, for printing before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// Virtual users over all regions.
    pub virtual_users: u64,
    /// Workers over all regions.
    pub workers: u32,
    /// Regions.
    pub regions: usize,
    /// Ramp-up and hold-for together.
    pub duration: Duration,
    /// Requests of one iteration.
    pub requests_per_iteration: usize,
}

impl LoadPlan {
    /// Decides who does how much.
    ///
    /// # Errors
    /// A scenario without regions, workers, virtual users or requests, or with more than its limits allow. The readers of
    /// scenarios never give one; a stored one may be older than this program.
    pub fn new(scenario: &Scenario) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let mut warnings = Vec::new();
        let groups = group(scenario, &mut problems, &mut warnings);
        let plan = Self { scenario: scenario.clone(), groups, warnings };
        Problems::unless_empty(problems, plan)
    }

    /// One assignment per worker, in the order of their numbers.
    pub fn assignments(&self, test_id: &TestId, run_id: &RunId) -> Vec<Assignment> {
        self.groups.iter().flat_map(|group| self.assignments_of(group, test_id, run_id)).collect()
    }

    /// The region of every worker, in the order of their numbers.
    pub fn workers(&self) -> impl Iterator<Item = (u32, &Region)> {
        self.groups.iter().flat_map(|group| (0..group.workers).map(|index| (group.first_worker + index, &group.region)))
    }

    /// What the run will be.
    pub fn estimate(&self) -> Estimate {
        Estimate {
            virtual_users: self.groups.iter().map(|group| group.virtual_users).sum(),
            workers: self.groups.iter().map(|group| group.workers).sum(),
            regions: self.groups.len(),
            duration: [self.scenario.ramp_up, self.scenario.hold_for].into_iter().sum(),
            requests_per_iteration: self.scenario.requests.len(),
        }
    }

    fn assignments_of<'a>(
        &'a self,
        group: &'a Group,
        test_id: &'a TestId,
        run_id: &'a RunId,
    ) -> impl Iterator<Item = Assignment> + 'a {
        Segment::split(group.workers).map(move |segment| Assignment {
            test_id: test_id.clone(),
            run_id: run_id.clone(),
            region: group.region.clone(),
            worker: group.first_worker + segment.index,
            segment,
            profile: Profile::ConstantVus {
                virtual_users: group.virtual_users,
                ramp_up_ms: self.scenario.ramp_up.as_millis(),
                hold_for_ms: self.scenario.hold_for.as_millis(),
            },
            steps: self.scenario.requests.clone(),
            graceful_stop_ms: self.scenario.graceful_stop.as_millis(),
            start_deadline_ms: START_DEADLINE.as_millis(),
        })
    }
}

fn group(scenario: &Scenario, problems: &mut Vec<Problem>, warnings: &mut Vec<Warning>) -> Vec<Group> {
    if scenario.fleet.is_empty() {
        problems.push(Problem::of("fleet", "a scenario needs at least one region"));
    }
    if scenario.requests.is_empty() {
        problems.push(Problem::of("requests", "a scenario needs at least one request"));
    }
    if scenario.hold_for.is_zero() {
        problems.push(Problem::of("holdFor", "must be longer than 0s"));
    }
    let mut first_worker = 0_u32;
    let mut groups = Vec::new();
    for load in &scenario.fleet {
        if let Some(problem) = impossible(load, first_worker) {
            problems.push(problem);
            continue;
        }
        let workers = load.workers.min(u32::try_from(load.virtual_users).unwrap_or(u32::MAX));
        if workers < load.workers {
            warnings.push(Problem::of(
                load.region.as_str(),
                format!(
                    "{} workers for {} virtual users: {workers} will be started, so that each has one",
                    load.workers, load.virtual_users
                ),
            ));
        }
        let region = load.region.clone();
        groups.push(Group { region, workers, virtual_users: load.virtual_users, first_worker });
        first_worker += workers;
    }
    groups
}

fn impossible(load: &RegionLoad, workers_before: u32) -> Option<Problem> {
    let problem = |message: String| Some(Problem::of(load.region.as_str(), message));
    if load.workers == 0 || load.virtual_users == 0 {
        return problem("a region needs at least one worker and one virtual user".to_owned());
    }
    if workers_before.saturating_add(load.workers) > MAX_WORKERS {
        return problem(format!("more than {MAX_WORKERS} workers in all"));
    }
    if load.virtual_users.div_ceil(load.workers.into()) > MAX_VIRTUAL_USERS_PER_WORKER {
        return problem(format!("more than {MAX_VIRTUAL_USERS_PER_WORKER} virtual users per worker"));
    }
    None
}
