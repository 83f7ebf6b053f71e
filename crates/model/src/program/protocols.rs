//! Conversations that are not HTTP requests: WebSocket, gRPC and plain TCP.

use serde::{Deserialize, Serialize};

use super::{Check, Extract, Pause, is_false};
use crate::template::Template;

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
