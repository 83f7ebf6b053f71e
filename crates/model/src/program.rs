//! What virtual users do: flows of steps, and what all of them share. Formats are read into this; workers run it.

mod client;
mod data;
mod protocols;
mod request;
mod response;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{condition::Condition, template::Template};
pub use client::{Client, Cookies, Dns, Family, Http2, Reuse, Tls, TlsVersion, UrlGroup};
pub use data::{Feed, FeedOrder, Secret, SecretSource};
pub use protocols::{Grpc, SocketAction, Tcp, TcpBytes, TcpUntil, WebSocket};
pub use request::{
    Auth, Body, DEFAULT_REDIRECTS, DEFAULT_TIMEOUT_MS, Expect, Keys, Part, PartContent, Request, Version,
};
pub use response::{Check, Extract, Source, Subject, Test, Which};

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

    /// The labels that samples can have; none where a label is known during the run only.
    pub fn labels(&self) -> Option<BTreeSet<&str>> {
        let groups = self.client.url_groups.iter().map(|group| group.label.as_str());
        let own = self.steps().filter_map(Step::label).map(Template::as_literal);
        own.chain(groups.map(Some)).collect()
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
        self.label().is_some()
    }

    /// Under which name its samples are counted, if it makes any.
    fn label(&self) -> Option<&Template> {
        match self {
            Self::Request(request) => Some(&request.label),
            Self::WebSocket(socket) => Some(&socket.label),
            Self::Grpc(grpc) => Some(&grpc.label),
            Self::Tcp(tcp) => Some(&tcp.label),
            _ => None,
        }
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

/// Headers without holes.
pub fn templates(headers: &[(String, String)]) -> Vec<(String, Template)> {
    headers.iter().map(|(name, value)| (name.clone(), Template::literal(value))).collect()
}

/// A request, and thinking after it when there is any.
pub fn with_pause(request: Request, ms: u64) -> Vec<Step> {
    let pause = (ms > 0).then_some(Step::Pause(Pause::Constant { ms }));
    std::iter::once(Step::Request(Box::new(request))).chain(pause).collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !*value
}
