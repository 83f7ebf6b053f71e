//! Finding and reading an environment file: the only part of `config` that touches a disk.

use std::path::{Path, PathBuf};

use super::{Config, Layers};
use crate::{exit::Exit, failure::Failure};

/// Where environment files live, below the working directory.
pub const FOLDER: &str = "stacks";
/// The environment of a command that names none.
pub const DEFAULT_ENVIRONMENT: &str = "dev";

/// The file of an environment: `stacks/dev.yaml` for `dev`, or the path itself when it looks like one.
pub fn path_of(environment: &str) -> PathBuf {
    let looks_like_a_path =
        environment.contains('/') || environment.ends_with(".yaml") || environment.ends_with(".yml");
    if looks_like_a_path { environment.into() } else { Path::new(FOLDER).join(format!("{environment}.yaml")) }
}

/// Reads the file of an environment with the layers over it.
///
/// # Errors
/// A file that cannot be read, or everything that is wrong with it.
pub fn load(environment: &str, layers: &Layers) -> Result<Config, Failure> {
    let path = path_of(environment);
    let name = path.display().to_string();
    let text = std::fs::read_to_string(&path).map_err(|error| unreadable(environment, &path, &error))?;
    Config::read(&text, layers).map_err(|problems| Failure::invalid(name, problems))
}

fn unreadable(environment: &str, path: &Path, error: &std::io::Error) -> Failure {
    let failure =
        Failure::from_error(Exit::Invalid, format!("failed to read environment file `{}`", path.display()), error);
    let others = environments();
    if error.kind() != std::io::ErrorKind::NotFound {
        return failure;
    }
    match dlt_model::problem::suggest(environment, others.iter().map(String::as_str)) {
        Some(other) => failure.hint(format!("did you mean `{other}`?")),
        None if others.is_empty() => failure.hint(format!("`dlt init {environment}` writes one")),
        None => failure.hint(format!("there are: {}; `dlt init {environment}` writes another", others.join(", "))),
    }
}

/// The names of the environments that have a file, sorted.
pub fn environments() -> Vec<String> {
    let entries = std::fs::read_dir(FOLDER).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".yaml").map(ToOwned::to_owned)).collect();
    names.sort();
    names
}
