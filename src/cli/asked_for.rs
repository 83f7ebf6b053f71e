//! The scenario that a verb is asked to run on a system: a file, which is stored there first, or one that is stored already.

use std::path::Path;

use dlt_model::scenario::Warning;

use super::run::{unreadable, variable};
use crate::{
    failure::Failure,
    run,
    system::{Stored, System, stored},
};

/// A scenario with the id that it has on the system.
pub(super) struct Found {
    pub stored: Stored,
    /// What was probably not meant by its file.
    pub warnings: Vec<Warning>,
    is_file: bool,
}

/// Reads a file if there is one of this name; otherwise finds what is stored under this id or name.
///
/// # Errors
/// A file that is not valid, or nothing of this name.
pub(super) async fn find(system: &System, argument: &str, test_id: Option<&str>) -> Result<Found, Failure> {
    let path = Path::new(argument);
    if path.is_file() {
        return read(system, path, test_id);
    }
    let stored = stored::find(system, argument).await?;
    Ok(Found { stored, warnings: Vec::new(), is_file: false })
}

/// Reads a file. Its id is the one that is given, its own, or one that follows from its name.
///
/// # Errors
/// A file that cannot be read or is not valid.
pub(super) fn read(system: &System, path: &Path, test_id: Option<&str>) -> Result<Found, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let (scenario, warnings) = run::read_scenario(path, &text, &variable, &system.region)?;
    let test_id = stored::test_id(test_id, path, &text, &scenario)?;
    Ok(Found { stored: Stored { test_id, scenario }, warnings, is_file: true })
}

impl Found {
    /// Stores what comes from a file, as it is now; what is stored already stays as it is.
    ///
    /// # Errors
    /// When the system refuses it.
    pub async fn store(&self, system: &System) -> Result<(), Failure> {
        if !self.is_file {
            return Ok(());
        }
        stored::store(system, &self.stored.test_id, &self.stored.scenario).await
    }
}
