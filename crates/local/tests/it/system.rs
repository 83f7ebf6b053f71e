//! What the local system does, and what is left of it when it is killed.

use std::time::Duration;

use dlt_control::status::Status;
use dlt_local::StartError;
use tokio::time::timeout;

use crate::{
    http::ask,
    stage::{scenario, start, store, wait_for},
};

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_run_goes_from_start_to_results_and_is_seen_live_and_late() {
    let data = tempfile::tempdir().expect("a folder");
    let system = start(data.path()).await.expect("starts");
    let test = store(&system, &scenario(2, 3, "/")).await.test_id;
    let mut live = system.live().watch(&test).future;
    let run = system.plane().start_run(&test).await.expect("started").key();
    let mut workers = 0;
    while workers < 2 {
        workers = timeout(PATIENCE, live.recv()).await.expect("in time").expect("a point").workers;
    }
    let ended = wait_for(&system, &run, Status::Complete).await;
    assert_eq!((ended.partial, ended.complete_tasks.values().sum::<u32>()), (false, 2));
    let summary = system.plane().summary(&run).await.expect("a summary");
    assert!((80..=120).contains(&summary.total.all.succeeded), "{}", summary.total.all.succeeded);

    let path = format!("GET /prod/scenarios/{test}/live/events");
    let late = timeout(PATIENCE, ask(system.address(), "127.0.0.1", &path, "\"second\":2")).await.expect("in time");
    assert!(late.contains("text/event-stream") && late.contains("\"second\":1"), "{late}");
    let path = format!("{path}?ticks=true");
    let past = timeout(PATIENCE, ask(system.address(), "127.0.0.1", &path, "\"second\":2")).await.expect("in time");
    assert!(past.contains("event: point") && !past.contains("event: tick"), "what is over is told as seconds: {past}");
    let log = std::fs::read_to_string(system.run_folder(&run).join("logs/0.log")).expect("a log");
    assert!(log.contains("not a tick") && !log.contains("dlt.tick.v1"), "{log}");
    system.shut_down(PATIENCE).await;
}

#[tokio::test]
async fn a_worker_that_is_killed_makes_the_run_partial_and_the_other_ones_samples_are_kept() {
    let data = tempfile::tempdir().expect("a folder");
    let system = start(data.path()).await.expect("starts");
    let test = store(&system, &scenario(2, 3, "/")).await.test_id;
    let run = system.plane().start_run(&test).await.expect("started").key();
    wait_for(&system, &run, Status::Running).await;
    kill(&system.run_folder(&run), 1);
    let ended = wait_for(&system, &run, Status::Complete).await;
    assert!(ended.partial);
    let reason = ended.error_reason.expect("a reason");
    assert!(reason.contains("worker 1 ended: killed by signal 9"), "{reason}");
    let summary = system.plane().summary(&run).await.expect("a summary");
    assert!(summary.total.all.succeeded > 0 && summary.reported() == 1);
}

#[tokio::test]
async fn a_cancelled_run_ends_soon_and_keeps_its_samples() {
    let data = tempfile::tempdir().expect("a folder");
    let system = start(data.path()).await.expect("starts");
    let test = store(&system, &scenario(2, 600, "/")).await.test_id;
    let run = system.plane().start_run(&test).await.expect("started").key();
    wait_for(&system, &run, Status::Running).await;
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    system.plane().cancel(&test).await.expect("it is running");
    let ended = wait_for(&system, &run, Status::Cancelled).await;
    assert_eq!(ended.error_reason, None);
    assert!(system.plane().summary(&run).await.expect("a summary").total.all.succeeded > 0);
}

#[tokio::test]
async fn a_worker_that_does_not_listen_is_killed_after_its_time() {
    let data = tempfile::tempdir().expect("a folder");
    let system = start(data.path()).await.expect("starts");
    let test = store(&system, &scenario(1, 600, "/stubborn")).await.test_id;
    let run = system.plane().start_run(&test).await.expect("started").key();
    wait_for(&system, &run, Status::Running).await;
    system.plane().cancel(&test).await.expect("it is running");
    let ended = wait_for(&system, &run, Status::Cancelled).await;
    assert!(ended.results.is_none());
    let marker = std::fs::read_to_string(system.run_folder(&run).join("processes/0.json")).expect("a marker");
    assert!(marker.contains("killed by signal 9"), "{marker}");
}

