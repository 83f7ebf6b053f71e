//! What went over the wire for one sample, and when.

use std::time::Duration;

use crate::clock::Instant;

/// What went over the wire for one sample: redirects and retries included.
///
/// Durations add up over redirects and retries, so that together they are never more than the sample took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    /// Requests that were put on the wire, wholly or in part.
    pub requests: u64,
    /// How many of them were sent again on a new connection.
    pub retries: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    /// Name resolution, TCP and TLS, when a connection was opened.
    pub connecting: Option<Duration>,
    /// Waiting for a connection that another user opens, for a free stream on one that is shared, or for the end of the rest
    /// that follows a connection that failed.
    pub blocked: Option<Duration>,
    /// Name resolution, when a connection was opened.
    pub dns: Option<Duration>,
    /// TCP, and the proxy's agreement when there is a proxy.
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// From the first byte sent to the last.
    pub sending: Option<Duration>,
    /// From the last byte sent to the first byte received.
    pub waiting: Option<Duration>,
    /// From the first byte received to the last.
    pub receiving: Option<Duration>,
    /// When the last byte arrived.
    pub last_byte_at: Option<Instant>,
    /// Now, if nothing has happened since the clock was read.
    pub now: Option<Instant>,
}

impl Traffic {
    /// Now, once without looking at the clock if somebody has just done so.
    pub fn now(&mut self) -> Instant {
        self.now.take().unwrap_or_else(Instant::now)
    }
}

/// Adds a stretch of time to a phase.
pub fn add(phase: &mut Option<Duration>, stretch: Duration) {
    *phase.get_or_insert_default() += stretch;
}
