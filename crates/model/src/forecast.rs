//! What a run will be, before it is one: users and rates over time, iterations, requests, bytes, rows of data, and its price.
//!
//! What only the target decides is assumed, and every assumption that was made is told.

mod course;
pub mod prices;
mod work;

use serde::Serialize;

use self::work::Work;
use crate::{
    duration::Duration,
    load::{Execution, Executor},
    plan::LoadPlan,
    problem::{Problem, Problems},
    program::{Feed, FeedOrder},
    scenario::Scenario,
};

/// Points of a course over time.
pub const POINTS: usize = 60;
/// How long an answer takes unless somebody knows better.
pub const ASSUMED_LATENCY: Duration = Duration::from_millis(100);
/// From asking for a worker to its first request: it is billed meanwhile.
pub const STARTING: Duration = Duration::from_secs(60);
/// Virtual users of one worker beyond which its memory is worth a look.
pub const MANY_USERS: u64 = 10_000;
/// Requests per second of one worker beyond which its processor is worth a look.
const MANY_REQUESTS: f64 = 20_000.0;

/// What is assumed where nothing is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assumptions {
    /// How long an answer takes.
    pub latency: Duration,
    /// What a worker is.
    pub size: Size,
}

/// The size of a worker on Fargate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Size {
    /// Processors.
    pub vcpus: f64,
    /// Memory in GiB.
    pub memory_gib: f64,
    /// Whether they are ARM.
    pub arm: bool,
}

/// What a run will be.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Forecast {
    /// The scenario's name.
    pub name: String,
    /// Workers over all regions.
    pub workers: u32,
    /// Regions with their workers and virtual users.
    pub regions: Vec<Region>,
    /// The most virtual users that can exist at once.
    pub virtual_users: u64,
    /// Until no iteration begins any more.
    pub duration: Duration,
    /// How long iterations may go on after that.
    pub graceful_stop: Duration,
    /// Side by side.
    pub executions: Vec<Course>,
    /// Requests in all.
    pub requests: f64,
    /// The most requests in a second, of all executions together at their peaks.
    pub peak_requests_per_second: f64,
    /// Bytes sent in all, without TLS and TCP.
    pub bytes_sent: f64,
    /// Bytes sent in the busiest second.
    pub peak_bytes_sent_per_second: f64,
    /// Rows of data.
    pub data: Vec<Rows>,
    /// What the workers cost.
    pub cost: prices::Cost,
    /// What was assumed.
    pub assumptions: Vec<String>,
    /// What will probably not be as wanted.
    pub warnings: Vec<String>,
}

/// A region's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Region {
    /// Where.
    pub region: String,
    /// How many workers.
    pub workers: u32,
    /// Virtual users of all of them.
    pub virtual_users: u64,
}

/// One execution over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Course {
    /// The execution.
    pub name: String,
    /// What it runs.
    pub flow: String,
    /// Its kind, as it is written in a scenario.
    pub executor: &'static str,
    /// From the common start.
    pub starts_after: Duration,
    /// Until no iteration begins any more, at the latest.
    pub lasts: Duration,
    /// The most virtual users.
    pub virtual_users: u64,
    /// What the levels count.
    pub unit: Unit,
    /// The highest level.
    pub peak: f64,
    /// The level at evenly spaced instants from the common start to the end of the run.
    pub levels: Vec<f64>,
    /// Iterations.
    pub iterations: f64,
    /// Whether the number of iterations is certain, or rests on the assumed latency.
    pub iterations_are_exact: bool,
    /// Requests of one iteration.
    pub requests_per_iteration: Spread,
    /// How long a virtual user thinks in one iteration, on average.
    pub think_time: Duration,
    /// Requests in all.
    pub requests: f64,
    /// Requests in the busiest second.
    pub peak_requests_per_second: f64,
    /// Bytes sent in one iteration.
    pub bytes_per_iteration: f64,
}

/// What a level counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Unit {
    /// Virtual users.
    VirtualUsers,
    /// Iterations that begin in a second.
    IterationsPerSecond,
}

