//! The nouns of load testing, and the arithmetic between them.
//!
//! Everything here is a value or a pure function: no clock, no socket, no file, no AWS. What reads a clock or performs
//! input and output lives in the crates that depend on this one.

pub mod assignment;
pub mod document;
pub mod fields;
pub mod histogram;
pub mod id;
pub mod problem;
pub mod report;
pub mod segment;
pub mod tick;
