//! A run as the control plane would arrange it: assignments out, readiness in, one start instant, reports in.

use std::{
    future::{Future, pending},
    io::{self, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use dlt_model::{
    assignment::{Assignment, Ready, Start, keys},
    id::Region,
    load::{Execution, Executor},
    program::{Flow, Program, Request, Step},
    report::{Measurements, Report},
    segment::Segment,
    template::Template,
    tick::Tick,
};
use dlt_worker::{Outcome, Settings, WorkerError};
use serde::{Serialize, de::DeserializeOwned};
use tempfile::TempDir;

/// One run and its folder.
pub struct Job {
    pub folder: TempDir,
    pub assignment: Assignment,
    pub workers: u32,
}

pub fn get(url: &str) -> Request {
    Request { label: Template::literal("home"), timeout_ms: 5_000, ..Request::new("GET", Template::literal(url)) }
}

pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_millis()).expect("before the year 500 million")
}

impl Job {
    /// A run of one worker whose users ask for one URL for a while.
    pub fn new(requests: Vec<Request>, virtual_users: u64, hold_for_ms: u64) -> Self {
        let steps = requests.into_iter().map(|request| Step::Request(Box::new(request))).collect();
        Self::of_steps(steps, Executor::ramp_and_hold(virtual_users, 0, hold_for_ms))
    }

    /// A run of one worker that does these steps.
    pub fn of_steps(steps: Vec<Step>, executor: Executor) -> Self {
        let flow = Flow { start: Vec::new(), steps };
        let assignment = Assignment {
            test_id: "Test".parse().expect("an id"),
            run_id: "Run".parse().expect("an id"),
            region: Region::local(),
            worker: 0,
            segment: Segment::WHOLE,
            load: vec![Execution {
                name: "test".to_owned(),
                flow: "test".to_owned(),
                start_after_ms: 0,
                graceful_stop_ms: 5_000,
                executor,
            }],
            program: Program { flows: [("test".to_owned(), flow)].into(), ..Program::default() },
            start_deadline_ms: 10_000,
        };
        Self { folder: TempDir::new().expect("a folder"), assignment, workers: 1 }
    }

    pub fn settings(&self, worker: u32) -> Settings {
        let Assignment { test_id, run_id, region, .. } = self.assignment.clone();
        let folder = url::Url::from_directory_path(self.folder.path()).expect("absolute");
        Settings { folder, worker, workers: self.workers, test_id, run_id, region }
    }

    pub fn assign(&self) {
        for segment in Segment::split(self.workers) {
            let assignment = Assignment { worker: segment.index, segment, ..self.assignment.clone() };
            self.write(&keys::assignment(segment.index), &assignment);
        }
    }

    /// Waits for every worker and opens the barrier.
    pub async fn open(&self) -> u64 {
        for worker in 0..self.workers {
            while !self.folder.path().join(keys::ready(worker)).exists() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let ready: Ready = self.read(&keys::ready(worker));
            assert_eq!(ready.worker, worker);
            assert!(ready.facts.contains_key("version") && ready.facts.contains_key("openFiles"));
        }
        let start_at_ms = now_ms() + 300;
        self.write(keys::START, &Start { start_at_ms });
        start_at_ms
    }

    /// Runs every worker through the library, to the end, and adds up what they report.
    pub async fn run(&self) -> (Vec<Report>, Measurements) {
        self.assign();
        let workers = (0..self.workers).map(|worker| self.live(worker, pending(), io::sink()));
        let (outcomes, _) = tokio::join!(futures::future::join_all(workers), self.open());
        for outcome in outcomes {
            outcome.expect("the worker runs");
        }
        self.reports()
    }

    pub async fn live(
        &self,
        worker: u32,
        stop: impl Future<Output = ()>,
        out: impl Write + Send + 'static,
    ) -> Result<Outcome, WorkerError> {
        dlt_worker::run(self.settings(worker), stop, out).await
    }

    pub fn reports(&self) -> (Vec<Report>, Measurements) {
        let reports: Vec<Report> = (0..self.workers).map(|worker| self.read(&keys::report(worker))).collect();
        let mut whole = Measurements::default();
        reports.iter().flat_map(|report| report.labels.values()).for_each(|label| whole.merge(label));
        for report in &reports {
            check_consistency(report);
        }
        (reports, whole)
    }

    /// The real binary as the given worker.
    pub fn spawn(&self, worker: u32, more: &[(&str, &Path)]) -> Child {
        let settings = self.settings(worker);
        let binary = std::env::var_os("DLT_WORKER_BINARY");
        let mut command = Command::new(binary.unwrap_or_else(|| env!("CARGO_BIN_EXE_dlt-worker").into()));
        command
            .env_clear()
            .env("DLT_RUN_FOLDER", settings.folder.as_str())
            .env("TASK_INDEX", worker.to_string())
            .env("TASK_COUNT", settings.workers.to_string())
            .env("TEST_ID", settings.test_id.as_str())
            .env("RUN_ID", settings.run_id.as_str())
            .env("REGION", settings.region.as_str())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, value) in more {
            command.env(name, value);
        }
        command.spawn().expect("the binary starts")
    }

    pub fn write(&self, key: &str, value: &impl Serialize) {
        let path = self.folder.path().join(key);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        let partial = path.with_extension("partial");
        std::fs::write(&partial, serde_json::to_vec(value).expect("serialises")).expect("written");
        std::fs::rename(partial, path).expect("renamed");
    }

    pub fn read<T: DeserializeOwned>(&self, key: &str) -> T {
        let bytes = std::fs::read(self.folder.path().join(key)).expect(key);
        serde_json::from_slice(&bytes).expect(key)
    }
}

/// The parts of a report must add up.
fn check_consistency(report: &Report) {
    for label in report.labels.values() {
        assert_eq!(label.outcomes.values().sum::<u64>(), label.samples());
        assert_eq!(label.latency.count(), label.samples());
    }
    let samples: u64 = report.labels.values().map(Measurements::samples).sum();
    assert_eq!(report.seconds.iter().map(|second| second.succeeded + second.failed).sum::<u64>(), samples);
    assert_eq!(report.seconds.iter().map(|second| second.latency.count()).sum::<u64>(), samples);
}

/// Standard output that a test can read.
#[derive(Clone, Default)]
pub struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    pub fn ticks(&self) -> Vec<Tick> {
        ticks(&self.0.lock().expect("no panic while writing"))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic while writing").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub fn ticks(output: &[u8]) -> Vec<Tick> {
    str::from_utf8(output)
        .expect("text")
        .lines()
        .map(|line| serde_json::from_str(line).expect("every line is a tick"))
        .collect()
}
