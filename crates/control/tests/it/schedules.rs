//! Scenarios that start by themselves: when their time has come, once, and only when nothing is in the way.

use std::sync::Arc;

use dlt_control::{
    ControlError, Draft,
    record::{LastStart, StartOutcome},
    testing::{BrokenDriver, FakeFleet},
};
use dlt_model::{id::TestId, report::Ending, schedule::Wish};

use crate::stage::{Stage, scenario, test_id};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

fn cron(line: &str) -> Wish {
    Wish { cron: Some(line.to_owned()), ..Wish::default() }
}

/// A scenario that starts at every full hour; it is 16:40 past midnight when it is stored.
async fn hourly() -> (Stage, TestId) {
    hourly_on(Stage::new()).await
}

async fn hourly_on(stage: Stage) -> (Stage, TestId) {
    let (record, _) = stage.plane.create_scenario(&scenario(1), &Draft::default()).await.expect("stored");
    let schedule = stage.plane.check_schedule(cron("0 * * * *")).expect("a schedule");
    let set = stage.plane.set_schedule(&record.test_id, &schedule).await.expect("scheduled");
    assert_eq!(set.next_at_ms, Some(HOUR_MS));
    (stage, record.test_id)
}

async fn look(stage: &Stage) -> Vec<LastStart> {
    let told = stage.plane.start_what_is_due().await.expect("all ports work");
    told.into_iter().map(|(_, last)| last).collect()
}

fn until(stage: &Stage, at_ms: u64) {
    use dlt_control::ports::Clock;
    stage.clock.step(at_ms - stage.clock.now_ms());
}

async fn runs(stage: &Stage, test: &TestId) -> usize {
    stage.plane.runs(test, None, 100).await.expect("runs").items.len()
}

#[tokio::test]
async fn a_scenario_starts_when_its_time_has_come_and_once() {
    let (stage, test) = hourly().await;
    assert!(look(&stage).await.is_empty());
    until(&stage, HOUR_MS + 20_000);
    let told = look(&stage).await;
    let [LastStart { due_at_ms: HOUR_MS, outcome: StartOutcome::Started { run_id } }] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(stage.plane.runs(&test, None, 9).await.expect("runs").items[0].run_id, *run_id);
    assert!(look(&stage).await.is_empty());
    let record = stage.plane.schedule(&test).await.expect("a schedule");
    assert_eq!((record.next_at_ms, record.last, record.pending), (Some(2 * HOUR_MS), told.first().cloned(), None));
    assert_eq!(runs(&stage, &test).await, 1);
}

#[tokio::test]
async fn a_start_whose_run_before_has_not_ended_is_left_out_and_told() {
    let (stage, test) = hourly().await;
    until(&stage, HOUR_MS);
    assert_eq!(look(&stage).await.len(), 1);
    until(&stage, 2 * HOUR_MS);
    assert_eq!(look(&stage).await, [LastStart { due_at_ms: 2 * HOUR_MS, outcome: StartOutcome::Overlapped }]);
    let run = stage.plane.runs(&test, None, 9).await.expect("runs").items[0].key();
    finish(&stage, &stage.fleet, &run).await;
    until(&stage, 3 * HOUR_MS);
    assert!(matches!(look(&stage).await[..], [LastStart { outcome: StartOutcome::Started { .. }, .. }]));
    assert_eq!(runs(&stage, &test).await, 2);
}

#[tokio::test]
async fn a_run_that_somebody_starts_by_hand_is_not_taken_for_the_scheduled_one() {
    let (stage, test) = hourly().await;
    until(&stage, HOUR_MS + 10_000);
    stage.plane.start_run(&test).await.expect("started by hand");
    until(&stage, HOUR_MS + 20_000);
    assert_eq!(look(&stage).await, [LastStart { due_at_ms: HOUR_MS, outcome: StartOutcome::Overlapped }]);
}

async fn finish(stage: &Stage, fleet: &FakeFleet, run: &dlt_control::ports::RunKey) {
    stage.to_the_start(run, 1).await;
    fleet.finish(run, 0, 10, Ending::Finished).await;
    stage.to_the_end(run).await;
}

#[tokio::test]
async fn what_nobody_was_there_for_is_missed_and_told_and_the_next_one_comes() {
    let (stage, test) = hourly().await;
    until(&stage, 3 * HOUR_MS + 6 * MINUTE_MS);
    assert_eq!(look(&stage).await, [LastStart { due_at_ms: HOUR_MS, outcome: StartOutcome::Missed }]);
    assert_eq!(runs(&stage, &test).await, 0);
    until(&stage, 4 * HOUR_MS);
    assert_eq!(look(&stage).await.len(), 1);
    assert_eq!(runs(&stage, &test).await, 1);
}

