//! The transport: a request's bytes in, a response's head and timings out. Nothing above this knows a socket.
//!
//! * [`Wire`] is what the users of one thread share; it is made from the program's `Client`, whose templates are filled in.
//! * [`Session`] is one user's connections. [`Session::exchange`] sends one request, over HTTP/1.1 or HTTP/2 as the client,
//!   the request and the peer have it, and answers with what [`Want`] asks for.
//! * [`WebSocketSession`] is a conversation over a WebSocket: connect, send, receive, idle, close.
//! * [`GrpcMethod`] is compiled once from its descriptors; [`call_grpc`] calls it over a session's HTTP/2 connection.
//! * [`call_tcp`] sends bytes over a bare connection and reads what comes back.
//! * [`Traffic`] is what each of them cost: requests, bytes and the time of each phase; true at every moment.

mod alarm;
mod answer;
mod anyone;
mod body;
pub mod chance;
mod chunked;
mod conversation;
mod dial;
mod dns;
mod grpc;
mod head;
mod heads;
mod http2;
mod inflate;
mod origin;
mod percent;
mod proxy;
mod response;
mod session;
mod socket;
mod stream;
mod tcp;
mod tls;
mod traffic;
mod websocket;

pub use answer::{Answer, Details, Want};
pub use dial::Wire;
#[cfg(feature = "s3")]
pub use dns::StoreNames;
pub use grpc::{GrpcMethod, call_grpc};
pub use http2::of_head;
pub use origin::Origin;
pub use session::Session;
pub use tcp::call_tcp;
pub use tls::Roots;
pub use traffic::Traffic;
pub use websocket::{Message, WebSocketSession};

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
