//! The worker against real servers on the loopback: what it says must be what the server saw.

mod accuracy;
mod counts;
mod job;
mod life;
mod s3;
mod server;
mod timing;
mod tls;
mod witness;
