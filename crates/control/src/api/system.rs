//! What the API says about the place where it runs.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use http::StatusCode;
use serde_json::{Value, json};

use super::refusal::Refusal;
use crate::{
    plane::ControlPlane,
    ports::{Phase, RunKey},
};

/// `GET /regions`: where workers may run.
pub(super) async fn regions(State(plane): State<ControlPlane>) -> Json<Value> {
    let environment = plane.environment();
    let region = |region| {
        json!({
            "testId": format!("region-{region}"),
            "region": region,
            "version": environment.version,
            "compatible": true,
        })
    };
    let regions: Vec<Value> = environment.regions.iter().map(region).collect();
    Json(json!({"regions": regions}))
}

/// `GET /tasks`: the workers of all active runs, by region.
pub(super) async fn tasks(State(plane): State<ControlPlane>) -> Result<Json<Value>, Refusal> {
    let mut tasks: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for region in &plane.environment().regions {
        tasks.entry(region.clone()).or_default();
    }
    for scenario in plane.all_scenarios().await? {
        let Some(claim) = scenario.active else { continue };
        let key = RunKey { test_id: scenario.test_id, run_id: claim.run_id };
        let Ok(run) = plane.run(&key).await else { continue };
        let sightings = plane.ports.fleet.census(&key, &run.regions()).await;
        let sightings = sightings.map_err(|error| Refusal::from(crate::error::ControlError::from(error)))?;
        for sighting in sightings.into_iter().filter(|one| !matches!(one.phase, Phase::Stopped { .. })) {
            tasks.entry(sighting.region).or_default().push(sighting.name);
        }
    }
    let regions = tasks.into_iter().map(|(region, names)| json!({"region": region, "taskArns": names}));
    Ok(Json(regions.collect()))
}

/// `GET /stack-info`.
pub(super) async fn stack_info(State(plane): State<ControlPlane>) -> Json<Value> {
    let environment = plane.environment();
    let mut info = environment.facts.clone();
    info.insert("stack".to_owned(), json!(environment.stack));
    info.insert("version".to_owned(), json!(environment.version));
    info.insert("region".to_owned(), json!(environment.regions.first()));
    Json(Value::Object(info))
}

/// `GET /console`: where people look.
pub(super) async fn console(State(plane): State<ControlPlane>) -> Response {
    match &plane.environment().console_url {
        Some(url) => Redirect::temporary(url).into_response(),
        None => {
            let message = "this environment has no console; use the API or the command line";
            Refusal::new(StatusCode::NOT_FOUND, "NOT_FOUND", message).into_response()
        }
    }
}
