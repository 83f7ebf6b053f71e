//! `dlt image`: the worker image, made, pushed and listed without Docker.

mod build;
mod list;
mod push;

use std::path::PathBuf;

use super::Global;
use crate::{
    exit::Exit,
    failure::Failure,
    release::{
        self, Machine, WorkerSource, named,
        registry::{self, Reference},
    },
};

/// What can be done with worker images.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    Build(build::Args),
    Push(push::Args),
    List(list::Args),
}

/// Does what the verb says.
///
/// # Errors
/// As the verbs.
pub async fn run(verb: &Verb, global: &Global) -> Result<Exit, Failure> {
    match verb {
        Verb::Build(args) => build::run(args, global).await,
        Verb::Push(args) => push::run(args, global).await,
        Verb::List(args) => list::run(args, global).await,
    }
}

/// What goes into an image.
#[derive(Clone, Debug, clap::Args)]
struct PartsArgs {
    /// The release that the worker is from: a directory, or its `release.json`; the one beside this program unless given.
    #[arg(long, value_name = "DIR", env = release::DIRECTORY_VARIABLE)]
    release: Option<PathBuf>,
    /// Only for these platforms: `linux/amd64`, `linux/arm64`; all that there is a worker for unless given.
    #[arg(long, value_name = "PLATFORM", value_parser = platform, value_delimiter = ',')]
    platform: Vec<Machine>,
    /// Put the worker over this image, named by its digest, instead of over nothing.
    #[arg(long, value_name = "REF@DIGEST")]
    base: Option<String>,
}

fn platform(text: &str) -> Result<Machine, String> {
    let name = text.strip_prefix("linux/").unwrap_or(text);
    Machine::from_images(name).ok_or_else(|| "expected `linux/amd64` or `linux/arm64`".to_owned())
}

/// The parts of an image, and the directory that a base's layers are kept in meanwhile.
struct Parts {
    worker: WorkerSource,
    _layers: tempfile::TempDir,
}

impl PartsArgs {
    async fn gather(&self) -> Result<Parts, Failure> {
        let layers = tempfile::tempdir()
            .map_err(|error| Failure::from_error(Exit::Internal, "failed to make a temporary directory", &error))?;
        let worker = release::find_worker(self.release.as_deref())?.narrowed(&self.platform, None)?;
        let Some(base) = &self.base else { return Ok(Parts { worker, _layers: layers }) };
        let reference = Reference::parse(base)?;
        let base =
            registry::pull_base(&reference, &named::registry(&reference).await?, &worker.machines(), layers.path())
                .await?;
        Ok(Parts { worker: worker.narrowed(&[], Some(base))?, _layers: layers })
    }
}

/// Makes the image beside the runtime: whole executables are packed.
async fn make(worker: &WorkerSource) -> Result<release::Image, Failure> {
    let worker = worker.clone();
    tokio::task::spawn_blocking(move || worker.image())
        .await
        .map_err(|error| Failure::from_error(Exit::Internal, "failed to make the worker image", &error))?
}
