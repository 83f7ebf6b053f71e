//! The worker image, made without Docker: the same parts are the same image, to the byte.

mod base;
mod bill;
mod config;
mod dependencies;
mod facts;
mod layer;
pub mod layout;
pub mod spec;
mod worker;

pub use base::{Base, BasePlatform, in_oci_words};
pub use worker::{Image, WorkerSource};

#[cfg(test)]
pub(in crate::release) use worker::tests;
