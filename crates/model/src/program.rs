//! What virtual users do: flows of steps, and what all of them share. Formats are read into this; workers run it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{condition::Condition, template::Template};

/// Everything a virtual user can be told to do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Program {
    /// What executions refer to, by name.
    pub flows: BTreeMap<String, Flow>,
    /// Set once for each virtual user before anything else, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<(String, Template)>,
    /// Rows of data; each iteration begins with the next row of each feed, as variables named by the columns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub feeds: Vec<Feed>,
    /// Values that only the worker may know. They are variables too, and never written to a report or a log.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
    /// How connections are made and kept.
    #[serde(skip_serializing_if = "Client::is_default")]
    pub client: Client,
}

impl Program {
    /// Every HTTP request of every flow, in order, however deep.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        self.steps().filter_map(|step| match step {
            Step::Request(request) => Some(&**request),
            _ => None,
        })
    }

    /// Every step of every flow, in order, however deep; those that hold others before what they hold.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        let mut open: Vec<&Step> =
            self.flows.values().rev().flat_map(|flow| flow.steps.iter().rev().chain(flow.start.iter().rev())).collect();
        std::iter::from_fn(move || {
            let step = open.pop()?;
            let mut inner: Vec<&Step> = step.inner().collect();
            inner.reverse();
            open.extend(inner);
            Some(step)
        })
    }
}

impl Step {
    /// Whether it sends something and is counted.
    pub fn is_sample(&self) -> bool {
        matches!(self, Self::Request(_) | Self::WebSocket(_) | Self::Grpc(_) | Self::Tcp(_))
    }

    /// The steps that it holds itself.
    pub fn inner(&self) -> impl Iterator<Item = &Self> {
        let (first, second, branches): (&[Self], &[Self], &[Branch]) = match self {
            Self::Group { steps, .. }
            | Self::Loop { steps, .. }
            | Self::While { steps, .. }
            | Self::ForEach { steps, .. } => (steps, &[], &[]),
            Self::If { then, otherwise, .. } => (then, otherwise, &[]),
            Self::Choose(branches) => (&[], &[], branches),
            _ => (&[], &[], &[]),
        };
        first.iter().chain(second).chain(branches.iter().flat_map(|branch| &branch.steps))
    }
}

/// What a virtual user does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Flow {
    /// Once for each virtual user, before its first iteration: signing in, usually.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub start: Vec<Step>,
    /// In each iteration.
    pub steps: Vec<Step>,
}

/// One thing a virtual user does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Step {
    /// An HTTP request; one sample.
    Request(Box<Request>),
    /// Steps under a common name. A transaction's duration is a sample of its own that counts as no request.
    Group {
        /// The name, put before the labels of nothing: labels stay as they are.
        name: String,
        /// Whether its duration is reported.
        transaction: bool,
        /// In order.
        steps: Vec<Step>,
    },
    /// Thinking.
    Pause(Pause),
    /// Gives variables new values, in order.
    Set(Vec<(String, Template)>),
    /// One of two ways.
    If {
        /// Which.
        condition: Condition,
        /// When it holds.
        then: Vec<Step>,
        /// When it does not.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        otherwise: Vec<Step>,
    },
    /// So many times; the variable `index` counts from 0.
    Loop {
        /// A whole number, once rendered.
        times: Template,
        /// In order.
        steps: Vec<Step>,
    },
    /// As long as a condition holds, checked before each turn, and never more often than the bound.
    While {
        /// What must hold.
        condition: Condition,
        /// In order.
        steps: Vec<Step>,
        /// The bound, so that no iteration lasts for ever.
        most: u64,
    },
    /// Once for each item that an extraction of all matches, or a JSON array, left in a variable.
    ForEach {
        /// The variable that holds the items.
        list: String,
        /// The variable that holds one.
        item: String,
        /// In order.
        steps: Vec<Step>,
    },
    /// One of several ways, by chance.
    Choose(Vec<Branch>),
    /// Adds a value to a metric of the user's own.
    Measure {
        /// Its name.
        metric: String,
        /// What becomes of values.
        kind: MetricKind,
        /// A number, once rendered; for a rate, `true`, `false`, 1 or 0.
        value: Template,
        /// Names and values by which it is split.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tags: Vec<(String, Template)>,
    },
    /// A conversation over a WebSocket; one sample for connecting, and one for each answer awaited.
    WebSocket(Box<WebSocket>),
    /// A unary gRPC call; one sample.
    Grpc(Box<Grpc>),
    /// Bytes over a bare TCP connection, and what comes back; one sample.
    Tcp(Box<Tcp>),
}

