//! The control plane: what can be done with scenarios and runs, wherever it runs.
//!
//! It knows no AWS, no process and no socket: those stand behind the [`ports`]. The same code answers API Gateway, a
//! browser on this machine, and the command line.

mod advance;
pub mod api;
mod blobs;
pub mod census;
#[cfg(feature = "test-util")]
pub mod conformance;
pub mod error;
pub mod pace;
pub mod plane;
pub mod ports;
pub mod record;
pub mod records;
mod results;
mod runs;
mod scenarios;
pub mod schedules;
pub mod series;
mod shapes;
pub mod state;
pub mod status;
#[cfg(feature = "test-util")]
pub mod testing;

pub use self::{
    advance::Next,
    error::ControlError,
    plane::{ControlPlane, Environment, Ports},
    scenarios::Draft,
};
