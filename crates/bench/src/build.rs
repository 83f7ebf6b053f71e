//! The worker as it ships: built by cargo in its own profile, unless somebody brings one.

use std::{
    env,
    error::Error,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

/// The folder of the workspace.
///
/// # Errors
/// Returns an error when this crate is not where it was built.
pub fn root() -> Result<PathBuf, Box<dyn Error>> {
    Ok(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?)
}

/// Builds the worker and says where it is.
///
/// # Errors
/// Returns an error when cargo cannot build it.
pub fn worker(root: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--profile", "worker", "-p", "dlt-worker", "--bin", "dlt-worker"])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("cargo cannot build the worker; see above".into());
    }
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let messages = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let found = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
    found.ok_or_else(|| "cargo built no executable of the worker".into())
}
