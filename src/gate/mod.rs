//! The gate of a pipeline: run a scenario, wait, judge it, and say so in every form that a CI reads. It fails closed.
//!
//! `question` is what is asked, `conclusion` what came out, `report` how it is told; these think. `deployed` runs the
//! scenario on an environment, which `api`, `sign_in` and `live` reach; on this machine `run::here` does.

pub mod api;
pub mod baseline;
pub mod conclusion;
pub mod deployed;
pub mod environment;
mod follower;
pub mod live;
pub mod question;
pub mod report;
pub mod sign_in;
