//! What the API says of stored scenarios and of their runs.

use dlt_model::{id::RunId, scenario::Scenario, summary::Summary};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    exit::Exit,
    failure::Failure,
    gate::baseline,
    run::{outcome::Ending, there},
    system::System,
};

/// The word for a scenario's last run.
pub const LATEST: &str = "latest";
/// How many runs the API lists at once.
const PAGE: usize = 100;

/// A line of the list of scenarios.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListedScenario {
    /// Its id.
    pub test_id: String,
    /// Its name.
    pub test_name: String,
    /// How its last run is; empty before the first.
    pub status: Option<String>,
    /// When its last run was started.
    pub start_time: Option<String>,
    /// When it starts by itself next, in milliseconds since 1970; nothing when it does not.
    pub next_run_at_ms: Option<i64>,
    /// What it is filed under.
    pub tags: Vec<String>,
    /// How many runs there were.
    pub total_test_runs: u64,
}

/// A line of the list of runs: latencies in milliseconds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListedRun {
    /// Its id.
    pub test_run_id: String,
    /// When it was started.
    pub start_time: Option<String>,
    /// How it is.
    pub status: String,
    /// Whether something is missing.
    pub partial: bool,
    /// How many samples there were.
    pub requests: Option<u64>,
    /// How many of them failed.
    pub errors: Option<u64>,
    /// How many there were a second.
    pub requests_per_second: Option<f64>,
    /// Latencies by percentile.
    pub percentiles: Percentiles,
}

/// Latencies that a list shows, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Percentiles {
    /// Half of all samples were no slower.
    pub p50: Option<f64>,
    /// Nineteen of twenty.
    pub p95: Option<f64>,
    /// Ninety-nine of a hundred.
    pub p99: Option<f64>,
}

/// A run as the system keeps it.
#[derive(Clone, Debug)]
pub struct Run {
    /// The scenario's id.
    pub test_id: String,
    /// The run's id.
    pub run_id: String,
    /// All that the API says of it.
    pub record: Value,
    /// What it was to do.
    pub scenario: Scenario,
    /// How it is, or how it ended.
    pub ending: Ending,
    /// What was measured; none before its end.
    pub summary: Option<Summary>,
}

impl Run {
    /// Whether it has come to its end.
    pub fn is_over(&self) -> bool {
        self.ending.is_end()
    }
}

/// Every stored scenario, as the API lists them.
///
/// # Errors
/// When there is no answer.
pub async fn scenarios(system: &System) -> Result<Vec<Value>, Failure> {
    let list: Value = system.api.get("/scenarios").await.map_err(|error| error.failure("list the scenarios"))?;
    Ok(items(&list, "Items"))
}

/// The last runs of a scenario, newest first, as the API lists them.
///
/// # Errors
/// When there is no answer.
pub async fn runs(system: &System, test_id: &str, at_most: usize) -> Result<Vec<Value>, Failure> {
    let (mut found, mut token) = (Vec::new(), None);
    while found.len() < at_most {
        let limit = PAGE.min(at_most - found.len());
        let after = token.map_or_else(String::new, |token: String| format!("&next_token={token}"));
        let path = format!("/scenarios/{test_id}/testruns?limit={limit}{after}");
        let page: Value = system.api.get(&path).await.map_err(|error| error.failure("list the scenario's runs"))?;
        found.extend(items(&page, "testRuns"));
        token = page["pagination"]["next_token"].as_str().map(ToOwned::to_owned);
        if token.is_none() {
            break;
        }
    }
    Ok(found)
}

/// Lines of a list, as what they mean.
///
/// # Errors
/// When the system lists something else.
pub fn read<T: DeserializeOwned>(list: Vec<Value>) -> Result<Vec<T>, Failure> {
    serde_json::from_value(Value::Array(list))
        .map_err(|error| Failure::from_error(Exit::Refused, "the system's list cannot be understood", &error))
}

fn items(answer: &Value, key: &str) -> Vec<Value> {
    answer[key].as_array().cloned().unwrap_or_default()
}

/// The id that is meant by an id or by `latest`.
///
/// # Errors
/// A word that is neither, or a scenario that was never run.
pub async fn run_id(system: &System, test_id: &str, wanted: &str) -> Result<String, Failure> {
    if wanted == LATEST {
        let latest = runs(system, test_id, 1).await?;
        let id = latest.first().and_then(|run| run["testRunId"].as_str());
        return id.map(ToOwned::to_owned).ok_or_else(|| {
            Failure::new(Exit::Usage, format!("the scenario `{test_id}` was never run {}", system.place))
        });
    }
    match wanted.parse::<RunId>() {
        Ok(id) => Ok(id.to_string()),
        Err(error) => {
            let failure = Failure::new(Exit::Usage, format!("`{wanted}` is not the id of a run: {error}"));
            Err(failure.hint("`dlt runs list` shows ids; `latest` is the last run"))
        }
    }
}

/// Everything that is known of a run.
///
/// # Errors
/// When it is not there, or there is no answer.
pub async fn run(system: &System, test_id: &str, run_id: &str) -> Result<Run, Failure> {
    let path = format!("/scenarios/{test_id}/testruns/{run_id}");
    let record: Value = system.api.get(&path).await.map_err(|error| error.failure("read the run"))?;
    let submission = Scenario::from_dlt_json(&record.to_string(), Some(&system.region))
        .map_err(|problems| Failure::invalid(format!("the run {run_id}"), problems))?;
    let ending = Ending::of_answer(&record);
    let (test_id, run_id) = (test_id.to_owned(), run_id.to_owned());
    let mut run = Run { test_id, run_id, record, scenario: submission.scenario, ending, summary: None };
    if run.is_over() {
        let summary = there::summary(system, &run.test_id, &run.run_id).await;
        run.summary = summary.map_err(|error| error.failure("read the run's results"))?;
    }
    Ok(run)
}

/// The ids of the last two runs that proved something, the earlier one first.
///
/// # Errors
/// When there are fewer.
pub async fn last_two(system: &System, test_id: &str) -> Result<(String, String), Failure> {
    let listed = runs(system, test_id, PAGE).await?;
    let mut sound = listed.iter().filter_map(baseline::of_listed_run).map(ToOwned::to_owned);
    match (sound.next(), sound.next()) {
        (Some(now), Some(before)) => Ok((before, now)),
        (found, _) => {
            let have =
                if found.is_some() { "only one run that proved something" } else { "no run that proved anything" };
            let message = format!("of the scenario `{test_id}` there is {have} {}", system.place);
            Err(Failure::new(Exit::Usage, message).hint("`dlt runs list` shows how its runs ended"))
        }
    }
}
