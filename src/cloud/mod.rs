//! AWS as the CLI meets it: one set of clients per region, and errors that say what to do.

mod clients;
pub mod habits;
mod kms;
pub mod signature;
mod trouble;

use dlt_model::id::Region;

pub use clients::{Clients, Cloud, Identity, configured};
pub use kms::Key;
pub use trouble::{CloudError, Doing, Kind};

/// What the addresses of AWS's services end with in a region.
pub fn suffix(region: &Region) -> &'static str {
    if region.as_str().starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}
