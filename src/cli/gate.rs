//! `dlt gate`: what a pipeline calls. Runs a scenario, judges it, and says so to people and to the CI.

use std::path::{Path, PathBuf};

use dlt_model::{
    baseline::Measured,
    duration::Duration,
    gate::Clause,
    id::{Region, RunId},
    plan::LoadPlan,
};
use serde_json::Value;

use super::{
    Global, Output, asked_for,
    run::{Data, interrupts, start, unreadable, variable},
};
use crate::{
    exit::Exit,
    failure::Failure,
    gate::{
        baseline::{self, Baseline, DEFAULT_GROWTH_PERCENT, MAX_GROWTH_PERCENT},
        conclusion::{self, Conclusion},
        question,
        report::{files, json, text},
    },
    report::summary::Paint,
    run::{
        self, Asked, Order, Ran, Screen,
        stop::{self, Stops},
        there,
    },
    system::{
        PlaceArgs, System,
        place::{self, given},
    },
    terminal,
};

/// The word for the last sound run of the scenario.
const PREVIOUS: &str = "previous";
/// How many earlier runs are looked at until one is sound.
const MOST_LOOKED_AT: usize = 5;

/// Run a scenario, judge it, and write the reports that a CI reads.
///
/// Without an environment the load comes from this machine; with one, from its workers. Flags win over variables, and all
/// clauses add up: those of the flags or variables and the scenario's own thresholds. Every clause is judged and printed.
/// The last line is a link to the run.
///
/// Exit codes: 0 passed · 2 the question cannot be understood · 3 the scenario is invalid · 4 AWS or the API refused · 8 the
/// scenario is being run already · 98 the run proves nothing (no samples, lost workers, deadline) · 99 a clause failed ·
/// 130 interrupted. Nothing but 0 is a pass.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  EXPECT_SUCCESS_RATE=99.5 SUCCESS_P95=0.8 dlt gate dlt_test.json\n  dlt gate checkout.yaml --env qa --gate 'p99 <= 1.5s; abort error_rate < 20% over 30s'\n  dlt gate checkout --env qa --baseline previous"
)]
pub struct Args {
    /// The scenario: a file, or with an environment the id or the name of a stored one.
    #[arg(env = "SCENARIO")]
    scenario: String,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    place: PlaceArgs,
    /// The id under which a file is stored on an environment; otherwise the file's own, or one that follows from its name.
    #[arg(long, env = "TEST_ID", value_name = "ID")]
    test_id: Option<String>,
    /// How long all of it may take, such as `20m`; then the run is cancelled and proves nothing [default: the load's
    /// duration and 2 minutes here, 15 minutes on an environment].
    #[arg(long, env = "DLT_DEADLINE", value_name = "DURATION")]
    deadline: Option<String>,
    /// Where junit.xml, gate.json, gate.md and report.html are written.
    #[arg(long, env = "DLT_REPORTS", value_name = "DIR", default_value = "dlt-reports")]
    reports: PathBuf,
    /// An earlier run that this one must not be worse than, by more than the tolerance and by more than noise: its gate.json,
    /// or on an environment its id, or `previous` for the last sound one.
    #[arg(long, env = "DLT_BASELINE", value_name = "RUN")]
    baseline: Option<String>,
    /// By how many percent the 95th percentile may grow over the baseline's.
    #[arg(long, env = "DLT_BASELINE_GROWTH", value_name = "PERCENT", default_value_t = DEFAULT_GROWTH_PERCENT,
          value_parser = clap::value_parser!(u64).range(0..=MAX_GROWTH_PERCENT))]
    baseline_growth: u64,
    /// Here: keep records, reports and logs of the run in this folder; otherwise they go when the command ends.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Does it.
