//! What is shipped: the functions' binary, the worker and the console, found on this machine and made into things that
//! AWS takes. Every one is named by its content, so that the same release is uploaded once.

mod console;
mod functions;
mod image;
mod machine;
mod registry;
mod upload;

use std::{
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

pub use console::{Console, ConsoleFile};
pub use functions::Functions;
pub use image::{Image, WorkerSource};
pub use upload::{Upload, image_digest, known_digest, registry_host, uploads};

use self::machine::Machine;
use crate::{
    config::{Architecture, Config},
    exit::Exit,
    failure::Failure,
};

/// The variable that names the directory of a release.
pub const DIRECTORY_VARIABLE: &str = "DLT_RELEASE";
/// The file that runs in Lambda.
const FUNCTIONS_FILE: &str = "bootstrap";
/// The file that runs in the worker image.
const WORKER_FILE: &str = "dlt-worker";
/// The directory with the console's files, where a release has one.
const CONSOLE_DIRECTORY: &str = "console";
/// The certificates that the worker image carries, where a release has its own.
const CERTIFICATES_FILE: &str = "ca-certificates.crt";
/// Where this machine keeps its certificates.
const SYSTEM_CERTIFICATES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Everything that an environment runs.
#[derive(Debug)]
pub struct Release {
    /// What runs in Lambda.
    pub functions: Functions,
    /// What the worker image is made of.
    pub worker: WorkerSource,
    /// The console's files.
    pub console: Console,
}

impl Release {
    /// Reads the release in the given directory, or in the one that `DLT_RELEASE` names, or beside this program.
    pub fn find(given: Option<&Path>) -> Result<Self, Failure> {
        let named = std::env::var_os(DIRECTORY_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
        let beside = || std::env::current_exe().ok().and_then(|program| program.parent().map(Path::to_owned));
        let directory = given.map(Path::to_owned).or(named).or_else(beside).unwrap_or_default();
        Self::read(&directory)
    }

    /// Fails when something of this release cannot run where the environment runs it: functions always on x86_64, workers
    /// on what the environment says.
    ///
    /// # Errors
    /// Names the file that does not fit.
    pub fn fits(&self, config: &Config) -> Result<(), Failure> {
        Machine::demand(FUNCTIONS_FILE, self.functions.machine(), Architecture::X86_64)?;
        Machine::demand(WORKER_FILE, self.worker.machine(), config.worker.architecture)
    }

    fn read(directory: &Path) -> Result<Self, Failure> {
        let file = |name: &str| {
            let path = directory.join(name);
            fs::read(&path).map_err(|error| missing(&path, &error))
        };
        let console = directory.join(CONSOLE_DIRECTORY);
        Ok(Self {
            functions: Functions::new(file(FUNCTIONS_FILE)?),
            worker: WorkerSource::new(file(WORKER_FILE)?, certificates(directory)?),
            console: if console.is_dir() { Console::read(&console)? } else { Console::built_in() },
        })
    }
}

fn missing(path: &Path, error: &std::io::Error) -> Failure {
    Failure::from_error(Exit::Invalid, format!("failed to read `{}` of the release", path.display()), error).hint(
        format!(
            "a release is a directory with `{FUNCTIONS_FILE}` and `{WORKER_FILE}`; \
             name it with --release or {DIRECTORY_VARIABLE}"
        ),
    )
}

fn certificates(directory: &Path) -> Result<Vec<u8>, Failure> {
    let own = directory.join(CERTIFICATES_FILE);
    let candidates = std::iter::once(own).chain(SYSTEM_CERTIFICATES.iter().map(PathBuf::from));
    candidates.into_iter().find_map(|path| fs::read(path).ok()).ok_or_else(|| {
        Failure::new(Exit::Invalid, "found no CA certificates for the worker image")
            .hint(format!("put a `{CERTIFICATES_FILE}` into the release, or install the package ca-certificates"))
    })
}

/// The name of some bytes.
fn sha256(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(directory: &Path, files: &[&str]) -> Result<Release, Failure> {
        for file in files {
            fs::write(directory.join(file), file).unwrap();
        }
        Release::read(directory)
    }

    #[test]
    fn a_release_without_its_worker_says_which_file_is_missing_and_how_to_name_another_directory() {
        let directory = tempfile::tempdir().unwrap();
        let failure = release(directory.path(), &["bootstrap"]).unwrap_err();
        assert_eq!(failure.exit, Exit::Invalid);
        assert!(failure.to_string().contains("dlt-worker"), "{failure}");
        assert!(failure.to_string().contains("--release"), "{failure}");
    }

    #[test]
    fn a_release_without_a_console_has_the_built_in_page() {
        let directory = tempfile::tempdir().unwrap();
        let release = release(directory.path(), &["bootstrap", "dlt-worker", "ca-certificates.crt"]).unwrap();
        assert_eq!(release.console, Console::built_in());
    }
}
