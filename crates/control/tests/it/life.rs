//! Lives of runs, each a small story.

use dlt_control::{ControlError, Draft, Next, ports::FleetError, status::Status};
use dlt_model::{assignment::Start, report::Ending};
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectStoreExt, path::Path};

use crate::stage::{Stage, scenario, test_id};

#[tokio::test]
async fn a_run_waits_for_all_workers_starts_them_together_and_merges_what_they_report() {
    let (stage, run) = Stage::started(3).await;
    assert_eq!(stage.run(&run).await.status, Status::Queued);
    assert!(matches!(stage.advance(&run).await, Next::Wait(_)));
    assert_eq!(stage.fleet.starts(&run), [1, 1, 1]);
    stage.fleet.make_ready(&run, 0).await;
    stage.fleet.make_ready(&run, 2).await;
    stage.advance(&run).await;
    assert_eq!(stage.run(&run).await.status, Status::Provisioning, "one worker is missing");
    stage.fleet.make_ready(&run, 1).await;
    stage.advance(&run).await;
    let running = stage.run(&run).await;
    assert_eq!(running.status, Status::Running);
    let file = Path::from(format!("runs/{}/{}/start.json", run.test_id, run.run_id));
    let start = stage.blobs.get(&file).await.expect("the start is written").bytes().await.expect("bytes");
    let start: Start = serde_json::from_slice(&start).expect("a start");
    assert_eq!(Some(start.start_at_ms), running.start_at_ms);
    for worker in 0..3 {
        stage.fleet.finish(&run, worker, 100, Ending::Finished).await;
    }
    let ended = stage.to_the_end(&run).await;
    assert_eq!((ended.status, ended.partial, ended.error_reason), (Status::Complete, false, None));
    assert_eq!(ended.complete_tasks.values().sum::<u32>(), 3);
    let summary = stage.plane.summary(&run).await.expect("a summary");
    assert_eq!(summary.total.all.succeeded, 300);
    let scenario = stage.plane.scenario(&run.test_id).await.expect("the scenario");
    assert_eq!((scenario.status_word(), scenario.active), ("complete", None));
}

#[tokio::test]
async fn a_caller_that_comes_late_with_its_launches_does_not_stop_the_run_that_another_has_started() {
    for polls in 0..20 {
        let (stage, run) = Stage::started(2).await;
        let mut late = Box::pin(stage.plane.advance(&run));
        for _ in 0..polls {
            drop(futures::poll!(&mut late));
            if !stage.fleet.starts(&run).is_empty() {
                break;
            }
        }
        stage.to_the_start(&run, 2).await;
        drop(late.await);
        assert_eq!(stage.run(&run).await.status, Status::Running, "after {polls} polls");
        assert_eq!((stage.fleet.stops(), stage.fleet.starts(&run)), (0, vec![1, 1]), "after {polls} polls");
    }
}

#[tokio::test]
async fn a_run_whose_workers_were_all_stopped_before_they_did_anything_has_failed() {
    let (stage, run) = Stage::started(2).await;
    stage.to_the_start(&run, 2).await;
    stage.fleet.finish(&run, 0, 0, Ending::Stopped).await;
    stage.fleet.finish(&run, 1, 0, Ending::Stopped).await;
    let ended = stage.to_the_end(&run).await;
    assert_eq!(ended.status, Status::Failed);
    let reason = ended.error_reason.expect("a reason");
    assert_eq!(reason, "no worker made any load: 2 of 2 workers were stopped before the end: 0, 1");
}

#[tokio::test]
async fn a_worker_that_dies_makes_the_run_partial_and_the_others_data_is_kept() {
    let (stage, run) = Stage::started(2).await;
    stage.to_the_start(&run, 2).await;
    stage.fleet.kill(&run, 1);
    stage.advance(&run).await;
    assert_eq!(stage.run(&run).await.status, Status::Running, "the other worker goes on");
    stage.fleet.finish(&run, 0, 50, Ending::Finished).await;
    let ended = stage.to_the_end(&run).await;
    assert_eq!((ended.status, ended.partial), (Status::Complete, true));
    let reason = ended.error_reason.expect("a reason");
    assert_eq!(reason, "1 of 2 workers left no report: 1; worker 1 ended with code 137: killed");
    let summary = stage.plane.summary(&run).await.expect("a summary");
    assert_eq!(summary.total.all.succeeded, 50);
    assert!(summary.is_partial());
}

