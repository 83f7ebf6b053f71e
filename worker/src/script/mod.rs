//! What a virtual user does: a program compiled once per worker, and the interpreter of one user's way through it.
//!
//! [`Scripts`] is shared by all threads and never changes. A thread has a [`Desk`], a virtual user is an [`Actor`]:
//! `Actor::start` once, then `Actor::iterate` whenever the pacer says so.

mod actor;
mod auth;
mod check;
mod compile;
mod cookies;
mod desk;
mod draft;
mod extract;
mod feeds;
mod functions;
mod logic;
mod looks;
mod names;
mod patterns;
mod pause;
mod program;
mod protocols;
mod resources;
mod user;
mod value;

#[cfg(test)]
pub use self::cookies::Jar;

use std::time::Duration;

use dlt_model::program::MetricKind;

pub use self::{
    actor::Actor,
    compile::{Place, compile},
    desk::Desk,
    program::Scripts,
};
use crate::secrets::Secrets;

/// The variable in which a loop counts its turns.
const INDEX: &str = "index";
/// How long any part of a run may last: instants far beyond it cannot be told by a clock.
const MAX_DURATION: Duration = Duration::from_secs(30 * 24 * 3_600);
/// How many characters a label or the name of a metric may have; the rest is left out.
const MAX_NAME_CHARACTERS: usize = 250;

/// Milliseconds of the program as a duration that a clock can tell.
///
/// # Errors
/// Says what is over the bound.
pub fn bounded(what: &str, ms: u64) -> Result<Duration, String> {
    let duration = Duration::from_millis(ms);
    if duration > MAX_DURATION { Err(format!("{what} of {ms} ms is over 30 days")) } else { Ok(duration) }
}

/// A label as it is counted: without secrets, and not longer than the bound.
fn label_of(label: &str, secrets: &Secrets) -> String {
    let hidden = secrets.hide(label);
    match hidden.char_indices().nth(MAX_NAME_CHARACTERS) {
        Some((at, _)) => format!("{}…", &hidden[..at]),
        None => hidden,
    }
}

/// A metric and its tags: `name{tag=value,…}`.
fn metric_name<'a>(metric: &str, tags: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let tags: Vec<String> = tags.map(|(name, value)| format!("{name}={value}")).collect();
    if tags.is_empty() { metric.to_owned() } else { format!("{metric}{{{}}}", tags.join(",")) }
}

/// A text as a value of a metric; rates are true or not.
fn number_of(kind: MetricKind, text: &str) -> Option<f64> {
    let value = match (kind, text.trim()) {
        (MetricKind::Rate, "true") => 1.0,
        (MetricKind::Rate, "false") => 0.0,
        (MetricKind::Rate, other) => f64::from(u8::from(other.parse::<f64>().ok()? != 0.0)),
        (_, other) => other.parse().ok()?,
    };
    value.is_finite().then_some(value)
}
