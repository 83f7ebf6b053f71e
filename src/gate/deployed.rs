//! A gate on a deployed system: the scenario is stored and started there, followed, cancelled when it must be, and judged on
//! the reports that its workers left.

use std::{path::Path, time::Duration};

use dlt_model::{
    gate::{Clause, Severity},
    id::TestId,
    plan::LoadPlan,
    scenario::{Scenario, dlt_json::TestScenario},
    summary::Summary,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::{self, Instant};

use super::{
    api::{ApiError, Repeat},
    conclusion::Ending,
    environment::System,
    event::Event,
    here::{Ran, described, stopping},
    stop::{Stop, Stops},
};
use crate::{exit::Exit, failure::Failure};

/// How much longer than its load a run may take: workers are launched, reports are merged.
pub const SETTLING: Duration = Duration::from_secs(15 * 60);
/// How often the run is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// For how long the API may fail to answer before the run's state counts as unknown.
const SILENCE: Duration = Duration::from_secs(120);
/// How long a cancelled run may take to end, beyond the time its iterations have.
const CANCEL_WITHIN: Duration = Duration::from_secs(180);
/// How many characters of a name's digest stand in the id of its scenario.
const ID_LENGTH: usize = 12;

/// A scenario that a deployed system knows.
#[derive(Debug)]
pub struct Stored {
    /// Its id there.
    pub test_id: String,
    /// What it says.
    pub scenario: Scenario,
}

/// Finds a stored scenario by its id, or else by its name.
///
/// # Errors
/// When there is none, or several have the name.
pub async fn find(system: &System, wanted: &str) -> Result<Stored, Failure> {
    let list: Value = system.api.get("/scenarios").await.map_err(|error| error.failure("list the scenarios"))?;
    let items = list["Items"].as_array().cloned().unwrap_or_default();
    let has = |key: &str| {
        items.iter().filter(|item| item[key] == *wanted).filter_map(|item| item["testId"].as_str()).collect()
    };
    let (by_id, by_name): (Vec<&str>, Vec<&str>) = (has("testId"), has("testName"));
    let test_id = match (by_id.as_slice(), by_name.as_slice()) {
        ([id, ..], _) | ([], [id]) => (*id).to_owned(),
        ([], []) => {
            let names = items.iter().filter_map(|item| item["testName"].as_str());
            let failure =
                Failure::new(Exit::Usage, format!("there is neither a file nor a stored scenario `{wanted}`"));
            return Err(match dlt_model::problem::suggest(wanted, names) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure.hint(format!("{} scenarios are stored {}", items.len(), system.place)),
            });
        }
        ([], several) => {
            let message = format!("{} stored scenarios are called `{wanted}`", several.len());
            return Err(Failure::new(Exit::Usage, message).hint(format!("give the id of one: {}", several.join(", "))));
        }
    };
    let path = format!("/scenarios/{test_id}?history=false");
    let stored: Value = system.api.get(&path).await.map_err(|error| error.failure("read the scenario"))?;
    let submission = Scenario::from_dlt_json(&stored.to_string(), Some(&system.region))
        .map_err(|problems| Failure::invalid(wanted, problems))?;
    Ok(Stored { test_id, scenario: submission.scenario })
}

/// The id under which a file is stored: the one it is given, its own, or one that follows from its name, so that the runs of
/// a pipeline make one history.
///
/// # Errors
/// When the given id is none.
pub fn test_id(given: Option<&str>, path: &Path, text: &str, scenario: &Scenario) -> Result<String, Failure> {
    let own = || {
        let value: Value = serde_json::from_str(text).ok()?;
        Some(value.get("testId")?.as_str()?.to_owned())
    };
    let own = own().filter(|id| !id.is_empty());
    let from_name = || format!("gate-{}", &hex::encode(Sha256::digest(&scenario.name))[..ID_LENGTH]);
    let id = given.map(ToOwned::to_owned).or(own).unwrap_or_else(from_name);
    match id.parse::<TestId>() {
        Ok(id) => Ok(id.to_string()),
        Err(error) => {
            Err(Failure::new(Exit::Usage, format!("`{id}` cannot name the scenario of {}: {error}", path.display())))
        }
    }
}

/// Stores a scenario without starting it.
///
/// # Errors
/// When the system refuses it.
pub async fn store(system: &System, test_id: &str, scenario: &Scenario) -> Result<(), Failure> {
    let mut body = scenario.to_dlt_json(TestScenario::Object);
    body.insert("testId".to_owned(), json!(test_id));
    body.insert("saveOnly".to_owned(), json!(true));
    let stored = system.api.post("/scenarios", &Value::Object(body), Repeat::Freely).await;
    stored.map(|_| ()).map_err(|error| error.failure("store the scenario"))
}

