//! The shape of `load`.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Rate, Time, Whole};

/// How much load there is.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) enum Load {
    /// One execution.
    One(ExecutionFile),
    /// Executions side by side, by name.
    Several(BTreeMap<String, ExecutionFile>),
}

/// One stream of load.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) enum ExecutionFile {
    /// Users who ramp up and stay.
    Short(LoadFile),
    /// So many virtual users, so long.
    ConstantVus(ConstantVusFile),
    /// Virtual users that follow stages.
    RampingVus(RampingVusFile),
    /// Each virtual user iterates so many times.
    PerVuIterations(PerVuIterationsFile),
    /// All virtual users together iterate so many times.
    SharedIterations(SharedIterationsFile),
    /// Iterations begin at a constant rate.
    ConstantArrivalRate(ConstantArrivalRateFile),
    /// Iterations begin at a rate that follows stages.
    RampingArrivalRate(RampingArrivalRateFile),
}

/// Users who ramp up and stay.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct LoadFile {
    /// Virtual users of all workers together.
    virtual_users: Whole,
    /// How long it takes until all virtual users iterate; 0s unless given.
    ramp_up: Option<Time>,
    /// How long all of them go on.
    hold_for: Time,
    /// The flow that is run; needed when there are several and none is called as the execution.
    flow: Option<String>,
    /// From the start of the run to its own; 0s unless given.
    start_time: Option<Time>,
    /// How long iterations may go on after the end; 30s unless given.
    graceful_stop: Option<Time>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct ConstantVusFile {
    /// The kind of the executor.
    executor: ConstantVusWord,
    /// Virtual users of all workers together.
    virtual_users: Whole,
    /// How long.
    duration: Time,
    /// The flow that is run; needed when there are several and none is called as the execution.
    flow: Option<String>,
    /// From the start of the run to its own; 0s unless given.
    start_time: Option<Time>,
    /// How long iterations may go on after the end; 30s unless given.
    graceful_stop: Option<Time>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct RampingVusFile {
    /// The kind of the executor.
    executor: RampingVusWord,
    /// Virtual users at the start; 1 unless given, as in k6.
    start_vus: Option<Count>,
    /// One after the other.
    stages: Vec<UserStage>,
    /// How long an iteration may go on whose user is taken away; 30s unless given.
    graceful_ramp_down: Option<Time>,
    /// The flow that is run; needed when there are several and none is called as the execution.
    flow: Option<String>,
    /// From the start of the run to its own; 0s unless given.
    start_time: Option<Time>,
    /// How long iterations may go on after the end; 30s unless given.
    graceful_stop: Option<Time>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct PerVuIterationsFile {
    /// The kind of the executor.
    executor: PerVuIterationsWord,
    /// Virtual users of all workers together; 1 unless given.
    virtual_users: Option<Whole>,
    /// Of each virtual user; 1 unless given.
    iterations: Option<Whole>,
    /// When no iteration begins any more, done or not; 10m unless given.
    max_duration: Option<Time>,
    /// The flow that is run; needed when there are several and none is called as the execution.
    flow: Option<String>,
    /// From the start of the run to its own; 0s unless given.
    start_time: Option<Time>,
    /// How long iterations may go on after the end; 30s unless given.
    graceful_stop: Option<Time>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct SharedIterationsFile {
    /// The kind of the executor.
    executor: SharedIterationsWord,
    /// Virtual users of all workers together; 1 unless given.
    virtual_users: Option<Whole>,
    /// Of all virtual users together; 1 unless given.
    iterations: Option<Whole>,
    /// When no iteration begins any more, done or not; 10m unless given.
    max_duration: Option<Time>,
    /// The flow that is run; needed when there are several and none is called as the execution.
    flow: Option<String>,
    /// From the start of the run to its own; 0s unless given.
    start_time: Option<Time>,
    /// How long iterations may go on after the end; 30s unless given.
    graceful_stop: Option<Time>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct ConstantArrivalRateFile {
    /// The kind of the executor.
    executor: ConstantArrivalRateWord,
    /// How many iterations begin.
    rate: Rate,
    /// What bare rates count per; 1s unless given.
    time_unit: Option<Time>,
    /// How long.
    duration: Time,
    /// Virtual users that exist from the beginning.
    pre_allocated_vus: Whole,
    /// Virtual users that may exist; as many as pre-allocated unless given. Iterations without one are dropped and counted.
    max_vus: Option<Whole>,
    /// The flow that is run; needed when there are several and none is called as the execution.
    flow: Option<String>,
    /// From the start of the run to its own; 0s unless given.
    start_time: Option<Time>,
    /// How long iterations may go on after the end; 30s unless given.
    graceful_stop: Option<Time>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct RampingArrivalRateFile {
    /// The kind of the executor.
    executor: RampingArrivalRateWord,
    /// At the start; 0 unless given.
    start_rate: Option<Rate>,
    /// What bare rates count per; 1s unless given.
    time_unit: Option<Time>,
    /// One after the other.
    stages: Vec<RateStage>,
    /// Virtual users that exist from the beginning.
    pre_allocated_vus: Whole,
    /// Virtual users that may exist; as many as pre-allocated unless given. Iterations without one are dropped and counted.
    max_vus: Option<Whole>,
    /// The flow that is run; needed when there are several and none is called as the execution.
    flow: Option<String>,
    /// From the start of the run to its own; 0s unless given.
    start_time: Option<Time>,
    /// How long iterations may go on after the end; 30s unless given.
    graceful_stop: Option<Time>,
}

/// Virtual users on their way to a target.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct UserStage {
    /// How long it takes; 0s jumps.
    duration: Time,
    /// Where it ends.
    target: Count,
}

/// A rate on its way to a target.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct RateStage {
    /// How long it takes; 0s jumps.
    duration: Time,
    /// Where it ends.
    target: Rate,
}

shape!(ConstantVusWord, json_schema!({ "const": "constant-vus" }));
shape!(RampingVusWord, json_schema!({ "const": "ramping-vus" }));
shape!(PerVuIterationsWord, json_schema!({ "const": "per-vu-iterations" }));
shape!(SharedIterationsWord, json_schema!({ "const": "shared-iterations" }));
shape!(ConstantArrivalRateWord, json_schema!({ "const": "constant-arrival-rate" }));
shape!(RampingArrivalRateWord, json_schema!({ "const": "ramping-arrival-rate" }));
shape!(
    Count,
    json_schema!({
        "description": "A whole number, or a variable such as `${USERS:-10}`.",
        "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "pattern": r"^[0-9]+$|\$\{" }]
    })
);
