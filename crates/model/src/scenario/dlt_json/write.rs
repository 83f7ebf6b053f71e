//! A scenario in AWS DLT's words. What AWS has no word for is written in ours, so that reading gives the same scenario.

use serde_json::{Map, Value as Json, json};

use super::TestScenario;
use crate::{
    duration::Duration,
    load::{Execution, Executor},
    program::{Body, Expect, Pause, Program, Request, Step},
    scenario::{DEFAULT_GRACEFUL_STOP, DEFAULT_TIMEOUT, RegionLoad, Scenario},
};

pub(super) fn write(scenario: &Scenario, form: TestScenario) -> Map<String, Json> {
    let work = simple(scenario).unwrap_or_else(|| json!({ "load": scenario.load, "program": scenario.program }));
    let mut written = Map::new();
    let mut put = |key: &str, value: Json| written.insert(key.to_owned(), value);
    put("testName", json!(scenario.name));
    put("testDescription", json!(scenario.description));
    put("testTaskConfigs", Json::Array(scenario.fleet.iter().flat_map(task_configs).collect()));
    put(
        "testScenario",
        match form {
            TestScenario::Object => work,
            TestScenario::Text => json!(work.to_string()),
        },
    );
    put("testType", json!("simple"));
    put("fileType", json!("none"));
    put("showLive", json!(scenario.show_live));
    put("tags", json!(scenario.tags));
    if !scenario.thresholds.is_empty() {
        put("thresholds", json!(scenario.thresholds));
    }
    if let [Execution { graceful_stop_ms, .. }] = scenario.load.as_slice()
        && *graceful_stop_ms != DEFAULT_GRACEFUL_STOP.as_millis()
    {
        put("gracefulStop", json!(Duration::from_millis(*graceful_stop_ms)));
    }
    for (key, value) in &scenario.extras {
        put(key, value.clone());
    }
    written
}

/// What the scenario is in AWS DLT's words, if it has words for all of it.
fn simple(scenario: &Scenario) -> Option<Json> {
    let [execution] = scenario.load.as_slice() else { return None };
    let (ramp_up_ms, hold_for_ms) = match &execution.executor {
        Executor::ConstantVus { duration_ms, .. } => (0, *duration_ms),
        Executor::RampingVus { start_virtual_users: 0, stages, graceful_ramp_down_ms: 0 } => match stages.as_slice() {
            [up, hold] if up.target.total_cmp(&hold.target).is_eq() => (up.duration_ms, hold.duration_ms),
            _ => return None,
        },
        _ => return None,
    };
    let flow = scenario.program.flows.get(&execution.flow)?;
    let only = Program { flows: [(execution.flow.clone(), flow.clone())].into(), ..Program::default() };
    if execution.start_after_ms > 0
        || execution.name != execution.flow
        || only != scenario.program
        || !flow.start.is_empty()
    {
        return None;
    }
    Some(json!({
        "execution": [{
            "scenario": execution.flow,
            "ramp-up": one_unit(Duration::from_millis(ramp_up_ms)),
            "hold-for": one_unit(Duration::from_millis(hold_for_ms)),
        }],
        "scenarios": { execution.flow.as_str(): { "requests": requests(&flow.steps)? } },
    }))
}

fn requests(steps: &[Step]) -> Option<Vec<Json>> {
    let mut written = Vec::new();
    let mut steps = steps.iter().peekable();
    while let Some(step) = steps.next() {
        let Step::Request(plain) = step else { return None };
        let think_time_ms = match steps.peek() {
            Some(Step::Pause(Pause::Constant { ms })) => {
                steps.next();
                *ms
            }
            _ => 0,
        };
        written.push(request(plain, think_time_ms)?);
    }
    Some(written)
}

/// One entry, or two when the virtual users cannot be shared evenly: those with one user less, and those with one more.
fn task_configs(load: &RegionLoad) -> Vec<Json> {
    let workers = u64::from(load.workers).min(load.virtual_users).max(1);
    let (least, more) = (load.virtual_users / workers, load.virtual_users % workers);
    [(workers - more, least), (more, least + 1)]
        .into_iter()
        .filter(|(tasks, _)| *tasks > 0)
        .map(|(tasks, users)| json!({ "region": load.region, "taskCount": tasks, "concurrency": users }))
        .collect()
}

/// Only what AWS DLT has words for, in values without holes.
fn request(request: &Request, think_time_ms: u64) -> Option<Json> {
    let plain = Request {
        label: request.label.clone(),
        headers: request.headers.clone(),
        body: request.body.clone(),
        timeout_ms: request.timeout_ms,
        expect: request.expect.clone(),
        ..Request::new(request.method.clone(), request.url.clone())
    };
    if plain != *request {
        return None;
    }
    let (url, label) = (request.url.as_literal()?, request.label.as_literal()?);
    let body = match &request.body {
        Body::None => "",
        Body::Text(text) => text.as_literal()?,
        _ => return None,
    };
    let headers: Option<Map<String, Json>> =
        request.headers.iter().map(|(name, value)| Some((name.clone(), json!(value.as_literal()?)))).collect();
    let mut written = Map::new();
    let mut put = |key: &str, value: Json| written.insert(key.to_owned(), value);
    put("url", json!(url));
    put("method", json!(request.method));
    put("headers", Json::Object(headers?));
    put("body", json!(body));
    if label != url {
        put("label", json!(label));
    }
    if request.timeout_ms != DEFAULT_TIMEOUT.as_millis() {
        put("timeout", json!(Duration::from_millis(request.timeout_ms)));
    }
    if think_time_ms > 0 {
        put("think-time", json!(Duration::from_millis(think_time_ms)));
    }
    if let Expect::Status(statuses) = &request.expect {
        put("expect", json!(statuses));
    }
    Some(Json::Object(written))
}

/// A number and one unit, as AWS DLT's clients expect: the coarsest of m and s that is exact, or ms.
fn one_unit(span: Duration) -> String {
    match span.as_millis() {
        0 => "0s".to_owned(),
        millis if millis % 60_000 == 0 => format!("{}m", millis / 60_000),
        millis if millis % 1_000 == 0 => format!("{}s", millis / 1_000),
        millis => format!("{millis}ms"),
    }
}