#[tokio::test]
async fn a_worker_that_vanishes_is_given_up_after_a_while() {
    let (stage, run) = Stage::started(2).await;
    stage.to_the_start(&run, 2).await;
    stage.fleet.forget(&run, 0);
    stage.fleet.finish(&run, 1, 5, Ending::Finished).await;
    let ended = stage.to_the_end(&run).await;
    assert_eq!(ended.status, Status::Complete);
    assert!(ended.error_reason.expect("a reason").contains("worker 0 vanished without a report"));
}

#[tokio::test]
async fn a_run_none_of_whose_workers_gets_ready_fails_and_says_why() {
    let (stage, run) = Stage::started(2).await;
    let ended = stage.to_the_end(&run).await;
    assert_eq!(ended.status, Status::Failed);
    assert!(ended.error_reason.expect("a reason").contains("was not ready within 900 s"));
    assert!(ended.results.is_none());
    assert!(stage.fleet.stops() > 0, "nothing is left running");
}

#[tokio::test]
async fn a_fleet_that_refuses_a_worker_is_not_asked_for_it_again() {
    let (stage, run) = Stage::started(1).await;
    stage.fleet.fail_next(FleetError::Refused("no such image".to_owned()));
    // The first call that fails is the launch: a queued run needs no census.
    let ended = stage.to_the_end(&run).await;
    assert_eq!(ended.status, Status::Failed);
    assert!(stage.fleet.starts(&run).len() <= 1);
}

#[tokio::test]
async fn a_cancelled_run_keeps_what_was_measured_until_then() {
    let (stage, run) = Stage::started(2).await;
    stage.to_the_start(&run, 2).await;
    let cancelling = stage.plane.cancel(&run.test_id).await.expect("it is running");
    assert_eq!(cancelling.status, Status::Cancelling);
    stage.advance(&run).await;
    assert_eq!(stage.fleet.stops(), 1);
    stage.fleet.finish(&run, 0, 7, Ending::Stopped).await;
    stage.fleet.finish(&run, 1, 8, Ending::Stopped).await;
    let ended = stage.to_the_end(&run).await;
    assert_eq!((ended.status, ended.error_reason), (Status::Cancelled, None));
    assert_eq!(stage.plane.summary(&run).await.expect("a summary").total.all.succeeded, 15);
    assert!(matches!(stage.plane.cancel(&run.test_id).await, Err(ControlError::NotActive(_))));
}

#[tokio::test]
async fn a_run_cancelled_before_it_began_launches_nothing() {
    let (stage, run) = Stage::started(2).await;
    stage.plane.cancel_run(&run).await.expect("it is queued");
    let ended = stage.to_the_end(&run).await;
    assert_eq!(ended.status, Status::Cancelled);
    assert!(stage.fleet.starts(&run).is_empty());
}

#[tokio::test]
async fn workers_that_do_not_come_to_an_end_are_stopped_and_given_up() {
    let (stage, run) = Stage::started(2).await;
    stage.to_the_start(&run, 2).await;
    stage.fleet.finish(&run, 0, 3, Ending::Finished).await;
    let ended = stage.to_the_end(&run).await;
    assert_eq!(ended.status, Status::Complete);
    assert!(ended.error_reason.expect("a reason").contains("worker 1 did not report in time"));
    assert!(stage.fleet.stops() > 0);
}

#[tokio::test]
async fn of_many_starts_at_once_one_wins_and_the_others_are_told_that_it_runs() {
    let stage = Stage::new();
    let (record, _) = stage.plane.create_scenario(&scenario(1), &Draft::default()).await.expect("stored");
    let starts = (0..8).map(|_| stage.plane.start_run(&record.test_id));
    let outcomes = futures::future::join_all(starts).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let others = outcomes.into_iter().filter_map(Result::err);
    assert!(others.into_iter().all(|error| matches!(error, ControlError::Running(_))));
    assert_eq!(stage.plane.runs(&record.test_id, None, 10).await.expect("runs").items.len(), 1);
}

