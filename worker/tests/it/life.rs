//! A worker's life from outside: readiness, the barrier, signals, exit codes.

use std::{
    process::{Command, Output},
    time::{Duration, Instant},
};

use dlt_model::{assignment::keys, report::Ending};

use crate::{
    job::{Job, get, ticks},
    server::{Behaviour, OK, Server},
};

fn terminate(process: u32) {
    let status = Command::new("kill").args(["-TERM", &process.to_string()]).status().expect("kill is there");
    assert!(status.success());
}

fn assert_success(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn the_binary_runs_three_workers_and_both_sides_count_the_same() {
    let server = Server::start(Behaviour::Answer(OK, Duration::ZERO));
    let mut job = Job::new(vec![get(&server.url())], 7, 1_200);
    job.workers = 3;
    job.assign();
    let children: Vec<_> = (0..3).map(|worker| job.spawn(worker, &[])).collect();
    job.open().await;
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        assert_success(&output);
        assert_eq!(ticks(&output.stdout)[0].schema, "dlt.tick.v1");
        assert!(String::from_utf8_lossy(&output.stderr).contains("worker finished"));
    }
    let (reports, whole) = job.reports();
    assert_eq!(whole.samples(), server.seen.requests());
    assert_eq!(reports.iter().map(|report| report.max_virtual_users).collect::<Vec<_>>(), [3, 2, 2]);
    assert!(reports.iter().all(|report| report.ending == Ending::Finished));
}

#[tokio::test]
async fn sigterm_lets_what_has_begun_end_and_the_report_says_so() {
    let server = Server::start(Behaviour::Answer(OK, Duration::from_millis(300)));
    let job = Job::new(vec![get(&server.url())], 6, 60_000);
    job.assign();
    let child = job.spawn(0, &[]);
    job.open().await;
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    let told = Instant::now();
    terminate(child.id());
    let output = child.wait_with_output().expect("it ends");
    assert!(told.elapsed() < Duration::from_secs(2), "{:?}", told.elapsed());
    assert_success(&output);
    let (reports, whole) = job.reports();
    assert_eq!((reports[0].ending, reports[0].iterations.interrupted, whole.failed), (Ending::Stopped, 0, 0));
    assert_eq!(whole.samples(), server.seen.requests());
    let told = ticks(&output.stdout).iter().map(|tick| tick.succeeded).sum::<u64>();
    assert_eq!(told, whole.succeeded);
}

#[tokio::test]
async fn sigterm_cuts_off_what_takes_longer_than_the_bound() {
    let server = Server::start(Behaviour::Stall);
    let mut job = Job::new(vec![get(&server.url())], 6, 60_000);
    job.assignment.load[0].graceful_stop_ms = 300;
    job.assign();
    let child = job.spawn(0, &[]);
    job.open().await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    terminate(child.id());
    assert_success(&child.wait_with_output().expect("it ends"));
    let (reports, whole) = job.reports();
    assert_eq!((reports[0].iterations.interrupted, whole.outcomes["interrupted"]), (6, 6));
    assert_eq!(whole.samples(), server.seen.requests());
}

#[tokio::test]
async fn a_worker_that_is_stopped_before_the_start_reports_nothing_sent() {
    let server = Server::start(Behaviour::Answer(OK, Duration::ZERO));
    let job = Job::new(vec![get(&server.url())], 6, 1_000);
    job.assign();
    let child = job.spawn(0, &[]);
    while !job.folder.path().join(keys::ready(0)).exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    terminate(child.id());
    assert_success(&child.wait_with_output().expect("it ends"));
    let (reports, whole) = job.reports();
    assert_eq!((reports[0].ending, whole.samples(), server.seen.requests()), (Ending::Stopped, 0, 0));
}

#[tokio::test]
async fn a_worker_that_is_never_started_gives_up_and_says_so() {
    let server = Server::start(Behaviour::Answer(OK, Duration::ZERO));
    let mut job = Job::new(vec![get(&server.url())], 6, 1_000);
    job.assignment.start_deadline_ms = 400;
    job.assign();
    let outcome = job.live(0, std::future::pending(), std::io::sink()).await.expect("it ends");
    assert_eq!(outcome.ending, Ending::NeverStarted);
    let (reports, whole) = job.reports();
    assert_eq!((reports[0].ending, whole.samples(), server.seen.requests()), (Ending::NeverStarted, 0, 0));
}

#[tokio::test]
async fn a_worker_without_users_reports_that_it_saw_nothing() {
    let server = Server::start(Behaviour::Answer(OK, Duration::ZERO));
    let mut job = Job::new(vec![get(&server.url())], 1, 300);
    job.workers = 2;
    let (reports, whole) = job.run().await;
    assert_eq!(reports[0].labels["home"].samples() + reports[1].labels["home"].samples(), whole.samples());
    assert_eq!(reports.iter().map(|report| report.max_virtual_users).collect::<Vec<_>>(), [1, 0]);
}

#[tokio::test]
async fn an_assignment_for_somebody_else_or_none_is_an_error_with_a_clear_line() {
    let mut job = Job::new(vec![get("http://127.0.0.1:1/")], 1, 300);
    let missing = job.spawn(0, &[]).wait_with_output().expect("it ends");
    assert!(!missing.status.success());
    let line = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(line.starts_with("error: failed to read `assignments/0.json`"), "{line}");
    job.assign();
    job.assignment.run_id = "Other".parse().expect("an id");
    let other = job.spawn(0, &[]).wait_with_output().expect("it ends");
    assert!(!other.status.success());
    let line = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(line.contains("RUN_ID is `Other`, but the assignment is for `Run`"), "{line}");
}

#[tokio::test]
async fn an_assignment_that_cannot_be_run_is_refused_before_the_worker_says_ready() {
    for url in ["ftp://a.test/", "nonsense", "http://user:secret@a.test/"] {
        let job = Job::new(vec![get(url)], 1, 300);
        job.assign();
        let error = job.live(0, std::future::pending(), std::io::sink()).await.expect_err("refused").to_string();
        assert!(error.contains("step 1 `home`"), "{error}");
        assert!(!job.folder.path().join(keys::ready(0)).exists());
    }
}
