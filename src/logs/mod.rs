//! What an environment's parts write into their log groups, of all regions together.
//!
//! `line` reads a line as a person would, `text` writes it; these think. `tail` finds the groups and fetches what is in them.

pub mod line;
pub mod tail;
pub mod text;
