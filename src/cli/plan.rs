//! `dlt plan`: what `dlt up` would change, property by property. Changes nothing.

use std::{
    io::{IsTerminal, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp};

use super::{Global, Output, environment::EnvironmentArgs};
use crate::{
    cloud::Cloud,
    deploy::{
        engine,
        report::{self, View},
        review::Reviews,
        seal::Sealed,
        survey::{self, Survey},
    },
    exit::Exit,
    failure::Failure,
    release::Release,
    terminal,
    text::Paint,
};

/// How wide a page gets: longer lines are harder to read, however wide the terminal is.
const WIDEST: u16 = 120;

/// Show what `up` would change, property by property.
///
/// Two witnesses are asked: a comparison of the templates, and CloudFormation by a change set that is made, read and removed
/// again. Each line says who saw it: local, server or both.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt plan dev --exit-code\n  dlt plan dev --out dev.plan && dlt up dev --plan dev.plan"
)]
pub struct Args {
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// End with exit code 20 when there is something to do.
    #[arg(long)]
    exit_code: bool,
    /// Fold nothing: every resource and every place with its values.
    #[arg(long)]
    full: bool,
    /// Compare the templates only: no change set is made, not even to be removed again.
    #[arg(long)]
    local_only: bool,
    /// Write a sealed plan, for `dlt up --plan FILE`; it holds digests, no values.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How long the sealed plan counts.
    #[arg(long, value_name = "TIME", default_value = "24h", requires = "out")]
    valid_for: SignedDuration,
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
    let mut survey = survey::survey(&cloud, &config, &release).await?;
    let asked = if args.local_only { Ok(()) } else { ask(&cloud, &mut survey).await };
    let interrupted = asked.as_ref().is_err_and(|failure| failure.exit == Exit::Interrupted);
    if !interrupted {
        show(&survey, args.full, global.output);
    }
    asked?;
    engine::guard(&survey.plan)?;
    if let Some(file) = &args.out {
        seal(file, &cloud, &survey, args.valid_for)?;
    }
    Ok(if args.exit_code && !survey.plan.is_empty() { Exit::Differences } else { Exit::Done })
}

/// Asks CloudFormation; Ctrl-C ends that and leaves nothing behind.
async fn ask(cloud: &Cloud, survey: &mut Survey) -> Result<(), Failure> {
    let reviews = Reviews::default();
    let asked = tokio::select! {
        asked = reviews.ask(cloud, survey) => asked,
        _ = tokio::signal::ctrl_c() => Err(Failure::new(Exit::Interrupted, "interrupted; nothing was changed")),
    };
    reviews.sweep().await;
    asked
}

fn show(survey: &Survey, full: bool, output: Output) {
    let paint = Paint::of_stdout();
    let columns = console::Term::stdout().size().1.min(WIDEST);
    let width = std::io::stdout().is_terminal().then_some(usize::from(columns));
    match output {
        Output::Text => terminal::print(&report::page(&survey.plan, View { width, paint, full })),
        Output::Json => terminal::print(&serde_json::json!(survey.plan).to_string()),
    }
}

/// Writes the sealed plan where only its owner reads it.
fn seal(file: &Path, cloud: &Cloud, survey: &Survey, valid_for: SignedDuration) -> Result<(), Failure> {
    let (plan, made_by) = (&survey.plan, &cloud.identity.arn);
    let sealed = Sealed::of(plan, &survey.wanted, &survey.live, made_by, Timestamp::now(), valid_for);
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
        // One that was there already may have been open to others.
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        file.write_all(sealed.text().as_bytes())
    };
    write().map_err(|error| {
        Failure::from_error(Exit::Internal, format!("failed to write the plan to `{}`", file.display()), &error)
    })?;
    terminal::say(&format!("sealed in {}: {}", file.display(), sealed.origin()));
    Ok(())
}
