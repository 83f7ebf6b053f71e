//! Workers as child processes of this one.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use dlt_control::ports::{Fleet, FleetError, Launch, Live, Phase, RunKey, Sighting};
use dlt_model::{
    assignment::{Assignment, keys},
    id::Region,
    tick::Tick,
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdout, Command},
    sync::{Mutex, Notify},
};

use crate::marker::{Exit, Marker, began};

/// How long a worker may take beyond its graceful stop before it is killed.
const KILL_MARGIN: Duration = Duration::from_secs(5);
/// The longest line that is read from a worker, in bytes; a longer one is cut.
const MAX_LINE_BYTES: u64 = 1024 * 1024;
/// How long a worker's last lines are waited for after its end.
const LAST_LINES: Duration = Duration::from_secs(2);

/// The program that is a worker, and how it is told so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// The bell of each child's keeper: rung once, the child is asked to finish.
type Children = BTreeMap<(RunKey, u32), Arc<Notify>>;

/// Child processes. Each has a marker on disk, so that it is started once, however often the parent is.
#[derive(Debug)]
pub struct Processes {
    command: WorkerCommand,
    folder: PathBuf,
    live: Arc<dyn Live>,
    children: Arc<Mutex<Children>>,
}

impl Processes {
    /// A fleet that starts `command`, with the runs' folders below `folder`, and passes ticks on to `live`.
    pub fn new(command: WorkerCommand, folder: PathBuf, live: Arc<dyn Live>) -> Self {
        Self { command, folder, live, children: Arc::default() }
    }

    /// Where a run's files lie.
    pub fn run_folder(&self, run: &RunKey) -> PathBuf {
        self.folder.join(keys::run(&run.test_id, &run.run_id))
    }

    fn spawn(&self, launch: &Launch, log: std::fs::File) -> std::io::Result<Child> {
        Command::new(&self.command.program)
            .args(&self.command.arguments)
            .env("DLT_RUN_FOLDER", &launch.folder)
            .env("TASK_INDEX", launch.worker.to_string())
            .env("TASK_COUNT", launch.workers.to_string())
            .env("TEST_ID", launch.run.test_id.as_str())
            .env("RUN_ID", launch.run.run_id.as_str())
            .env("REGION", launch.region.as_str())
            // When this process dies, however it dies, the pipe closes, and the worker drains and ends.
            .env("DLT_STOP_ON_STDIN_EOF", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            // Ctrl-C in the terminal is for this process; it tells the workers itself.
            .process_group(0)
            .spawn()
    }
}

#[async_trait]
impl Fleet for Processes {
    async fn launch(&self, launch: &Launch) -> Result<(), FleetError> {
        let folder = self.run_folder(&launch.run);
        let mut children = self.children.lock().await;
        if Marker::read(&folder, launch.worker).await.map_err(unavailable)?.is_some() {
            return Ok(());
        }
        let log = open_log(&folder, launch.worker).map_err(unavailable)?;
        let mut child = self.spawn(launch, log).map_err(|error| {
            FleetError::Refused(format!("failed to start the worker `{}`: {error}", self.command.program.display()))
        })?;
        let pid = child.id().unwrap_or_default();
        let marker = Marker { pid, began: began(pid), region: launch.region.clone(), exit: None };
        if let Err(error) = marker.write(&folder, launch.worker).await {
            drop(child.kill().await);
            return Err(unavailable(error));
        }
        let stop = Arc::new(Notify::new());
        let name = (launch.run.clone(), launch.worker);
        children.insert(name.clone(), Arc::clone(&stop));
        let (live, all) = (Arc::clone(&self.live), Arc::clone(&self.children));
        tokio::spawn(async move {
            let keeper = Keeper { worker: name.1, folder, marker, live };
            keeper.keep(child, &stop).await;
            all.lock().await.remove(&name);
        });
        Ok(())
    }

    async fn census(&self, run: &RunKey, _: &[Region]) -> Result<Vec<Sighting>, FleetError> {
        let markers = Marker::read_all(&self.run_folder(run)).await.map_err(unavailable)?;
        let children = self.children.lock().await;
        let sighting = |(worker, marker): (u32, Marker)| Sighting {
            worker,
            name: format!("process {}", marker.pid),
            phase: phase(&marker, children.contains_key(&(run.clone(), worker))),
            region: marker.region,
        };
        Ok(markers.into_iter().map(sighting).collect())
    }

