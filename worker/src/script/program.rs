//! The compiled program: what every virtual user of a worker runs, and what none of them changes.

use std::time::Duration;

use dlt_model::program::{Cookies, Expect, MetricKind, Pause, Reuse};
use regex::Regex;

use super::{
    auth::Auth,
    check::Check,
    draft::Draft,
    extract::Extract,
    feeds::Feed,
    logic::Logic,
    names::Names,
    protocols::{Grpc, Tcp, WebSocket},
    value::{Slot, Text},
};
use crate::{
    request::{Rendered, Target},
    secrets::Secrets,
    transport::Want,
};

/// Everything that the virtual users of a worker can be told to do.
pub struct Scripts {
    pub flows: Vec<Flow>,
    pub names: Tables,
    pub feeds: Vec<Feed>,
    /// How many variables there are.
    pub slots: usize,
    /// Set once for each user, in order.
    pub variables: Vec<(Slot, Text)>,
    pub cookies: Cookies,
    pub reuse: Reuse,
    pub url_groups: Vec<(Regex, String)>,
    pub secrets: Secrets,
    /// What chance begins with, together with the user's number.
    pub seed: String,
    pub worker: u32,
}

/// The names under which things are counted.
pub struct Tables {
    pub labels: Names,
    pub checks: Names,
    pub metrics: Names,
    pub transactions: Names,
}

impl Scripts {
    /// Where the flow of this name is.
    pub fn place_of_flow(&self, name: &str) -> Option<usize> {
        self.flows.iter().position(|flow| flow.name == name)
    }
}

/// What a virtual user does.
pub struct Flow {
    pub name: String,
    pub start: Box<[Op]>,
    pub steps: Box<[Op]>,
}

/// One instruction. Steps that hold others become jumps, so that a user needs no stack of futures.
pub enum Op {
    Request(Box<Request>),
    WebSocket(Box<WebSocket>),
    Grpc(Box<Grpc>),
    Tcp(Box<Tcp>),
    Pause(Pause),
    Set(Box<[(Slot, Text)]>),
    Measure(Box<Measure>),
    /// A transaction begins, or a group that is none.
    Enter(Option<usize>),
    Leave,
    Jump(usize),
    /// Goes there unless the condition holds.
    Unless(Logic, usize),
    /// Begins a loop of so many turns.
    Turns(Text),
    /// Begins the next turn or goes behind the loop.
    Turn {
        index: Slot,
        end: usize,
    },
    /// Begins a loop that lasts as long as a condition, and at most so many turns.
    While(u64),
    /// Begins the next turn if the condition holds, or goes behind the loop.
    Holds {
        condition: Logic,
        end: usize,
    },
    /// Begins a loop over the items of a list.
    Items(Slot),
    /// Begins the turn of the next item or goes behind the loop.
    Item {
        item: Slot,
        end: usize,
    },
    /// Goes to one of several places, by chance: weights added up, and where to.
    Choose(Box<[(u64, usize)]>),
}

/// A value for a metric of the user's own.
pub struct Measure {
    pub metric: Box<str>,
    pub kind: MetricKind,
    pub value: Text,
    pub tags: Box<[(Box<str>, Text)]>,
    /// Its place, when its tags never change.
    pub fixed: Option<usize>,
}

/// A request, ready to be sent or nearly so.
pub struct Request {
    pub label: Label,
    pub form: Form,
    pub auth: Option<Auth>,
    pub expect: Expect,
    /// For connecting, and again for the rest of the request.
    pub timeout: Duration,
    pub redirects: u32,
    pub want: Want,
    pub checks: Box<[Check]>,
    pub extract: Box<[Extract]>,
    pub resources: bool,
}

/// Where samples are counted.
pub enum Label {
    Fixed(usize),
    Text(Text),
    /// Under the label of the first group that the URL belongs to.
    Url,
}

/// What is sent.
pub enum Form {
    /// The same bytes each time.
    Fixed(Box<Fixed>),
    Draft(Box<Draft>),
}

/// A request without holes.
pub struct Fixed {
    pub target: Target,
    pub rendered: Rendered,
}

impl Request {
    /// Whether the answer's body or headers are looked at.
    pub fn is_looked_at(&self) -> bool {
        !self.checks.is_empty() || !self.extract.is_empty()
    }

    /// Who expects a redirect by its status wants to see it, not where it leads.
    pub fn expects(&self, status: u16) -> bool {
        matches!(&self.expect, Expect::Status(statuses) if statuses.contains(&status))
    }
}
