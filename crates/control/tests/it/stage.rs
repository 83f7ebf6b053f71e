//! A control plane on a stage: everything real but the workers and the clock.

use std::sync::Arc;

use dlt_control::{
    ControlPlane, Draft, Environment, Next, Ports,
    pace::Pace,
    ports::{Driver, Fleet, Live, RunKey},
    record::RunRecord,
    testing::{FakeFleet, MemoryStore, NoDriver, NoLive, SteppedClock},
};
use dlt_model::{
    id::{Region, TestId},
    load::{Execution, Executor},
    program::{self, Flow, Program, Request},
    scenario::{Kind, RegionLoad, Scenario},
    template::Template,
};
use object_store::{ObjectStore, memory::InMemory};

/// The control plane and the hands on its strings.
pub struct Stage {
    pub plane: ControlPlane,
    pub fleet: Arc<FakeFleet>,
    pub clock: Arc<SteppedClock>,
    pub blobs: Arc<dyn ObjectStore>,
    pub store: Arc<MemoryStore>,
}

impl Stage {
    pub fn new() -> Self {
        Self::with_live(Arc::new(NoLive))
    }

    pub fn with_live(live: Arc<dyn Live>) -> Self {
        Self::over(live, Arc::new(NoDriver))
    }

    pub fn with_driver(driver: Arc<dyn Driver>) -> Self {
        Self::over(Arc::new(NoLive), driver)
    }

    fn over(live: Arc<dyn Live>, driver: Arc<dyn Driver>) -> Self {
        let blobs: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let fleet = Arc::new(FakeFleet::new(Arc::clone(&blobs)));
        let clock = Arc::new(SteppedClock::at(1_000_000));
        let store = Arc::new(MemoryStore::default());
        let ports = Ports {
            store: store.clone(),
            blobs: Arc::clone(&blobs),
            fleet: Arc::clone(&fleet) as Arc<dyn Fleet>,
            live,
            driver,
            clock: clock.clone(),
        };
        Self { plane: ControlPlane::new(ports, environment()), fleet, clock, blobs, store }
    }

    /// A stored scenario with so many workers in two regions, and a run of it that was just started.
    pub async fn started(workers: u32) -> (Self, RunKey) {
        let stage = Self::new();
        let (record, _) = stage.plane.create_scenario(&scenario(workers), &Draft::default()).await.expect("stored");
        let run = stage.plane.start_run(&record.test_id).await.expect("started");
        (stage, run.key())
    }

    pub async fn advance(&self, run: &RunKey) -> Next {
        self.plane.advance(run).await.expect("all ports work")
    }

    pub async fn run(&self, run: &RunKey) -> RunRecord {
        self.plane.run(run).await.expect("the run is there")
    }

    /// Advances and lets the time pass that it asks for, until the run has ended.
    pub async fn to_the_end(&self, run: &RunKey) -> RunRecord {
        for _ in 0..10_000 {
            match self.plane.advance(run).await {
                Ok(Next::Done) => return self.run(run).await,
                Ok(Next::Wait(ms)) => self.clock.step(ms.max(1)),
                Err(_) => self.clock.step(1_000),
            }
        }
        panic!("the run does not end: {:?}", self.run(run).await);
    }

    /// Brings a run so far that every worker is on.
    pub async fn to_the_start(&self, run: &RunKey, workers: u32) {
        self.advance(run).await;
        for worker in 0..workers {
            self.fleet.make_ready(run, worker).await;
        }
        self.advance(run).await;
    }
}

pub fn test_id(text: &str) -> TestId {
    text.parse().expect("an id")
}

pub fn scenario(workers: u32) -> Scenario {
    let load = |region: &str, workers: u32| RegionLoad {
        region: region.parse().expect("a region"),
        workers,
        virtual_users: u64::from(workers) * 2,
    };
    let mut fleet = vec![load("eu-west-1", workers.div_ceil(2))];
    if workers > 1 {
        fleet.push(load("us-east-1", workers / 2));
    }
    let users = fleet.iter().map(|load| load.virtual_users).sum();
    let url = Template::literal("http://127.0.0.1:9/");
    let home = Request { label: Template::literal("home"), timeout_ms: 1_000, ..Request::new("GET", url) };
    let flow = Flow { start: Vec::new(), steps: program::with_pause(home, 0) };
    Scenario {
        name: "a scenario".to_owned(),
        description: String::new(),
        kind: Kind::Simple,
        fleet,
        load: vec![Execution {
            name: "a scenario".to_owned(),
            flow: "a scenario".to_owned(),
            start_after_ms: 0,
            graceful_stop_ms: 10_000,
            executor: Executor::ramp_and_hold(users, 1_000, 60_000),
        }],
        program: Program { flows: [("a scenario".to_owned(), flow)].into(), ..Program::default() },
        thresholds: Vec::new(),
        tags: Vec::new(),
        show_live: false,
        extras: serde_json::Map::new(),
        written: None,
    }
}

fn environment() -> Environment {
    Environment {
        stack: "stage".to_owned(),
        version: "1.0.0".to_owned(),
        regions: ["eu-west-1", "us-east-1"].map(|name| name.parse::<Region>().expect("a region")).to_vec(),
        any_region: false,
        blobs_url: "memory:".to_owned(),
        console_url: None,
        pace: Pace::AWS,
        facts: serde_json::Map::new(),
    }
}
