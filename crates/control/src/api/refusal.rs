//! Answers that say no: a status, AWS DLT's code, and a message that says what to do.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use dlt_model::problem::Problem;
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    error::ControlError,
    ports::{FleetError, StoreError},
};

/// A refusal. [`super::name_request`] adds the request's id.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: String,
    problems: Vec<Problem>,
}

impl Refusal {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), problems: Vec::new() }
    }

    pub fn body(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_REQUEST_BODY", message)
    }

    pub fn query(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_QUERY_PARAMETER", message)
    }

    pub fn path(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_PATH_PARAMETER", message)
    }

    /// Every problem of a body, each with its place, in one message and one by one.
    pub fn problems(problems: Vec<Problem>) -> Self {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Self { problems, ..Self::body(lines.join("\n")) }
    }

    pub fn answer(&self, request_id: &str) -> (StatusCode, Json<Value>) {
        let mut answer = json!({"requestId": request_id, "code": self.code, "message": self.message});
        if !self.problems.is_empty() {
            answer["problems"] = json!(self.problems);
        }
        (self.status, Json(answer))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<ControlError> for Refusal {
    fn from(error: ControlError) -> Self {
        let message = error.to_string();
        let (status, code) = match error {
            ControlError::Invalid(problems) => return Self::problems(problems.into_vec()),
            ControlError::TestNotFound(_) => (StatusCode::NOT_FOUND, "TEST_NOT_FOUND"),
            ControlError::RunNotFound(..) => (StatusCode::NOT_FOUND, "TESTRUN_NOT_FOUND"),
            ControlError::NoSchedule(_) => (StatusCode::NOT_FOUND, "SCHEDULE_NOT_FOUND"),
            ControlError::NoResults(..) => (StatusCode::NOT_FOUND, "RESULTS_NOT_FOUND"),
            ControlError::Running(_) => (StatusCode::CONFLICT, "TEST_RUNNING"),
            ControlError::NotActive(_) => (StatusCode::CONFLICT, "TEST_NOT_ACTIVE"),
            ControlError::LiveOff => (StatusCode::CONFLICT, "LIVE_DATA_OFF"),
            ControlError::Store(StoreError::Conflict) => (StatusCode::CONFLICT, "CONFLICT"),
            ControlError::Store(_)
            | ControlError::Blobs(_)
            | ControlError::Fleet(FleetError::Unavailable(_))
            | ControlError::Driver(_)
            | ControlError::Live(_) => (StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE"),
            ControlError::Corrupt(_) | ControlError::Fleet(FleetError::Refused(_)) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR")
            }
        };
        Self::new(status, code, message)
    }
}
