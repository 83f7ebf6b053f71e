//! From `concurrency`, `ramp-up`, `hold-for`, `iterations`, `throughput` and `steps` to one of our executors.
//!
//! `throughput` is a limit of requests per second that JMeter keeps by making its users wait. Here it becomes an arrival rate:
//! iterations begin at the throughput divided by the requests of one iteration, and `concurrency` is the most users there
//! are for them. What they cannot begin in time is dropped and counted rather than put off.

use super::reader::{Reader, join, present};
use crate::{
    document::{Node, Value},
    duration::Duration,
    load::{Executor, Stage},
    program::Step,
    scenario::limits::{self, MAX_VIRTUAL_USERS_PER_WORKER, MAX_WORKERS},
};

/// How long users may take for a number of iterations when no `hold-for` says it.
const MAX_ITERATING: Duration = Duration::from_secs(3_600);
/// Steps of a ramp-up.
const MAX_STEPS: u64 = 500;
/// Iterations of one virtual user.
const MAX_ITERATIONS: u64 = 1_000_000_000;
/// Requests per second of one execution.
const MAX_THROUGHPUT: f64 = 10_000_000.0;

/// How much, over all workers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Profile {
    users: u64,
    ramp_up_ms: u64,
    hold_for_ms: u64,
    iterations: Option<u64>,
    throughput: Option<f64>,
    steps: Option<u64>,
}

impl Reader<'_> {
    /// Each of the tasks has so many users, iterations and requests per second as the execution says.
    pub(super) fn profile(
        &mut self,
        execution: &Node,
        root: &Node,
        path: &str,
        tasks: u64,
        users: Option<u64>,
    ) -> Option<Profile> {
        let before = self.problems.len();
        let most = MAX_VIRTUAL_USERS_PER_WORKER * u64::from(MAX_WORKERS);
        let per_provider = |key: &str| provided(execution, root, key);
        let own = per_provider("concurrency")
            .and_then(|node| self.check(node, &join(path, "concurrency"), |text| limits::number(text, 0, most)));
        let ramp_up = self.span(execution, path, "ramp-up");
        let hold_for = self.span(execution, path, "hold-for");
        let iterations = self.optional(execution, path, "iterations", |text| limits::number(text, 0, MAX_ITERATIONS));
        let throughput =
            provided(execution, root, "throughput").and_then(|node| self.check(node, &join(path, "throughput"), rate));
        let steps = self.optional(execution, path, "steps", |text| limits::number(text, 1, MAX_STEPS));
        let profile = Profile {
            // Without concurrency, or with none, there is one user, as in Taurus.
            users: users.unwrap_or_else(|| own.unwrap_or(1).max(1).saturating_mul(tasks)),
            ramp_up_ms: ramp_up.unwrap_or(0),
            hold_for_ms: hold_for.unwrap_or(0),
            iterations: iterations.filter(|iterations| *iterations > 0),
            #[expect(clippy::cast_precision_loss, reason = "tasks are at most MAX_WORKERS")]
            throughput: throughput.filter(|rate| *rate > 0.0).map(|rate| rate * tasks as f64),
            steps,
        };
        (self.problems.len() == before).then_some(profile)
    }
}

/// A number of this provisioning, when it is given for each.
fn provided<'n>(execution: &'n Node, root: &Node, key: &str) -> Option<&'n Node> {
    let node = present(execution, key)?;
    if !matches!(node.value, Value::Mapping(_)) {
        return Some(node);
    }
    let chosen = present(execution, "provisioning").or_else(|| present(root, "provisioning")).and_then(Node::text);
    present(node, chosen.unwrap_or("local"))
}

fn rate(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|rate| (0.0..=MAX_THROUGHPUT).contains(rate));
    number.ok_or_else(|| format!("expected requests per second, from 0 to {MAX_THROUGHPUT}, found `{text}`"))
}

impl Profile {
    /// Users with a number of iterations begin within this time, each at a moment of its own.
    pub(super) fn spread_ms(&self) -> u64 {
        if self.counts() { self.ramp_up_ms } else { 0 }
    }

    fn duration_ms(&self) -> u64 {
        self.ramp_up_ms.saturating_add(self.hold_for_ms)
    }

    /// Whether iterations are counted rather than time, as without either.
    fn counts(&self) -> bool {
        self.iterations.is_some() || self.duration_ms() == 0
    }

    /// The executor of a flow with so many requests, if these can be told; and what the writer should know.
    pub(super) fn executor(&self, requests: Option<u64>) -> Result<(Executor, Vec<String>), (String, &'static str)> {
        let mut warnings = Vec::new();
        if self.steps.is_some() && (self.counts() || self.ramp_up_ms == 0) {
            warnings.push("`steps` has no effect without a ramp-up, or with iterations, as in Taurus".to_owned());
        }
        if self.counts() {
            if self.throughput.is_some() {
                if self.duration_ms() > 0 {
                    let why = "`throughput` together with `iterations` is not supported by this release";
                    return Err((why.to_owned(), "give one of them, and `hold-for`"));
                }
                warnings.push("`throughput` has no effect without ramp-up or hold-for, as in Taurus".to_owned());
            }
            if self.ramp_up_ms > 0 {
                warnings.push("each user begins at a random moment of the ramp-up".to_owned());
            }
            let most = if self.duration_ms() == 0 { MAX_ITERATING.as_millis() } else { self.duration_ms() };
            if self.duration_ms() == 0 {
                warnings.push(format!(
                    "ends when the iterations are done, after {MAX_ITERATING} at the latest: write `hold-for` for more"
                ));
            }
            let iterations = self.iterations.unwrap_or(1);
            let executor = Executor::PerVuIterations { virtual_users: self.users, iterations, max_duration_ms: most };
            return Ok((executor, warnings));
        }
        let Some(throughput) = self.throughput else { return Ok((self.by_users(), warnings)) };
        let requests = match requests {
            Some(0) => Err("no request of an iteration is counted"),
            Some(requests) => Ok(requests),
            None => Err("how many requests an iteration has depends on conditions and lists"),
        };
        #[expect(clippy::cast_precision_loss, reason = "requests of an iteration are far below 2^53")]
        let each = requests.map(|requests| requests as f64).map_err(|why| {
            (format!("`throughput` cannot be kept: {why}"), "give `concurrency` and `think-time` instead")
        })?;
        warnings.push(format!(
            "`throughput` is kept by beginning {} iterations per second, for which there are {} users",
            shown(throughput / each),
            self.users
        ));
        Ok((self.by_rate(throughput, each), warnings))
    }

