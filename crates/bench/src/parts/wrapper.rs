//! The worker within another program, which counts what it does or lets it do more.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// A script in this folder that becomes `outer` with the worker as its last words. Nothing of the environment is there, so
/// paths are whole.
pub fn within(outer: &str, worker: &Path, folder: &Path) -> Result<PathBuf, String> {
    let script = folder.join("worker");
    fs::write(&script, format!("#!/bin/sh\nexec {outer} {}\n", quoted(worker)))
        .and_then(|()| fs::set_permissions(&script, Permissions::from_mode(0o755)))
        .map_err(|error| format!("no script can be written: {error}"))?;
    Ok(script)
}

/// As a shell reads it back.
pub fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
