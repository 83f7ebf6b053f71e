//! What the control plane remembers: scenarios and runs, as documents in the store.

use std::collections::{BTreeMap, BTreeSet};

use dlt_model::{
    id::{Region, RunId, TestId},
    schedule::Schedule,
};
use serde::{Deserialize, Serialize};

use crate::{pace::Pace, ports::RunKey, status::Status};

/// How many different reasons for lost workers a run keeps.
pub const MAX_REASONS: usize = 10;
/// How many characters of each.
pub const MAX_REASON_CHARS: usize = 300;

/// A stored scenario. What is to be run lies beside it in the blobs, because it may be larger than an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioRecord {
    /// Its id.
    pub test_id: TestId,
    /// `testName`.
    pub name: String,
    /// `testDescription`.
    #[serde(default)]
    pub description: String,
    /// `testType`.
    pub test_type: String,
    /// `tags`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// `showLive`.
    #[serde(default)]
    pub show_live: bool,
    /// Names the blob with the whole scenario.
    pub body: BodyDigest,
    /// When it was created, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// The run that holds the claim; at most one at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<Claim>,
    /// The run started last, for lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<Latest>,
    /// How many runs are kept.
    #[serde(default)]
    pub total_runs: u64,
    /// The idempotency key of the last request that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// It is being deleted and no longer shown.
    #[serde(default)]
    pub deleting: bool,
}

/// When a scenario starts by itself, and how that last went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleRecord {
    /// The scenario.
    pub test_id: TestId,
    /// When it starts.
    pub schedule: Schedule,
    /// The next time, in milliseconds since 1970; `None` when no more comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at_ms: Option<u64>,
    /// A start that somebody has taken on and not yet told the end of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
    /// How the last one went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastStart>,
}

/// A start under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// When it was due.
    pub due_at_ms: u64,
    /// Since when somebody sees to it.
    pub since_ms: u64,
}

/// How a scheduled start went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastStart {
    /// When it was due.
    pub due_at_ms: u64,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: StartOutcome,
}

/// What came of a scheduled start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "outcome")]
pub enum StartOutcome {
    /// A run of it was started.
    #[serde(rename_all = "camelCase")]
    Started {
        /// Which.
        run_id: RunId,
    },
    /// Its run before had not ended.
    Overlapped,
    /// Nobody was there at its time.
    Missed,
    /// It could not be started.
    Failed {
        /// Why.
        reason: String,
    },
}

/// SHA-256 of a scenario's body, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BodyDigest(pub String);

/// One run's right to be the only one of its scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// The run.
    pub run_id: RunId,
    /// Since when, in milliseconds since 1970.
    pub at_ms: u64,
}

/// What a list of scenarios shows of the run started last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Latest {
    /// The run.
    pub run_id: RunId,
    /// How far it is.
    pub status: Status,
    /// When it was started, in milliseconds since 1970.
    pub started_at_ms: u64,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at_ms: Option<u64>,
}

/// One execution of a scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRecord {
    /// The scenario.
    pub test_id: TestId,
    /// The run.
    pub run_id: RunId,
    /// How far it is.
    pub status: Status,
    /// The scenario's name and description when the run was started.
    pub name: String,
    /// `testDescription`.
    #[serde(default)]
    pub description: String,
    /// `testType`.
    pub test_type: String,
    /// Names the blob with the scenario as it was when the run was started.
    pub body: BodyDigest,
    /// How many workers in which region. Workers are numbered through, in this order.
    pub groups: Vec<Group>,
    /// From the start instant to the end of the profile, in milliseconds.
    pub duration_ms: u64,
    /// How long iterations may go on after the end or a stop, in milliseconds.
    pub graceful_stop_ms: u64,
    /// How patient the control plane is with it.
    pub pace: Pace,
    /// When it was accepted, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// When launching began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioning_at_ms: Option<u64>,
    /// The common start instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_at_ms: Option<u64>,
    /// The start instant was written where the workers look.
    #[serde(default)]
    pub start_written: bool,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at_ms: Option<u64>,
    /// Workers that the fleet accepted.
    #[serde(default)]
    pub launched: BTreeSet<u32>,
    /// When a worker was last launched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launched_at_ms: Option<u64>,
    /// What last kept workers from being launched; it may pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_trouble: Option<String>,
    /// Workers that were given up.
    #[serde(default)]
    pub lost: BTreeSet<u32>,
    /// Why, at most [`MAX_REASONS`] different ones.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// The fleet was asked to stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
    /// Not all of its workers did all of their part.
    #[serde(default)]
    pub partial: bool,
    /// Why it failed or is partial, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_reason: Option<String>,
    /// How many workers of each region reported.
    #[serde(default)]
    pub complete_tasks: BTreeMap<Region, u32>,
    /// The totals in AWS DLT's shape, of bounded size; the whole lies in `summary.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<serde_json::Value>,
}

/// Workers of one region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Where.
    pub region: Region,
    /// How many.
    pub workers: u32,
    /// Virtual users of all of them together.
    pub virtual_users: u64,
}

/// When the fleet was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stop {
    /// The first time, in milliseconds since 1970.
    pub since_ms: u64,
    /// The last time.
    pub asked_at_ms: u64,
}

impl ScenarioRecord {
    /// The status that AWS DLT shows for a scenario: its last run's, or that it was created.
    pub fn status_word(&self) -> &'static str {
        self.latest.as_ref().map_or("created", |latest| latest.status.as_str())
    }
}

impl RunRecord {
    /// Its name.
    pub fn key(&self) -> RunKey {
        RunKey { test_id: self.test_id.clone(), run_id: self.run_id.clone() }
    }

    /// How many workers it has.
    pub fn workers(&self) -> u32 {
        self.groups.iter().map(|group| group.workers).sum()
    }

    /// Its workers and their regions.
    pub fn each_worker(&self) -> impl Iterator<Item = (u32, &Region)> {
        let regions = self.groups.iter().flat_map(|group| std::iter::repeat_n(&group.region, group.workers as usize));
        (0_u32..).zip(regions)
    }

    /// Every region that it runs in, once.
    pub fn regions(&self) -> Vec<Region> {
        let regions: BTreeSet<&Region> = self.groups.iter().map(|group| &group.region).collect();
        regions.into_iter().cloned().collect()
    }

    /// When all of it should be over, whatever happens, in milliseconds since 1970.
    pub fn last_deadline_ms(&self) -> u64 {
        let settling_ms = 2 * (self.graceful_stop_ms + self.pace.margin_ms);
        let started_ms = self.start_at_ms.unwrap_or(self.created_at_ms + self.pace.provisioning_ms);
        started_ms + self.duration_ms + settling_ms
    }

    /// Gives workers up and remembers why, as far as there is room.
    pub fn lose(&mut self, losses: &BTreeMap<u32, String>) {
        for (worker, reason) in losses {
            let reason: String = reason.chars().take(MAX_REASON_CHARS).collect();
            let known = self.reasons.iter().any(|known| known.ends_with(&reason));
            if self.lost.insert(*worker) && !known && self.reasons.len() < MAX_REASONS {
                self.reasons.push(format!("worker {worker} {reason}"));
            }
        }
    }
}
