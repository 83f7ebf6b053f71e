//! What the control plane asks of the world. Each port has an adapter on AWS and one on this machine.

use std::fmt::Debug;

use async_trait::async_trait;
use dlt_model::{
    id::{Region, RunId, TestId},
    tick::Tick,
};
use serde::{Deserialize, Serialize};

/// Names one run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunKey {
    /// The scenario.
    pub test_id: TestId,
    /// The run of it.
    pub run_id: RunId,
}

// ---------------------------------------------------------------------------------------------------------------- store

/// Versioned documents: the control plane's records.
///
/// Shaped after DynamoDB, the narrower of the two worlds. One conformance suite tests every adapter.
#[async_trait]
pub trait Store: Debug + Send + Sync {
    /// Reads a document, as last written.
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError>;

    /// Writes a document if its version is as expected, and answers its new version.
    async fn put(&self, key: &Key, document: serde_json::Value, expect: Expect) -> Result<Version, StoreError>;

    /// Removes a document if its version is as expected. Removing what is not there is a conflict.
    async fn delete(&self, key: &Key, expect: Expect) -> Result<(), StoreError>;

    /// The documents of a collection in the order of their ids, beyond the id `after`, at most `limit` (at least 1).
    ///
    /// A page may hold fewer than `limit` and still have a `next`; only a page without `next` is the last.
    async fn list(&self, collection: &str, order: Order, after: Option<&str>, limit: usize)
    -> Result<Page, StoreError>;
}

/// Where a document lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What is listed together: `scenarios`, `runs/<testId>`.
    pub collection: String,
    /// Which of them.
    pub id: String,
}

/// How often a document was written; 1 after the first time.
pub type Version = u64;

/// A document and its version.
#[derive(Clone, Debug, PartialEq)]
pub struct Versioned {
    /// The version to expect when writing it again.
    pub version: Version,
    /// What was written.
    pub document: serde_json::Value,
}

/// What must be true for a write to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Nothing is there yet.
    Absent,
    /// What is there has this version.
    Version(Version),
}

/// In which direction a collection is read. Ids of runs grow with time, so descending is newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By id, smallest first.
    Ascending,
    /// By id, largest first.
    Descending,
}

/// Some of a collection's documents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// Ids and documents, in the order asked for.
    pub items: Vec<(String, Versioned)>,
    /// The id to continue after, when there may be more.
    pub next: Option<String>,
}

/// Why a document could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else wrote it meanwhile; read it again and decide again.
    #[error("the document changed meanwhile")]
    Conflict,
    /// The store cannot be reached or refuses; the same call may work later.
    #[error("the store failed: {0}")]
    Unavailable(String),
}

// ---------------------------------------------------------------------------------------------------------------- fleet

/// The load generators of a run: ECS tasks on Fargate, or processes on this machine.
#[async_trait]
pub trait Fleet: Debug + Send + Sync {
    /// Starts one worker. Called twice with the same run and worker, it starts one.
    async fn launch(&self, launch: &Launch) -> Result<(), FleetError>;

    /// What has become of each worker of a run that was ever launched and is still known.
    async fn census(&self, run: &RunKey, regions: &[Region]) -> Result<Vec<Sighting>, FleetError>;

    /// Asks every worker of a run to finish (SIGTERM): each drains within its graceful stop and writes its report.
    async fn stop(&self, run: &RunKey, regions: &[Region], reason: &str) -> Result<(), FleetError>;
}

/// One worker to start.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// The run it belongs to.
    pub run: RunKey,
    /// Where it runs.
    pub region: Region,
    /// Which of the run's workers, over all regions.
    pub worker: u32,
    /// How many workers the run has.
    pub workers: u32,
    /// The URL of the run's folder, `s3://…` or `file://…`.
    pub folder: String,
    /// How large it is; `None` for what the environment's template says.
    pub size: Option<Size>,
}

/// The size of a worker, where it can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Size {
    /// Thousandths of a virtual processor, as ECS counts them: 1024 is one.
    pub cpu_units: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
}

/// What a worker's process or task is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Which worker.
    pub worker: u32,
    /// Where.
    pub region: Region,
    /// The task's ARN or the process's id, for logs.
    pub name: String,
    /// How far it is.
    pub phase: Phase,
}

/// How far a worker's process or task is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Asked for; not running yet.
    Pending,
    /// Its process runs.
    Running,
    /// It has ended.
    Stopped {
        /// The exit code, if it ran at all and is known.
        exit_code: Option<i32>,
        /// Why, in the words of whoever stopped it.
        reason: String,
    },
}

/// Why workers could not be started, counted or stopped.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// It cannot work however often it is tried: no such cluster, not allowed, an image that does not exist.
    #[error("{0}")]
    Refused(String),
    /// Throttled, out of capacity for now, or not reachable; the same call may work later.
    #[error("{0}")]
    Unavailable(String),
}

// ----------------------------------------------------------------------------------------------------------------- live

/// Live data for whoever watches.
#[async_trait]
pub trait Live: Debug + Send + Sync {
    /// Passes ticks on. Nobody may be listening; that is no error, and losing live data never harms a run.
    async fn publish(&self, ticks: &[Tick]) -> Result<(), LiveError>;

    /// False where the environment was made without live data.
    fn is_on(&self) -> bool {
        true
    }

    /// How a viewer may listen to a scenario's ticks. Where listening asks for a permission of the viewer's own, the
    /// viewer has it afterwards; asking again changes nothing.
    async fn subscription(&self, test: &TestId, viewer: Option<&Viewer>) -> Result<Subscription, LiveError>;
}

/// A person who signed in, by the name under which live data knows people. Whoever calls with keys of an account is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer(pub String);

/// How a viewer may listen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Subscription {
    /// MQTT over WebSocket at an IoT Core endpoint, signed with the viewer's credentials.
    Iot {
        /// Host name.
        endpoint: String,
        /// Topic.
        topic: String,
    },
    /// Server-sent events at a path of the API.
    ServerSentEvents {
        /// The path.
        path: String,
    },
}

/// Live data could not be passed on.
#[derive(Debug, thiserror::Error)]
#[error("live data failed: {0}")]
pub struct LiveError(pub String);

// --------------------------------------------------------------------------------------------------------------- driver

/// Sees to it that `advance` is called until a run has ended: a Step Functions execution,
/// or a timer. Driving a run that is being driven already changes nothing.
#[async_trait]
pub trait Driver: Debug + Send + Sync {
    /// Begins to drive a run.
    async fn drive(&self, run: &RunKey) -> Result<(), DriverError>;
}

/// A run could not be driven; it stays as it is, and driving may be tried again.
#[derive(Debug, thiserror::Error)]
#[error("failed to drive the run: {0}")]
pub struct DriverError(pub String);

// ---------------------------------------------------------------------------------------------------------------- clock

/// The time, so that tests can step it.
pub trait Clock: Debug + Send + Sync {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |elapsed| u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }
}