/// A way that may be taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Branch {
    /// How often, compared with the others.
    pub weight: u32,
    /// In order.
    pub steps: Vec<Step>,
}

/// How long a virtual user thinks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Pause {
    /// Always so long.
    Constant {
        /// In milliseconds.
        ms: u64,
    },
    /// Anything between two bounds, all alike.
    Uniform {
        /// At least.
        min_ms: u64,
        /// At most.
        max_ms: u64,
    },
    /// Around a mean; never less than nothing.
    Normal {
        /// The mean.
        mean_ms: u64,
        /// The standard deviation.
        deviation_ms: u64,
    },
    /// Exponentially distributed, as the gaps of a Poisson process are.
    Poisson {
        /// The mean.
        mean_ms: u64,
    },
}

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

/// Something that must be true of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Under which name it is counted.
    pub name: String,
    /// What is looked at.
    pub subject: Subject,
    /// What it must be.
    pub test: Test,
    /// Whether it must not be.
    #[serde(default, skip_serializing_if = "is_false")]
    pub not: bool,
}

/// A part of an answer that is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Subject {
    /// The status.
    Status,
    /// The first header of this name.
    Header(String),
    /// The decoded body as text.
    Body,
    /// What a JSONPath (RFC 9535) finds in the decoded body.
    JsonPath(String),
    /// What a CSS selector finds in the decoded body: its text.
    Css(String),
    /// The decoded body's bytes, as a number.
    Size,
    /// The milliseconds from the first byte sent to the last received, as a number.
    Duration,
}

/// What a subject must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Test {
    /// It is there.
    Exists,
    /// The same text, or the same number.
    Equals(Template),
    /// Has this text somewhere.
    Contains(Template),
    /// Has something that the regular expression matches.
    Matches(String),
    /// A number that is not larger.
    AtMost(f64),
    /// A number that is not smaller.
    AtLeast(f64),
}

/// Something of an answer that is kept in a variable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Extract {
    /// The variable.
    pub variable: String,
    /// Where it is found.
    pub from: Source,
    /// Which of several.
    #[serde(default)]
    pub which: Which,
    /// What the variable holds when nothing is found; without it, that is a failure of the sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Template>,
}

/// Where something is found in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Source {
    /// By JSONPath (RFC 9535).
    JsonPath(String),
    /// By regular expression: the group of this number, 0 being the whole match.
    Regex {
        /// The expression.
        pattern: String,
        /// The group.
        group: usize,
    },
    /// A header of this name.
    Header(String),
    /// By CSS selector: an attribute, or the text.
    Css {
        /// The selector.
        selector: String,
        /// The attribute, if not the text.
        attribute: Option<String>,
    },
    /// A cookie that the answer set.
    Cookie(String),
    /// What stands between two texts.
    Between {
        /// Before it.
        left: String,
        /// Behind it.
        right: String,
    },
    /// The status.
    Status,
    /// The whole decoded body.
    Body,
}

/// Which of several that were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Which {
    /// This one, counted from 0.
    At(usize),
    /// Any, by chance.
    Random,
    /// All, as a JSON array.
    All,
}

impl Default for Which {
    fn default() -> Self {
        Self::At(0)
    }
}

/// Rows of data, read with the scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Feed {
    /// For messages: the file's name.
    pub name: String,
    /// The variables that a row sets.
    pub columns: Vec<String>,
    /// Each as long as the columns are many.
    pub rows: Vec<Vec<String>>,
    /// Which row comes next.
    pub order: FeedOrder,
    /// Whether the rows begin anew at the end; otherwise the user that finds none is done.
    pub repeat: bool,
}

