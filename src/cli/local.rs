//! `dlt local`: the whole system on this machine, until Ctrl-C.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use dlt_local::{LocalSystem, StartError};
use tokio::net::TcpListener;

use super::{Global, Output, run::worker_command};
use crate::{exit::Exit, failure::Failure, terminal};

/// How long runs may take to end once the system is told to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// Serve the API, live data and a page with your scenarios on this machine, until Ctrl-C.
///
/// The API answers below `/prod` as it does on AWS. It authorises nobody, so it listens on the loopback interface only,
/// and refuses requests that a foreign web page sends.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt local\n  dlt local --port 9000 --data ./load-tests\n  curl http://127.0.0.1:8787/prod/scenarios"
)]
pub struct Args {
    /// The port to listen on; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 8787)]
    port: u16,
    /// The address to listen on. Whoever reaches it can start load tests from this machine.
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// Where scenarios, runs and results are kept [default: $XDG_DATA_HOME/dlt/local or ~/.local/share/dlt/local].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Serves until it is told to stop, then lets running tests finish what they have begun.
///
/// # Errors
/// When the address or the data folder is in use, or nobody says where the data is to be kept.
pub async fn run(args: Args, global: &Global) -> Result<Exit, Failure> {
    let data = args.data.map_or_else(default_data, Ok)?;
    let address = SocketAddr::new(args.address, args.port);
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let failure = Failure::from_error(Exit::Usage, format!("failed to listen on {address}"), &error);
        failure.hint("take another port with `--port`, or any free one with `--port 0`")
    })?;
    log_to_stderr();
    let system = LocalSystem::start(&data, listener, worker_command()?).await.map_err(|error| not_started(&error))?;
    announce(&system, &data, global.output);
    stop_signal().await;
    terminal::say("stopping: running tests finish what they have begun (again: leave at once)");
    tokio::select! {
        () = system.shut_down(PATIENCE) => Ok(Exit::Done),
        () = stop_signal() => Ok(Exit::Interrupted),
    }
}

fn announce(system: &LocalSystem, data: &std::path::Path, output: Output) {
    match output {
        Output::Text => {
            terminal::say(&format!("dlt local at {} (data in {}), Ctrl-C ends it", system.url(), data.display()));
        }
        Output::Json => {
            terminal::print(&serde_json::json!({"event": "listening", "url": system.url(), "data": data}).to_string());
        }
    }
}

/// What the servers have to say goes to standard error; `DLT_LOG` says how much of it.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("DLT_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // Somebody else may have set one up already; then that one it is.
    drop(log.try_init());
}

fn default_data() -> Result<PathBuf, Failure> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = folder("XDG_DATA_HOME").or_else(|| Some(folder("HOME")?.join(".local/share")));
    let nowhere =
        || Failure::new(Exit::Usage, "there is no HOME to keep the data in").hint("say where with `--data DIR`");
    Ok(base.ok_or_else(nowhere)?.join("dlt/local"))
}

fn not_started(error: &StartError) -> Failure {
    let exit = if matches!(error, StartError::InUse(_)) { Exit::Held } else { Exit::Internal };
    Failure::from_error(exit, "failed to start the local system", error)
}

/// Ready at the next Ctrl-C or SIGTERM.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        },
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}