#[test]
fn what_ran_when_the_system_was_killed_is_marked_and_what_had_ended_is_kept() {
    let data = tempfile::tempdir().expect("a folder");
    let path = data.path().to_owned();
    let killed = tokio::runtime::Runtime::new().expect("a runtime");
    let (finished, running) = killed.block_on(async {
        let system = start(&path).await.expect("starts");
        let finished = store(&system, &scenario(1, 1, "/")).await.test_id;
        let finished = system.plane().start_run(&finished).await.expect("started").key();
        wait_for(&system, &finished, Status::Complete).await;
        let running = store(&system, &scenario(2, 600, "/")).await.test_id;
        let running = system.plane().start_run(&running).await.expect("started").key();
        wait_for(&system, &running, Status::Running).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        drop(system);
        (finished, running)
    });
    // Every task is dropped where it stands, and with it every pipe to a worker.
    killed.shutdown_timeout(Duration::from_secs(5));

    let next = tokio::runtime::Runtime::new().expect("a runtime");
    next.block_on(async {
        let system = start(&path).await.expect("starts again");
        let ended = wait_for(&system, &running, Status::Complete).await;
        assert!(ended.partial);
        let reason = ended.error_reason.expect("a reason");
        assert!(reason.contains("2 of 2 workers were stopped before the end"), "{reason}");
        assert!(system.plane().summary(&running).await.expect("a summary").total.all.succeeded > 0);
        let kept = system.plane().summary(&finished).await.expect("it is kept");
        assert!(kept.total.all.succeeded > 0 && !kept.is_partial());
        let again = system.plane().start_run(&running.test_id).await.expect("the scenario is free again");
        system.shut_down(PATIENCE).await;
        assert_ne!(again.run_id, running.run_id);
    });
}

#[tokio::test]
async fn shutting_down_ends_what_runs_and_keeps_it() {
    let data = tempfile::tempdir().expect("a folder");
    let system = start(data.path()).await.expect("starts");
    let test = store(&system, &scenario(1, 600, "/")).await.test_id;
    let run = system.plane().start_run(&test).await.expect("started").key();
    wait_for(&system, &run, Status::Running).await;
    system.shut_down(PATIENCE).await;
    let system = start(data.path()).await.expect("starts again");
    assert_eq!(system.plane().run(&run).await.expect("the run").status, Status::Cancelled);
}

#[tokio::test]
async fn a_data_folder_belongs_to_one_system() {
    let data = tempfile::tempdir().expect("a folder");
    let _first = start(data.path()).await.expect("starts");
    let second = start(data.path()).await.expect_err("refused");
    assert!(matches!(second, StartError::InUse(_)));
    assert!(second.to_string().contains("in use by another"), "{second}");
}

#[tokio::test]
async fn the_page_is_served_to_this_machine_and_to_no_stranger() {
    let data = tempfile::tempdir().expect("a folder");
    let system = start(data.path()).await.expect("starts");
    let page = ask(system.address(), "localhost", "GET /", "</html>").await;
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("content-security-policy"), "{page}");
    assert!(page.len() < 60_000 && !page.contains("src=\"http") && !page.contains("@import"));
    let stranger = ask(system.address(), "evil.example", "GET /prod/scenarios", "").await;
    assert!(stranger.starts_with("HTTP/1.1 403"), "{stranger}");
    let api = ask(system.address(), "127.0.0.1:1", "GET /prod/scenarios", "").await;
    assert!(api.starts_with("HTTP/1.1 200") && api.contains("{\"Items\":[]}"), "{api}");
    assert!(!api.contains("access-control-allow-origin"), "{api}");
    let lost = ask(system.address(), "localhost", "GET /elsewhere", "").await;
    assert!(lost.starts_with("HTTP/1.1 404") && lost.contains("NOT_FOUND"), "{lost}");
}

/// Kills a worker by the process that its marker names.
fn kill(folder: &std::path::Path, worker: u32) {
    let marker = std::fs::read(folder.join(format!("processes/{worker}.json"))).expect("a marker");
    let marker: serde_json::Value = serde_json::from_slice(&marker).expect("JSON");
    let pid = i32::try_from(marker["pid"].as_i64().expect("a process")).expect("a process");
    let pid = rustix::process::Pid::from_raw(pid).expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("killed");
}
