//! A system that runs tests, wherever it is: found, signed in to, asked and listened to.
//!
//! `place` finds it and `sign_in` has its keys; `api` asks, `stored` knows its scenarios, and `live` hears its seconds.

pub mod api;
pub mod live;
pub mod place;
pub mod sign_in;
pub mod stored;

pub use self::{
    place::{PlaceArgs, System},
    stored::Stored,
};
