//! A local system whose workers make up their samples.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use dlt_control::{
    Draft,
    ports::RunKey,
    record::{RunRecord, ScenarioRecord},
    status::Status,
};
use dlt_local::{LocalSystem, StartError, WorkerCommand};
use dlt_model::scenario::Scenario;
use tokio::net::TcpListener;

/// How long anything may take here before the test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

pub async fn start(data: &Path) -> Result<LocalSystem, StartError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    LocalSystem::start(data, listener, WorkerCommand { program: pretend_worker(), arguments: Vec::new() }).await
}

/// The example that `cargo` builds beside the tests.
fn pretend_worker() -> PathBuf {
    let here = std::env::current_exe().expect("this program");
    let worker = here.ancestors().nth(2).expect("target/<profile>").join("examples/pretend_worker");
    assert!(worker.exists(), "{} is missing; it is built with the tests of the whole package", worker.display());
    worker
}

pub fn scenario(workers: u32, seconds: u64, path: &str) -> Scenario {
    let text = format!(
        r#"{{"testName": "made up", "testTaskConfigs": [{{"region": "eu-west-1", "taskCount": {workers}, "concurrency": 1}}],
            "testScenario": {{"execution": [{{"ramp-up": "0s", "hold-for": "{seconds}s", "scenario": "s"}}],
            "scenarios": {{"s": {{"requests": [{{"url": "http://127.0.0.1:9{path}"}}]}}}}}}, "gracefulStop": "1s"}}"#
    );
    Scenario::from_dlt_json(&text, None).expect("a scenario").scenario
}

pub async fn store(system: &LocalSystem, scenario: &Scenario) -> ScenarioRecord {
    system.plane().create_scenario(scenario, &Draft::default()).await.expect("stored").0
}

/// Waits until a run has a status, or has ended.
pub async fn wait_for(system: &LocalSystem, run: &RunKey, status: Status) -> RunRecord {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let record = system.plane().run(run).await.expect("the run is there");
        if record.status == status {
            return record;
        }
        assert!(!record.status.is_end(), "the run ended otherwise: {record:?}");
        assert!(Instant::now() < deadline, "the run does not become {status}: {record:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
