//! The worker against real servers on the loopback: what it says must be what the server saw.

mod counts;
mod feeds;
mod job;
mod life;
mod s3;
mod secrets;
mod server;
mod sign_in;
mod steps;
mod timing;
mod tls;
