//! Steps that are no HTTP request, compiled: conversations over a WebSocket, gRPC calls, bytes over TCP.

use std::time::Duration;

use dlt_model::program::{Pause, TcpUntil};
use url::Url;

use super::{
    check::Check,
    extract::Extract,
    program::Label,
    value::{Scope, Text},
};
use crate::{
    request::{Rendered, check_header},
    transport::{GrpcMethod, Message, Origin},
};

/// What an answer that has no status of its own is counted as: the number that JMeter gives to such samples.
pub const ANSWERED: u16 = 200;
/// What an agreement to speak WebSocket is counted as: its status.
pub const AGREED: u16 = 101;
/// The counter of messages over WebSockets that nobody awaited.
pub const SKIPPED: &str = "websocket_messages_skipped";

/// What must be true of an answer, and what is kept of it.
pub struct Exam {
    pub checks: Box<[Check]>,
    pub extract: Box<[Extract]>,
}

/// A conversation over a WebSocket.
pub struct WebSocket {
    pub label: Label,
    pub url: Text,
    pub headers: Vec<(String, Text)>,
    pub protocols: Vec<String>,
    /// For connecting, for the handshake, and for each answer.
    pub timeout: Duration,
    pub actions: Box<[Action]>,
    /// Where messages are counted that nobody awaited.
    pub skipped: usize,
}

/// A part of a conversation.
pub enum Action {
    Send(Sent),
    /// Waits for an answer. What is said right before it is a part of the same sample.
    Receive {
        question: Option<Sent>,
        exam: Exam,
    },
    Pause(Pause),
}

/// What is sent in one piece.
pub enum Sent {
    Text(Text),
    Bytes(Vec<u8>),
}

/// A unary gRPC call.
pub struct Grpc {
    pub label: Label,
    pub method: GrpcMethod,
    pub url: Text,
    pub metadata: Vec<(String, Text)>,
    pub message: Text,
    /// The request, when nothing in it ever changes.
    pub fixed: Option<Box<Rendered>>,
    pub timeout: Duration,
    /// Whether a check says which status is a success; otherwise it is 0.
    pub judges_status: bool,
    pub exam: Exam,
}

/// Bytes over a bare TCP connection.
pub struct Tcp {
    pub label: Label,
    pub address: Text,
    pub tls: bool,
    pub send: Sent,
    pub until: Option<TcpUntil>,
    /// For connecting, and again for the rest.
    pub timeout: Duration,
    pub exam: Exam,
}

impl Sent {
    /// As bytes.
    pub fn bytes(&self, scope: &mut Scope<'_>) -> Vec<u8> {
        match self {
            Self::Text(text) => text.get(scope).into_bytes(),
            Self::Bytes(bytes) => bytes.clone(),
        }
    }

    /// As a message.
    pub fn message(&self, scope: &mut Scope<'_>) -> Message {
        match self {
            Self::Text(text) => Message::Text(text.get(scope)),
            Self::Bytes(bytes) => Message::Binary(bytes.clone()),
        }
    }
}

impl Grpc {
    /// The request as it is now.
    ///
    /// # Errors
    /// Says what cannot be sent.
    pub fn render(&self, url: &str, scope: &mut Scope<'_>) -> Result<Rendered, String> {
        let metadata = filled(&self.metadata, scope);
        self.method.render(&http_url(url)?, &metadata, &self.message.get(scope))
    }
}

/// Names and values as they are now.
pub fn filled(pairs: &[(String, Text)], scope: &mut Scope<'_>) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| (name.clone(), value.get(scope))).collect()
}

/// The URL of a call.
///
/// # Errors
/// Says why it is none.
pub fn http_url(text: &str) -> Result<Url, String> {
    let url = url_of(text)?;
    Origin::of(&url).ok_or_else(|| format!("`{text}` is not an absolute http or https URL"))?;
    Ok(url)
}

/// The URL of a WebSocket.
///
/// # Errors
/// Says why it is none.
pub fn socket_url(text: &str) -> Result<Url, String> {
    let url = url_of(text)?;
    let is_socket = matches!(url.scheme(), "ws" | "wss") && url.has_host();
    if is_socket { Ok(url) } else { Err(format!("`{text}` is not an absolute ws or wss URL")) }
}

/// Refuses headers that could break the framing of a handshake.
///
/// # Errors
/// Says which.
pub fn check_headers(headers: &[(String, String)]) -> Result<(), String> {
    headers.iter().try_for_each(|(name, value)| check_header(name, value, b""))
}

fn url_of(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("`{text}` is not a URL: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the URL carries a user name or password; send an Authorization header instead".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_the_scheme_of_their_protocol_and_carry_no_password() {
        assert!(socket_url("ws://a.test/x").is_ok() && socket_url("wss://a.test").is_ok());
        assert!(http_url("https://a.test:50051").is_ok());
        for text in ["http://a.test/", "a.test", "ws://u:p@a.test/", "ws:"] {
            assert!(socket_url(text).is_err(), "{text}");
        }
        for text in ["ws://a.test/", "a.test:50051", "http://u@a.test/", ""] {
            assert!(http_url(text).is_err(), "{text}");
        }
    }
}
