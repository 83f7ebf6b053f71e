//! `dlt run`: a scenario on this machine, from its file to a verdict.

use std::path::{Path, PathBuf};

use dlt_local::{LocalSystem, WorkerCommand};
use tokio::{net::TcpListener, signal, sync::mpsc};

use super::Global;
use crate::{
    exit::Exit,
    failure::Failure,
    run::{self, Asked, Order, Outcome, Screen},
};

/// Run a scenario on this machine, and judge it.
///
/// Exit codes: 0 passed · 3 the scenario is invalid · 98 the run proves nothing (no samples, lost workers) · 99 a clause
/// failed · 130 interrupted.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt run docs/examples/quickstart.yaml\n  EXPECT_SUCCESS_RATE=99.5 SUCCESS_P95=0.8 dlt run dlt_test.json"
)]
pub struct Args {
    /// The scenario: our YAML, or AWS DLT's JSON.
    scenario: PathBuf,
    #[command(flatten)]
    asked: Asked,
    /// Keep records, reports and logs in this folder; otherwise they go when the command ends.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Does it.
///
/// # Errors
/// When the scenario is invalid or cannot be run at all.
pub async fn run(args: Args, global: &Global) -> Result<Exit, Failure> {
    let text = std::fs::read_to_string(&args.scenario).map_err(|error| unreadable(&args.scenario, &error))?;
    let order = Order::read(&args.scenario, &text, &args.asked, &variable)?;
    let data = Data::of(args.data)?;
    let system = start(data.path()).await?;
    let outcome = to_the_end(&system, &order, global).await;
    system.shut_down(std::time::Duration::ZERO).await;
    Ok(outcome?.exit())
}

/// Runs an order on a system, showing it.
pub(super) async fn to_the_end(system: &LocalSystem, order: &Order, global: &Global) -> Result<Outcome, Failure> {
    run::announce(&order.warnings);
    let mut screen = Screen::new(global.output);
    let mut interrupts = interrupts();
    let outcome = run::run(system, order, &mut interrupts, &mut |event| screen.observe(event)).await?;
    screen.conclude(&outcome);
    Ok(outcome)
}

/// What `${NAME}` in a scenario means.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Every Ctrl-C and SIGTERM from now on.
pub(super) fn interrupts() -> mpsc::Receiver<()> {
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(async move {
        let Ok(mut terminated) = signal::unix::signal(signal::unix::SignalKind::terminate()) else { return };
        loop {
            let heard = tokio::select! {
                heard = signal::ctrl_c() => heard.is_ok(),
                heard = terminated.recv() => heard.is_some(),
            };
            if !heard || sender.send(()).await.is_err() {
                return;
            }
        }
    });
    receiver
}

/// A system of its own, on a free port of the loopback interface.
pub(super) async fn start(data: &Path) -> Result<LocalSystem, Failure> {
    let worker = worker_command()?;
    let failed = |error: &(dyn std::error::Error + 'static)| {
        Failure::from_error(Exit::Internal, "failed to start the local system", error)
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| failed(&error))?;
    LocalSystem::start(data, listener, worker).await.map_err(|error| failed(&error))
}

/// This program as a worker.
pub(super) fn worker_command() -> Result<WorkerCommand, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::from_error(Exit::Internal, "failed to find this program's own file", &error))?;
    Ok(WorkerCommand { program, arguments: vec!["worker".into()] })
}

/// Where a run's files lie: a folder that is kept, or one that goes with this value.
#[derive(Debug)]
pub(super) enum Data {
    Kept(PathBuf),
    Passing(tempfile::TempDir),
}

impl Data {
    pub(super) fn of(kept: Option<PathBuf>) -> Result<Self, Failure> {
        match kept {
            Some(folder) => Ok(Self::Kept(folder)),
            None => tempfile::tempdir()
                .map(Self::Passing)
                .map_err(|error| Failure::from_error(Exit::Internal, "failed to make a temporary folder", &error)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Kept(folder) => folder,
            Self::Passing(folder) => folder.path(),
        }
    }
}

pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let failure = Failure::from_error(Exit::Usage, format!("failed to read the scenario `{}`", path.display()), error);
    failure.hint("`docs/examples/quickstart.yaml` is a scenario to start from")
}
