//! AWS as the CLI meets it: one set of clients per region, and errors that say what to do.

mod clients;
pub mod habits;
mod kms;
pub mod signature;
mod trouble;

pub use clients::{Clients, Cloud, Identity, configured};
pub use kms::Key;
pub use trouble::{CloudError, Doing, Kind};