/// The least, the most and the mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spread {
    /// The least.
    pub least: f64,
    /// On average.
    pub mean: f64,
    /// The most.
    pub most: f64,
}

/// Rows of a feed, against the iterations that take one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rows {
    /// The feed.
    pub name: String,
    /// How rows are dealt.
    pub order: FeedOrder,
    /// Rows that there are.
    pub available: usize,
    /// Rows that iterations will ask for, when none is used twice.
    pub needed: f64,
    /// Whether they begin anew at the end.
    pub repeat: bool,
}

impl Forecast {
    /// Thinks a plan through.
    ///
    /// # Errors
    /// A scenario that cannot be planned.
    pub fn new(scenario: &Scenario, assumptions: &Assumptions) -> Result<Self, Problems> {
        let plan = LoadPlan::new(scenario)?;
        let mut told = vec![format!("an answer takes {}", assumptions.latency)];
        let mut warnings: Vec<String> = plan.warnings.iter().map(Problem::to_string).collect();
        let duration = scenario.duration();
        let mut executions = Vec::new();
        for execution in &scenario.load {
            let flow = scenario.program.flows.get(&execution.flow);
            let work = flow.map(|flow| Work::of(&flow.steps, &mut told)).unwrap_or_default();
            executions.push(course(execution, &work, duration, assumptions, &mut warnings));
        }
        let sum = |part: fn(&Course) -> f64| executions.iter().map(part).sum::<f64>();
        let iterations = sum(|course| course.iterations);
        let workers = plan.groups.iter().map(|group| group.workers).sum();
        let data: Vec<Rows> = scenario.program.feeds.iter().map(|feed| rows(feed, iterations)).collect();
        let billed = Duration::from_millis(STARTING.as_millis() + duration.as_millis());
        let fleet: Vec<(String, u32)> =
            plan.groups.iter().map(|group| (group.region.to_string(), group.workers)).collect();
        let mut forecast = Self {
            name: scenario.name.clone(),
            workers,
            regions: plan
                .groups
                .iter()
                .map(|group| Region {
                    region: group.region.to_string(),
                    workers: group.workers,
                    virtual_users: group.virtual_users,
                })
                .collect(),
            virtual_users: scenario.peak_virtual_users(),
            duration,
            graceful_stop: scenario.graceful_stop(),
            requests: sum(|course| course.requests),
            peak_requests_per_second: sum(|course| course.peak_requests_per_second),
            bytes_sent: sum(|course| course.iterations * course.bytes_per_iteration),
            peak_bytes_sent_per_second: sum(Course::peak_bytes_per_second),
            executions,
            data,
            cost: prices::cost(&fleet, billed, assumptions.size),
            assumptions: told,
            warnings,
        };
        forecast.look_for_trouble();
        Ok(forecast)
    }

    fn look_for_trouble(&mut self) {
        let warnings = &mut self.warnings;
        for rows in self.data.iter().filter(|rows| !rows.repeat) {
            #[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^53")]
            let available = match rows.order {
                FeedOrder::Unique | FeedOrder::Partitioned => rows.available as f64,
                FeedOrder::Sequential | FeedOrder::Random => rows.available as f64 * f64::from(self.workers),
            };
            if rows.needed > available {
                warnings.push(format!(
                    "`{}` has {} rows and about {:.0} iterations ask for one: users without a row stop",
                    rows.name, rows.available, rows.needed
                ));
            }
        }
        for region in &self.regions {
            let each = region.virtual_users.div_ceil(u64::from(region.workers.max(1)));
            if each > MANY_USERS {
                warnings.push(format!(
                    "{each} virtual users for each worker in {}: more workers, or more memory, keep them apart",
                    region.region
                ));
            }
        }
        let each = self.peak_requests_per_second / f64::from(self.workers.max(1));
        if each > MANY_REQUESTS {
            warnings.push(format!("{each:.0} requests per second for each worker: more workers share them"));
        }
        for region in &self.cost.unpriced {
            warnings.push(format!("no price is known for {region}; it is reckoned as us-east-1"));
        }
    }
}

