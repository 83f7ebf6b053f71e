//! The HTTP API: AWS DLT's paths, bodies and words, served by one router on a socket and in Lambda alike.

mod extract;
mod refusal;
mod runs;
mod scenarios;
mod schedules;
mod system;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderValue, Method, StatusCode};

use self::refusal::Refusal;
use crate::plane::ControlPlane;

/// How large a request's body may be, in bytes.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Under which header a response carries the request's id.
pub const REQUEST_ID: &str = "x-request-id";

/// The API below a path such as `/prod`; an empty prefix is the root. It authorises nobody: that is the door's work.
pub fn router(plane: ControlPlane, prefix: &str) -> Router {
    let routes = Router::new()
        .route("/scenarios", get(scenarios::list).post(scenarios::submit))
        .route("/scenarios/{test_id}", get(scenarios::show).post(runs::cancel).delete(scenarios::delete))
        .route("/scenarios/{test_id}/runs", post(runs::start))
        .route("/scenarios/{test_id}/live", get(scenarios::live))
        .route("/scenarios/{test_id}/schedule", get(schedules::show).put(schedules::set).delete(schedules::remove))
        .route("/scenarios/{test_id}/testruns", get(runs::list).delete(runs::delete))
        .route("/scenarios/{test_id}/testruns/{run_id}", get(runs::show))
        .route("/scenarios/{test_id}/testruns/{run_id}/cancel", post(runs::cancel_one))
        .route("/scenarios/{test_id}/testruns/{run_id}/summary", get(runs::summary))
        .route("/scenarios/{test_id}/testruns/{run_id}/series", get(runs::series))
        .route("/regions", get(system::regions))
        .route("/tasks", get(system::tasks))
        .route("/stack-info", get(system::stack_info))
        .route("/console", get(system::console))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .with_state(plane);
    let below = if prefix.is_empty() { routes } else { Router::new().nest(prefix, routes).fallback(not_found) };
    below.layer(DefaultBodyLimit::max(MAX_BODY_BYTES)).layer(from_fn(name_request))
}

async fn not_found(request: Request) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "NOT_FOUND", format!("there is nothing at `{}`", request.uri().path()))
}

async fn method_not_allowed(method: Method, request: Request) -> Refusal {
    let message = format!("`{}` does not understand {method}", request.uri().path());
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message)
}

/// Gives every request an id, which its answer carries and a refusal repeats.
async fn name_request(request: Request, next: Next) -> Response {
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let plain = |id: &&str| !id.is_empty() && id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_graphic());
    let id = given.filter(plain).map_or_else(|| format!("{:032x}", rand::random::<u128>()), ToOwned::to_owned);
    let mut response = next.run(request).await;
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        if refusal.status.is_server_error() {
            tracing::error!(request = %id, code = refusal.code, message = %refusal.message, "a request failed");
        }
        response = refusal.answer(&id).into_response();
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}
