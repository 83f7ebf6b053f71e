//! How much load there is: `load` as users who ramp up and stay, as one executor of k6's kinds, or as several side by side.

use super::{
    rate::{Rate, Rates},
    values::{optional, required, word},
    words,
};
use crate::{
    document::{Node, Value},
    duration::Duration,
    fields::Fields,
    load::{Execution, Executor, Stage},
    problem::{Problem, suggest},
    scenario::{
        DEFAULT_GRACEFUL_STOP,
        limits::{
            self, MAX_EXECUTIONS, MAX_ITERATIONS, MAX_STAGE_MS, MAX_STAGES, MAX_VIRTUAL_USERS_PER_WORKER, MAX_WORKERS,
        },
    },
};

/// Virtual users of one execution, over all workers.
const MAX_USERS: u64 = MAX_VIRTUAL_USERS_PER_WORKER * MAX_WORKERS as u64;
/// When an execution that counts iterations ends, done or not, as k6 has it.
const DEFAULT_MAX_DURATION: Duration = Duration::from_secs(600);
/// How long an iteration may go on whose user is taken away, as k6 has it.
const DEFAULT_GRACEFUL_RAMP_DOWN: Duration = Duration::from_secs(30);

/// The kinds of executors, as they are written.
#[derive(Clone, Copy)]
enum Kind {
    ConstantVus,
    RampingVus,
    PerVuIterations,
    SharedIterations,
    ConstantArrivalRate,
    RampingArrivalRate,
}

pub(super) const EXECUTORS: [&str; 6] = [
    "constant-vus",
    "ramping-vus",
    "per-vu-iterations",
    "shared-iterations",
    "constant-arrival-rate",
    "ramping-arrival-rate",
];

const KINDS: [(&str, Kind); 6] = [
    (EXECUTORS[0], Kind::ConstantVus),
    (EXECUTORS[1], Kind::RampingVus),
    (EXECUTORS[2], Kind::PerVuIterations),
    (EXECUTORS[3], Kind::SharedIterations),
    (EXECUTORS[4], Kind::ConstantArrivalRate),
    (EXECUTORS[5], Kind::RampingArrivalRate),
];

/// The executions; a single one is called as the scenario. `flows` are the names of those that there are.
pub(super) fn read(fields: &mut Fields<'_>, name: &str, flows: &[String]) -> Option<Vec<Execution>> {
    let node = fields.required("load")?;
    let named =
        !node.entries().is_empty() && node.entries().iter().all(|(_, value)| matches!(value.value, Value::Mapping(_)));
    if !named {
        return execution(node, "load", name, flows, fields.problems()).map(|execution| vec![execution]);
    }
    if node.entries().len() > MAX_EXECUTIONS {
        fields.reject(
            "load",
            node,
            format!("expected at most {MAX_EXECUTIONS} executions, found {}", node.entries().len()),
        );
    }
    let mut executions = Vec::new();
    let mut complete = true;
    for (key, value) in node.entries() {
        let path = format!("load.{}", key.text);
        if let Err(why) = limits::key(&key.text) {
            fields.problems().push(Problem::at(key.place, &path, why));
        }
        match execution(value, &path, &key.text, flows, fields.problems()) {
            Some(execution) => executions.push(execution),
            None => complete = false,
        }
    }
    complete.then_some(executions)
}

fn execution(node: &Node, path: &str, name: &str, flows: &[String], problems: &mut Vec<Problem>) -> Option<Execution> {
    let mut fields = Fields::of(node, path, problems)?;
    let kind = word(&mut fields, "executor", &KINDS);
    let given = fields.optional("executor").is_some();
    let executor = match kind {
        Some(kind) => executor(&mut fields, kind),
        None if given => None,
        None => ramp_and_hold(&mut fields),
    };
    let start_time = optional(&mut fields, "start_time", limits::stage);
    let graceful_stop = optional(&mut fields, "graceful_stop", limits::stage);
    let flow = flow(&mut fields, name, flows);
    // Without a kind nobody knows which keys belong to it.
    if kind.is_some() || !given {
        fields.finish_knowing(&words::IN_LOAD);
    }
    Some(Execution {
        name: name.to_owned(),
        flow: flow?,
        start_after_ms: start_time.unwrap_or_default().as_millis(),
        graceful_stop_ms: graceful_stop.unwrap_or(DEFAULT_GRACEFUL_STOP).as_millis(),
        executor: executor?,
    })
}

