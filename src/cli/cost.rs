//! `dlt cost`: what an environment costs by the month, and a test by the hour. Without `--deployed` nothing is asked of AWS.

use std::path::Path;

use dlt_model::{
    duration::Duration,
    forecast::{ASSUMED_LATENCY, Assumptions, Forecast, prices},
    scenario::{Scenario, Sources},
};

use super::{Global, Output, environment::EnvironmentArgs, forecast};
use crate::{
    cloud::Cloud,
    config::Config,
    cost::{Cost, Deployed, Load, Test, idle, live, page, planned},
    doctor::{Planned, names},
    exit::Exit,
    failure::Failure,
    render::Part,
    report::units,
    sources::Beside,
    terminal,
    text::Paint,
};

/// Say what an environment costs while nobody tests, and what a test costs on top.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt cost dev --users 50000 --duration 2h\n  dlt cost dev checkout.yaml\n  dlt cost dev --deployed"
)]
pub struct Args {
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// A scenario whose run is reckoned.
    #[arg(value_name = "SCENARIO", conflicts_with_all = ["users", "workers", "duration"])]
    scenario: Option<String>,
    /// Virtual users of a test, shared by the environment's regions; the smallest test unless given.
    #[arg(long, value_name = "N", default_value_t = 0)]
    users: u64,
    /// Workers of that test; one for every 10,000 users unless given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    workers: Option<u64>,
    /// How long that test lasts: `30m`.
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    duration: Duration,
    /// Ask AWS what is deployed and how much is stored in it, and say what a deployment would change.
    #[arg(long)]
    deployed: bool,
}

/// Prints the bills.
///
/// # Errors
/// A wrong environment file or scenario, or a refusal of AWS.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let environment = &args.environment.environment;
    if args.scenario.is_none() && forecast::is_scenario(environment) {
        let message = format!("`{environment}` is a scenario, and a price needs an environment to run it on");
        return Err(Failure::new(Exit::Usage, message).hint(format!("dlt cost dev {environment}")));
    }
    let config = args.environment.load()?;
    let load = match &args.scenario {
        Some(scenario) => of_scenario(scenario, &config)?,
        None => of_users(args, &config),
    };
    let deployed = if args.deployed { as_deployed(&config, &load).await? } else { None };
    let cost = Cost {
        stack: config.stack.to_string(),
        regions: config.all_regions().cloned().collect(),
        idle: idle::idle(kinds(&config)?.iter().map(String::as_str), &[]),
        deployed,
        test: Test::of(&load),
        not_counted: not_counted(&load, args.deployed),
        as_of: prices::AS_OF,
        checked: prices::CHECKED,
        sources: Cost::SOURCES,
    };
    match global.output {
        Output::Text => {
            let paint = Paint::of_stdout();
            terminal::print(page::text(&cost, paint).trim_end());
        }
        Output::Json => terminal::print(&serde_json::json!(cost).to_string()),
    }
    Ok(Exit::Done)
}

/// What is there now, and an hour of the same test on the workers that it has.
async fn as_deployed(config: &Config, load: &Load) -> Result<Option<Deployed>, Failure> {
    let cloud = Cloud::connect(&config.region, &config.regions).await?;
    let Some((idle, worker)) = live::deployed(&cloud, config).await? else {
        terminal::say(&format!("`{}` is not deployed", config.stack));
        return Ok(None);
    };
    let on_it = |size| Test::of(&Load { size, ..load.clone() }).usd_per_hour;
    Ok(Some(Deployed { idle, worker, test_usd_per_hour: worker.map(on_it) }))
}

/// Every resource of every stack of the environment, by type.
fn kinds(config: &Config) -> Result<Vec<String>, Failure> {
    let mut kinds = Vec::new();
    for part in Part::ALL {
        for region in part.regions(config) {
            kinds.extend(names::all_kinds(part, config, &region)?);
        }
    }
    Ok(kinds)
}

fn not_counted(load: &Load, measured: bool) -> Vec<String> {
    let mut left_out = vec!["free tiers and discounts".to_owned()];
    if !measured {
        left_out.push("what is stored (`--deployed` measures it)".to_owned());
    }
    if load.bytes_sent.is_none() {
        left_out.push("what the test sends (a scenario tells)".to_owned());
    }
    left_out.push("traces, requests of the table, the bucket and the API".to_owned());
    left_out
}

fn of_users(args: &Args, config: &Config) -> Load {
    let regions: Vec<_> = config.all_regions().collect();
    let planned = Planned::of(args.users, args.workers, config.worker.cpu_units, regions.len());
    let count = u64::try_from(regions.len()).expect("an environment has few regions");
    let share = |at: u64| planned.workers / count + u64::from(at < planned.workers % count);
    let workers = (0..).map(|at| u32::try_from(share(at)).unwrap_or(u32::MAX));
    let fleet: Vec<(String, u32)> = regions.iter().map(ToString::to_string).zip(workers).collect();
    let name = match args.users {
        0 => "the smallest test".to_owned(),
        users => format!("{} virtual users", units::count(users)),
    };
    planned::load(config, name, fleet, args.duration, None)
}

fn of_scenario(argument: &str, config: &Config) -> Result<Load, Failure> {
    let path = Path::new(argument);
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::from_error(Exit::Usage, format!("failed to read the scenario `{argument}`"), &error)
    })?;
    let beside = Beside::of(path);
    let file = |name: &str| beside.read(name);
    let sources = Sources { variable: &super::run::variable, file: &file };
    let (scenario, _) = Scenario::read(argument, &text, &sources, Some(&config.region))
        .map_err(|problems| Failure::invalid(argument, problems))?;
    let assumptions = Assumptions { latency: ASSUMED_LATENCY, size: planned::size(config) };
    let forecast = Forecast::new(&scenario, &assumptions).map_err(|problems| Failure::invalid(argument, problems))?;
    Ok(planned::of_forecast(config, &forecast))
}
