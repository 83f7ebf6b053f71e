//! Schedules over HTTP.

use axum::{Json, extract::State};
use dlt_model::schedule::Wish;
use serde_json::{Value, json};

use super::{
    extract::{JsonText, TestPath},
    refusal::Refusal,
};
use crate::{plane::ControlPlane, shapes};

/// `GET /scenarios/{testId}/schedule`.
pub(super) async fn show(State(plane): State<ControlPlane>, TestPath(test): TestPath) -> Result<Json<Value>, Refusal> {
    Ok(Json(shapes::schedule(&plane.schedule(&test).await?)))
}

/// `PUT /scenarios/{testId}/schedule`: from now on it starts by itself.
pub(super) async fn set(
    State(plane): State<ControlPlane>,
    TestPath(test): TestPath,
    body: JsonText,
) -> Result<Json<Value>, Refusal> {
    let wish: Wish = body.parse("an object like {\"cron\": \"0 2 * * MON-FRI\", \"timezone\": \"Europe/Berlin\"}")?;
    let schedule = plane.check_schedule(wish)?;
    Ok(Json(shapes::schedule(&plane.set_schedule(&test, &schedule).await?)))
}

/// `DELETE /scenarios/{testId}/schedule`: it no longer does.
pub(super) async fn remove(
    State(plane): State<ControlPlane>,
    TestPath(test): TestPath,
) -> Result<Json<Value>, Refusal> {
    plane.remove_schedule(&test).await?;
    Ok(Json(json!("success")))
}