    fn by_users(&self) -> Executor {
        let Some(steps) = self.steps.filter(|_| self.ramp_up_ms > 0) else {
            return Executor::ramp_and_hold(self.users, self.ramp_up_ms, self.hold_for_ms);
        };
        let target = |step: u64| {
            let users = u128::from(self.users) * u128::from(step) / u128::from(steps);
            u32::try_from(users.max(1)).map_or(f64::from(u32::MAX), f64::from)
        };
        let stages = self.staircase(steps, target);
        Executor::RampingVus { start_virtual_users: 0, stages, graceful_ramp_down_ms: 0 }
    }

    /// A jump to each step, which is then held; and the last one for the rest.
    fn staircase(&self, steps: u64, target: impl Fn(u64) -> f64) -> Vec<Stage> {
        let at = |step: u64| self.ramp_up_ms * step / steps;
        let mut stages = Vec::new();
        for step in 1..=steps {
            let hold = if step == steps { self.hold_for_ms } else { 0 };
            stages.push(Stage { target: target(step), duration_ms: 0 });
            stages.push(Stage { target: target(step), duration_ms: at(step) - at(step - 1) + hold });
        }
        stages
    }

    fn by_rate(&self, throughput: f64, requests: f64) -> Executor {
        let rate = throughput / requests;
        let (pre_allocated_virtual_users, max_virtual_users) = (self.users, self.users);
        if self.ramp_up_ms == 0 {
            let duration_ms = self.hold_for_ms;
            return Executor::ConstantArrivalRate {
                rate,
                per_ms: 1_000,
                duration_ms,
                pre_allocated_virtual_users,
                max_virtual_users,
            };
        }
        let (start_rate, stages) = match self.steps {
            #[expect(clippy::cast_precision_loss, reason = "steps are at most MAX_STEPS")]
            Some(steps) => (0.0, self.staircase(steps, |step| rate * step as f64 / steps as f64)),
            None => {
                // Where Taurus lets the ramp begin: not at nothing, and at one request per second at most.
                #[expect(clippy::cast_precision_loss, reason = "durations are far below 2^53 milliseconds")]
                let start = (throughput * 1_000.0 / self.duration_ms() as f64).clamp(0.001, 1.0) / requests;
                let stage = |duration_ms| Stage { target: rate, duration_ms };
                (start, vec![stage(self.ramp_up_ms), stage(self.hold_for_ms)])
            }
        };
        Executor::RampingArrivalRate {
            start_rate,
            per_ms: 1_000,
            stages,
            pre_allocated_virtual_users,
            max_virtual_users,
        }
    }
}

fn shown(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// How many requests an iteration makes, if that is always the same.
pub(super) fn requests(steps: &[Step]) -> Option<u64> {
    steps.iter().try_fold(0_u64, |sum, step| {
        let more = match step {
            Step::Request(_) => 1,
            Step::Group { steps, .. } => requests(steps)?,
            Step::Loop { times, steps } => times.as_literal()?.parse::<u64>().ok()?.checked_mul(requests(steps)?)?,
            Step::Pause(_) | Step::Set(_) => 0,
            _ => return None,
        };
        sum.checked_add(more)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(users: u64, ramp_up_ms: u64, hold_for_ms: u64) -> Profile {
        Profile { users, ramp_up_ms, hold_for_ms, iterations: None, throughput: None, steps: None }
    }

    #[test]
    fn steps_climb_evenly_and_end_at_all_users() {
        let stepped = Profile { steps: Some(3), ..profile(10, 9_000, 1_000) };
        let (executor, _) = stepped.executor(Some(1)).expect("possible");
        assert_eq!((executor.duration_ms(), executor.peak_virtual_users()), (10_000, 10));
        let Executor::RampingVus { stages, .. } = executor else { panic!("{executor:?}") };
        assert_eq!(stages.iter().map(|stage| stage.target).collect::<Vec<_>>(), [3.0, 3.0, 6.0, 6.0, 10.0, 10.0]);
    }

    #[test]
    fn a_throughput_counts_requests_and_an_arrival_rate_iterations() {
        let limited = Profile { throughput: Some(30.0), ..profile(5, 0, 1_000) };
        let (executor, _) = limited.executor(Some(3)).expect("possible");
        assert!(
            matches!(executor, Executor::ConstantArrivalRate { rate: 10.0, max_virtual_users: 5, .. }),
            "{executor:?}"
        );
        assert!(limited.executor(None).is_err());
        let both = Profile { iterations: Some(2), ..limited };
        assert!(both.executor(Some(1)).is_err());
    }

    #[test]
    fn without_time_and_iterations_each_user_iterates_once() {
        let (executor, warnings) = profile(4, 0, 0).executor(Some(1)).expect("possible");
        assert!(matches!(executor, Executor::PerVuIterations { virtual_users: 4, iterations: 1, .. }));
        assert_eq!(warnings.len(), 1);
    }
}
