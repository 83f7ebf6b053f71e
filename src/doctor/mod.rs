//! Before anything is built: would this account, as it is, take this environment and the test that is planned on it?
//!
//! What to think of an answer of AWS is pure and stands in files of its own; `probe` asks, everything at once.

pub mod addresses;
pub mod clock;
pub mod finding;
pub mod image;
pub mod names;
pub mod page;
pub mod permissions;
pub mod planned;
mod probe;
pub mod quotas;

pub use self::{
    finding::{Area, Finding, Report, State},
    planned::Planned,
    probe::examine,
};
