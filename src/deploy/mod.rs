//! Environments on AWS: what is there, what would change, changing it, and taking it away.
//!
//! `plan` decides, `engine` and `teardown` act and tell what happens as events, `screen` shows them.

pub mod area;
pub(crate) mod begin;
pub mod catalogue;
pub mod changes;
mod complaint;
pub mod consent;
pub mod diff;
pub mod engine;
pub mod event;
pub mod evidence;
pub mod fold;
pub mod follow;
pub(crate) mod gather;
pub mod holdings;
pub mod joining;
pub mod kept;
pub mod lock;
pub mod making;
pub mod outcome;
pub mod pace;
pub mod patience;
pub mod people;
pub mod pipeline;
pub mod plan;
pub mod prerequisites;
pub mod proposal;
pub mod report;
pub mod review;
pub mod screen;
pub mod seal;
mod ship;
mod sift;
pub mod stacks;
pub mod stakes;
pub mod status;
pub mod survey;
pub mod teardown;
pub mod template;
pub mod token;
pub mod viewers;

#[cfg(test)]
mod wire;
