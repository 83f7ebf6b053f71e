//! The worker against real servers on the loopback: what it says must be what the server saw.

mod accuracy;
mod counts;
mod executors;
mod feeds;
mod job;
mod life;
mod measures;
mod s3;
mod secrets;
mod server;
mod sign_in;
mod steps;
mod timing;
mod tls;
mod witness;