impl Course {
    fn peak_bytes_per_second(&self) -> f64 {
        match self.requests_per_iteration.mean {
            requests if requests > 0.0 => self.peak_requests_per_second / requests * self.bytes_per_iteration,
            _ => 0.0,
        }
    }
}

fn course(
    execution: &Execution,
    work: &Work,
    until: Duration,
    assumptions: &Assumptions,
    warnings: &mut Vec<String>,
) -> Course {
    let executor = &execution.executor;
    #[expect(clippy::cast_precision_loss, reason = "latencies are far below 2^53 milliseconds")]
    let iteration_ms = (work.think_ms + work.requests.mean * assumptions.latency.as_millis() as f64).max(1.0);
    let shape = course::Shape::of(executor);
    let lasts_ms = executor.duration_ms();
    let name = &execution.name;
    #[expect(clippy::cast_precision_loss, reason = "numbers of users and iterations are far below 2^53")]
    let (iterations, exact) = match executor {
        Executor::PerVuIterations { virtual_users, iterations, .. } => {
            (*virtual_users as f64 * *iterations as f64, true)
        }
        Executor::SharedIterations { iterations, .. } => (*iterations as f64, true),
        Executor::ConstantArrivalRate { .. } | Executor::RampingArrivalRate { .. } => (shape.area().floor(), true),
        _ => (shape.area() * 1_000.0 / iteration_ms, false),
    };
    let peak_iterations_per_second = match shape.unit {
        Unit::IterationsPerSecond => shape.peak(),
        Unit::VirtualUsers => shape.peak() * 1_000.0 / iteration_ms,
    };
    #[expect(clippy::cast_precision_loss, reason = "numbers of users are far below 2^53")]
    match executor {
        Executor::PerVuIterations { virtual_users, max_duration_ms, .. }
        | Executor::SharedIterations { virtual_users, max_duration_ms, .. } => {
            let needed_ms = iterations / *virtual_users as f64 * iteration_ms;
            if needed_ms > *max_duration_ms as f64 {
                let (needed, most) = (rounded(needed_ms), Duration::from_millis(*max_duration_ms));
                warnings.push(format!("`{name}` needs about {needed} for its iterations and ends after {most}"));
            }
        }
        Executor::ConstantArrivalRate { max_virtual_users, .. }
        | Executor::RampingArrivalRate { max_virtual_users, .. } => {
            // Little's law: those who are on their way are as many as arrive while one goes.
            let needed = (peak_iterations_per_second * iteration_ms / 1_000.0).ceil();
            if needed > *max_virtual_users as f64 {
                warnings.push(format!(
                    "`{name}` needs about {needed:.0} virtual users at its peak and may have {max_virtual_users}: \
                     iterations will be dropped"
                ));
            }
        }
        _ => {}
    }
    Course {
        name: name.clone(),
        flow: execution.flow.clone(),
        executor: shape.kind,
        starts_after: Duration::from_millis(execution.start_after_ms),
        lasts: Duration::from_millis(lasts_ms),
        virtual_users: executor.peak_virtual_users(),
        unit: shape.unit,
        peak: shape.peak(),
        levels: shape.levels(execution.start_after_ms, until.as_millis(), POINTS),
        iterations,
        iterations_are_exact: exact,
        requests_per_iteration: work.requests,
        think_time: rounded(work.think_ms),
        requests: iterations * work.requests.mean,
        peak_requests_per_second: peak_iterations_per_second * work.requests.mean,
        bytes_per_iteration: work.bytes,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "spans are positive and short")]
fn rounded(ms: f64) -> Duration {
    Duration::from_millis(ms.round() as u64)
}

fn rows(feed: &Feed, iterations: f64) -> Rows {
    Rows {
        name: feed.name.clone(),
        order: feed.order,
        available: feed.rows.len(),
        needed: iterations,
        repeat: feed.repeat,
    }
}
