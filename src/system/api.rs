//! The API of a system, asked over HTTP: signed, patient with what passes, and clear about what does not.

use std::time::Duration;

use aws_credential_types::Credentials;
use dlt_model::id::Region;
use http::{Method, header::CONTENT_TYPE};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time;

use super::sign_in::Keys;
use crate::{cloud::signature::Unsigned, exit::Exit, failure::Failure};

/// How often a request is made before a failure is believed.
const ATTEMPTS: u32 = 5;
/// How long the second attempt waits; each later one waits twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// How long a connection may take to open.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long a request may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// How long a stream may go on: a day.
const STREAM_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// How large an answer may be.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// How much of an unreadable answer is shown.
const SHOWN_CHARS: usize = 200;
/// What every body is.
const JSON: &str = "application/json";

/// Where the API is, and who asks.
#[derive(Debug)]
pub struct Api {
    base: String,
    region: Region,
    keys: Keys,
    http: reqwest::Client,
}

/// Whether a request may be made again when nobody knows if the first one arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// It does the same twice.
    Freely,
    /// Only if it surely did not arrive.
    IfLost,
}

/// A request that came to nothing.
#[derive(Debug)]
pub enum ApiError {
    /// The system said no.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The system's word for it, such as `TEST_RUNNING`.
        code: String,
        /// What it said.
        message: String,
    },
    /// There is no answer, or none that can be understood.
    Unanswered(String),
    /// The request could not be signed.
    Unsigned(Failure),
}

impl Api {
    /// The API below an address such as `https://…/prod`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(base: &str, region: Region, keys: Keys) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            // A signature is for one address only.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("dlt/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::from_error(Exit::Internal, "failed to make an HTTP client", &error))?;
        Ok(Self { base: base.trim_end_matches('/').to_owned(), region, keys, http })
    }

    /// Whose keys sign requests.
    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The address of something.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// What is there.
    ///
    /// # Errors
    /// When there is nothing, or no answer.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        self.call(Method::GET, path, None, Repeat::Freely).await
    }

    /// Sends something there.
    ///
    /// # Errors
    /// When it is refused, or there is no answer.
    pub async fn post(&self, path: &str, body: &Value, repeat: Repeat) -> Result<Value, ApiError> {
        self.call(Method::POST, path, Some(body), repeat).await
    }

    /// Puts something there in place of what there is.
    ///
    /// # Errors
    /// When it is refused, or there is no answer.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, ApiError> {
        self.call(Method::PUT, path, Some(body), Repeat::Freely).await
    }

    /// Removes something there.
    ///
    /// # Errors
    /// When it is refused, or there is no answer.
    pub async fn delete(&self, path: &str) -> Result<Value, ApiError> {
        // The second of two would find nothing, which is no answer to the first.
        self.call(Method::DELETE, path, None, Repeat::IfLost).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        repeat: Repeat,
    ) -> Result<T, ApiError> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let tried = self.once(&method, path, &body).await;
            let again = match &tried {
                Ok(_) => false,
                Err(Trouble::Lost(_)) => true,
                Err(Trouble::Unknown(_)) => repeat == Repeat::Freely,
                Err(Trouble::Told(ApiError::Refused { status, .. })) => {
                    matches!(status, 429 | 503) || (*status >= 500 && repeat == Repeat::Freely)
                }
                Err(Trouble::Told(_)) => false,
            };
            if !again || attempt >= ATTEMPTS {
                let bytes = tried.map_err(Trouble::into_error)?;
                return serde_json::from_slice(&bytes).map_err(|error| {
                    ApiError::Unanswered(format!("the answer to {method} {path} cannot be read: {error}"))
                });
            }
            time::sleep(pause).await;
            pause *= 2;
        }
        unreachable!("the last attempt returns")
    }

    async fn once(&self, method: &Method, path: &str, body: &str) -> Result<Vec<u8>, Trouble> {
        let unsigned = |failure| Trouble::Told(ApiError::Unsigned(failure));
        let request = self.request(method, &self.url(path), body).await.map_err(unsigned)?;
        let lost = |error: reqwest::Error| {
            let message = format!("no answer from {}: {}", self.base, chain(&error));
            if error.is_connect() { Trouble::Lost(message) } else { Trouble::Unknown(message) }
        };
        let mut answer = request.body(body.to_owned()).send().await.map_err(lost)?;
        let status = answer.status().as_u16();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(lost)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MAX_ANSWER_BYTES {
                let message = format!("the answer to {method} {path} is larger than {MAX_ANSWER_BYTES} bytes");
                return Err(Trouble::Told(ApiError::Unanswered(message)));
            }
        }
        if (200..300).contains(&status) {
            return Ok(bytes);
        }
        if status == 403 {
            self.keys.forget().await;
        }
        Err(Trouble::Told(refused(status, &bytes)))
    }

    /// What is told at a path of the same server, for as long as it goes on.
    ///
    /// # Errors
    /// When it is refused, or there is no answer.
    pub async fn stream(&self, path: &str) -> Result<reqwest::Response, ApiError> {
        let lost = |error: &dyn std::error::Error| ApiError::Unanswered(format!("{}: {}", self.base, chain(error)));
        let url = url::Url::parse(&self.base).and_then(|base| base.join(path)).map_err(|error| lost(&error))?;
        let request = self.request(&Method::GET, url.as_str(), "").await.map_err(ApiError::Unsigned)?;
        let answer = request.timeout(STREAM_FOR).send().await.map_err(|error| lost(&error))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status().as_u16();
        Err(refused(status, &answer.bytes().await.unwrap_or_default()))
    }

    /// A request that says who asks.
    async fn request(&self, method: &Method, url: &str, body: &str) -> Result<reqwest::RequestBuilder, Failure> {
        let mut request = self.http.request(method.clone(), url).header(CONTENT_TYPE, JSON);
        if let Some(keys) = self.keys.get().await? {
            for (name, value) in self.signature(method, url, body, keys)? {
                request = request.header(name, value);
            }
        }
        Ok(request)
    }

    /// The headers that say who asks.
    fn signature(
        &self,
        method: &Method,
        url: &str,
        body: &str,
        keys: Credentials,
    ) -> Result<Vec<(String, String)>, Failure> {
        let headers = [(CONTENT_TYPE.as_str(), JSON)];
        let (region, service, body) = (&self.region, "execute-api", body.as_bytes());
        let unsigned = Unsigned { region, service, method, url, headers: &headers, body };
        unsigned.sign(keys).map_err(|what| Failure::new(Exit::Internal, format!("failed to sign a request: {what}")))
    }
}

