//! A run on a system: a stored scenario is started there, followed, cancelled when it must be, and what its workers left is read.

use std::time::Duration;

use dlt_model::{gate::Clause, plan::LoadPlan, summary::Summary};
use serde_json::json;

use super::{
    Ran,
    event::{Accepted, Event},
    follower::{CANCEL_WITHIN, Follower},
    outcome::Ending,
    stop::Stops,
};
use crate::{
    exit::Exit,
    failure::Failure,
    system::{
        Stored, System,
        api::{ApiError, Repeat},
        live::Listener,
    },
};

/// How much longer than its load a run may take: workers are launched, reports are merged.
pub const SETTLING: Duration = Duration::from_secs(15 * 60);

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
    let plan = plan(stored)?;
    let run_id = begin(system, stored, observe).await?;
    let mut follower = Follower::new(system, &stored.test_id, &run_id, plan.estimate().workers);
    follower.clauses = clauses;
    follower.patience = CANCEL_WITHIN + Duration::from_millis(stored.scenario.graceful_stop().as_millis());
    let listener = Listener::start(system, &stored.test_id, &run_id);
    follower.follow(&mut stops, listener, observe).await;
    let mut ending = follower.ending;
    let mut summary = summary(system, &stored.test_id, &run_id).await.unwrap_or_else(|error| {
        ending.unknown.get_or_insert(format!("the results could not be read: {error}"));
        None
    });
    if let Some(summary) = &mut summary {
        summary.aborted_by.clone_from(&ending.aborted_by);
    }
    Ok(Ran { test_id: stored.test_id.clone(), run_id, ending, summary })
}

/// Starts a stored scenario, says so, and leaves its run alone. Answers the run's id.
///
/// # Errors
/// When it cannot be planned or started.
pub async fn begin(system: &System, stored: &Stored, observe: &mut dyn FnMut(&Event<'_>)) -> Result<String, Failure> {
    let plan = plan(stored)?;
    let run_id = start(system, &stored.test_id).await?;
    accepted(system, stored, &run_id, &plan, observe);
    Ok(run_id)
}

/// Watches a run that somebody started, to its end or until there is a reason to leave, and leaves it alone.
///
/// # Errors
/// When its scenario cannot be planned.
pub async fn watch(
    system: &System,
    stored: &Stored,
    run_id: &str,
    mut stops: Stops,
    observe: &mut dyn FnMut(&Event<'_>),
) -> Result<Ending, Failure> {
    let plan = plan(stored)?;
    accepted(system, stored, run_id, &plan, observe);
    let mut follower = Follower::new(system, &stored.test_id, run_id, plan.estimate().workers);
    follower.is_ours = false;
    follower.follow(&mut stops, Listener::start(system, &stored.test_id, run_id), observe).await;
    Ok(follower.ending)
}

fn plan(stored: &Stored) -> Result<LoadPlan, Failure> {
    LoadPlan::new(&stored.scenario).map_err(|problems| Failure::invalid(&stored.test_id, problems))
}

fn accepted(system: &System, stored: &Stored, run_id: &str, plan: &LoadPlan, observe: &mut dyn FnMut(&Event<'_>)) {
    let (page, commands) = (system.link(&stored.test_id, run_id), system.commands(&stored.test_id, run_id));
    let (test_id, commands) = (stored.test_id.as_str(), Some(&commands));
    observe(&Event::Accepted(Accepted { test_id, run_id, plan, page: &page, commands }));
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

/// Everything that a run measured; none when it left nothing.
///
/// # Errors
/// When there is no answer.
pub async fn summary(system: &System, test_id: &str, run_id: &str) -> Result<Option<Summary>, ApiError> {
    match system.api.get(&format!("/scenarios/{test_id}/testruns/{run_id}/summary")).await {
        Ok(summary) => Ok(Some(summary)),
        Err(error) if error.is(404) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
    use dlt_model::id::Region;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::system::{api::Api, sign_in::Keys};

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
