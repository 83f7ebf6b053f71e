//! The gate of a pipeline: run a scenario, wait, judge it, and say so in every form that a CI reads. It fails closed.
//!
//! `question` is what is asked, `conclusion` what came out, `report` how it is told; these think. `here` and `deployed` run
//! the scenario on this machine or on an environment, `api`, `sign_in` and `live` reach the environment, `screen` shows the way.

pub mod api;
pub mod baseline;
pub mod conclusion;
pub mod deployed;
pub mod environment;
pub mod event;
mod follower;
pub mod here;
pub mod live;
pub mod question;
pub mod report;
pub mod screen;
pub mod sign_in;
pub mod stop;
