//! Why a worker could not do its part.

use std::error::Error;

/// What a worker was doing and what went wrong.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The environment does not say what the worker needs to know.
    #[error("the environment variable {name} {problem}")]
    Setting {
        /// The variable.
        name: &'static str,
        /// What is wrong with it, and what was expected.
        problem: String,
    },
    /// The run's folder cannot be reached at all.
    #[error("cannot use the run's folder `{url}`: {problem}")]
    Folder {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A file of the run's folder could not be read or written, after every retry.
    #[error("failed to {verb} `{key}` in the run's folder after {attempts} attempts: {source}")]
    Blob {
        /// `read` or `write`.
        verb: &'static str,
        /// Below the run's folder.
        key: String,
        /// How often it was tried.
        attempts: u32,
        /// What the last attempt met.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The assignment is for somebody else, or asks for something that cannot be run.
    #[error("the assignment cannot be run: {0}")]
    Assignment(String),
    /// A secret cannot be had.
    #[error("cannot read the scenario's secrets: {0}")]
    Secrets(String),
    /// The start instant makes no sense.
    #[error("the start instant cannot be used: {0}")]
    Start(String),
    /// A thread of the engine ended before its time.
    #[error("the engine failed: {0}")]
    Engine(String),
}
