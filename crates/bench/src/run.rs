//! One run: a fresh server, one tool, both where they belong, and everything that can be measured from outside.

use std::{
    error::Error,
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::{
    machine::{self, Used},
    server::{Certificate, Server, Tally},
    task::{Kind, Place, Task},
    tools::{Tool, worker},
};

/// How often a running tool is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long a tool may take besides its load and the time that it needs to start.
const EXTRA_TIME: Duration = Duration::from_secs(30);
/// How many processors others may keep busy in a round that is called quiet.
pub const MAX_FOREIGN: f64 = 0.35;
/// When of a run's time users have settled, so that memory is looked at.
const SETTLED: f64 = 0.7;

/// Everything that runs have in common.
pub struct Bench {
    pub root: PathBuf,
    pub worker: PathBuf,
    /// Whether who starts slowly has longer.
    pub grace: bool,
    certificate: Certificate,
    folder: TempDir,
}

/// What was seen of one run.
#[derive(Debug)]
pub struct Run {
    pub tally: Tally,
    /// Processor time of the tool, all its processes and its whole life, in seconds.
    pub cpu_secs: f64,
    /// The most memory that its processes had together.
    pub peak_bytes: u64,
    /// What it had when its users had settled.
    pub resident_bytes: u64,
    /// How many processors others kept busy.
    pub foreign: f64,
    /// The tool's files: what it said, and the worker's report.
    pub folder: TempDir,
}

impl Run {
    /// Per request that the server counted.
    pub fn cpu_us(&self) -> f64 {
        self.cpu_secs * 1e6 / self.tally.requests as f64
    }

    /// Requests per second, from the first to the last that the server saw.
    pub fn rate(&self) -> f64 {
        self.tally.requests as f64 / self.tally.span().as_secs_f64()
    }

    /// How busy the server was; near its number of processors it is the bottleneck.
    pub fn server_busy(&self) -> f64 {
        self.tally.cpu.as_secs_f64() / self.tally.span().as_secs_f64()
    }

    pub fn is_quiet(&self) -> bool {
        self.foreign <= MAX_FOREIGN
    }

    /// What the tool wrote to its standard output.
    pub fn output(&self) -> String {
        fs::read_to_string(self.folder.path().join("stdout")).unwrap_or_default()
    }
}

impl Bench {
    /// Prepares what all runs need.
    ///
    /// # Errors
    /// Returns an error when the machine has no room for temporary files.
    pub fn new(root: PathBuf, worker: PathBuf, grace: bool) -> Result<Self, Box<dyn Error>> {
        machine::raise_open_files();
        let folder = TempDir::new()?;
        let certificate = Certificate::make(&folder.path().join("authority.pem"))?;
        Ok(Self { root, worker, grace, certificate, folder })
    }

    /// Whether a tool is here.
    ///
    /// # Errors
    /// A sentence with the command that installs it.
    pub fn find(&self, tool: Tool) -> Result<PathBuf, String> {
        tool.find(&self.root, &self.worker).map_err(|cure| format!("{}: absent, skipped: {cure}", tool.name()))
    }

    /// Those of these tools that are here.
    pub fn present(&self, tools: Vec<Tool>) -> Vec<Tool> {
        tools.into_iter().filter(|tool| self.find(*tool).is_ok()).collect()
    }

    /// Starts a server for a task.
    ///
    /// # Errors
    /// A sentence about what is in the way.
    pub fn server(&self, task: &Task, place: &Place) -> Result<Server, String> {
        Server::start(task.protocol, &self.certificate, &place.server, task.stall)
            .map_err(|error| format!("no server: {error}"))
    }

    /// Does a task with a tool; `None` when this tool has no way to do such a task.
    ///
    /// # Errors
    /// A sentence about why it was not done.
    pub fn run(&self, tool: Tool, task: &Task, place: &Place) -> Result<Option<Run>, String> {
        self.run_watched(tool, task, place, &mut |_, _, _| {})
    }

    /// The same, and `look` sees the time since the load began, the process and the server's count, again and again.
    ///
    /// # Errors
    /// As [`Bench::run`].
    pub fn run_watched(
        &self,
        tool: Tool,
        task: &Task,
        place: &Place,
        look: &mut dyn FnMut(Duration, u32, u64),
    ) -> Result<Option<Run>, String> {
        let program = self.find(tool)?;
        let least = if self.grace { tool.least_secs() } else { 1 };
        let task = &Task { secs: task.secs.max(least), ..*task };
        let server = self.server(task, place)?;
        let folder = TempDir::new().map_err(|error| format!("no temporary folder: {error}"))?;
        let url = server.url("");
        let Some(mut command) = tool.command(&program, task, &url, folder.path(), place.client.len()) else {
            return Ok(None);
        };
        command.env("SSL_CERT_FILE", self.folder.path().join("authority.pem"));
        let used = Used::now();
        let (patience, is_bare) = (patience(task, tool), matches!(tool, Tool::Worker(_)));
        let mut child = Guarded(spawn(command, tool, folder.path(), place, patience)?);
        if is_bare {
            worker::open(folder.path(), &mut child.0)?;
        }
        let mut watch = Watch::new(Duration::from_secs(task.secs), patience, is_bare);
        let succeeded = loop {
            if let Some(status) = child.0.try_wait().map_err(|error| error.to_string())? {
                break status.success();
            }
            watch.look(child.0.id())?;
            look(watch.began.elapsed(), child.0.id(), server.requests());
            machine::rest(LOOK_EVERY);
        };
        let tally = server.stop();
        let usage = used.since();
        // Locust ends with an error when a request has failed, such as those that its end cuts off.
        if !succeeded && tool != Tool::Locust {
            return Err(format!("{} failed: {}", tool.name(), last_line(folder.path())));
        }
        if tally.requests == 0 {
            return Err(format!("{} sent no requests: {}", tool.name(), last_line(folder.path())));
        }
        if !matches!(task.kind, Kind::Thinking { .. }) && tally.span() < Duration::from_secs(task.secs) / 4 {
            return Err(format!("{} made load for {:?} of {} s only", tool.name(), tally.span(), task.secs));
        }
        Ok(Some(Run {
            tally,
            cpu_secs: usage.children,
            peak_bytes: watch.peak_bytes,
            resident_bytes: watch.resident_bytes,
            foreign: usage.foreign,
            folder,
        }))
    }
}

/// When a tool must have ended; who starts slowly ends slowly.
fn patience(task: &Task, tool: Tool) -> Duration {
    Duration::from_secs(task.secs) + EXTRA_TIME + 2 * Duration::from_secs(tool.least_secs())
}

/// Memory of a running tool, and the end of its patience.
struct Watch {
    began: Instant,
    lasts: Duration,
    /// When it must have ended.
    patience: Duration,
    /// Whether it runs without `timeout` around it, whose memory is not the tool's.
    is_bare: bool,
    peak_bytes: u64,
    resident_bytes: u64,
}

impl Watch {
    fn new(lasts: Duration, patience: Duration, is_bare: bool) -> Self {
        Self { began: Instant::now(), lasts, patience, is_bare, peak_bytes: 0, resident_bytes: 0 }
    }

    fn look(&mut self, process: u32) -> Result<(), String> {
        let elapsed = self.began.elapsed();
        if elapsed > self.patience {
            return Err("it did not end in time".to_owned());
        }
        let mut memory = machine::peak_memory(process);
        if !self.is_bare {
            memory.remove(&process);
        }
        self.peak_bytes = self.peak_bytes.max(memory.values().sum());
        if self.resident_bytes == 0 && elapsed >= self.lasts.mul_f64(SETTLED) {
            self.resident_bytes = machine::resident_memory(process).unwrap_or(0);
        }
        Ok(())
    }
}

/// A process, and those below it, that do not outlive us.
struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        if self.0.try_wait().is_ok_and(|ended| ended.is_none()) {
            if let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
                // It may have ended meanwhile.
                let _ = kill_process_group(group, Signal::KILL);
            }
            let _ = self.0.wait();
        }
    }
}

