//! `dlt run`: a scenario from its file to a verdict, on this machine or on an environment.

mod there;

use std::path::{Path, PathBuf};

use dlt_local::{LocalSystem, WorkerCommand};
use tokio::{net::TcpListener, signal, sync::mpsc};

use super::Global;
use crate::{
    exit::Exit,
    failure::Failure,
    run::{self, Asked, Order, Outcome, Screen, stop::Stops},
    system::{PlaceArgs, place},
};

/// Run a scenario, and judge it: on this machine, or with `--env` on the workers of an environment.
///
/// On an environment the scenario is stored first, as `dlt scenarios put` does, and what it will cost is said before it starts.
/// The first Ctrl-C asks for the end of the run and keeps what was measured; a second one leaves at once. A run there that takes
/// fifteen minutes longer than its load is ended as well.
///
/// Exit codes: 0 passed · 3 the scenario is invalid · 4 AWS or the API refused · 8 the scenario is being run already · 98 the run
/// proves nothing (no samples, lost workers) · 99 a clause failed · 130 interrupted.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt run docs/examples/quickstart.yaml\n  EXPECT_SUCCESS_RATE=99.5 SUCCESS_P95=0.8 dlt run dlt_test.json\n  dlt run checkout.yaml --env qa\n  dlt run checkout --env qa --detach   # a stored scenario; prints the run's id\n  dlt run checkout.yaml --api http://127.0.0.1:8787   # of `dlt local`"
)]
pub struct Args {
    /// The scenario: a file of any format that `dlt check` takes, or on an environment the id or the name of a stored one.
    scenario: String,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    place: PlaceArgs,
    /// The id under which a file is stored on an environment; otherwise the file's own, or one that follows from its name.
    #[arg(long, env = "TEST_ID", value_name = "ID")]
    test_id: Option<String>,
    /// On an environment: start the run and leave it alone; print its id, and how to follow and to stop it.
    #[arg(long)]
    detach: bool,
    /// Here: keep records, reports and logs in this folder; otherwise they go when the command ends.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Does it.
///
/// # Errors
/// When the scenario is invalid or cannot be run at all.
pub async fn run(args: Args, global: &Global) -> Result<Exit, Failure> {
    match place::connect(&args.place).await? {
        Some(system) => there::run(&args, &system, global).await,
        None => here(args, global).await,
    }
}

/// Runs it on a system of its own, which ends with it.
async fn here(args: Args, global: &Global) -> Result<Exit, Failure> {
    if args.detach {
        let failure = Failure::new(Exit::Usage, "`--detach` needs a system that goes on when this command has ended");
        return Err(
            failure.hint("name an environment with `--env`, or start `dlt local` and give its address with `--api`")
        );
    }
    let path = Path::new(&args.scenario);
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let order = Order::read(path, &text, &args.asked, &variable)?;
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
    let stops = Stops::without_deadline(interrupts());
    let ran = run::here::run(system, order, stops, &mut |event| screen.observe(event)).await?;
    let outcome = Outcome::of(ran, &order.clauses);
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
    failure.hint("a stored scenario is run with `--env NAME`; `docs/examples/quickstart.yaml` is a file to start from")
}