/// Starts a stored scenario and follows its run to the end. The first reason to stop cancels it, a second leaves.
///
/// # Errors
/// When it cannot be started. Whatever happens later is in the answer.
pub async fn run(
    system: &System,
    stored: &Stored,
    clauses: &[Clause],
    mut stops: Stops,
    observe: &mut dyn FnMut(&Event<'_>),
) -> Result<Ran, Failure> {
    let plan = LoadPlan::new(&stored.scenario).map_err(|problems| Failure::invalid(&stored.test_id, problems))?;
    let run_id = start(system, &stored.test_id).await?;
    let link = system.link(&stored.test_id, &run_id);
    let planned_secs = plan.estimate().duration.as_millis().div_ceil(1_000);
    observe(&Event::Started { run_id: &run_id, what: described(&plan), planned_secs, link: &link });
    if clauses.iter().any(|clause| clause.severity == Severity::Abort) {
        observe(&Event::Note("`abort` clauses are judged at the end there; they do not stop the run".to_owned()));
    }
    let patience = CANCEL_WITHIN + Duration::from_millis(stored.scenario.graceful_stop().as_millis());
    let path = format!("/scenarios/{}/testruns/{run_id}", stored.test_id);
    let mut follower =
        Follower { system, path, ending: Ending::default(), give_up: None, silent_since: None, patience };
    follower.follow(&mut stops, observe).await;
    let Follower { path, mut ending, .. } = follower;
    let summary = read_summary(system, &path, &mut ending).await;
    Ok(Ran { test_id: stored.test_id.clone(), run_id, ending, summary })
}

/// Starts it, and answers the run's id. When nobody knows whether it was started, it is cancelled.
async fn start(system: &System, test_id: &str) -> Result<String, Failure> {
    let path = format!("/scenarios/{test_id}/runs");
    match system.api.post(&path, &json!({}), Repeat::IfLost).await {
        Ok(run) => {
            let id = run["testRunId"].as_str().map(ToOwned::to_owned);
            id.ok_or_else(|| Failure::new(Exit::RunInvalid, "failed to start the scenario: the answer names no run"))
        }
        Err(error @ ApiError::Unanswered(_)) => {
            // Whatever was started must not go on unseen.
            drop(system.api.post(&format!("/scenarios/{test_id}"), &json!({}), Repeat::Freely).await);
            Err(Failure { exit: Exit::RunInvalid, ..error.failure("start the scenario") })
        }
        Err(error) => Err(error.failure("start the scenario")),
    }
}

/// Everything measured; without it the run proves nothing.
async fn read_summary(system: &System, path: &str, ending: &mut Ending) -> Option<Summary> {
    match system.api.get::<Summary>(&format!("{path}/summary")).await {
        Ok(summary) => Some(summary),
        Err(error) if error.is(404) => None,
        Err(error) => {
            ending.unknown.get_or_insert(format!("the results could not be read: {error}"));
            None
        }
    }
}

/// Whoever watches one run.
struct Follower<'a> {
    system: &'a System,
    path: String,
    ending: Ending,
    /// When a cancelled run has to have ended.
    give_up: Option<Instant>,
    /// Since when the API has not answered.
    silent_since: Option<Instant>,
    patience: Duration,
}