///
/// # Errors
/// When the question, the scenario or the environment is wrong. A run that fails is no error.
pub async fn run(args: Args, global: &Global) -> Result<Exit, Failure> {
    let asked = question::asked(&args.asked)?;
    let deadline = given(&args.deadline).map(read_deadline).transpose()?;
    let system = place::connect(&args.place).await?;
    let folder = files::Folder::prepare(&args.reports)?;
    let Outcome { ran, clauses, baseline, scenario } = match &system {
        None => here(&args, asked, deadline).await?,
        Some(system) => there(&args, system, asked, deadline).await?,
    };
    let Ran { test_id, run_id, ending, summary } = ran;
    let link = system.as_ref().map_or_else(|| folder.page_link(), |system| system.link(&test_id, &run_id));
    let place = system.map_or_else(|| "on this machine".to_owned(), |system| system.place);
    let comparisons = baseline.as_ref().map_or_else(Vec::new, |baseline| baseline.compare(summary.as_ref()));
    let judgement = conclusion::judge(&clauses, &comparisons, summary.as_ref(), &ending);
    let baseline = baseline.map(|baseline| baseline.name);
    let conclusion =
        Conclusion { scenario, place, test_id, run_id, ending, summary, judgement, baseline, comparisons, link };
    tell(&conclusion, &folder, global)
}

/// Says what came out to everybody who wants to know, and answers the exit code.
///
/// # Errors
/// When a report cannot be written.
pub(super) fn tell(conclusion: &Conclusion, folder: &files::Folder, global: &Global) -> Result<Exit, Failure> {
    let written = folder.write(conclusion);
    match global.output {
        Output::Json => terminal::print(&format!("{:#}", json::json(conclusion))),
        Output::Text => terminal::print(&text::text(conclusion, &Paint::new(console::colors_enabled()))),
    }
    // A verdict whose report could not be written is printed all the same, and is no pass.
    written.map(|()| conclusion.exit())
}

/// A run that is over, and what it is judged by.
struct Outcome {
    ran: Ran,
    clauses: Vec<Clause>,
    baseline: Option<Baseline>,
    scenario: String,
}

async fn here(args: &Args, asked: Vec<Clause>, deadline: Option<Duration>) -> Result<Outcome, Failure> {
    let path = Path::new(&args.scenario);
    if given(&args.baseline) == Some(PREVIOUS) {
        let failure = Failure::new(Exit::Usage, "`--baseline previous` needs an environment, which keeps earlier runs");
        return Err(failure.hint("name the gate.json of an earlier run instead"));
    }
    if !path.exists() {
        let failure = Failure::new(Exit::Usage, format!("there is no file `{}`", args.scenario));
        return Err(failure.hint(
            "a stored scenario is run with `--env NAME`; `docs/examples/quickstart.yaml` is a file to start from",
        ));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let (scenario, warnings) = run::read_scenario(path, &text, &variable, &Region::local())?;
    run::announce(&warnings);
    let baseline = file_baseline(args)?;
    let clauses = question::all(&scenario.thresholds, asked, baseline.is_some())?;
    let plan = LoadPlan::new(&scenario).map_err(|problems| Failure::invalid(&args.scenario, problems))?;
    let within = deadline.map_or_else(|| stop::deadline(&plan, run::here::SETTLING), std_duration);
    let data = Data::of(args.data.clone())?;
    let system = start(data.path()).await?;
    let name = scenario.name.clone();
    let order = Order { scenario, clauses: clauses.clone(), warnings: Vec::new() };
    let mut screen = Screen::talk();
    let stops = Stops::new(interrupts(), within);
    let ran = run::here::run(&system, &order, stops, &mut |event| screen.observe(event)).await;
    system.shut_down(std::time::Duration::ZERO).await;
    Ok(Outcome { ran: ran?, clauses, baseline, scenario: name })
}

async fn there(
    args: &Args,
    system: &System,
    asked: Vec<Clause>,
    deadline: Option<Duration>,
) -> Result<Outcome, Failure> {
    let found = asked_for::find(system, &args.scenario, given(&args.test_id)).await?;
    run::announce(&found.warnings);
    let stored = &found.stored;
    let baseline = match given(&args.baseline) {
        Some(PREVIOUS) => previous(system, &stored.test_id, args).await?,
        Some(name) if !Path::new(name).exists() => Some(of_run(system, &stored.test_id, name, args).await?),
        _ => file_baseline(args)?,
    };
    let clauses = question::all(&stored.scenario.thresholds, asked, baseline.is_some())?;
    let plan = LoadPlan::new(&stored.scenario).map_err(|problems| Failure::invalid(&args.scenario, problems))?;
    let within = deadline.map_or_else(|| stop::deadline(&plan, there::SETTLING), std_duration);
    found.store(system).await?;
    let mut screen = Screen::talk();
    let stops = Stops::new(interrupts(), within);
    let ran = there::run(system, stored, &clauses, stops, &mut |event| screen.observe(event)).await?;
    Ok(Outcome { ran, clauses, baseline, scenario: found.stored.scenario.name })
}

fn baseline(name: &str, measured: Measured, args: &Args) -> Baseline {
    Baseline { name: name.to_owned(), measured, growth_percent: args.baseline_growth }
}

fn file_baseline(args: &Args) -> Result<Option<Baseline>, Failure> {
    let Some(name) = given(&args.baseline) else { return Ok(None) };
    let text = std::fs::read_to_string(name)
        .map_err(|error| Failure::from_error(Exit::Usage, format!("failed to read the baseline `{name}`"), &error))?;
    let report: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::from_error(Exit::Usage, format!("the baseline `{name}` is not JSON"), &error))?;
    let measured = baseline::of_report(&report).ok_or_else(|| unsound(name))?;
    let earlier =
        report["scenario"].as_str().map_or_else(|| name.to_owned(), |scenario| format!("{name} (`{scenario}`)"));
    Ok(Some(baseline(&earlier, measured, args)))
}

