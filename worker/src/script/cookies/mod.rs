//! A virtual user's cookies, by the rules of RFC 6265.

mod date;
mod jar;

pub use jar::Jar;
