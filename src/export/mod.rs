//! An environment in the words of other tools: pure, from templates to files.

pub mod hcl;
pub mod shipped;
pub mod terraform;