#[tokio::test]
async fn a_start_that_was_half_made_is_finished_by_the_next_look() {
    let driver = Arc::new(BrokenDriver::failing(1));
    let (stage, test) = hourly_on(Stage::with_driver(driver.clone())).await;
    until(&stage, HOUR_MS);
    assert!(look(&stage).await.is_empty(), "it is put off");
    assert!(look(&stage).await.is_empty(), "and left alone for a minute");
    until(&stage, HOUR_MS + MINUTE_MS);
    let told = look(&stage).await;
    let run = stage.plane.runs(&test, None, 9).await.expect("runs").items[0].key();
    let started = StartOutcome::Started { run_id: run.run_id.clone() };
    assert_eq!(told, [LastStart { due_at_ms: HOUR_MS, outcome: started }]);
    assert_eq!((driver.driven(), runs(&stage, &test).await), (vec![run], 1));
}

#[tokio::test]
async fn a_start_that_something_keeps_from_being_made_is_given_up_and_told() {
    let (stage, test) = hourly_on(Stage::with_driver(Arc::new(BrokenDriver::failing(100)))).await;
    until(&stage, HOUR_MS);
    assert!(look(&stage).await.is_empty());
    until(&stage, HOUR_MS + 6 * MINUTE_MS);
    let told = look(&stage).await;
    assert!(
        matches!(&told[..], [LastStart { outcome: StartOutcome::Failed { reason }, .. }] if reason.contains("did not pass")),
        "{told:?}"
    );
    let after = stage.plane.schedule(&test).await.expect("a schedule");
    assert_eq!((after.pending, after.next_at_ms), (None, Some(2 * HOUR_MS)));
}

#[tokio::test]
async fn many_who_look_at_once_start_one_run() {
    let (stage, test) = hourly().await;
    until(&stage, HOUR_MS);
    let looks = (0..8).map(|_| stage.plane.start_what_is_due());
    let told: Vec<_> =
        futures::future::join_all(looks).await.into_iter().flat_map(|told| told.expect("told")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(runs(&stage, &test).await, 1);
}

#[tokio::test]
async fn a_single_time_comes_once_and_is_told_afterwards() {
    let stage = Stage::new();
    let (record, _) = stage.plane.create_scenario(&scenario(1), &Draft::default()).await.expect("stored");
    let wish = Wish { at: Some("1970-01-01T01:00".to_owned()), ..Wish::default() };
    let schedule = stage.plane.check_schedule(wish.clone()).expect("a schedule");
    stage.plane.set_schedule(&record.test_id, &schedule).await.expect("scheduled");
    until(&stage, HOUR_MS);
    assert_eq!(look(&stage).await.len(), 1);
    until(&stage, 50 * HOUR_MS);
    assert!(look(&stage).await.is_empty());
    let after = stage.plane.schedule(&record.test_id).await.expect("still there");
    assert_eq!((after.next_at_ms, after.last.map(|last| last.due_at_ms)), (None, Some(HOUR_MS)));
    let again = stage.plane.check_schedule(wish).expect_err("it has passed");
    assert!(again.to_string().contains("no time of this schedule is yet to come"), "{again}");
}

#[tokio::test]
async fn a_schedule_that_rests_starts_nothing_and_goes_on_from_when_it_is_let() {
    let (stage, test) = hourly().await;
    let resting = stage.plane.check_schedule(Wish { paused: true, ..cron("0 * * * *") }).expect("a schedule");
    stage.plane.set_schedule(&test, &resting).await.expect("paused");
    until(&stage, 2 * HOUR_MS + MINUTE_MS);
    assert!(look(&stage).await.is_empty());
    let going_on = stage.plane.check_schedule(cron("0 * * * *")).expect("a schedule");
    stage.plane.set_schedule(&test, &going_on).await.expect("resumed");
    assert!(look(&stage).await.is_empty(), "what it rested through is no start");
    until(&stage, 3 * HOUR_MS);
    assert_eq!(look(&stage).await.len(), 1);
}

#[tokio::test]
async fn a_schedule_goes_with_its_scenario() {
    let (stage, test) = hourly().await;
    stage.plane.delete_scenario(&test).await.expect("deleted");
    until(&stage, HOUR_MS);
    assert!(look(&stage).await.is_empty());
    let (record, _) = stage
        .plane
        .create_scenario(&scenario(1), &Draft { test_id: Some(test.clone()), ..Draft::default() })
        .await
        .expect("stored again");
    assert!(matches!(stage.plane.schedule(&record.test_id).await, Err(ControlError::NoSchedule(_))));
    assert!(matches!(stage.plane.schedule(&test_id("nobody")).await, Err(ControlError::TestNotFound(_))));
}

#[tokio::test]
async fn a_schedule_is_removed_and_the_scenario_stays() {
    let (stage, test) = hourly().await;
    stage.plane.remove_schedule(&test).await.expect("removed");
    assert!(matches!(stage.plane.remove_schedule(&test).await, Err(ControlError::NoSchedule(_))));
    until(&stage, HOUR_MS);
    assert!(look(&stage).await.is_empty());
    assert!(stage.plane.scenario(&test).await.is_ok());
}
