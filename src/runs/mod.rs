//! Scenarios and runs that a system keeps: what it says of them, and how a person reads that.

pub mod kept;
pub mod table;
