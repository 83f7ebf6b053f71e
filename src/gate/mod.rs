//! The gate of a pipeline: run a scenario, wait, judge it, and say so in every form that a CI reads. It fails closed.
//!
//! `question` is what is asked, `conclusion` what came out, `report` how it is told; these think. `run` runs it.

pub mod baseline;
pub mod conclusion;
pub mod question;
pub mod report;
