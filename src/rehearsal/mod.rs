//! A rehearsal: an AWS account that is not there, with a CloudFormation that takes its time and can be made to fail.
//!
//! `world` is what there is and how it moves with the time that it is told; `wire` speaks AWS's protocols, so that the true
//! clients ask it; `faults` says what goes wrong; `stage` puts the three behind a set of clients.

pub mod faults;
pub mod registry;
pub mod script;
pub mod stage;
mod wire;
pub mod world;

#[cfg(test)]
pub mod film;
#[cfg(test)]
mod property;
#[cfg(test)]
pub mod scripted;
#[cfg(test)]
mod tests;
