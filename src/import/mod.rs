//! From what people have — a HAR, an OpenAPI document, a curl command — to a scenario of our own format.
//!
//! Each reader makes a [`Draft`], which writes itself as YAML. No secret gets into it: where one stood is a `${NAME}`.

mod correlate;
pub mod curl;
mod draft;
pub mod har;
pub mod openapi;
mod schema;
mod secrets;
pub(crate) mod shell;

pub use self::draft::{Body, Draft, Request};

/// What was made of a source.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The scenario.
    pub draft: Draft,
    /// What was left out, replaced or guessed, a sentence each.
    pub notes: Vec<String>,
}

/// Requests of one scenario; what is beyond them is left out and told.
pub const MAX_REQUESTS: usize = dlt_model::scenario::MAX_REQUESTS;
/// Bytes of a source.
pub const MAX_SOURCE_BYTES: u64 = 256 * 1024 * 1024;

impl Imported {
    /// Keeps as many requests as a scenario may have, and says so.
    fn bounded(mut self) -> Self {
        let found = self.draft.requests.len();
        if found > MAX_REQUESTS {
            self.draft.requests.truncate(MAX_REQUESTS);
            self.notes.push(format!("only the first {MAX_REQUESTS} of {found} requests are in the scenario"));
        }
        self
    }
}

/// A number of things, in words.
fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

#[cfg(test)]
mod tests;
