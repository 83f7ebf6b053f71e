//! The engine: a thread per core, each with its own virtual users, and one place where what they saw comes together.

mod aggregate;
mod crew;
mod recorder;
mod shard;
mod user;
mod window;

pub use aggregate::{SecondSum, Totals};
pub use crew::run;
pub use recorder::{Recorder, Sample, Transaction};
