//! Scenarios that people might write, good and bad, and runs that might have been.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod baseline;
mod examples;
mod gate;
mod judging;
mod plan;
mod reports;
mod results;
mod scenarios;
mod summary;