/// Processes stay on the processors of the thread that starts them.
fn spawn(command: Command, tool: Tool, folder: &Path, place: &Place, patience: Duration) -> Result<Child, String> {
    let file = |name: &str| fs::File::create(folder.join(name)).expect("a file in a fresh temporary folder");
    let mut command = if matches!(tool, Tool::Worker(_)) {
        command
    } else {
        let mut bounded = bounded(&command, patience);
        bounded.stdin(Stdio::null()).stdout(file("stdout"));
        bounded
    };
    command.stderr(file("stderr")).process_group(0);
    let start = || {
        machine::pin_this_thread(&place.client);
        command.spawn().map_err(|error| format!("{} cannot be started: {error}", tool.name()))
    };
    std::thread::scope(|scope| scope.spawn(start).join()).unwrap_or_else(|_| Err("pinning failed".to_owned()))
}

/// The same under `timeout`, so that a peer ends some time even when we are killed. Our worker ends with its standard input.
fn bounded(command: &Command, patience: Duration) -> Command {
    let seconds = (patience + LOOK_EVERY).as_secs() + 1;
    let mut bounded = Command::new("timeout");
    bounded.args(["--kill-after=1", &seconds.to_string()]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        bounded.env(name, value.unwrap_or_default());
    }
    if let Some(folder) = command.get_current_dir() {
        bounded.current_dir(folder);
    }
    bounded
}

fn last_line(folder: &Path) -> String {
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    let said = [read("stderr"), read("stdout")];
    let line = said.iter().find_map(|text| text.lines().rev().find(|line| !line.trim().is_empty()));
    line.unwrap_or("it said nothing").trim().to_owned()
}
