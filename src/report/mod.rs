//! What a run looks like to a person: while it goes on, and when it is over. Pure functions from values to text.

mod besides;
pub mod forecast;
pub mod live;
pub mod summary;
pub mod units;
