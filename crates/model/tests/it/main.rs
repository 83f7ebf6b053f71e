//! Scenarios that people might write, good and bad, and what we say to them.

mod examples;
mod scenarios;
