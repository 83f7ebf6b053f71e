//! What every tool is told to do, in words that all of them have.

use crate::server::{Protocol, Stall};

/// One piece of load.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    pub kind: Kind,
    pub protocol: Protocol,
    /// Virtual users.
    pub users: u64,
    /// How many of them share a connection, each with a stream of its own; 1 everywhere but over HTTP/2.
    pub streams: u64,
    pub secs: u64,
    /// What the server does meanwhile.
    pub stall: Option<Stall>,
}

/// What users do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ask for the page, again and again.
    Steady,
    /// Ask for a token, check the answer, order something with the token, check the answer.
    Scenario,
    /// Ask for the page at this rate per second, whoever is free.
    Open { rate: u64 },
    /// Ask for the page, and think for so long before the next time.
    Thinking { pause_ms: u64 },
}

/// Which processors are whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub server: Vec<usize>,
    pub client: Vec<usize>,
}
