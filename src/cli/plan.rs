//! `dlt plan`: what `dlt up` would change, property by property. Changes nothing.

use std::path::PathBuf;

use super::{Global, Output, environment::EnvironmentArgs};
use crate::{
    cloud::Cloud,
    deploy::{engine, report, screen::Paint, survey},
    exit::Exit,
    failure::Failure,
    release::Release,
    terminal,
};

/// Show what `up` would change, property by property.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dlt plan dev --exit-code")]
pub struct Args {
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// End with exit code 20 when there is something to do.
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    release: ReleaseArgs,
}

/// Where the release is.
#[derive(Clone, Debug, clap::Args)]
pub struct ReleaseArgs {
    /// A release, by its directory or its `release.json`, or a directory with `bootstrap` and `dlt-worker`; unless given, what
    /// this program carries, or what is beside it.
    #[arg(long, value_name = "DIR", env = crate::release::DIRECTORY_VARIABLE)]
    pub release: Option<PathBuf>,
}

/// Prints the plan.
///
/// # Errors
/// A wrong environment file, a release that is not there, a refusal of AWS, or a stack that cannot be worked on.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let config = args.environment.load()?;
    let release = Release::find(args.release.release.as_deref())?;
    release.fits(&config)?;
    let cloud = Cloud::connect(&config.region, &config.regions).await?;
    let plan = survey::survey(&cloud, &config, &release).await?.plan;
    let paint = if console::colors_enabled() { Paint::Colour } else { Paint::Plain };
    match global.output {
        Output::Text => terminal::print(&report::plan(&plan, paint)),
        Output::Json => terminal::print(&serde_json::json!(plan).to_string()),
    }
    engine::guard(&plan)?;
    Ok(if args.exit_code && !plan.is_empty() { Exit::Differences } else { Exit::Done })
}
