//! AWS's protocols, as far as `up` speaks them: from a request's text to a question to the world, and back to text.

mod cloudformation;
mod form;
mod neighbours;
mod xml;

use dlt_model::id::Region;

use super::world::World;

/// A request, as it came.
#[derive(Clone, Debug)]
pub struct Call {
    /// The service that it is signed for.
    pub service: String,
    /// The region that it is signed for.
    pub region: Region,
    /// `GET`, `PUT`, …
    pub method: String,
    /// What comes after the host, without a leading slash and without the question.
    pub path: String,
    /// The operation, where a header names it.
    pub target: String,
    /// What was sent.
    pub body: Vec<u8>,
}

/// An answer, as it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// What the body is.
    pub content_type: &'static str,
    /// What is said.
    pub body: String,
}

impl Answer {
    pub(crate) fn xml(status: u16, body: String) -> Self {
        Self { status, content_type: "text/xml", body }
    }

    fn json(status: u16, body: &serde_json::Value) -> Self {
        Self { status, content_type: "application/x-amz-json-1.1", body: body.to_string() }
    }
}

/// Answers a request. `as_of_ms` is the moment whose truth reads of stacks tell: now, or a little earlier.
pub fn answer(world: &mut World, now_ms: i64, as_of_ms: i64, call: &Call) -> Answer {
    match call.service.as_str() {
        "cloudformation" => cloudformation::answer(world, now_ms, as_of_ms, call),
        _ => neighbours::answer(world, call),
    }
}

/// An error in the words of a service.
pub fn error(call: &Call, status: u16, code: &str, message: &str) -> Answer {
    match call.service.as_str() {
        "cloudformation" | "sts" | "iam" => Answer::xml(status, xml::error(code, message)),
        "s3" => Answer::xml(status, xml::leaf("Error", &[("Code", code), ("Message", message)])),
        _ => Answer::json(status, &serde_json::json!({ "__type": code, "message": message })),
    }
}