/// The flow that is named, or the one that can be meant.
fn flow(fields: &mut Fields<'_>, name: &str, flows: &[String]) -> Option<String> {
    let names = || flows.iter().map(String::as_str);
    if let Some(node) = fields.optional("flow") {
        let text = optional(fields, "flow", |text| Ok(text.to_owned()))?;
        if flows.contains(&text) || flows.is_empty() {
            return Some(text);
        }
        let problem = Problem::at(node.place, fields.path_of("flow"), format!("there is no flow `{text}`"));
        fields.problems().push(match suggest(&text, names()) {
            Some(meant) => problem.hint(format!("did you mean `{meant}`?")),
            None => problem.hint(format!("there are: {}", flows.join(", "))),
        });
        return None;
    }
    match flows {
        // What is wrong with the flows was told where they stand.
        [] => Some(name.to_owned()),
        [only] => Some(only.clone()),
        several if several.iter().any(|flow| flow == name) => Some(name.to_owned()),
        several => {
            let problem = Problem::at(fields.place(), fields.path_of("flow"), "which of the flows is run?");
            fields.problems().push(problem.hint(format!("write `flow:` and one of {}", several.join(", "))));
            None
        }
    }
}

fn ramp_and_hold(fields: &mut Fields<'_>) -> Option<Executor> {
    if let Some(stages) = fields.optional("stages") {
        let problem = Problem::at(stages.place, fields.path_of("stages"), "stages need to know what they change");
        let hint = "write `executor: ramping-vus` for virtual users, or `ramping-arrival-rate` for iterations";
        fields.problems().push(problem.hint(hint));
        for key in ["virtual_users", "start_vus", "graceful_ramp_down", "hold_for", "ramp_up"] {
            fields.optional(key);
        }
        return None;
    }
    let virtual_users = users(fields, "virtual_users");
    let ramp_up = optional(fields, "ramp_up", limits::stage);
    let hold_for = required(fields, "hold_for", limits::longer_than_nothing);
    Some(Executor::ramp_and_hold(virtual_users?, ramp_up.unwrap_or_default().as_millis(), hold_for?.as_millis()))
}

fn executor(fields: &mut Fields<'_>, kind: Kind) -> Option<Executor> {
    match kind {
        Kind::ConstantVus => {
            let virtual_users = users(fields, "virtual_users");
            let duration_ms = duration(fields);
            Some(Executor::ConstantVus { virtual_users: virtual_users?, duration_ms: duration_ms? })
        }
        Kind::RampingVus => ramping_vus(fields),
        Kind::PerVuIterations => {
            let (virtual_users, iterations, max_duration_ms) = counted(fields);
            Some(Executor::PerVuIterations { virtual_users: virtual_users?, iterations: iterations?, max_duration_ms })
        }
        Kind::SharedIterations => {
            let (virtual_users, iterations, max_duration_ms) = counted(fields);
            let (virtual_users, iterations) = (virtual_users?, iterations?);
            if let Some(node) = fields.optional("iterations").filter(|_| iterations < virtual_users) {
                let message = format!("{iterations} iterations are not enough for {virtual_users} virtual users");
                fields.reject("iterations", node, message);
            }
            Some(Executor::SharedIterations { virtual_users, iterations, max_duration_ms })
        }
        Kind::ConstantArrivalRate => {
            let mut rates = Rates::of(fields);
            let rate = rates.required(fields, "rate");
            let duration_ms = duration(fields);
            let pool = pool(fields);
            let (rate, (pre_allocated_virtual_users, max_virtual_users)) = (rate?, pool?);
            if let Some(node) = fields.optional("rate").filter(|_| rate.count <= 0.0) {
                fields.reject("rate", node, "must be more than 0");
            }
            let (rate, per_ms) = rates.settle(rate);
            Some(Executor::ConstantArrivalRate {
                rate,
                per_ms,
                duration_ms: duration_ms?,
                pre_allocated_virtual_users,
                max_virtual_users,
            })
        }
        Kind::RampingArrivalRate => ramping_arrival_rate(fields),
    }
}

fn ramping_vus(fields: &mut Fields<'_>) -> Option<Executor> {
    let start = optional(fields, "start_vus", |text| limits::number(text, 0, MAX_USERS));
    let graceful_ramp_down = optional(fields, "graceful_ramp_down", limits::stage);
    let read = |text: &str| limits::number(text, 0, MAX_USERS);
    let stages = stages(fields, |fields| required(fields, "target", read))?;
    #[expect(clippy::cast_precision_loss, reason = "numbers of users are far below 2^53")]
    let stages: Vec<Stage> =
        stages.into_iter().map(|(target, duration_ms)| Stage { target: target as f64, duration_ms }).collect();
    let executor = Executor::RampingVus {
        // k6's default, so that a script's options mean the same here.
        start_virtual_users: start.unwrap_or(1),
        stages,
        graceful_ramp_down_ms: graceful_ramp_down.unwrap_or(DEFAULT_GRACEFUL_RAMP_DOWN).as_millis(),
    };
    refuse_nothing(fields, executor.peak_virtual_users() == 0);
    Some(executor)
}

