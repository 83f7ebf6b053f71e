//! The nouns of load testing, and the arithmetic between them.
//!
//! Everything here is a value or a pure function: no clock, no socket, no file, no AWS. What reads a clock or performs
//! input and output lives in the crates that depend on this one.

pub mod assignment;
pub mod baseline;
pub mod buckets;
pub mod bytes;
pub mod condition;
pub mod counts;
pub mod dlt_results;
pub mod document;
pub mod duration;
pub mod expression;
pub mod fields;
pub mod forecast;
pub mod gate;
pub mod histogram;
pub mod id;
pub mod load;
pub mod metric;
pub mod plan;
pub mod problem;
pub mod program;
pub mod report;
pub mod scenario;
pub mod schedule;
pub mod segment;
pub mod summary;
pub mod template;
pub mod tick;
