//! How long a deployment takes: seconds by type, the chain that nothing shortens, a range for a plan, and what the past teaches.
//!
//! Everything here thinks, except `store`, which keeps the file, and `learn`, which listens.

pub mod durations;
pub mod estimate;
pub mod graph;
pub mod learn;
pub mod page;
pub mod past;
pub mod path;
pub mod remaining;
pub mod samples;
pub mod span;
pub mod store;
#[cfg(test)]
mod tests;

pub use self::{
    estimate::{Estimate, estimate, estimate_with},
    past::Past,
    span::Span,
};