fn ramping_arrival_rate(fields: &mut Fields<'_>) -> Option<Executor> {
    let mut rates = Rates::of(fields);
    let start = rates.optional(fields, "start_rate");
    let stages = stages(fields, |fields| rates.required(fields, "target"));
    let pool = pool(fields);
    let (stages, (pre_allocated_virtual_users, max_virtual_users)) = (stages?, pool?);
    let (start_rate, per_ms) = rates.settle(start.unwrap_or(Rate::NOTHING));
    let stages: Vec<Stage> =
        stages.into_iter().map(|(rate, duration_ms)| Stage { target: rates.settle(rate).0, duration_ms }).collect();
    refuse_nothing(fields, start_rate <= 0.0 && stages.iter().all(|stage| stage.target <= 0.0));
    Some(Executor::RampingArrivalRate { start_rate, per_ms, stages, pre_allocated_virtual_users, max_virtual_users })
}

/// Targets and durations, one after the other.
fn stages<T>(fields: &mut Fields<'_>, mut target: impl FnMut(&mut Fields<'_>) -> Option<T>) -> Option<Vec<(T, u64)>> {
    let node = fields.required("stages")?;
    let listed = fields.optional_list("stages");
    if matches!(node.value, Value::Sequence(_)) && !(1..=MAX_STAGES).contains(&listed.len()) {
        fields.reject("stages", node, format!("expected 1 to {MAX_STAGES} stages, found {}", listed.len()));
        return None;
    }
    let mut stages = Vec::new();
    for (path, item) in &listed {
        let Some(mut stage) = Fields::of(item, path, fields.problems()) else { continue };
        let duration = required(&mut stage, "duration", limits::stage);
        let target = target(&mut stage);
        stage.finish_knowing(&words::IN_LOAD);
        stages.extend(target.zip(duration.map(Duration::as_millis)));
    }
    if listed.is_empty() || stages.len() < listed.len() {
        return None;
    }
    let total = stages.iter().fold(0_u64, |sum, stage| sum.saturating_add(stage.1));
    if total == 0 {
        fields.reject("stages", node, "all stages together must be longer than 0s");
    }
    if total > MAX_STAGE_MS {
        fields.reject("stages", node, "all stages together must not be longer than 30 days");
    }
    Some(stages)
}

fn refuse_nothing(fields: &mut Fields<'_>, nothing: bool) {
    if let Some(node) = fields.optional("stages").filter(|_| nothing) {
        fields.reject("stages", node, "at least one target must be more than 0");
    }
}

fn users(fields: &mut Fields<'_>, key: &'static str) -> Option<u64> {
    required(fields, key, |text| limits::number(text, 1, MAX_USERS))
}

fn duration(fields: &mut Fields<'_>) -> Option<u64> {
    required(fields, "duration", limits::longer_than_nothing).map(Duration::as_millis)
}

/// Users, iterations and the end, of those that count iterations; the defaults are k6's.
fn counted(fields: &mut Fields<'_>) -> (Option<u64>, Option<u64>, u64) {
    let mut number = |key, most| match fields.optional(key) {
        Some(_) => optional(fields, key, |text| limits::number(text, 1, most)),
        None => Some(1),
    };
    let (virtual_users, iterations) = (number("virtual_users", MAX_USERS), number("iterations", MAX_ITERATIONS));
    let max_duration = optional(fields, "max_duration", limits::longer_than_nothing);
    (virtual_users, iterations, max_duration.unwrap_or(DEFAULT_MAX_DURATION).as_millis())
}

/// Users that exist from the beginning, and users that may exist.
fn pool(fields: &mut Fields<'_>) -> Option<(u64, u64)> {
    let pre_allocated = users(fields, "pre_allocated_vus");
    let given = fields.optional("max_vus");
    let most = optional(fields, "max_vus", |text| limits::number(text, 1, MAX_USERS));
    let pre_allocated = pre_allocated?;
    let most = if given.is_some() { most? } else { pre_allocated };
    if let Some(node) = given.filter(|_| most < pre_allocated) {
        fields.reject("max_vus", node, format!("must not be less than `pre_allocated_vus`, {pre_allocated}"));
    }
    Some((pre_allocated, most))
}