    async fn stop(&self, run: &RunKey, _: &[Region], reason: &str) -> Result<(), FleetError> {
        tracing::info!(test = %run.test_id, run = %run.run_id, reason, "asking the workers to finish");
        let markers = Marker::read_all(&self.run_folder(run)).await.map_err(unavailable)?;
        let children = self.children.lock().await;
        for (worker, marker) in markers {
            match children.get(&(run.clone(), worker)) {
                Some(stop) => stop.notify_one(),
                // Left over from a parent that is gone; it has lost its pipe and is about to end anyway.
                None if marker.is_alive() => signal(marker.pid, Signal::TERM),
                None => {}
            }
        }
        Ok(())
    }
}

fn phase(marker: &Marker, ours: bool) -> Phase {
    match &marker.exit {
        Some(exit) => Phase::Stopped { exit_code: exit.code, reason: exit.reason.clone() },
        None if ours || marker.is_alive() => Phase::Running,
        None => {
            Phase::Stopped { exit_code: None, reason: "it ended together with the `dlt` that started it".to_owned() }
        }
    }
}

/// Looks after one child until it has ended.
struct Keeper {
    worker: u32,
    folder: PathBuf,
    marker: Marker,
    live: Arc<dyn Live>,
}

impl Keeper {
    async fn keep(mut self, mut child: Child, stop: &Notify) {
        // The pipe stays open for as long as this process lives.
        let _pipe = child.stdin.take();
        let output = child.stdout.take().expect("standard output is a pipe: set in spawn");
        let reader = tokio::spawn(pass_on(output, self.folder.clone(), self.worker, Arc::clone(&self.live)));
        let status = tokio::select! {
            status = child.wait() => status,
            () = stop.notified() => self.end(&mut child).await,
        };
        drop(tokio::time::timeout(LAST_LINES, reader).await);
        self.marker.exit = Some(exit(status));
        if let Err(error) = self.marker.write(&self.folder, self.worker).await {
            tracing::warn!(worker = self.worker, %error, "failed to note how a worker ended");
        }
    }

    /// Asks the child to finish, and kills it if it does not within its time.
    async fn end(&self, child: &mut Child) -> std::io::Result<ExitStatus> {
        if let Some(pid) = child.id() {
            signal(pid, Signal::TERM);
        }
        match tokio::time::timeout(self.patience().await, child.wait()).await {
            Ok(status) => status,
            Err(_) => {
                tracing::warn!(worker = self.worker, "a worker did not finish in time and is killed");
                child.start_kill()?;
                child.wait().await
            }
        }
    }

    async fn patience(&self) -> Duration {
        let path = self.folder.join(keys::assignment(self.worker));
        let bytes = tokio::fs::read(path).await.unwrap_or_default();
        let graceful_ms = serde_json::from_slice::<Assignment>(&bytes).map_or(0, |one| one.graceful_stop_ms());
        Duration::from_millis(graceful_ms) + KILL_MARGIN
    }
}

/// Reads a worker's lines: ticks go to whoever watches, the rest to its log.
async fn pass_on(output: ChildStdout, folder: PathBuf, worker: u32, live: Arc<dyn Live>) {
    let mut reader = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        match serde_json::from_slice::<Tick>(&line) {
            Ok(tick) if tick.schema == dlt_model::tick::SCHEMA => drop(live.publish(&[tick]).await),
            _ => note(&folder, worker, &line).await,
        }
    }
}

async fn note(folder: &Path, worker: u32, line: &[u8]) {
    let file = tokio::fs::OpenOptions::new().append(true).open(log_path(folder, worker)).await;
    let written = match file {
        Ok(mut file) => {
            async {
                file.write_all(line).await?;
                file.flush().await
            }
            .await
        }
        Err(error) => Err(error),
    };
    if let Err(error) = written {
        tracing::warn!(worker, %error, "failed to keep a line of a worker");
    }
}

fn open_log(folder: &Path, worker: u32) -> std::io::Result<std::fs::File> {
    std::fs::create_dir_all(folder.join("logs"))?;
    std::fs::OpenOptions::new().create(true).append(true).open(log_path(folder, worker))
}

fn log_path(folder: &Path, worker: u32) -> PathBuf {
    folder.join("logs").join(format!("{worker}.log"))
}

fn exit(status: std::io::Result<ExitStatus>) -> Exit {
    use std::os::unix::process::ExitStatusExt;
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => Exit { code: Some(code), reason: "exited".to_owned() },
            (None, Some(signal)) => Exit { code: None, reason: format!("killed by signal {signal}") },
            (None, None) => Exit { code: None, reason: "ended".to_owned() },
        },
        Err(error) => Exit { code: None, reason: format!("could not be waited for: {error}") },
    }
}

fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(Err(error)) = pid.map(|pid| kill_process(pid, signal)) {
        tracing::warn!(?pid, %error, "failed to signal a worker");
    }
}

fn unavailable(error: impl std::fmt::Display) -> FleetError {
    FleetError::Unavailable(error.to_string())
}
