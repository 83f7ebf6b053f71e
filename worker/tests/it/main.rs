//! The worker against real servers on the loopback: what it says must be what the server saw.

mod accuracy;
mod client;
mod counts;
mod executors;
mod feeds;
mod fronts;
mod hostile;
mod http2;
mod job;
mod life;
mod measures;
mod peers;
mod protocols;
mod reach;
mod s3;
mod secrets;
mod server;
mod sign_in;
mod steps;
mod talkers;
mod timing;
mod tls;
mod witness;
