//! Registries of images, by the OCI distribution protocol: what is there is not sent again, and what was sent before a
//! connection broke is not sent twice.

mod challenge;
mod client;
mod credentials;
mod meter;
mod patience;
mod pull;
mod push;
mod reference;
mod session;
mod trouble;

#[cfg(test)]
mod fake;

pub use client::{Login, Registry};
pub use credentials::{Basic, login_for};
pub use meter::{Meter, Sent};
pub use pull::pull_base;
pub use push::{Pushed, push};
pub use reference::Reference;
pub use trouble::{Kind, Trouble};
