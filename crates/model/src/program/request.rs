//! HTTP requests: what is sent, by whom, and which status is a success.

use serde::{Deserialize, Serialize};

use super::{Check, Extract, is_false};
use crate::template::Template;

/// How long one request may take unless the scenario says otherwise.
pub const DEFAULT_TIMEOUT_MS: u64 = 30_000;

/// How many redirects are followed unless the scenario says otherwise, as k6 has it.
pub const DEFAULT_REDIRECTS: u32 = 10;

/// An HTTP request and what its answer is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Under which name its samples are counted. May hold variables; the number of labels is bounded.
    pub label: Template,
    /// `GET`, `POST`, ….
    pub method: String,
    /// An absolute `http` or `https` URL, once rendered.
    pub url: Template,
    /// Added to the URL's query, percent-encoded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<(String, Template)>,
    /// In the order they are sent. `Host` and `Content-Length` are added when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, Template)>,
    /// What is sent.
    #[serde(default, skip_serializing_if = "Body::is_none")]
    pub body: Body,
    /// From the first byte sent to the last byte received, and separately for connecting.
    pub timeout_ms: u64,
    /// How many redirects are followed; none means that a redirect is the answer.
    #[serde(default = "default_redirects")]
    pub redirects: u32,
    /// Which version of HTTP, unless the client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Says who sends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Which statuses are a success.
    #[serde(default)]
    pub expect: Expect,
    /// What else must be true for the sample to be a success; each is counted by its name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// What is kept of the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extract: Vec<Extract>,
    /// Whether images, scripts and styles that an HTML answer names are fetched too, as browsers and JMeter do.
    #[serde(default, skip_serializing_if = "is_false")]
    pub resources: bool,
}

impl Request {
    /// A request that says no more than it must; its label is its URL.
    pub fn new(method: impl Into<String>, url: Template) -> Self {
        Self {
            label: url.clone(),
            method: method.into(),
            url,
            query: Vec::new(),
            headers: Vec::new(),
            body: Body::None,
            timeout_ms: DEFAULT_TIMEOUT_MS,
            redirects: DEFAULT_REDIRECTS,
            version: None,
            auth: None,
            expect: Expect::Success,
            checks: Vec::new(),
            extract: Vec::new(),
            resources: false,
        }
    }
}

/// What a request sends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// Text as it is; JSON too, which readers write out and give its content type.
    Text(Template),
    /// Fields, percent-encoded.
    Form(Vec<(String, Template)>),
    /// Parts, with a boundary of the worker's choice.
    Multipart(Vec<Part>),
    /// Bytes as they are: a file that was read with the scenario.
    Bytes(#[serde(with = "crate::bytes")] Vec<u8>),
}

impl Body {
    fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

/// A part of a multipart body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// The field's name.
    pub name: String,
    /// As which file it is sent, if as a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// Its type, unless `text/plain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// What it holds.
    pub content: PartContent,
}

/// What a part holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PartContent {
    /// Text.
    Text(Template),
    /// Bytes of a file.
    Bytes(#[serde(with = "crate::bytes")] Vec<u8>),
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Version {
    /// HTTP/2 where TLS agrees on it, HTTP/1.1 otherwise.
    #[serde(rename = "auto")]
    Auto,
    /// HTTP/1.1.
    #[default]
    #[serde(rename = "1.1")]
    Http1,
    /// HTTP/2 and nothing else; without TLS, by prior knowledge.
    #[serde(rename = "2")]
    Http2,
}

/// How a request says who sends it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Auth {
    /// User and password.
    Basic {
        /// The user.
        user: Template,
        /// The password.
        password: Template,
    },
    /// A token.
    Bearer {
        /// The token.
        token: Template,
    },
    /// A session of a Cognito user pool, one per virtual user, refreshed before it ends; its ID token is sent as bearer.
    Cognito {
        /// The region of the pool.
        region: String,
        /// The app client, one without a secret that allows user and password.
        client_id: Template,
        /// The user.
        user: Template,
        /// The password.
        password: Template,
    },
    /// A signature of AWS's kind, version 4.
    SigV4 {
        /// Such as `execute-api`.
        service: String,
        /// Such as `eu-west-1`.
        region: String,
        /// Keys, unless the worker's own role signs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keys: Option<Keys>,
    },
}

/// Keys of AWS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Keys {
    /// The access key's id.
    pub access_key_id: Template,
    /// The key itself.
    pub secret_access_key: Template,
    /// The token of temporary keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_token: Option<Template>,
}

/// What a response must be for its sample to be a success.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Expect {
    /// Any status from 200 to 399, as k6 and JMeter have it.
    #[default]
    Success,
    /// One of these statuses.
    Status(Vec<u16>),
    /// Any answer at all; checks say what is good.
    Any,
}

impl Expect {
    /// Whether a response with this status is a success.
    pub fn accepts(&self, status: u16) -> bool {
        match self {
            Self::Success => (200..400).contains(&status),
            Self::Status(statuses) => statuses.contains(&status),
            Self::Any => true,
        }
    }
}

fn default_redirects() -> u32 {
    DEFAULT_REDIRECTS
}