impl Follower<'_> {
    async fn follow(&mut self, stops: &mut Stops, observe: &mut dyn FnMut(&Event<'_>)) {
        let mut look = time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                stop = stops.next() => {
                    if self.ending.stopped.is_some() && stop == Stop::Interrupted {
                        self.ending.stopped = Some(Stop::Interrupted);
                        self.ending.unknown = Some("we left before the run had ended".to_owned());
                        return;
                    }
                    observe(&Event::Note(stopping(Some(stop)).to_owned()));
                    self.ending.stopped.get_or_insert(stop);
                    self.give_up.get_or_insert(Instant::now() + self.patience);
                    self.cancel(observe).await;
                }
                _ = look.tick() => {
                    if self.look(observe).await {
                        return;
                    }
                }
            }
        }
    }

    /// Looks once, and answers whether there is nothing more to see.
    async fn look(&mut self, observe: &mut dyn FnMut(&Event<'_>)) -> bool {
        match self.system.api.get::<Value>(&self.path).await {
            Ok(run) => {
                self.silent_since = None;
                let status = run["status"].as_str().unwrap_or_default();
                if self.ending.status != status {
                    status.clone_into(&mut self.ending.status);
                    observe(&Event::Status(status));
                }
                if status == "running"
                    && let Some(secs) = elapsed_secs(&run)
                {
                    observe(&Event::Elapsed { secs });
                }
                if matches!(status, "complete" | "failed" | "cancelled") {
                    self.ending.error_reason = run["errorReason"].as_str().map(ToOwned::to_owned);
                    return true;
                }
            }
            Err(error @ ApiError::Unanswered(_)) => {
                let since = *self.silent_since.get_or_insert_with(|| {
                    observe(&Event::Note(format!("warning: {error}")));
                    Instant::now()
                });
                if since.elapsed() > SILENCE {
                    self.unknown(format!("the API has not answered for {}s: {error}", SILENCE.as_secs()), observe)
                        .await;
                    return true;
                }
            }
            Err(error) => {
                self.unknown(format!("the run can no longer be seen: {error}"), observe).await;
                return true;
            }
        }
        if self.give_up.is_some_and(|at| Instant::now() > at) {
            self.ending.unknown = Some("the run was cancelled and did not end in time".to_owned());
            return true;
        }
        false
    }

    /// Nobody knows how the run is; it must not go on unseen.
    async fn unknown(&mut self, why: String, observe: &mut dyn FnMut(&Event<'_>)) {
        self.cancel(observe).await;
        self.ending.unknown = Some(why);
    }

    async fn cancel(&mut self, observe: &mut dyn FnMut(&Event<'_>)) {
        match self.system.api.post(&format!("{}/cancel", self.path), &json!({}), Repeat::Freely).await {
            Ok(_) => {}
            // It has ended, or is about to.
            Err(error) if error.is(409) => {}
            Err(error) => observe(&Event::Note(format!("warning: the run could not be cancelled: {error}"))),
        }
    }
}

fn elapsed_secs(run: &Value) -> Option<u64> {
    let started_ms = i64::try_from(run["startedAtMs"].as_u64()?).ok()?;
    u64::try_from((Timestamp::now().as_millisecond() - started_ms) / 1_000).ok().filter(|secs| *secs > 0)
}

#[cfg(test)]
mod tests {
    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
    use dlt_model::{id::Region, scenario::Sources};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::gate::{api::Api, sign_in::Keys};

    fn scenario() -> Scenario {
        let yaml = "name: shop\nload: {virtual_users: 1, hold_for: 1s}\nrequests: [GET http://127.0.0.1/]\n";
        Scenario::read("a.yaml", yaml, &Sources::NONE, Some(&Region::local())).expect("a scenario").0
    }

    #[test]
    fn a_file_is_stored_under_the_id_it_is_given_its_own_or_one_that_follows_from_its_name() {
        let scenario = scenario();
        let id = |given, text| test_id(given, Path::new("a"), text, &scenario);
        assert_eq!(id(Some("mine"), "name: shop").unwrap(), "mine");
        assert_eq!(id(None, r#"{"testId": "own-1"}"#).unwrap(), "own-1");
        let derived = id(None, r#"{"testId": ""}"#).unwrap();
        assert_eq!(derived, id(None, "name: shop").unwrap(), "the same name, the same id");
        assert!(derived.starts_with("gate-") && derived.len() == 5 + ID_LENGTH);
        assert_eq!(id(Some("not an id"), "").unwrap_err().exit, Exit::Usage);
    }

    /// A system that never answers a start, and its requests as they come.
    async fn silent_about_starts() -> (System, tokio::sync::mpsc::UnboundedReceiver<String>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let base = format!("http://{}/prod", listener.local_addr().expect("an address"));
        let (sender, requests) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = vec![0_u8; 16_384];
                let length = stream.read(&mut head).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..length]).into_owned();
                let first = head.lines().next().unwrap_or_default().to_owned();
                assert!(head.contains("AWS4-HMAC-SHA256") && head.contains("/us-east-1/execute-api/"), "{head}");
                if !first.contains("/runs ") {
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
                    stream.write_all(answer).await.expect("it listens");
                }
                drop(sender.send(first));
            }
        });
        let region: Region = "us-east-1".parse().expect("a region");
        let keys = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
        let config =
            aws_config::SdkConfig::builder().credentials_provider(SharedCredentialsProvider::new(keys)).build();
        let api = Api::new(&base, region.clone(), Keys::new(config, region.clone(), None)).expect("a client");
        (System::at(api, region), requests)
    }

    #[tokio::test]
    async fn a_start_whose_answer_is_lost_is_cancelled_and_never_made_twice() {
        let (system, mut requests) = silent_about_starts().await;
        let failure = start(&system, "shop").await.unwrap_err();
        assert_eq!(failure.exit, Exit::RunInvalid);
        let first = requests.recv().await.expect("a request");
        assert_eq!(first, "POST /prod/scenarios/shop/runs HTTP/1.1");
        let second = requests.recv().await.expect("a request");
        assert_eq!(second, "POST /prod/scenarios/shop HTTP/1.1", "it is cancelled");
        assert!(requests.try_recv().is_err());
    }
}
