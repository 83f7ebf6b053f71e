//! The transport: a request's bytes in, a response's head and timings out. Nothing above this knows a socket.

mod alarm;
mod chunked;
mod dial;
mod dns;
mod head;
mod origin;
mod response;
mod session;
mod stream;
mod tls;

pub use dial::Wire;
#[cfg(feature = "s3")]
pub use dns::StoreNames;
pub use origin::Origin;
pub use session::{Answer, Session, Traffic};
pub use tls::Roots;
