//! The transport: a request's bytes in, a response's head and timings out. Nothing above this knows a socket.

mod alarm;
mod answer;
mod body;
mod chunked;
mod conversation;
mod dial;
mod dns;
mod head;
mod inflate;
mod origin;
mod response;
mod session;
mod stream;
mod tls;
mod traffic;

pub use answer::{Answer, Want};
pub use dial::Wire;
#[cfg(feature = "s3")]
pub use dns::StoreNames;
pub use origin::Origin;
pub use session::Session;
pub use tls::Roots;
pub use traffic::Traffic;
