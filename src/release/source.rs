//! Where a release comes from: a directory that somebody names, this very program, or what was built beside it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Console, Functions, Machine, Place, WorkerSource, manifest};
use crate::{
    config::{Architecture, Config},
    exit::Exit,
    failure::Failure,
};

/// The variable that names the directory of a release.
pub const DIRECTORY_VARIABLE: &str = "DLT_RELEASE";
/// The file that runs in Lambda.
const FUNCTIONS_FILE: &str = "bootstrap";
/// The files that run in the worker image: for whatever processors they are, or for those in their names.
const WORKER_FILES: [&str; 3] = ["dlt-worker", "dlt-worker-amd64", "dlt-worker-arm64"];
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
    /// Where it is from.
    pub origin: Origin,
}

/// Where a release is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Files that were built, beside each other.
    Parts,
    /// Made by `dlt release`, whose manifest has this digest.
    Packed {
        /// Where.
        place: Place,
        /// Of `release.json`.
        sha256: String,
    },
}

impl Release {
    /// Reads the release in the given directory, or in the one that `DLT_RELEASE` names, or the one that this program
    /// carries, or the files beside this program.
    pub fn find(given: Option<&Path>) -> Result<Self, Failure> {
        Self::read(&place(given)?)
    }

    /// Fails when something of this release cannot run where the environment runs it: functions always on x86_64, workers
    /// on what the environment says.
    ///
    /// # Errors
    /// Names the file that does not fit.
    pub fn fits(&self, config: &Config) -> Result<(), Failure> {
        let functions: Vec<Machine> = self.functions.machine().into_iter().collect();
        Machine::demand(FUNCTIONS_FILE, &functions, Architecture::X86_64)?;
        match config.worker_image {
            // What the release has runs nowhere then.
            Some(_) => Ok(()),
            None => Machine::demand(WORKER_FILES[0], &self.worker.machines(), config.worker.architecture),
        }
    }

    /// Where `release.json` goes in an artifact bucket, by its digest; parts that were never packed have none.
    pub fn manifest_key(&self) -> Option<String> {
        match &self.origin {
            Origin::Parts => None,
            Origin::Packed { sha256, .. } => Some(format!("releases/{sha256}.json")),
        }
    }

    /// The text of `release.json`.
    ///
    /// # Errors
    /// When it cannot be read any more.
    pub fn manifest(&self) -> Result<Vec<u8>, Failure> {
        match &self.origin {
            Origin::Parts => Ok(Vec::new()),
            Origin::Packed { place, .. } => place.read(manifest::FILE).map_err(|error| {
                let message = format!("failed to read `{}`", place.name_of(manifest::FILE));
                Failure::from_error(Exit::Invalid, message, &error)
            }),
        }
    }

    fn read(place: &Place) -> Result<Self, Failure> {
        if place.has(manifest::FILE) {
            return manifest::unpack(place);
        }
        let functions = place.read(FUNCTIONS_FILE).map_err(|error| missing(place, FUNCTIONS_FILE, &error))?;
        let (worker, console, origin) = (worker(place)?, console(place)?, Origin::Parts);
        Ok(Self { functions: Functions::new(functions), worker, console, origin })
    }
}

/// The worker alone, from where a release comes from: what `image` works with.
///
/// # Errors
/// As [`Release::find`], but for the functions and the console.
pub fn find_worker(given: Option<&Path>) -> Result<WorkerSource, Failure> {
    let place = place(given)?;
    if place.has(manifest::FILE) { Ok(manifest::unpack(&place)?.worker) } else { worker(&place) }
}

fn place(given: Option<&Path>) -> Result<Place, Failure> {
    let named = std::env::var_os(DIRECTORY_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = given.map(Path::to_owned).or(named) {
        // `release.json` stands for the directory that it is in.
        let is_manifest = path.file_name().is_some_and(|name| name == manifest::FILE);
        let directory = path.parent().filter(|_| is_manifest).map(Path::to_owned);
        return Ok(Place::Directory(directory.unwrap_or(path)));
    }
    let Ok(program) = std::env::current_exe() else { return Ok(Place::Directory(PathBuf::new())) };
    let carried = Place::in_program(&program).map_err(|error| {
        let message = format!("failed to read the release that `{}` carries", program.display());
        Failure::from_error(Exit::Invalid, message, &error)
            .hint("get this program anew, or name a release with --release")
    })?;
    Ok(carried.unwrap_or_else(|| Place::Directory(program.parent().map(Path::to_owned).unwrap_or_default())))
}

fn worker(place: &Place) -> Result<WorkerSource, Failure> {
    let mut files = Vec::new();
    for name in WORKER_FILES.into_iter().filter(|name| place.has(name)) {
        files.push((name.to_owned(), place.read(name).map_err(|error| missing(place, name, &error))?));
    }
    if files.is_empty() {
        return Err(missing(place, WORKER_FILES[0], &std::io::ErrorKind::NotFound.into()));
    }
    WorkerSource::new(files, certificates(place)?)
}

fn console(place: &Place) -> Result<Console, Failure> {
    match place.file(CONSOLE_DIRECTORY) {
        Some(directory) if directory.is_dir() => Console::read(&directory),
        _ => Ok(Console::built_in()),
    }
}

fn missing(place: &Place, file: &str, error: &std::io::Error) -> Failure {
    Failure::from_error(Exit::Invalid, format!("failed to read `{}` of the release", place.name_of(file)), error).hint(
        format!(
            "a release is a directory made by `dlt release`, or one with `{FUNCTIONS_FILE}` and `{}`; \
             name it with --release or {DIRECTORY_VARIABLE}",
            WORKER_FILES[0]
        ),
    )
}

fn certificates(place: &Place) -> Result<Vec<u8>, Failure> {
    let own = place.read(CERTIFICATES_FILE).ok();
    own.or_else(|| SYSTEM_CERTIFICATES.iter().find_map(|path| fs::read(path).ok())).ok_or_else(|| {
        Failure::new(Exit::Invalid, "found no CA certificates for the worker image")
            .hint(format!("put a `{CERTIFICATES_FILE}` into the release, or install the package ca-certificates"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with some of a release's files; executables are this test's own.
    fn directory(files: &[&str]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for file in files {
            std::os::unix::fs::symlink("/proc/self/exe", directory.path().join(file)).unwrap();
        }
        directory
    }

    #[test]
    fn a_release_without_its_worker_says_which_file_is_missing_and_how_to_name_another_directory() {
        let directory = directory(&["bootstrap"]);
        let failure = Release::find(Some(directory.path())).unwrap_err();
        assert_eq!(failure.exit, Exit::Invalid);
        assert!(failure.to_string().contains("dlt-worker"), "{failure}");
        assert!(failure.to_string().contains("--release"), "{failure}");
    }

    #[test]
    fn a_release_without_a_console_has_the_built_in_page() {
        let directory = directory(&["bootstrap", "dlt-worker", "ca-certificates.crt"]);
        let release = Release::find(Some(directory.path())).unwrap();
        assert_eq!(release.console, Console::built_in());
        assert_eq!(release.worker.machines().len(), 1);
    }
}
