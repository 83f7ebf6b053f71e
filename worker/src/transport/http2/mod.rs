//! HTTP/2 (RFC 9113): our own framing, because a load generator needs little of it and needs that little to be cheap.
//!
//! `core` knows the rules and no socket; `link` knows the socket and no rules.

mod block;
mod core;
mod frame;
mod hpack;
mod huffman;
mod link;
mod pool;
mod stream;

pub use block::of_head;
pub use link::{Hold, Link};
pub use pool::Pools;

/// How a connection fails that is fed these pieces, if it does.
#[cfg(test)]
pub fn fate(pieces: &[&[u8]]) -> Option<crate::Fault> {
    core::tests::fate(pieces).0
}
