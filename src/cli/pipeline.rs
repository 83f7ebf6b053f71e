//! `dlt pipeline`: a CodePipeline whose stage QA asks the gate, made by one command and taken away by another.

mod choices;

use std::path::PathBuf;

use choices::ChoiceArgs;

use super::{Global, Output, asking, environment::EnvironmentArgs, session::Session};
use crate::{
    cloud::Cloud,
    deploy::{
        consent::Consent,
        event::{Event, Phase},
        pipeline::{self, Binary, Environment, Settings, roles},
        screen::show::Style,
    },
    exit::Exit,
    failure::Failure,
    release,
    render::{self, Part},
    terminal,
};

/// What can be done with a pipeline.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Make a pipeline beside an environment, or change it; do nothing when it is as it should be.
    Bootstrap(Box<BootstrapArgs>),
    /// Take the pipeline away; the environment stays.
    Rm(RmArgs),
}

/// Make a pipeline beside an environment: Source, Build and Deploy where asked, then the stage QA with the action DLT-QA.
///
/// Builds run in CodeBuild, by buildspecs of your source (`buildspecs/` has some to copy), and the load comes from the
/// environment's workers. This program is uploaded for them. Failed and stopped executions are announced on the environment's topic.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt pipeline bootstrap qa --connection arn:aws:codeconnections:… --repository shop/checkout\n  dlt pipeline bootstrap qa --codecommit checkout --build-spec ci/build.yml --approval\n  dlt pipeline bootstrap qa --source-bucket sources --source-key checkout.zip --print\n  dlt pipeline bootstrap qa --print-policy   # for a job of another CI"
)]
pub struct BootstrapArgs {
    #[command(flatten)]
    environment: EnvironmentArgs,
    #[command(flatten)]
    choices: ChoiceArgs,
    /// The gate's buildspec, by its path in the repository.
    #[arg(long, value_name = "PATH", default_value = "buildspecs/buildspec_dlt.yml")]
    buildspec: String,
    /// The image that builds run in.
    #[arg(long, value_name = "IMAGE", default_value = "aws/codebuild/amazonlinux-x86_64-standard:5.0")]
    image: String,
    /// The program that builds call, if not this one: a `dlt` for x86-64 Linux.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Print the template, and do nothing. Asks no network.
    #[arg(long, conflicts_with = "print_policy")]
    print: bool,
    /// Print the policy that a job of another CI needs to call the gate on this environment, or the policies of all of the
    /// pipeline's roles, and do nothing.
    #[arg(long, value_name = "WHOSE", num_args = 0..=1, require_equals = true, default_missing_value = "job")]
    print_policy: Option<Whose>,
    /// Agree beforehand, except to losing data.
    #[arg(long, short)]
    yes: bool,
    /// Agree to losing the data in this resource, by its name in the template; may be repeated.
    #[arg(long, value_name = "NAME")]
    allow_data_loss: Vec<String>,
}

/// Whose policy is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Whose {
    /// That of a job of another CI.
    Job,
    /// Those of the pipeline's roles, by their names in the template.
    Roles,
}

/// Take the pipeline away; the environment stays.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  dlt pipeline rm qa\n  dlt pipeline rm qa --yes   # in CI")]
pub struct RmArgs {
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// Agree beforehand.
    #[arg(long, short)]
    yes: bool,
}

/// Does it.
///
/// # Errors
/// A wrong environment file, an environment that is not deployed, a refusal of AWS or of a guard, or a deployment that failed.
pub async fn run(verb: &Verb, global: &Global) -> Result<Exit, Failure> {
    match verb {
        Verb::Bootstrap(args) if args.print => print(args),
        Verb::Bootstrap(args) => match args.print_policy {
            Some(whose) => print_policy(args, whose).await,
            None => bootstrap(args, global).await,
        },
        Verb::Rm(args) => remove(args, global).await,
    }
}

fn print(args: &BootstrapArgs) -> Result<Exit, Failure> {
    let config = args.environment.load()?;
    let rendered = render::render_pipeline(&config, args.choices.stages()?)
        .map_err(|error| Failure::from_error(Exit::Internal, "failed to render", &error))?;
    terminal::print(rendered.text.trim_end_matches('\n'));
    Ok(Exit::Done)
}

