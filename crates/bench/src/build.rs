//! What cargo builds for the benchmark: the worker as it ships, unless somebody brings one, and the peer that is a library.

use std::{
    env,
    error::Error,
    fs,
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
    cargo(root, &["--profile", "worker", "-p", "dlt-worker", "--bin", "dlt-worker"])
}

/// Where programs lie whose peers are libraries, and the name of Goose's.
pub const PEERS: &str = "target/peers";
pub const GOOSE: &str = "goose-peer";
const GOOSE_MANIFEST: &str = "crates/bench/peers/goose/Cargo.toml";

/// Whether the program for Goose has been built some time.
pub fn has_goose(root: &Path) -> bool {
    root.join(PEERS).join(GOOSE).is_file()
}

/// Builds the program for Goose, or sees that it is fresh. It is no part of the workspace, which compiles none of it.
///
/// # Errors
/// Returns an error when cargo cannot build it, or there is no room for it.
pub fn goose(root: &Path) -> Result<(), Box<dyn Error>> {
    let what = ["--release", "--locked", "--jobs", "1", "--manifest-path", GOOSE_MANIFEST, "--target-dir", "target"];
    let built = cargo(root, &what)?;
    fs::create_dir_all(root.join(PEERS))?;
    fs::copy(built, root.join(PEERS).join(GOOSE))?;
    Ok(())
}

/// Builds one executable and says where it is.
fn cargo(root: &Path, what: &[&str]) -> Result<PathBuf, Box<dyn Error>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // What cargo tells a benchmark of its package is not for others: build scripts would run again when it differs.
    let told = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for name in env::vars_os().map(|(name, _)| name).filter(|name| name.to_str().is_some_and(told)) {
        command.env_remove(name);
    }
    let output = command
        .arg("build")
        .args(what)
        .arg("--message-format=json-render-diagnostics")
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()?;
    let what = what.join(" ");
    if !output.status.success() {
        return Err(format!("`cargo build {what}` failed; see above").into());
    }
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let messages = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let found = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
    found.ok_or_else(|| format!("`cargo build {what}` made no executable").into())
}
