//! `dlt up`: an environment as its file says, by one command.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp};

use super::{
    Global, Output, asking, environment::EnvironmentArgs, plan::ReleaseArgs, rehearse::RehearsalArgs, session::Session,
};
use crate::{
    config::Config,
    deploy::{
        consent::Consent,
        engine::{self, PHASES, Surroundings},
        event::{Event, Phase},
        people,
        screen::show::Style,
        seal::Sealed,
        survey::{self, Survey},
    },
    exit::Exit,
    failure::Failure,
    release::Release,
    timing,
};

/// Make an environment as its file says; do nothing when it is.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt up dev\n  dlt up dev --yes --set worker.cpu=4096 --set worker.memory=8192\n  dlt up dev --plan dev.plan\n  dlt up dev --simulate --fault create-fails   # asks AWS nothing"
)]
pub struct Args {
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// Agree beforehand, except to losing data.
    #[arg(long, short)]
    yes: bool,
    /// Carry out a plan that `dlt plan --out FILE` sealed, or refuse when anything moved since. It is the yes to all that it
    /// shows, except to losing data.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Agree to losing the data in this resource, by its name in the template; may be repeated.
    #[arg(long, value_name = "NAME")]
    allow_data_loss: Vec<String>,
    #[command(flatten)]
    release: ReleaseArgs,
    #[command(flatten)]
    rehearsal: RehearsalArgs,
}

/// Deploys an environment, or does nothing when it is as it should be.
///
/// # Errors
/// A wrong environment file, a release that is not there, a refusal of AWS or of a guard, or a deployment that failed.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let json = global.output == Output::Json;
    if let Some(list) = args.rehearsal.help() {
        crate::terminal::print(&list);
        return Ok(Exit::Done);
    }
    let config = args.environment.load()?;
    let release = Release::find(args.release.release.as_deref())?;
    release.fits(&config)?;
    let scenery = args.rehearsal.connect(&config).await?;
    let cloud = &scenery.cloud;
    let sealed = args.plan.as_deref().map(read_plan).transpose()?;
    let open = if scenery.is_rehearsal() { Session::rehearse } else { Session::open };
    let session = open("up", &args.environment.environment, config.stack.as_str(), cloud, Style::fitting(json));
    scenery.notice().into_iter().for_each(|notice| session.observer.notice(notice));
    let around = session.around(cloud);
    let yes = args.yes || sealed.is_some();
    let consent = Consent { yes, losses: args.allow_data_loss.iter().cloned().collect() };
    let ask = async |demand| {
        asking::answerable(yes, json, asking::Shown::By("dlt plan"))?;
        asking::ask(demand, &session.pause).await
    };
    let terms = Terms { consent, sealed: sealed.as_ref() };
    let work = Box::pin(deploy(&session, &around, &config, &release, terms, &ask));
    let result = session.interruptible(work).await.map_err(|failure| scenery.told(failure));
    if let Ok(outputs) = &result {
        session.observer.tell(Event::Outputs { outputs: outputs.clone() });
    }
    scenery.notice().into_iter().for_each(|notice| session.observer.notice(notice));
    let outputs = session.close(result).await?;
    if !json {
        super::outputs::print(&outputs);
    }
    Ok(Exit::Done)
}

/// What was agreed to before anything was asked.
struct Terms<'a> {
    consent: Consent,
    sealed: Option<&'a Sealed>,
}

/// Reads a sealed plan.
fn read_plan(file: &Path) -> Result<Sealed, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::from_error(Exit::Usage, format!("failed to read the plan `{}`", file.display()), &error)
    })?;
    Sealed::read(&text).map_err(|why| refusal(vec![why]))
}