fn unsound(name: &str) -> Failure {
    let message = format!("the baseline `{name}` is not the report of a run that proved something");
    Failure::new(Exit::Usage, message).hint("take the gate.json of a run that passed")
}

/// The last sound run of a scenario; none before the first.
async fn previous(system: &System, test_id: &str, args: &Args) -> Result<Option<Baseline>, Failure> {
    let path = format!("/scenarios/{test_id}/testruns?limit=100");
    let runs: Value = match system.api.get(&path).await {
        Ok(runs) => runs,
        Err(error) if error.is(404) => Value::Null,
        Err(error) => return Err(error.failure("list the scenario's runs")),
    };
    let sound = runs["testRuns"].as_array().into_iter().flatten().filter_map(baseline::of_listed_run);
    for run_id in sound.take(MOST_LOOKED_AT) {
        if let Some(measured) = summary_of(system, test_id, run_id).await? {
            return Ok(Some(baseline(&format!("the run {run_id}"), measured, args)));
        }
    }
    terminal::say("there is no earlier run to compare with yet");
    Ok(None)
}

/// The run of a scenario with this id.
async fn of_run(system: &System, test_id: &str, run_id: &str, args: &Args) -> Result<Baseline, Failure> {
    if run_id.parse::<RunId>().is_err() {
        let message = format!("the baseline `{run_id}` is neither a file nor the id of a run");
        return Err(Failure::new(Exit::Usage, message).hint("`--baseline previous` is the last sound run"));
    }
    let measured = summary_of(system, test_id, run_id).await?.ok_or_else(|| unsound(run_id))?;
    Ok(baseline(&format!("the run {run_id}"), measured, args))
}

/// What a run on the environment left, if it is there and sound.
async fn summary_of(system: &System, test_id: &str, run_id: &str) -> Result<Option<Measured>, Failure> {
    let summary = there::summary(system, test_id, run_id).await.map_err(|error| error.failure("read the baseline"))?;
    Ok(summary.as_ref().and_then(baseline::of_summary))
}

pub(super) fn read_deadline(text: &str) -> Result<Duration, Failure> {
    let wrong = |why: String| Failure::new(Exit::Usage, format!("--deadline: {why}")).hint("write one like `20m`");
    let deadline: Duration =
        text.parse().map_err(|error: dlt_model::duration::InvalidDuration| wrong(error.to_string()))?;
    if deadline.is_zero() { Err(wrong("it must be longer than 0s".to_owned())) } else { Ok(deadline) }
}

fn std_duration(duration: Duration) -> std::time::Duration {
    std::time::Duration::from_millis(duration.as_millis())
}
