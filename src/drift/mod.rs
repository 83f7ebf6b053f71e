//! What is deployed against what is described: found, shown, taken back or taken over.
//!
//! `detect`, `authors`, `code`, `strays` ask; `answer`, `differences`, `hiding`, `home`, `patch` think; `revert` acts; `screen` shows.

pub mod answer;
pub mod authors;
pub mod code;
pub mod detect;
pub mod differences;
pub mod hiding;
pub mod home;
pub mod look;
pub mod patch;
pub mod revert;
pub mod screen;
pub mod strays;

#[cfg(test)]
mod wire;