/// Refuses unless today's decision is the one that was sealed.
fn hold_to(sealed: &Sealed, survey: &Survey, made_by: &str) -> Result<(), Failure> {
    let (now, any) = (Timestamp::now(), SignedDuration::ZERO);
    let decided = Sealed::of(&survey.plan, &survey.wanted, &survey.live, made_by, now, any);
    match sealed.objections(&decided) {
        objections if objections.is_empty() => Ok(()),
        objections => Err(refusal(objections)),
    }
}

fn refusal(objections: Vec<String>) -> Failure {
    let mut failure =
        Failure::new(Exit::Guarded, "the sealed plan is not carried out: it is not what would be done now");
    failure.causes = objections;
    failure.hint("`dlt plan --out FILE` makes a new one")
}

async fn deploy(
    session: &Session,
    around: &Surroundings<'_>,
    config: &Config,
    release: &Release,
    terms: Terms<'_>,
    ask: &impl AsyncFn(crate::deploy::consent::Demand) -> Result<Consent, Failure>,
) -> Result<BTreeMap<String, String>, Failure> {
    let observer = around.observer;
    let (stack, account) = (config.stack.to_string(), around.cloud.identity.account.clone());
    observer.tell(Event::Began { stack, account, phases: PHASES.to_vec() });
    observer.tell(Event::PhaseStarted { phase: Phase::Plan });
    let survey = survey::survey(around.cloud, config, release).await?;
    observer.tell(Event::PhaseEnded { phase: Phase::Plan });
    if let Some(sealed) = terms.sealed {
        hold_to(sealed, &survey, &around.cloud.identity.arn)?;
        observer.notice(format!("the sealed plan still holds: {}", sealed.origin()));
    }
    observer.tell(Event::Planned { plan: Box::new(survey.plan.clone()) });
    if !survey.plan.is_empty() {
        check(config, session.environment())?;
        engine::guard(&survey.plan)?;
        session.hold(around.cloud, &survey.plan.content()).await?;
        let estimate = timing::estimate_with(&survey.plan, &timing::store::load());
        observer.tell(Event::Expected { estimate: Box::new(estimate) });
    }
    let outputs = engine::up(around, survey, release, terms.consent, ask).await?;
    settle_admin(around, config, &outputs).await?;
    Ok(outputs)
}

/// What is wrong with a template is found here and not by AWS, half-way.
fn check(config: &Config, environment: &str) -> Result<(), Failure> {
    match super::check::check_config(config, environment)?.errors {
        0 => Ok(()),
        errors => {
            let message = format!("the templates of `{environment}` have errors: {errors}");
            Err(Failure::new(Exit::Invalid, message).hint(format!("`dlt check {environment}` lists them")))
        }
    }
}

/// Gives the admin the address of the environment file and, where the file names one, the permanent password. What is as it
/// should be stays as it is.
async fn settle_admin(
    around: &Surroundings<'_>,
    config: &Config,
    outputs: &BTreeMap<String, String>,
) -> Result<(), Failure> {
    let Some(pool) = outputs.get("UserPoolId") else { return Ok(()) };
    let (clients, name, email) = (around.cloud.hub(), &config.admin.name, &config.admin.email);
    let Some(user) = people::user(clients, pool, name).await? else {
        around.observer.notice(format!("the admin `{name}` is not among the users any more; `dlt invite` makes one"));
        return Ok(());
    };
    let moved = user.email.as_deref() != Some(&**email);
    if moved {
        people::readdress(clients, pool, name, email).await?;
        around.observer.notice(format!("the admin `{name}` has the address {email} now"));
    }
    match &config.admin.password_parameter {
        Some(parameter) if user.awaits_password => {
            people::set_password(clients, pool, name, parameter).await?;
            let text = format!(
                "the admin `{name}` signs in with the password in the parameter `{parameter}`; nobody has to answer the invitation"
            );
            around.observer.notice(text);
        }
        None if user.awaits_password && moved => {
            people::invite_again(clients, pool, name).await?;
            around.observer.notice(format!("the invitation was sent again, to {email}"));
        }
        Some(_) | None => {}
    }
    Ok(())
}