#[tokio::test]
async fn a_claim_whose_maker_was_stopped_is_taken_over_after_a_minute() {
    let (stage, run) = Stage::started(1).await;
    let scenario = stage.plane.scenario(&run.test_id).await.expect("the scenario");
    let key = dlt_control::records::run_key(&run.test_id, &run.run_id);
    let store: &dyn dlt_control::ports::Store = &*stage.store;
    store.delete(&key, dlt_control::ports::Expect::Version(1)).await.expect("as if it had never been written");
    assert!(matches!(stage.plane.start_run(&scenario.test_id).await, Err(ControlError::Running(_))));
    stage.clock.step(60_001);
    let next = stage.plane.start_run(&scenario.test_id).await.expect("the claim is stale");
    assert_ne!(next.run_id, run.run_id);
    assert_eq!(stage.advance(&run).await, Next::Done, "whoever still drives the old one may go");
    assert!(stage.plane.scenario(&run.test_id).await.expect("the scenario").active.is_some());
}

#[tokio::test]
async fn a_running_scenario_is_neither_changed_nor_deleted_and_an_ended_one_leaves_nothing() {
    let (stage, run) = Stage::started(1).await;
    let again = Draft { test_id: Some(run.test_id.clone()), ..Draft::default() };
    assert!(matches!(stage.plane.create_scenario(&scenario(2), &again).await, Err(ControlError::Running(_))));
    assert!(matches!(stage.plane.delete_scenario(&run.test_id).await, Err(ControlError::Running(_))));
    assert!(matches!(
        stage.plane.delete_runs(&run.test_id, std::slice::from_ref(&run.run_id)).await,
        Err(ControlError::Running(_))
    ));
    stage.to_the_start(&run, 1).await;
    stage.fleet.finish(&run, 0, 1, Ending::Finished).await;
    stage.to_the_end(&run).await;
    stage.plane.delete_scenario(&run.test_id).await.expect("it has ended");
    assert!(matches!(stage.plane.scenario(&run.test_id).await, Err(ControlError::TestNotFound(_))));
    assert!(matches!(stage.plane.run(&run).await, Err(ControlError::RunNotFound(..))));
    let left: Vec<_> =
        stage.blobs.list(None).map(|file| file.map(|file| file.location)).try_collect().await.expect("list");
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_request_repeated_with_its_key_has_its_effect_once() {
    let stage = Stage::new();
    let draft = Draft { test_id: None, idempotency_key: Some("build 17".to_owned()) };
    let (first, repeated) = stage.plane.create_scenario(&scenario(1), &draft).await.expect("stored");
    assert!(!repeated);
    let (second, repeated) = stage.plane.create_scenario(&scenario(1), &draft).await.expect("found");
    assert!(repeated);
    assert_eq!(first.test_id, second.test_id);
    assert_eq!(stage.plane.all_scenarios().await.expect("list").len(), 1);
}

#[tokio::test]
async fn a_scenario_in_a_region_that_is_not_ours_is_refused_with_the_regions_that_are() {
    let stage = Stage::new();
    let mut stranger = scenario(1);
    stranger.fleet[0].region = "ap-southeast-2".parse().expect("a region");
    let error = stage.plane.create_scenario(&stranger, &Draft::default()).await.expect_err("refused");
    let text = error.to_string();
    assert!(text.contains("testTaskConfigs[0].region") && text.contains("eu-west-1, us-east-1"), "{text}");
    let missing = stage.plane.start_run(&test_id("nobody")).await;
    assert!(matches!(missing, Err(ControlError::TestNotFound(_))));
}

#[tokio::test]
async fn runs_are_listed_newest_first_and_in_pages() {
    let (stage, first) = Stage::started(1).await;
    stage.to_the_end(&first).await;
    stage.clock.step(5);
    let second = stage.plane.start_run(&first.test_id).await.expect("started");
    let page = stage.plane.runs(&first.test_id, None, 1).await.expect("runs");
    assert_eq!(page.items[0].run_id, second.run_id);
    let rest = stage.plane.runs(&first.test_id, page.next.as_deref(), 1).await.expect("runs");
    assert_eq!(rest.items[0].run_id, first.run_id);
    assert_eq!(rest.next, None);
}