async fn print_policy(args: &BootstrapArgs, whose: Whose) -> Result<Exit, Failure> {
    let config = args.environment.load()?;
    let settings = (whose == Whose::Roles).then(|| settings(args)).transpose()?;
    let cloud = Cloud::connect(&config.region, &[]).await?;
    let environment = Environment::look(&cloud, &config).await?;
    let policy = match settings {
        None => environment.policy(&cloud, &config),
        Some(settings) => {
            let binary = binary(args, &settings)?;
            let values = pipeline::values(&cloud, &config, &settings, &environment, &binary);
            roles::policies(&config, settings.stages(), &values)?
        }
    };
    terminal::print(&format!("{policy:#}"));
    Ok(Exit::Done)
}

fn settings(args: &BootstrapArgs) -> Result<Settings, Failure> {
    args.choices.settings(&args.environment.environment, &args.buildspec, &args.image)
}

async fn bootstrap(args: &BootstrapArgs, global: &Global) -> Result<Exit, Failure> {
    let json = global.output == Output::Json;
    let config = args.environment.load()?;
    let settings = settings(args)?;
    let binary = binary(args, &settings)?;
    let cloud = Cloud::connect(&config.region, &[]).await?;
    let environment = &args.environment.environment;
    let session = Session::open("pipeline bootstrap", environment, config.stack.as_str(), &cloud, Style::fitting(json));
    let around = session.around(&cloud);
    let consent = Consent { yes: args.yes, losses: args.allow_data_loss.iter().cloned().collect() };
    let ask = async |demand| {
        asking::answerable(args.yes, json, asking::Shown::Before)?;
        asking::ask(demand, &session.pause).await
    };
    let (stack, account) = (Part::Pipeline.stack_name(&config), cloud.identity.account.clone());
    session.observer.tell(Event::Began { stack, account, phases: pipeline::PHASES.to_vec() });
    let work = Box::pin(async {
        session.hold(&cloud, &settings.content_with(binary.key())).await?;
        pipeline::bootstrap(&around, &config, &settings, binary, consent, &ask).await
    });
    let result = session.interruptible(work).await;
    if let Ok(outputs) = &result {
        session.observer.tell(Event::Outputs { outputs: outputs.clone() });
    }
    let outputs = session.close(result).await?;
    if !json {
        super::outputs::print(&outputs);
    }
    Ok(Exit::Done)
}

fn binary(args: &BootstrapArgs, settings: &Settings) -> Result<Binary, Failure> {
    let path = match &args.binary {
        Some(path) => path.clone(),
        None => std::env::current_exe()
            .map_err(|error| Failure::from_error(Exit::Internal, "failed to find this program's own file", &error))?,
    };
    // A gate deploys nothing, so it needs no release.
    let content = if settings.ships() { std::fs::read(&path) } else { release::place::bare(&path) };
    let content = content
        .map_err(|error| Failure::from_error(Exit::Usage, format!("failed to read `{}`", path.display()), &error))?;
    Binary::new(content)
}

async fn remove(args: &RmArgs, global: &Global) -> Result<Exit, Failure> {
    let json = global.output == Output::Json;
    let config = args.environment.load()?;
    let cloud = Cloud::connect(&config.region, &[]).await?;
    let session = Session::open(
        "pipeline rm",
        &args.environment.environment,
        config.stack.as_str(),
        &cloud,
        Style::fitting(json),
    );
    let around = session.around(&cloud);
    let (name, account) = (Part::Pipeline.stack_name(&config), cloud.identity.account.clone());
    session.observer.tell(Event::Began { stack: name.clone(), account, phases: vec![Phase::Delete] });
    let work = Box::pin(async {
        let Some(stack) = pipeline::found(&cloud, &config).await? else {
            session.observer.notice(format!("there is no pipeline `{name}`"));
            return Ok(());
        };
        asking::answerable(args.yes, json, asking::Shown::Before)?;
        session.hold(&cloud, "").await?;
        if !args.yes {
            asking::confirm_by_name(&name, &session.pause).await?;
        }
        pipeline::remove(&around, stack).await
    });
    let result = session.interruptible(work).await;
    session.close(result).await.map(|()| Exit::Done)
}
