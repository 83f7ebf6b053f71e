//! What a request says, or the refusal that tells what is wrong with it.

use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
};
use dlt_model::id::TestId;
use http::{HeaderMap, StatusCode, request::Parts};
use serde::de::DeserializeOwned;

use super::{MAX_BODY_BYTES, refusal::Refusal};
use crate::ports::RunKey;

/// The header under which a request repeats itself safely.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The scenario that the path names.
pub(super) struct TestPath(pub TestId);

impl<S: Send + Sync> FromRequestParts<S> for TestPath {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let names = names(parts, state).await?;
        Ok(Self(name(&names, "test_id")?))
    }
}

/// The run that the path names.
pub(super) struct RunPath(pub RunKey);

impl<S: Send + Sync> FromRequestParts<S> for RunPath {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let names = names(parts, state).await?;
        Ok(Self(RunKey { test_id: name(&names, "test_id")?, run_id: name(&names, "run_id")? }))
    }
}

async fn names<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<BTreeMap<String, String>, Refusal> {
    let path = Path::<BTreeMap<String, String>>::from_request_parts(parts, state).await;
    path.map(|Path(names)| names).map_err(|rejection| Refusal::path(rejection.body_text()))
}

fn name<T: std::str::FromStr<Err = dlt_model::id::InvalidId>>(
    names: &BTreeMap<String, String>,
    which: &str,
) -> Result<T, Refusal> {
    let text = names.get(which).map_or("", String::as_str);
    text.parse().map_err(|error| Refusal::path(format!("`{text}` in the path: {error}")))
}

/// The query's parameters; of one given twice, the last.
pub(super) struct Parameters(BTreeMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let pairs = query.map_err(|rejection| Refusal::query(rejection.body_text()))?;
        Ok(Self(pairs.0.into_iter().collect()))
    }
}

impl Parameters {
    /// The text of a parameter that is there and not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// `true` or `false`.
    pub fn flag(&self, name: &str, default: bool) -> Result<bool, Refusal> {
        match self.text(name) {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(Refusal::query(format!("{name}: expected true or false, found `{other}`"))),
        }
    }

    /// A whole number within bounds.
    pub fn number(
        &self,
        name: &str,
        default: usize,
        bounds: std::ops::RangeInclusive<usize>,
    ) -> Result<usize, Refusal> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let parsed = text.parse().ok().filter(|number| bounds.contains(number));
        let (low, high) = (bounds.start(), bounds.end());
        parsed.ok_or_else(|| Refusal::query(format!("{name}: expected a number from {low} to {high}, found `{text}`")))
    }

    /// An instant as `2026-01-31T12:00:00Z`, in milliseconds since 1970.
    pub fn instant_ms(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let wrong = || Refusal::query(format!("{name}: expected an instant like 2026-01-31T12:00:00Z, found `{text}`"));
        let instant: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
        u64::try_from(instant.as_millisecond()).map(Some).map_err(|_| wrong())
    }
}

/// A body of at most [`MAX_BODY_BYTES`] that is JSON.
pub(super) struct JsonText(pub String);

impl<S: Send + Sync> FromRequest<S> for JsonText {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                let message = format!("the body is larger than {MAX_BODY_BYTES} bytes");
                Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "INVALID_REQUEST_BODY", message)
            }
            _ => Refusal::body(format!("the body could not be read: {}", rejection.body_text())),
        })?;
        let text = String::from_utf8(bytes.to_vec()).map_err(|_| Refusal::body("the body is not UTF-8 text"))?;
        if text.trim().is_empty() {
            return Err(Refusal::body("the body is empty; expected JSON"));
        }
        let _: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| Refusal::body(format!("the body is not JSON: {error}")))?;
        Ok(Self(text))
    }
}

impl JsonText {
    /// The body as a value of a simple type.
    pub fn parse<T: DeserializeOwned>(&self, expected: &str) -> Result<T, Refusal> {
        serde_json::from_str(&self.0).map_err(|error| Refusal::body(format!("expected {expected}: {error}")))
    }
}

/// The caller's idempotency key, if it sent one.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    const MAX_LENGTH: usize = 255;
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=MAX_LENGTH).contains(&key.len()));
    let wrong = || {
        let message = format!("Idempotency-Key: expected 1 to {MAX_LENGTH} visible characters");
        Refusal::new(StatusCode::BAD_REQUEST, "InvalidParameter", message)
    };
    key.map(|key| Some(key.to_owned())).ok_or_else(wrong)
}
