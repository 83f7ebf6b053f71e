//! A gate on a deployed system: the scenario is stored and started there, followed, cancelled when it must be, and judged on
//! the reports that its workers left.

use std::{path::Path, time::Duration};

use dlt_model::{
    gate::{self, Clause, Severity},
    id::TestId,
    plan::LoadPlan,
    scenario::{Scenario, dlt_json::TestScenario},
    summary::Summary,
    tick::Tick,
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
    live::{Heard, Listener},
    stop::{Stop, Stops},
};
use crate::{exit::Exit, failure::Failure, run::seconds::Seconds};

/// How much longer than its load a run may take: workers are launched, reports are merged.
pub const SETTLING: Duration = Duration::from_secs(15 * 60);
/// How often the run is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// For how long the API may fail to answer before the run's state counts as unknown.
const SILENCE: Duration = Duration::from_secs(120);
/// How long a cancelled run may take to end, beyond the time its iterations have.
const CANCEL_WITHIN: Duration = Duration::from_secs(180);
/// From when on a run that nothing was heard of is one without live data, in seconds of load.
const HEARD_WITHIN_SECS: u64 = 20;
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
    let patience = CANCEL_WITHIN + Duration::from_millis(stored.scenario.graceful_stop().as_millis());
    let path = format!("/scenarios/{}/testruns/{run_id}", stored.test_id);
    let mut follower = Follower {
        system,
        path,
        clauses,
        run_id: &run_id,
        workers: plan.estimate().workers,
        seconds: Seconds::default(),
        is_deaf: false,
        ending: Ending::default(),
        give_up: None,
        silent_since: None,
        patience,
    };
    let listener = Listener::start(system, &stored.test_id, &run_id);
    follower.follow(&mut stops, listener, observe).await;
    let Follower { path, mut ending, .. } = follower;
    let mut summary = read_summary(system, &path, &mut ending).await;
    if let Some(summary) = &mut summary {
        summary.aborted_by.clone_from(&ending.aborted_by);
    }
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
    clauses: &'a [Clause],
    run_id: &'a str,
    workers: u32,
    /// What was heard so far.
    seconds: Seconds,
    /// Whether it was said that nothing is.
    is_deaf: bool,
    ending: Ending,
    /// When a cancelled run has to have ended.
    give_up: Option<Instant>,
    /// Since when the API has not answered.
    silent_since: Option<Instant>,
    patience: Duration,
}

impl Follower<'_> {
    async fn follow(&mut self, stops: &mut Stops, mut listener: Listener, observe: &mut dyn FnMut(&Event<'_>)) {
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
                heard = listener.next() => match heard {
                    Heard::Tick(tick) if tick.run_id.as_str() == self.run_id => self.hear(&tick, observe).await,
                    Heard::Tick(_) => {}
                    Heard::Deaf(why) => self.deaf(&why, observe),
                },
                _ = look.tick() => {
                    if self.look(observe).await {
                        return;
                    }
                }
            }
        }
    }

    /// Shows the seconds that are complete, and ends the run for the sake of an `abort` clause that they break.
    async fn hear(&mut self, tick: &Tick, observe: &mut dyn FnMut(&Event<'_>)) {
        self.seconds.add(tick);
        while let Some(number) = self.seconds.next(self.workers) {
            observe(&Event::Second { number, seconds: self.seconds.complete() });
        }
        if self.give_up.is_some() {
            return;
        }
        let broken = gate::broken_so_far(self.clauses, self.seconds.complete());
        if let Some(broken) = broken.into_iter().next() {
            observe(&Event::Note(format!("stopping: `{}` is broken", broken.clause)));
            self.ending.aborted_by = Some(broken.clause);
            self.give_up = Some(Instant::now() + self.patience);
            self.cancel(observe).await;
        }
    }

    /// Says once that nothing is heard, and what that means.
    fn deaf(&mut self, why: &str, observe: &mut dyn FnMut(&Event<'_>)) {
        if std::mem::replace(&mut self.is_deaf, true) {
            return;
        }
        let stoppers = self.clauses.iter().any(|clause| clause.severity == Severity::Abort);
        let meaning = if stoppers { "; `abort` clauses are judged at the end and do not stop the run" } else { "" };
        observe(&Event::Note(format!("there is no live data ({why}){meaning}")));
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
                    && self.seconds.complete().is_empty()
                    && let Some(secs) = elapsed_secs(&run)
                {
                    observe(&Event::Elapsed { secs });
                    if secs >= HEARD_WITHIN_SECS {
                        self.deaf("nothing was heard so far", observe);
                    }
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

    /// Follows a run on a system at this address, and answers how that ended.
    async fn followed(base: &str) -> Ending {
        let region: Region = "us-east-1".parse().expect("a region");
        let keys = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
        let config =
            aws_config::SdkConfig::builder().credentials_provider(SharedCredentialsProvider::new(keys)).build();
        let api = Api::new(base, region.clone(), Keys::new(config, region.clone(), None)).expect("a client");
        let system = System::at(api, region);
        let (_sender, interrupts) = tokio::sync::mpsc::channel(1);
        let mut stops = Stops::new(interrupts, Duration::from_secs(36_000));
        let mut follower = Follower {
            system: &system,
            path: "/scenarios/shop/testruns/run".to_owned(),
            clauses: &[],
            run_id: "run",
            workers: 1,
            seconds: Seconds::default(),
            is_deaf: false,
            ending: Ending::default(),
            give_up: None,
            silent_since: None,
            patience: CANCEL_WITHIN,
        };
        follower.follow(&mut stops, Listener::start(&system, "shop", "run"), &mut |_| {}).await;
        follower.ending
    }

    #[tokio::test(start_paused = true)]
    async fn a_system_that_falls_silent_makes_the_run_unknown_and_never_a_success() {
        // A port that nobody listens on: every request is lost at once.
        let port =
            TcpListener::bind(("127.0.0.1", 0)).await.and_then(|listener| listener.local_addr()).expect("a port");
        let ending = followed(&format!("http://{port}/prod")).await;
        let unknown = ending.unknown.as_deref().unwrap_or_default();
        assert!(unknown.contains("has not answered for 120s"), "{unknown}");
        let judgement = crate::gate::conclusion::judge(&[], &[], None, &ending);
        assert!(matches!(judgement.verdict, gate::Verdict::Invalid(_)), "{judgement:?}");
    }

    #[tokio::test]
    async fn credentials_that_expire_during_a_run_make_it_unknown_and_never_a_success() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let base = format!("http://{}/prod", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = vec![0_u8; 16_384];
                drop(stream.read(&mut head).await);
                let body = r#"{"message":"The security token included in the request is expired"}"#;
                let length = body.len();
                let answer =
                    format!("HTTP/1.1 403 Forbidden\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
                drop(stream.write_all(answer.as_bytes()).await);
            }
        });
        let ending = followed(&base).await;
        let unknown = ending.unknown.as_deref().unwrap_or_default();
        assert!(unknown.contains("can no longer be seen") && unknown.contains("is expired"), "{unknown}");
        let judgement = crate::gate::conclusion::judge(&[], &[], None, &ending);
        assert!(matches!(judgement.verdict, gate::Verdict::Invalid(_)), "{judgement:?}");
    }
}
