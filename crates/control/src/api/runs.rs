//! Runs over HTTP.

use axum::{Json, extract::State};
use dlt_model::{
    id::{RunId, TestId},
    summary::Summary,
};
use http::StatusCode;
use serde_json::{Value, json};

use super::{
    extract::{JsonText, Parameters, RunPath, TestPath},
    refusal::Refusal,
};
use crate::{plane::ControlPlane, record::RunRecord, series::Point, shapes};

/// How many runs a page has unless the caller says otherwise, and at most.
const PAGE: usize = 20;
const MAX_PAGE: usize = 100;
/// How many runs one request may remove.
const MAX_REMOVALS: usize = 100;

/// `POST /scenarios/{testId}/runs`: starts the scenario as it is stored.
pub(super) async fn start(
    State(plane): State<ControlPlane>,
    TestPath(test): TestPath,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let run = plane.start_run(&test).await?;
    Ok((StatusCode::CREATED, Json(shapes::run(&run, None))))
}

/// `POST /scenarios/{testId}`: asks for the end of its run. The body means nothing.
pub(super) async fn cancel(
    State(plane): State<ControlPlane>,
    TestPath(test): TestPath,
) -> Result<Json<Value>, Refusal> {
    plane.cancel(&test).await?;
    Ok(Json(json!("test cancelling")))
}

/// `POST /scenarios/{testId}/testruns/{testRunId}/cancel`.
pub(super) async fn cancel_one(
    State(plane): State<ControlPlane>,
    RunPath(key): RunPath,
) -> Result<Json<Value>, Refusal> {
    let run = plane.cancel_run(&key).await?;
    Ok(Json(shapes::run(&run, None)))
}

/// `GET /scenarios/{testId}/testruns/{testRunId}`.
pub(super) async fn show(State(plane): State<ControlPlane>, RunPath(key): RunPath) -> Result<Json<Value>, Refusal> {
    let run = plane.run(&key).await?;
    let body = plane.body(&key.test_id, &run.body).await?;
    Ok(Json(shapes::run(&run, Some(&body))))
}

/// How long a summary may be in JSON, in bytes: Lambda carries 6 MB, in which quotes take two.
const MAX_SUMMARY_BYTES: usize = 5_000_000;

/// `GET /scenarios/{testId}/testruns/{testRunId}/summary`: everything measured, with histograms and seconds; of a run whose seconds
/// are too long to carry, these are joined, and the summary says how many to one.
pub(super) async fn summary(
    State(plane): State<ControlPlane>,
    RunPath(key): RunPath,
) -> Result<Json<Summary>, Refusal> {
    let mut summary = plane.summary(&key).await?;
    fit(&mut summary, MAX_SUMMARY_BYTES);
    Ok(Json(summary))
}

/// Joins seconds until the summary fits, or until there is nothing left to join.
fn fit(summary: &mut Summary, max_bytes: usize) {
    let fits = |summary: &Summary| serde_json::to_string(summary).is_ok_and(|text| text.len() <= max_bytes);
    while !fits(summary) && summary.coarsen() {}
}

/// `GET /scenarios/{testId}/testruns/{testRunId}/series`: the seconds of a run that is over, as they were live.
pub(super) async fn series(
    State(plane): State<ControlPlane>,
    RunPath(key): RunPath,
) -> Result<Json<Vec<Point>>, Refusal> {
    Ok(Json(Point::of_summary(&plane.summary(&key).await?)))
}

/// `GET /scenarios/{testId}/testruns`, newest first.
pub(super) async fn list(
    State(plane): State<ControlPlane>,
    TestPath(test): TestPath,
    parameters: Parameters,
) -> Result<Json<Value>, Refusal> {
    let limit = match parameters.flag("latest", false)? {
        true => 1,
        false => parameters.number("limit", PAGE, 1..=MAX_PAGE)?,
    };
    let since_ms = parameters.instant_ms("start_timestamp")?.unwrap_or(0);
    let until_ms = parameters.instant_ms("end_timestamp")?.unwrap_or(u64::MAX);
    let token = parameters.text("next_token");
    if let Some(text) = token {
        text.parse::<RunId>().map_err(|_| Refusal::query(format!("next_token: `{text}` is not one of ours")))?;
    }
    let total = plane.scenario(&test).await?.total_runs;
    let (runs, next) = between(&plane, &test, token, limit, since_ms..=until_ms).await?;
    let items: Vec<Value> = runs.iter().map(shapes::listed_run).collect();
    let pagination = json!({"limit": limit, "next_token": next, "total_count": total});
    Ok(Json(json!({"testRuns": items, "pagination": pagination})))
}

/// `DELETE /scenarios/{testId}/testruns` with a list of ids.
pub(super) async fn delete(
    State(plane): State<ControlPlane>,
    TestPath(test): TestPath,
    body: JsonText,
) -> Result<Json<Value>, Refusal> {
    let runs: Vec<RunId> = body.parse("a list of testRunIds")?;
    if runs.is_empty() || runs.len() > MAX_REMOVALS {
        return Err(Refusal::body(format!("expected 1 to {MAX_REMOVALS} testRunIds, found {}", runs.len())));
    }
    let deleted = plane.delete_runs(&test, &runs).await?;
    Ok(Json(json!({"deletedCount": deleted})))
}

/// Up to `limit` runs that were started within a span, and the id to continue after.
async fn between(
    plane: &ControlPlane,
    test: &TestId,
    token: Option<&str>,
    limit: usize,
    span_ms: std::ops::RangeInclusive<u64>,
) -> Result<(Vec<RunRecord>, Option<String>), Refusal> {
    let (mut found, mut after) = (Vec::new(), token.map(ToOwned::to_owned));
    loop {
        let page = plane.runs(test, after.as_deref(), limit - found.len()).await?;
        let over = page.items.iter().any(|run| run.created_at_ms < *span_ms.start());
        found.extend(page.items.into_iter().filter(|run| span_ms.contains(&run.created_at_ms)));
        after = page.next.filter(|_| !over);
        if after.is_none() || found.len() >= limit {
            return Ok((found, after));
        }
    }
}

#[cfg(test)]
mod tests {
    use dlt_model::{buckets::Buckets, histogram::Histogram, id::Region, summary::Slice};

    use super::*;

    #[test]
    fn a_long_runs_seconds_are_joined_until_they_fit_and_none_of_their_samples_is_lost() {
        let (test_id, run_id) = ("long".parse().expect("an id"), "run".parse().expect("an id"));
        let mut summary = Summary::new(&test_id, &run_id, [(0, &Region::local())]);
        let mut histogram = Histogram::default();
        (1..=300).for_each(|at| histogram.record(at * 1_013));
        let second = Slice { virtual_users: 9, succeeded: 300, failed: 0, latency: Buckets::from(&histogram) };
        summary.seconds = vec![second; 3_600];
        fit(&mut summary, 1_000_000);
        assert!(serde_json::to_string(&summary).expect("JSON").len() <= 1_000_000);
        assert_eq!((summary.resolution_secs, summary.seconds.len()), (8, 450));
        assert_eq!(summary.seconds.iter().map(Slice::samples).sum::<u64>(), 3_600 * 300);
        assert_eq!(summary.seconds.iter().map(|slice| slice.latency.count()).sum::<u64>(), 3_600 * 300);
        fit(&mut summary, 0);
        assert_eq!(summary.seconds.len(), 1, "then there is nothing left to join");
    }
}