/// Which row of a feed comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeedOrder {
    /// Row by row; every worker has all rows, its users share them.
    Sequential,
    /// Any, by chance.
    Random,
    /// Each row once in the whole run: workers and threads have rows of their own.
    Unique,
    /// Row by row, and workers and threads have rows of their own.
    Partitioned,
}

/// A value that only the worker may know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// The variable.
    pub name: String,
    /// Where it is kept.
    pub source: SecretSource,
}

/// Where a secret is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SecretSource {
    /// A parameter of Parameter Store.
    Parameter {
        /// Its name.
        name: String,
    },
    /// A secret of Secrets Manager.
    SecretsManager {
        /// Its name or ARN.
        id: String,
        /// One key of it, when it is a JSON object.
        key: Option<String>,
    },
    /// A variable of the worker's environment.
    Environment {
        /// Its name.
        name: String,
    },
}

/// How connections are made and kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Client {
    /// Which version of HTTP.
    pub version: Version,
    /// How HTTP/2 shares connections.
    pub http2: Http2,
    /// Which connections are used again.
    pub reuse: Reuse,
    /// Whether cookies are kept and sent.
    pub cookies: Cookies,
    /// Asks for compressed answers (`gzip, br, zstd`) unless a request has its own Accept-Encoding.
    pub compression: bool,
    /// Certificates and versions of TLS.
    pub tls: Tls,
    /// How names become addresses.
    pub dns: Dns,
    /// Local addresses that connections are made from, in turn.
    pub source_addresses: Vec<core::net::IpAddr>,
    /// An HTTP proxy, `http://host:port`; `https` targets by CONNECT.
    pub proxy: Option<Template>,
    /// Labels for URLs: the first pattern that matches gives the label of a request without one.
    pub url_groups: Vec<UrlGroup>,
}

impl Client {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How HTTP/2 shares connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Http2 {
    /// How many virtual users of one thread share a connection; 1 gives each its own.
    pub users_per_connection: u32,
}

impl Default for Http2 {
    fn default() -> Self {
        Self { users_per_connection: 1 }
    }
}

/// Which connections are used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reuse {
    /// A virtual user keeps its connections.
    #[default]
    User,
    /// They are closed at the end of each iteration.
    Iteration,
    /// Every request has its own.
    Never,
}

/// What becomes of cookies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cookies {
    /// A virtual user has a jar, emptied at the end of each iteration, as k6 does.
    #[default]
    Iteration,
    /// It keeps its jar, as JMeter does unless told otherwise.
    User,
    /// Cookies are ignored.
    Off,
}

/// Certificates and versions of TLS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tls {
    /// Whether any certificate of the target is good.
    pub insecure: bool,
    /// Certificates (PEM) that are trusted besides the machine's own.
    pub ca: Option<String>,
    /// The client's own certificate chain (PEM).
    pub certificate: Option<String>,
    /// Its key (PEM); usually the variable of a secret.
    pub key: Option<Template>,
    /// The name asked for and verified, if not the host's.
    pub server_name: Option<String>,
    /// The oldest version that is good.
    pub min_version: Option<TlsVersion>,
    /// The newest.
    pub max_version: Option<TlsVersion>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TlsVersion {
    /// 1.2.
    #[serde(rename = "1.2")]
    V1_2,
    /// 1.3.
    #[serde(rename = "1.3")]
    V1_3,
}

/// How names become addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Dns {
    /// How long an answer is kept, if not as long as it says.
    pub ttl_ms: Option<u64>,
    /// Names that need no question: `host` or `host:port` to an address.
    pub hosts: BTreeMap<String, core::net::IpAddr>,
    /// Which family is tried first.
    pub prefer: Family,
}

/// A family of addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Family {
    /// IPv4 first.
    #[default]
    V4,
    /// IPv6 first.
    V6,
    /// IPv4 and nothing else.
    OnlyV4,
    /// IPv6 and nothing else.
    OnlyV6,
}

/// A label for URLs of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UrlGroup {
    /// A regular expression on the whole URL.
    pub pattern: String,
    /// The label.
    pub label: String,
}

