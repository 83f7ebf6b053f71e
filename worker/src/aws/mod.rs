//! The little of AWS that a worker talks to itself: secrets, sign-in of test users, and signatures.

#[cfg(feature = "s3")]
mod client;
mod endpoint;
mod sign;

#[cfg(feature = "s3")]
pub use client::{Client, Role};
pub use endpoint::Service;
pub use sign::{Keys, sign};
