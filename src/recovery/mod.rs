//! When it goes wrong: what is safe in every status, the way out of it, and why it came to that.
//!
//! `remedy` and `causes` think, `rescue` and `evidence` act, `report` shows.

pub mod causes;
pub mod evidence;
pub mod explanation;
pub mod remedy;
pub mod report;
pub mod rescue;

pub use remedy::{Case, Leftover, Remedy};