/// What becomes of the values of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MetricKind {
    /// They are added up.
    Counter,
    /// The last, the least and the largest are kept.
    Gauge,
    /// The share of those that are true.
    Rate,
    /// Their distribution.
    Trend,
}

/// A conversation over a WebSocket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebSocket {
    /// The label of its samples.
    pub label: Template,
    /// `ws` or `wss`, once rendered.
    pub url: Template,
    /// Besides the handshake's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, Template)>,
    /// Protocols that are offered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protocols: Vec<String>,
    /// For the handshake, and for each answer awaited.
    pub timeout_ms: u64,
    /// In order; at the end the connection is closed. An answer that does not come, or a connection that breaks, ends the
    /// conversation, and all checks that were still to come fail.
    pub actions: Vec<SocketAction>,
}

/// One part of a conversation over a WebSocket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SocketAction {
    /// Sends a text message.
    Send(Template),
    /// Sends a binary message.
    SendBytes(#[serde(with = "crate::bytes")] Vec<u8>),
    /// Waits for a message that passes all checks; others are skipped, and counted by `websocket_messages_skipped`.
    /// What is sent right before it is a part of its sample.
    Receive {
        /// On its text as [`Subject::Body`] or [`Subject::JsonPath`].
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        checks: Vec<Check>,
        /// What is kept of it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        extract: Vec<Extract>,
    },
    /// Waits, answering pings and counting messages as skipped.
    Pause(Pause),
}

/// A unary gRPC call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grpc {
    /// The label of its samples.
    pub label: Template,
    /// `http` or `https` with host and port, once rendered.
    pub url: Template,
    /// `package.Service/Method`.
    pub method: String,
    /// A `FileDescriptorSet` that describes it, made when the scenario was read.
    #[serde(with = "crate::bytes")]
    pub descriptors: Vec<u8>,
    /// The message as JSON, once rendered.
    pub message: Template,
    /// Besides the call's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metadata: Vec<(String, Template)>,
    /// For the whole call.
    pub timeout_ms: u64,
    /// On the answer as JSON; [`Subject::Status`] is the gRPC status. Without a check on it, 0 is the success. With any other
    /// status there is no answer, and [`Subject::Body`] is the peer's message about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// What is kept of the answer as JSON.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extract: Vec<Extract>,
}

/// Bytes over a bare TCP connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tcp {
    /// The label of its samples.
    pub label: Template,
    /// `host:port`, once rendered.
    pub address: Template,
    /// Whether TLS is spoken.
    #[serde(default, skip_serializing_if = "is_false")]
    pub tls: bool,
    /// What is sent.
    pub send: TcpBytes,
    /// Where the answer ends; none is awaited without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<TcpUntil>,
    /// For connecting, and again for the rest.
    pub timeout_ms: u64,
    /// On the answer as [`Subject::Body`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// What is kept of the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extract: Vec<Extract>,
}

/// What is sent over TCP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TcpBytes {
    /// Text.
    Text(Template),
    /// Bytes.
    Bytes(#[serde(with = "crate::bytes")] Vec<u8>),
}

/// Where an answer over TCP ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TcpUntil {
    /// With this text.
    Text(String),
    /// After so many bytes.
    Bytes(u64),
    /// When the peer closes.
    Close,
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

/// Headers without holes.
pub fn templates(headers: &[(String, String)]) -> Vec<(String, Template)> {
    headers.iter().map(|(name, value)| (name.clone(), Template::literal(value))).collect()
}

/// A request, and thinking after it when there is any.
pub fn with_pause(request: Request, ms: u64) -> Vec<Step> {
    let pause = (ms > 0).then_some(Step::Pause(Pause::Constant { ms }));
    std::iter::once(Step::Request(Box::new(request))).chain(pause).collect()
}

/// How long one request may take unless the scenario says otherwise.
pub const DEFAULT_TIMEOUT_MS: u64 = 30_000;

/// How many redirects are followed unless the scenario says otherwise, as k6 has it.
pub const DEFAULT_REDIRECTS: u32 = 10;

fn default_redirects() -> u32 {
    DEFAULT_REDIRECTS
}

impl Body {
    fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !*value
}
