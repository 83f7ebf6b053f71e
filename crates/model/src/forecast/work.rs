//! What one iteration of a flow is: how many requests, how much thinking, how many bytes.

use super::Spread;
use crate::{
    program::{Body, Part, PartContent, Pause, Request, SocketAction, Step, TcpBytes},
    template::{self, Template},
};

/// Characters that a hole is reckoned with.
const HOLE_BYTES: f64 = 16.0;
/// Bytes of a request beside what the scenario says: method, version, host, length, line ends.
const HEAD_BYTES: f64 = 60.0;

/// One iteration, on average.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Work {
    pub requests: Spread,
    pub think_ms: f64,
    pub bytes: f64,
}

impl Work {
    /// Steps one after the other; what had to be assumed is added to what is told.
    pub(super) fn of(steps: &[Step], told: &mut Vec<String>) -> Self {
        steps.iter().fold(Self::default(), |sum, step| sum.and(Self::of_step(step, told)))
    }

    fn of_step(step: &Step, told: &mut Vec<String>) -> Self {
        let mut tell = |text: &str| {
            if !told.iter().any(|known| known == text) {
                told.push(text.to_owned());
            }
        };
        match step {
            Step::Request(request) => Self::requests(1.0, bytes_of(request)),
            Step::Pause(pause) => Self::thinking(pause),
            Step::Group { steps, .. } => Self::of(steps, told),
            Step::Set(_) | Step::Measure { .. } => Self::default(),
            Step::If { then, otherwise, .. } => {
                tell("an `if` goes each way half of the times");
                let (then, otherwise) = (Self::of(then, told), Self::of(otherwise, told));
                Self::either([(0.5, then), (0.5, otherwise)])
            }
            Step::Loop { times, steps } => {
                let known = times.as_literal().and_then(|text| text.parse::<f64>().ok());
                if known.is_none() {
                    tell("a `loop` whose number is computed takes one turn");
                }
                Self::of(steps, told).times(known.unwrap_or(1.0), known)
            }
            Step::While { steps, most, .. } => {
                tell("a `while` takes one turn");
                #[expect(clippy::cast_precision_loss, reason = "turns are bounded")]
                let most = *most as f64;
                let once = Self::of(steps, told);
                let requests = Spread { least: 0.0, most: once.requests.most * most, ..once.requests };
                Self { requests, ..once }
            }
            Step::ForEach { steps, .. } => {
                tell("a `foreach` has one item");
                let once = Self::of(steps, told);
                Self { requests: Spread { least: 0.0, ..once.requests }, ..once }
            }
            Step::Choose(branches) => {
                let total: f64 = branches.iter().map(|branch| f64::from(branch.weight)).sum();
                let ways: Vec<(f64, Self)> = branches
                    .iter()
                    .map(|branch| (f64::from(branch.weight) / total.max(1.0), Self::of(&branch.steps, told)))
                    .collect();
                Self::either(ways)
            }
            Step::WebSocket(socket) => {
                socket.actions.iter().fold(Self::requests(1.0, HEAD_BYTES + size(&socket.url)), |sum, action| {
                    match action {
                        SocketAction::Send(text) => sum.and(Self::requests(0.0, size(text))),
                        SocketAction::SendBytes(bytes) => sum.and(Self::requests(0.0, length(bytes))),
                        SocketAction::Receive { .. } => sum.and(Self::requests(1.0, 0.0)),
                        SocketAction::Pause(pause) => sum.and(Self::thinking(pause)),
                    }
                })
            }
            Step::Grpc(call) => Self::requests(1.0, HEAD_BYTES + size(&call.message) + fields(&call.metadata)),
            Step::Tcp(tcp) => {
                let bytes = match &tcp.send {
                    TcpBytes::Text(text) => size(text),
                    TcpBytes::Bytes(bytes) => length(bytes),
                };
                Self::requests(1.0, bytes)
            }
        }
    }

    fn requests(count: f64, bytes: f64) -> Self {
        Self { requests: Spread { least: count, mean: count, most: count }, think_ms: 0.0, bytes }
    }

    #[expect(clippy::cast_precision_loss, reason = "pauses are far below 2^53 milliseconds")]
    fn thinking(pause: &Pause) -> Self {
        let think_ms = match pause {
            Pause::Constant { ms } => *ms as f64,
            Pause::Uniform { min_ms, max_ms } => (*min_ms as f64 + *max_ms as f64) / 2.0,
            Pause::Normal { mean_ms, .. } | Pause::Poisson { mean_ms } => *mean_ms as f64,
        };
        Self { think_ms, ..Self::default() }
    }

    fn and(self, other: Self) -> Self {
        let (own, others) = (self.requests, other.requests);
        let requests =
            Spread { least: own.least + others.least, mean: own.mean + others.mean, most: own.most + others.most };
        Self { requests, think_ms: self.think_ms + other.think_ms, bytes: self.bytes + other.bytes }
    }

    fn times(self, turns: f64, known: Option<f64>) -> Self {
        let Spread { least, mean, most } = self.requests;
        let requests = Spread { least: least * known.unwrap_or(0.0), mean: mean * turns, most: most * turns };
        Self { requests, think_ms: self.think_ms * turns, bytes: self.bytes * turns }
    }

    fn either(ways: impl IntoIterator<Item = (f64, Self)>) -> Self {
        let ways: Vec<(f64, Self)> = ways.into_iter().collect();
        let mean = |part: fn(&Self) -> f64| ways.iter().map(|(share, work)| share * part(work)).sum::<f64>();
        let taken = || ways.iter().filter(|(share, _)| *share > 0.0).map(|(_, work)| work.requests);
        let least = taken().map(|requests| requests.least).fold(f64::INFINITY, f64::min);
        let requests = Spread {
            least: if least.is_finite() { least } else { 0.0 },
            mean: mean(|work| work.requests.mean),
            most: taken().map(|requests| requests.most).fold(0.0, f64::max),
        };
        Self { requests, think_ms: mean(|work| work.think_ms), bytes: mean(|work| work.bytes) }
    }
}

fn bytes_of(request: &Request) -> f64 {
    let body = match &request.body {
        Body::None => 0.0,
        Body::Text(text) => size(text),
        Body::Form(pairs) => fields(pairs),
        Body::Multipart(parts) => parts.iter().map(part).sum(),
        Body::Bytes(bytes) => length(bytes),
    };
    HEAD_BYTES + size(&request.url) + fields(&request.query) + fields(&request.headers) + body
}

fn part(part: &Part) -> f64 {
    let content = match &part.content {
        PartContent::Text(text) => size(text),
        PartContent::Bytes(bytes) => length(bytes),
    };
    HEAD_BYTES + length(part.name.as_bytes()) + content
}

/// Names and values with four bytes between and behind.
fn fields(fields: &[(String, Template)]) -> f64 {
    fields.iter().map(|(name, value)| length(name.as_bytes()) + size(value) + 4.0).sum()
}

fn size(template: &Template) -> f64 {
    let part = |part: &template::Part| match part {
        template::Part::Text(text) => length(text.as_bytes()),
        template::Part::Hole(_) => HOLE_BYTES,
    };
    template.parts().iter().map(part).sum()
}

#[expect(clippy::cast_precision_loss, reason = "bodies are bounded")]
fn length(bytes: &[u8]) -> f64 {
    bytes.len() as f64
}
