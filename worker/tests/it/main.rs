//! The worker against real servers on the loopback: what it says must be what the server saw.

mod accuracy;
mod counts;
mod executors;
mod job;
mod life;
mod measures;
mod s3;
mod server;
mod timing;
mod tls;
mod witness;
