//! The flight recorder: what every operation told, kept without its secrets, to be listed and played again.
//!
//! `recording` and `redact` think, `shelf` and `recorder` keep files, `report` lists.

pub mod recorder;
pub mod recording;
pub mod redact;
pub mod report;
pub mod shelf;
