//! `dlt run --env`: a scenario on a system that somebody has deployed, or that `dlt local` serves.

use dlt_model::{
    forecast::{ASSUMED_LATENCY, Assumptions, Forecast},
    plan::LoadPlan,
    scenario::Scenario,
};

use super::{Args, Global, interrupts};
use crate::{
    cli::{Output, asked_for, forecast::SIZE},
    cost::planned,
    exit::Exit,
    failure::Failure,
    run::{
        self, Event, Order, Outcome, Screen,
        event::Commands,
        proposal::{Price, Proposal},
        stop::{self, Stop, Stops},
        there,
    },
    system::{Stored, System, place::given},
    terminal,
};

/// Stores the scenario, says what will happen, starts it, and unless it is to be left alone follows it to its verdict.
pub(super) async fn run(args: &Args, system: &System, global: &Global) -> Result<Exit, Failure> {
    if args.data.is_some() {
        let failure = Failure::new(
            Exit::Usage,
            format!("`--data` keeps what a run here leaves, and this one is {}", system.place),
        );
        return Err(failure.hint("leave it out: a system keeps its runs; `dlt runs show` shows them"));
    }
    let found = asked_for::find(system, &args.scenario, given(&args.test_id)).await?;
    let order = Order::of(found.stored.scenario.clone(), found.warnings.clone(), &args.asked)?;
    run::announce(&order.warnings);
    let proposal = proposal(system, &order.scenario, &args.scenario)?;
    let mut screen = Screen::new(global.output);
    screen.observe(&Event::Proposed(&proposal));
    found.store(system).await?;
    if args.detach {
        return detached(system, &found.stored, &order, screen, global).await;
    }
    let plan = LoadPlan::new(&order.scenario).map_err(|problems| Failure::invalid(&args.scenario, problems))?;
    let stops = Stops::new(interrupts(), stop::deadline(&plan, there::SETTLING));
    let ran = there::run(system, &found.stored, &order.clauses, stops, &mut |event| screen.observe(event)).await?;
    let outcome = Outcome::of(ran, &order.clauses);
    screen.conclude(&outcome);
    if global.output == Output::Text {
        farewell(system, &outcome);
    }
    Ok(outcome.exit())
}

/// Starts it and leaves. The run's id is the result, and how to see and to end it is talk.
async fn detached(
    system: &System,
    stored: &Stored,
    order: &Order,
    mut screen: Screen,
    global: &Global,
) -> Result<Exit, Failure> {
    let run_id = there::begin(system, stored, &mut |event| screen.observe(event)).await?;
    drop(screen);
    if global.output == Output::Text {
        let Commands { watch, stop, judge } = system.commands(&stored.test_id, &run_id);
        terminal::say(&format!("follow it:  {watch}\nstop it:    {stop}"));
        if order.clauses != order.scenario.thresholds {
            terminal::say(&format!("nobody waits to judge it; afterwards:  {judge}"));
        }
        terminal::print(&run_id);
    }
    Ok(Exit::Done)
}

/// Where the run is kept; and when it may go on without us, how to see what becomes of it.
fn farewell(system: &System, outcome: &Outcome) {
    let ran = &outcome.ran;
    if ran.ending.is_end() {
        terminal::say(&system.link(&ran.test_id, &ran.run_id));
        return;
    }
    let how = match ran.ending.stopped {
        Some(Stop::Interrupted) => "the run ends without us",
        _ => "the run may go on",
    };
    terminal::say(&format!("{how}; follow it:  {}", system.commands(&ran.test_id, &ran.run_id).watch));
}

/// What the run will be, and what it costs where the environment's file says what its workers are.
fn proposal(system: &System, scenario: &Scenario, name: &str) -> Result<Proposal, Failure> {
    let size = system.config.as_deref().map_or(SIZE, planned::size);
    let forecast = Forecast::new(scenario, &Assumptions { latency: ASSUMED_LATENCY, size })
        .map_err(|problems| Failure::invalid(name, problems))?;
    let price = system.config.as_deref().map(|config| Price::of(&planned::of_forecast(config, &forecast)));
    Ok(Proposal { place: system.place.clone(), forecast, price })
}
