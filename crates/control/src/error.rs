//! Why the control plane could not do what it was asked.

use dlt_model::{
    id::{RunId, TestId},
    problem::Problems,
};

use crate::ports::{DriverError, FleetError, LiveError, StoreError};

/// What went wrong, in a form that every caller can turn into its own answer.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// What was handed in is wrong; every problem at once.
    #[error("the request is invalid:\n{0}")]
    Invalid(Problems),
    /// There is no such scenario.
    #[error("there is no scenario `{0}`")]
    TestNotFound(TestId),
    /// There is no such run.
    #[error("scenario `{0}` has no run `{1}`")]
    RunNotFound(TestId, RunId),
    /// It does not start by itself.
    #[error("scenario `{0}` has no schedule")]
    NoSchedule(TestId),
    /// The run has no results (yet).
    #[error("run `{1}` of scenario `{0}` has no results")]
    NoResults(TestId, RunId),
    /// It is running, and this can only be done when it is not.
    #[error("scenario `{0}` is running; cancel it or wait for its end")]
    Running(TestId),
    /// It is not running, so there is nothing to cancel.
    #[error("scenario `{0}` is not running")]
    NotActive(TestId),
    /// A record or blob does not hold what was written there.
    #[error("stored data cannot be read: {0}")]
    Corrupt(String),
    /// Records cannot be read or written now.
    #[error("failed to reach the records: {0}")]
    Store(#[from] StoreError),
    /// Files cannot be read or written now.
    #[error("failed to reach the files of the run: {0}")]
    Blobs(#[from] object_store::Error),
    /// The fleet cannot be reached or refuses.
    #[error("failed to reach the workers: {0}")]
    Fleet(#[from] FleetError),
    /// The run is recorded but could not be driven; cancelling it tries again, and so does the next look at its schedule.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The environment was made without live data.
    #[error("live data is switched off in this environment; `live_data: true` in its file and `dlt up` switch it on")]
    LiveOff,
    /// Live data cannot be reached now.
    #[error(transparent)]
    Live(#[from] LiveError),
}
