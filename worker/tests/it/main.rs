//! The worker against real servers on the loopback: what it says must be what the server saw.

mod client;
mod counts;
mod hostile;
mod http2;
mod job;
mod life;
mod peers;
mod s3;
mod server;
mod timing;
mod tls;
