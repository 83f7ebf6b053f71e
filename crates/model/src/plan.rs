//! From a scenario to what each worker is told: who does how much of it.

use serde::Serialize;

use crate::{
    assignment::Assignment,
    duration::Duration,
    id::{Region, RunId, TestId},
    load::Execution,
    problem::{Problem, Problems},
    program::Step,
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
    /// How the groups share the load.
    pub sharing: Sharing,
    /// What was changed to make it possible.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// How the groups share the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Sharing {
    /// All workers take equal shares of the whole, to the last iteration.
    Even,
    /// Each region has its own part, as AWS DLT's tasks with different concurrency; its workers share that evenly.
    ByRegion,
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
    /// Until the last execution ends.
    pub duration: Duration,
    /// Requests that the flows name, over all of them.
    pub requests: usize,
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
        let sharing = sharing(scenario, &groups);
        let plan = Self { scenario: scenario.clone(), groups, sharing, warnings };
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
            duration: self.scenario.duration(),
            requests: self.scenario.program.steps().filter(|step| step.is_sample()).count(),
        }
    }

    fn assignments_of<'a>(
        &'a self,
        group: &'a Group,
        test_id: &'a TestId,
        run_id: &'a RunId,
    ) -> impl Iterator<Item = Assignment> + 'a {
        let workers = self.groups.iter().map(|group| group.workers).sum();
        let load = self.load_of(group);
        (0..group.workers).map(move |index| Assignment {
            test_id: test_id.clone(),
            run_id: run_id.clone(),
            region: group.region.clone(),
            worker: group.first_worker + index,
            segment: match self.sharing {
                Sharing::Even => Segment { index: group.first_worker + index, count: workers },
                Sharing::ByRegion => Segment { index, count: group.workers },
            },
            load: load.clone(),
            program: self.scenario.program.clone(),
            start_deadline_ms: START_DEADLINE.as_millis(),
        })
    }

    fn load_of(&self, group: &Group) -> Vec<Execution> {
        match self.sharing {
            Sharing::Even => self.scenario.load.clone(),
            Sharing::ByRegion => {
                let whole = self.scenario.peak_virtual_users();
                self.scenario.load.iter().map(|execution| execution.part(group.virtual_users, whole)).collect()
            }
        }
    }
}

/// Whether every region has exactly what an even share of all workers would give it.
fn sharing(scenario: &Scenario, groups: &[Group]) -> Sharing {
    let workers = groups.iter().map(|group| group.workers).sum();
    let total = scenario.peak_virtual_users();
    let is_even = groups.iter().all(|group| {
        let workers_of_it = group.first_worker..group.first_worker + group.workers;
        workers_of_it.map(|index| Segment { index, count: workers }.share_of(total)).sum::<u64>() == group.virtual_users
    });
    if is_even { Sharing::Even } else { Sharing::ByRegion }
}

fn group(scenario: &Scenario, problems: &mut Vec<Problem>, warnings: &mut Vec<Warning>) -> Vec<Group> {
    if scenario.fleet.is_empty() {
        problems.push(Problem::of("fleet", "a scenario needs at least one region"));
    }
    if !scenario.program.steps().any(Step::is_sample) {
        problems.push(Problem::of("requests", "a scenario needs at least one request"));
    }
    for execution in &scenario.load {
        if !scenario.program.flows.contains_key(&execution.flow) {
            let message = format!("`{}` runs `{}`, which is no flow of this scenario", execution.name, execution.flow);
            problems.push(Problem::of("load", message));
        }
        if execution.executor.duration_ms() == 0 {
            problems.push(Problem::of("load", format!("`{}` must be longer than 0s", execution.name)));
        }
    }
    if scenario.load.is_empty() {
        problems.push(Problem::of("load", "a scenario needs at least one execution"));
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
