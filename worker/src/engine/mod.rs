//! The engine: a thread per core, each with its own virtual users, and one place where what they saw comes together.

mod aggregate;
mod closed;
mod crew;
mod halt;
mod ledger;
mod open;
mod pool;
mod recorder;
mod shard;
mod stream;
mod tally;
mod timer;
mod window;

pub use aggregate::{SecondSum, Totals};
pub use crew::run;
pub use recorder::{Recorder, Sample, Transaction};
