//! `dlt demo`: the whole system on this machine, with something to test.

use std::{io::IsTerminal, path::PathBuf};

use super::{Global, Output, run};
use crate::{
    exit::Exit,
    failure::Failure,
    run::{Asked, Order},
    target::Target,
    terminal,
};

/// The scenario of the demo; `${TARGET}` is the built-in target.
const SCENARIO: &str = include_str!("../../docs/examples/demo.yaml");

/// Start the local system and a small target, run a load test on it, and judge it.
///
/// On a terminal the system stays up afterwards, so that its page can be looked at; elsewhere the command ends with the
/// verdict's exit code.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  EXPECT_SUCCESS_RATE=99.5 SUCCESS_P95=0.8 dlt demo")]
pub struct Args {
    #[command(flatten)]
    asked: Asked,
    /// Keep records, reports and logs in this folder; otherwise they go when the command ends.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Leave the system up after the test, until Ctrl-C, even when nobody is at a terminal.
    #[arg(long, conflicts_with = "exit")]
    stay: bool,
    /// End after the test, even on a terminal.
    #[arg(long)]
    exit: bool,
}

/// Does it.
///
/// # Errors
/// When the system or the target cannot be started.
pub async fn run(args: Args, global: &Global) -> Result<Exit, Failure> {
    let target = Target::start()
        .await
        .map_err(|error| Failure::from_error(Exit::Internal, "failed to start the built-in target", &error))?;
    let variable = |name: &str| if name == "TARGET" { Some(target.url()) } else { run::variable(name) };
    let order = Order::read("docs/examples/demo.yaml".as_ref(), SCENARIO, &args.asked, &variable)?;
    let data = run::Data::of(args.data)?;
    let system = run::start(data.path()).await?;
    let outcome = run::to_the_end(&system, &order, global).await?;
    let samples = outcome.ran.summary.as_ref().map_or(0, |summary| summary.total.all.samples());
    let stays = args.stay || (!args.exit && std::io::stdout().is_terminal());
    if global.output == Output::Text {
        terminal::print(&format!("the target answered {} requests; the report counts {samples}", target.answered()));
        terminal::print(&format!("page: {}", system.page_of(&outcome.ran.test_id, &outcome.ran.run_id)));
    }
    if stays {
        terminal::say("the page stays up until Ctrl-C");
        drop(tokio::signal::ctrl_c().await);
    }
    system.shut_down(std::time::Duration::ZERO).await;
    Ok(outcome.exit())
}