/// A single attempt that failed.
enum Trouble {
    /// It surely did not arrive.
    Lost(String),
    /// It may have arrived.
    Unknown(String),
    /// It was answered.
    Told(ApiError),
}

impl Trouble {
    fn into_error(self) -> ApiError {
        match self {
            Self::Lost(message) | Self::Unknown(message) => ApiError::Unanswered(message),
            Self::Told(error) => error,
        }
    }
}

/// API Gateway says `message`, our own API `code` and `message`.
fn refused(status: u16, bytes: &[u8]) -> ApiError {
    let told: Value = serde_json::from_slice(bytes).unwrap_or(Value::Null);
    let text = |key: &str| told[key].as_str().map(ToOwned::to_owned);
    let raw = || String::from_utf8_lossy(bytes).chars().take(SHOWN_CHARS).collect();
    let message = text("message").or_else(|| text("Message")).unwrap_or_else(raw);
    ApiError::Refused { status, code: text("code").unwrap_or_default(), message }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.last().map_or_else(String::new, ToString::to_string)
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused { status, code, message } if code.is_empty() => write!(f, "{message} (HTTP {status})"),
            Self::Refused { status, code, message } => write!(f, "{message} ({code}, HTTP {status})"),
            Self::Unanswered(message) => f.write_str(message),
            Self::Unsigned(failure) => f.write_str(&failure.message),
        }
    }
}

impl ApiError {
    /// Whether the system said no with this status.
    pub fn is(&self, wanted: u16) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == wanted)
    }

    /// As a failure of what we were doing.
    pub fn failure(self, doing: &str) -> Failure {
        let message = format!("failed to {doing}");
        let told = self.to_string();
        let (exit, hint) = match self {
            Self::Unsigned(failure) => return failure,
            Self::Refused { status: 403, .. } => (
                Exit::Refused,
                Some("allow `execute-api:Invoke` on the API for whoever runs this, or sign in with `--user`"),
            ),
            Self::Refused { status: 409, .. } => (
                Exit::Held,
                Some("wait until the other run has ended, or give this one a scenario of its own with `--test-id`"),
            ),
            Self::Refused { status: 400, .. } => (Exit::Invalid, None),
            Self::Refused { status: 404, .. } => (Exit::Usage, None),
            Self::Refused { .. } | Self::Unanswered(_) => (Exit::Refused, None),
        };
        let failure = Failure { causes: vec![told], ..Failure::new(exit, message) };
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_the_system_said_and_means_one_exit_code() {
        let running = refused(409, br#"{"requestId":"1","code":"TEST_RUNNING","message":"it is running"}"#);
        assert_eq!(running.to_string(), "it is running (TEST_RUNNING, HTTP 409)");
        assert_eq!(running.failure("start").exit, Exit::Held);
        let forbidden = refused(403, br#"{"Message":"User is not authorized"}"#);
        assert_eq!(forbidden.to_string(), "User is not authorized (HTTP 403)");
        assert_eq!(forbidden.failure("start").exit, Exit::Refused);
        assert_eq!(refused(502, b"<html>").to_string(), "<html> (HTTP 502)");
    }
}
