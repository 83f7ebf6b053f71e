//! A scenario in AWS DLT's words. What AWS has no word for is written in ours, so that reading gives the same scenario.

use serde_json::{Map, Value as Json, json};

use super::TestScenario;
use crate::{
    duration::Duration,
    scenario::{DEFAULT_GRACEFUL_STOP, DEFAULT_TIMEOUT, Expect, RegionLoad, Request, Scenario},
};

pub(super) fn write(scenario: &Scenario, form: TestScenario) -> Map<String, Json> {
    let work = json!({
        "execution": [{
            "scenario": scenario.name,
            "ramp-up": one_unit(scenario.ramp_up),
            "hold-for": one_unit(scenario.hold_for),
        }],
        "scenarios": { scenario.name.as_str(): { "requests": scenario.requests.iter().map(request).collect::<Vec<_>>() } },
    });
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
    if scenario.graceful_stop != DEFAULT_GRACEFUL_STOP {
        put("gracefulStop", json!(scenario.graceful_stop));
    }
    for (key, value) in &scenario.extras {
        put(key, value.clone());
    }
    written
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

fn request(request: &Request) -> Json {
    let headers: Map<String, Json> = request.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let mut written = Map::new();
    let mut put = |key: &str, value: Json| written.insert(key.to_owned(), value);
    put("url", json!(request.url));
    put("method", json!(request.method));
    put("headers", Json::Object(headers));
    put("body", json!(request.body));
    if request.label != request.url {
        put("label", json!(request.label));
    }
    if request.timeout_ms != DEFAULT_TIMEOUT.as_millis() {
        put("timeout", json!(Duration::from_millis(request.timeout_ms)));
    }
    if request.think_time_ms > 0 {
        put("think-time", json!(Duration::from_millis(request.think_time_ms)));
    }
    if let Expect::Status(statuses) = &request.expect {
        put("expect", json!(statuses));
    }
    Json::Object(written)
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
