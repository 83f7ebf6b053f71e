//! `dlt explain`: why the last operation failed, in four blocks.

use super::{Global, Output, environment::EnvironmentArgs, history};
use crate::{
    cloud::Cloud,
    config::{self, Config},
    deploy::joining,
    exit::Exit,
    failure::Failure,
    journal::{recording::Recording, shelf},
    recovery::{
        evidence,
        explanation::{Explanation, Findings},
        report,
    },
    terminal,
    text::Paint,
};

/// Verbs that change nothing, so that they explain nothing.
const ONLOOKERS: &[&str] = &["attach"];

/// Say why the last operation failed, and what to do.
///
/// In four blocks: what broke, why, what AWS is doing now, what to do. A recorded operation is explained without any network. For an environment the newest recording counts if it failed, else what
/// AWS itself remembers of its stacks; tasks that stopped and lines of logs are read too.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt explain dev\n  dlt explain last       # the last operation of this machine, offline\n  dlt explain 3f9c21"
)]
pub struct Args {
    /// An environment, or a recorded operation: its id in `dlt history`, or `last`.
    #[arg(value_name = "ENV|OPERATION", env = "DLT_ENV", default_value = config::loader::DEFAULT_ENVIRONMENT)]
    what: String,
    /// A setting that wins over the environment's file and variables; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// Prints the explanation.
///
/// # Errors
/// When there is neither such an environment nor such an operation, or AWS refuses to show the stacks.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let recordings = history::recordings()?;
    let is_environment = config::loader::path_of(&args.what).exists();
    let findings = match shelf::pick(recordings.clone(), &args.what) {
        Ok(recording) if !is_environment => Findings::of_recording(&recording),
        _ => of_environment(args, &recordings).await?,
    };
    let explanation = findings.explain();
    match global.output {
        Output::Json => terminal::print(&serde_json::json!(explanation).to_string()),
        Output::Text => terminal::print(&text(&explanation)),
    }
    Ok(Exit::Done)
}

fn text(explanation: &Explanation) -> String {
    let paint = Paint::of_stdout();
    report::explanation(explanation, super::width(), paint)
}

async fn of_environment(args: &Args, recordings: &[Recording]) -> Result<Findings, Failure> {
    let environment = EnvironmentArgs { environment: args.what.clone(), set: args.set.clone() };
    let config = match environment.load() {
        Ok(config) => config,
        // An environment that was named by nobody but is not there: perhaps an operation was meant.
        Err(failure) if failure.exit == Exit::Invalid && !args.what.contains(['/', '.']) => {
            return Err(failure.hint("or name a recorded operation: `dlt history` lists them"));
        }
        Err(failure) => return Err(failure),
    };
    let is_ours = |it: &&Recording| history::is_of(it, &args.what) && !ONLOOKERS.contains(&it.header.verb.as_str());
    let newest = recordings.iter().find(is_ours).filter(|it| it.failed()).map(Findings::of_recording);
    match (look(&config).await, newest) {
        (Ok(live), None) => Ok(Findings { environment: args.what.clone(), ..live }),
        (Ok(live), Some(newest)) => Ok(join(newest, live)),
        (Err(failure), Some(mut newest)) => {
            newest.unread.push(format!("AWS itself: {}", failure.message));
            Ok(newest)
        }
        (Err(failure), None) => Err(failure),
    }
}

/// What the recording says of the cause, and what AWS says of this moment.
fn join(mut recorded: Findings, live: Findings) -> Findings {
    if !recorded.failures.is_empty() && !live.is_failure() {
        recorded.about.push("AWS shows nothing of it any more: it was mended since".to_owned());
    }
    let failures = if recorded.failures.is_empty() { live.failures } else { recorded.failures };
    let (statuses, witnesses, unread) = (live.statuses, live.witnesses, live.unread);
    Findings { failures, statuses, witnesses, unread, live: true, ..recorded }
}

async fn look(config: &Config) -> Result<Findings, Failure> {
    let cloud = Cloud::connect(&config.region, &config.regions).await?;
    let mut findings = evidence::gather(&cloud, &joining::stacks_of_environment(config)).await?;
    if findings.is_failure() {
        evidence::witnesses(&cloud, config.stack.as_str(), &mut findings).await;
    }
    Ok(findings)
}
