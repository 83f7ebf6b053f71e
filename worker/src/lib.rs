//! The load generator: reads its assignment, makes the load, reports what it saw.
//!
//! *When* is separate from *what*: the pacer yields intended instants, a virtual user consumes them. *What goes over the
//! wire* is separate from both: only `transport` knows a socket. Every core has a thread with its own virtual users,
//! connections and histograms, and nothing is shared between them while load is made.

mod aws;
mod clock;
mod engine;
mod error;
mod facts;
mod fault;
mod folder;
mod follow;
mod health;
mod life;
mod pacer;
mod plan;
mod process;
mod processors;
mod reactor;
mod report;
mod request;
mod script;
mod seconds;
mod secrets;
mod settings;
mod ticks;
mod transport;

pub use error::WorkerError;
pub use fault::Fault;
pub use life::{Outcome, run};
pub use process::main_from_env;
pub use settings::Settings;
