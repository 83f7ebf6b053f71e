//! Scenarios over HTTP.

use std::collections::BTreeMap;

use axum::{Extension, Json, extract::State};
use dlt_model::{
    id::TestId,
    scenario::{Scenario, dlt_json::TestScenario},
};
use http::HeaderMap;
use serde_json::{Value, json};

use super::{
    extract::{JsonText, Parameters, TestPath, idempotency_key},
    refusal::Refusal,
    system,
};
use crate::{
    error::ControlError,
    plane::ControlPlane,
    ports::{Phase, RunKey, Subscription, Viewer},
    record::{RunRecord, ScenarioRecord},
    scenarios::Draft,
    shapes,
};

/// How many runs the history of a scenario's answer holds at most; the list of runs has them all.
const MAX_HISTORY: usize = 50;
/// How long a scenario's answer may become through its history, in bytes: Lambda carries 6 MB.
const MAX_HISTORY_BYTES: usize = 4_000_000;

/// `GET /scenarios`, and `?op=listRegions`; `?tags=a,b` keeps what has one of them.
pub(super) async fn list(State(plane): State<ControlPlane>, parameters: Parameters) -> Result<Json<Value>, Refusal> {
    if parameters.text("op") == Some("listRegions") {
        return Ok(system::regions(State(plane)).await);
    }
    let wanted: Vec<&str> = parameters.text("tags").map(|tags| tags.split(',').collect()).unwrap_or_default();
    let all = plane.all_scenarios().await?;
    let has = |record: &&ScenarioRecord| wanted.is_empty() || record.tags.iter().any(|tag| wanted.contains(&&**tag));
    let schedules: BTreeMap<TestId, _> =
        plane.all_schedules().await?.into_iter().map(|record| (record.test_id.clone(), record)).collect();
    let line = |record: &ScenarioRecord| shapes::listed_scenario(record, schedules.get(&record.test_id));
    let items: Vec<Value> = all.iter().filter(has).map(line).collect();
    Ok(Json(json!({"Items": items})))
}

/// `POST /scenarios`: stores what the body says and starts it, unless it says `saveOnly` or when it is to start.
pub(super) async fn submit(
    State(plane): State<ControlPlane>,
    headers: HeaderMap,
    body: JsonText,
) -> Result<Json<Value>, Refusal> {
    let default_region = plane.environment().regions.first();
    let submission = Scenario::from_dlt_json(&body.0, default_region).map_err(ControlError::Invalid)?;
    let schedule = submission.schedule.map(|wish| plane.check_schedule(wish)).transpose()?;
    let draft = Draft { test_id: submission.test_id, idempotency_key: idempotency_key(&headers)? };
    let (record, repeated) = plane.create_scenario(&submission.scenario, &draft).await?;
    // A repeated request starts what the first one was kept from starting, and nothing else.
    let started_before = repeated && record.latest.is_some();
    if let Some(schedule) = schedule {
        plane.set_schedule(&record.test_id, &schedule).await?;
    } else if !submission.save_only && !started_before {
        plane.start_run(&record.test_id).await?;
    }
    let mut answer = whole(&plane, &record.test_id, TestScenario::Text, 0).await?;
    if !submission.warnings.is_empty() {
        answer["warnings"] = json!(submission.warnings);
    }
    Ok(Json(answer))
}

/// `GET /scenarios/{testId}`, with `history=false` without its runs.
pub(super) async fn show(
    State(plane): State<ControlPlane>,
    TestPath(test): TestPath,
    parameters: Parameters,
) -> Result<Json<Value>, Refusal> {
    let history = if parameters.flag("history", true)? { MAX_HISTORY } else { 0 };
    parameters.flag("latest", true)?;
    Ok(Json(whole(&plane, &test, TestScenario::Object, history).await?))
}

/// `DELETE /scenarios/{testId}`, with all that its runs left.
pub(super) async fn delete(
    State(plane): State<ControlPlane>,
    TestPath(test): TestPath,
) -> Result<Json<Value>, Refusal> {
    plane.delete_scenario(&test).await?;
    Ok(Json(json!("success")))
}

/// `GET /scenarios/{testId}/live`: how to listen. The door says who asks, where people sign in.
pub(super) async fn live(
    State(plane): State<ControlPlane>,
    viewer: Option<Extension<Viewer>>,
    TestPath(test): TestPath,
) -> Result<Json<Subscription>, Refusal> {
    let viewer = viewer.map(|Extension(viewer)| viewer);
    Ok(Json(plane.subscription(&test, viewer.as_ref()).await?))
}

/// A scenario with its last run, what its workers are doing, and up to `history` runs.
async fn whole(
    plane: &ControlPlane,
    test: &TestId,
    test_scenario: TestScenario,
    history: usize,
) -> Result<Value, Refusal> {
    let record = plane.scenario(test).await?;
    let body = plane.body(test, &record.body).await?;
    let latest = match &record.latest {
        None => None,
        Some(latest) => {
            let key = RunKey { test_id: test.clone(), run_id: latest.run_id.clone() };
            plane.run(&key).await.ok()
        }
    };
    let schedule = plane.schedule_if_any(test).await?;
    let body = body.to_dlt_json(test_scenario);
    let mut answer = shapes::scenario(&record, schedule.as_ref(), body, latest.as_ref());
    if let Some(run) = latest.filter(|run| !run.status.is_end()) {
        answer["tasksPerRegion"] = tasks_per_region(plane, &run).await;
    }
    if history > 0 {
        add_history(plane, test, history, &mut answer).await?;
    }
    Ok(answer)
}

async fn add_history(plane: &ControlPlane, test: &TestId, limit: usize, answer: &mut Value) -> Result<(), Refusal> {
    let page = plane.runs(test, None, limit).await?;
    let (mut history, mut bytes) = (Vec::new(), 0);
    for run in &page.items {
        let item = shapes::run(run, None);
        bytes += item.to_string().len();
        if bytes > MAX_HISTORY_BYTES {
            break;
        }
        history.push(item);
    }
    let whole = history.len() == page.items.len() && page.next.is_none();
    answer["history"] = json!(history);
    if !whole {
        answer["historyTruncated"] = json!(true);
    }
    Ok(())
}

/// How many workers run, are coming and are wanted; a fleet that cannot be asked now leaves the numbers out.
async fn tasks_per_region(plane: &ControlPlane, run: &RunRecord) -> Value {
    let sightings = match plane.ports.fleet.census(&run.key(), &run.regions()).await {
        Ok(sightings) => sightings,
        Err(error) => {
            tracing::warn!(%error, "the fleet cannot be counted now");
            return json!([]);
        }
    };
    let tasks = run.groups.iter().map(|group| {
        let here =
            |phase: &Phase| sightings.iter().filter(|one| one.region == group.region && one.phase == *phase).count();
        json!({
            "region": group.region,
            "running": here(&Phase::Running),
            "pending": here(&Phase::Pending),
            "desired": group.workers,
        })
    });
    tasks.collect()
}
