//! The named errors of a sample: each way in which a request can end without a response.

/// Why a request has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Fault {
    /// Nobody listens there.
    ConnectRefused,
    /// No connection (TCP and TLS) in time.
    ConnectTimeout,
    /// No connection, for another reason: no route, network down.
    ConnectFailed,
    /// This machine has no socket or local port left: the generator's limit, not the target's.
    OutOfSockets,
    /// The host's name has no address, or no name server answered in time.
    DnsFailed,
    /// The TLS handshake or session failed: certificate, version, alert.
    TlsFailed,
    /// The proxy did not open a way to the target.
    ProxyRefused,
    /// No complete response in time.
    RequestTimeout,
    /// The peer reset the connection.
    ConnectionReset,
    /// The peer closed the connection before the response was complete.
    ConnectionClosedEarly,
    /// The response is not HTTP/1.1.
    MalformedResponse,
    /// The response's head is over 64 KiB or 128 headers.
    HeadTooLarge,
    /// A body that a step looks at is over 16 MiB, packed or unpacked.
    BodyTooLarge,
    /// A body that a step looks at is not packed as its head says.
    UndecodableBody,
    /// The peer broke the rules of HTTP/2.
    Http2Violation,
    /// The peer sent HTTP/2 frames without end that carry nothing.
    Http2Flood,
    /// The peer reset the stream of an HTTP/2 request.
    StreamReset,
    /// The peer refused the stream of an HTTP/2 request unseen, and again on a new connection.
    StreamRefused,
    /// The peer does not agree to speak HTTP/2, and nothing else may be spoken.
    NotHttp2,
    /// The peer did not agree to speak WebSocket.
    WebSocketRefused,
    /// The peer broke the rules of WebSocket, or a message is over 16 MiB.
    WebSocketFailed,
    /// The peer closed the WebSocket before the answer came.
    WebSocketClosed,
    /// The response is no gRPC response, or its message is not of the described type.
    GrpcFailed,
    /// What was to be connected to is no `host:port`.
    NoAddress,
    /// Redirected more often than the step allows.
    TooManyRedirects,
    /// Redirected to something that is no `http` or `https` URL.
    BadRedirect,
    /// What a step filled in is no request that can be sent: no URL, or a header with a line end.
    CannotBeSent,
    /// Nobody gave the virtual user a token or the worker its keys.
    SignInFailed,
    /// Something that a step keeps was not found in the answer.
    ExtractFailed,
    /// Something that the page embeds did not come.
    ResourceFailed,
    /// Sent, and cut off at the end of the graceful stop.
    Interrupted,
    /// Cut off at the end of the graceful stop before anything was sent.
    InterruptedBeforeSending,
}

impl Fault {
    /// Whether there was nobody to talk to, so that trying again at once would only turn in circles.
    pub fn is_unconnected(self) -> bool {
        matches!(
            self,
            Self::ConnectRefused
                | Self::ConnectFailed
                | Self::OutOfSockets
                | Self::DnsFailed
                | Self::NoAddress
                | Self::CannotBeSent
                | Self::SignInFailed
        )
    }

    /// Every fault, in the order of their numbers.
    pub const ALL: [Self; 32] = [
        Self::ConnectRefused,
        Self::ConnectTimeout,
        Self::ConnectFailed,
        Self::OutOfSockets,
        Self::DnsFailed,
        Self::TlsFailed,
        Self::ProxyRefused,
        Self::RequestTimeout,
        Self::ConnectionReset,
        Self::ConnectionClosedEarly,
        Self::MalformedResponse,
        Self::HeadTooLarge,
        Self::BodyTooLarge,
        Self::UndecodableBody,
        Self::Http2Violation,
        Self::Http2Flood,
        Self::StreamReset,
        Self::StreamRefused,
        Self::NotHttp2,
        Self::WebSocketRefused,
        Self::WebSocketFailed,
        Self::WebSocketClosed,
        Self::GrpcFailed,
        Self::NoAddress,
        Self::TooManyRedirects,
        Self::BadRedirect,
        Self::CannotBeSent,
        Self::SignInFailed,
        Self::ExtractFailed,
        Self::ResourceFailed,
        Self::Interrupted,
        Self::InterruptedBeforeSending,
    ];

    /// As outcomes name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConnectRefused => "connect refused",
            Self::ConnectTimeout => "connect timeout",
            Self::ConnectFailed => "connect failed",
            Self::OutOfSockets => "out of sockets",
            Self::DnsFailed => "dns failed",
            Self::TlsFailed => "tls failed",
            Self::ProxyRefused => "proxy refused",
            Self::RequestTimeout => "request timeout",
            Self::ConnectionReset => "connection reset",
            Self::ConnectionClosedEarly => "connection closed early",
            Self::MalformedResponse => "malformed response",
            Self::HeadTooLarge => "head too large",
            Self::BodyTooLarge => "body too large",
            Self::UndecodableBody => "undecodable body",
            Self::Http2Violation => "http2 protocol error",
            Self::Http2Flood => "http2 flood",
            Self::StreamReset => "stream reset",
            Self::StreamRefused => "stream refused",
            Self::NotHttp2 => "not http2",
            Self::WebSocketRefused => "websocket refused",
            Self::WebSocketFailed => "websocket failed",
            Self::WebSocketClosed => "websocket closed",
            Self::GrpcFailed => "malformed grpc response",
            Self::NoAddress => "no such address",
            Self::TooManyRedirects => "too many redirects",
            Self::BadRedirect => "bad redirect",
            Self::CannotBeSent => "cannot be sent",
            Self::SignInFailed => "sign-in failed",
            Self::ExtractFailed => "extract failed",
            Self::ResourceFailed => "resource failed",
            Self::Interrupted => "interrupted",
            Self::InterruptedBeforeSending => "interrupted before sending",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_faults_number_is_its_place_in_the_list() {
        for (number, fault) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(fault as usize, number);
        }
    }
}
