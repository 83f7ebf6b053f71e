//! Every executor against a real server: what should begin begins, when it should, and is counted once.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use dlt_model::{
    load::{Execution, Executor, Stage},
    program::Step,
    report::{Ending, Measurements, Report},
};

use crate::{
    job::{Job, get},
    server::{Behaviour, OK, Server},
};

fn job(server: &Server, executor: Executor) -> Job {
    Job::of_steps(vec![Step::Request(Box::new(get(&server.url())))], executor)
}

fn rate(rate: f64, duration_ms: u64, users: (u64, u64)) -> Executor {
    Executor::ConstantArrivalRate {
        rate,
        per_ms: 1_000,
        duration_ms,
        pre_allocated_virtual_users: users.0,
        max_virtual_users: users.1,
    }
}

/// Completed, interrupted and dropped iterations of all workers.
fn iterations(reports: &[Report]) -> (u64, u64, u64) {
    let sum = |count: fn(&Report) -> u64| reports.iter().map(count).sum();
    (
        sum(|report| report.iterations.completed),
        sum(|report| report.iterations.interrupted),
        sum(|report| report.iterations.dropped),
    )
}

async fn run(server: &Server, executor: Executor, workers: u32) -> (Vec<Report>, Measurements) {
    let mut job = job(server, executor);
    job.workers = workers;
    let (reports, whole) = job.run().await;
    assert_eq!(whole.samples(), server.seen.requests());
    (reports, whole)
}

#[tokio::test]
async fn shared_iterations_are_shared_to_the_last_one_also_by_workers_without_users() {
    let server = Server::start(Behaviour::Answer(OK, Duration::from_millis(5)));
    let executor = Executor::SharedIterations { virtual_users: 2, iterations: 11, max_duration_ms: 5_000 };
    let began = Instant::now();
    let (reports, whole) = run(&server, executor, 3).await;
    assert_eq!((iterations(&reports), whole.samples()), ((11, 0, 0), 11));
    assert!(began.elapsed() < Duration::from_secs(4), "it ends with its last iteration");
}

#[tokio::test]
async fn each_user_makes_its_own_iterations_and_what_time_does_not_allow_is_counted() {
    let server = Server::start(Behaviour::Answer(OK, Duration::from_millis(5)));
    let executor = Executor::PerVuIterations { virtual_users: 3, iterations: 4, max_duration_ms: 5_000 };
    assert_eq!(iterations(&run(&server, executor, 2).await.0), (12, 0, 0));
    let slow = Server::start(Behaviour::Answer(OK, Duration::from_millis(150)));
    let executor = Executor::PerVuIterations { virtual_users: 2, iterations: 10, max_duration_ms: 400 };
    let (completed, interrupted, dropped) = iterations(&run(&slow, executor, 1).await.0);
    assert_eq!((completed + dropped, interrupted), (20, 0));
    assert!((4..=6).contains(&completed), "{completed}");
}

#[tokio::test]
async fn an_open_model_begins_exactly_as_many_iterations_as_its_rate_says_whoever_shares_them() {
    for workers in [1, 3] {
        let server = Server::start(Behaviour::Answer(OK, Duration::from_millis(2)));
        let (reports, whole) = run(&server, rate(200.0, 1_000, (8, 400)), workers).await;
        assert_eq!(iterations(&reports), (200, 0, 0));
        let lateness: u64 = reports.iter().map(|report| report.lateness.count()).sum();
        assert_eq!((whole.succeeded, whole.service.count(), lateness), (200, 200, 200));
        assert_eq!(reports.iter().map(|report| report.iteration_duration.count()).sum::<u64>(), 200);
    }
    let server = Server::start(Behaviour::Answer(OK, Duration::from_millis(2)));
    let executor = Executor::RampingArrivalRate {
        start_rate: 0.0,
        per_ms: 1_000,
        stages: vec![Stage { target: 200.0, duration_ms: 1_000 }, Stage { target: 0.0, duration_ms: 500 }],
        pre_allocated_virtual_users: 100,
        max_virtual_users: 400,
    };
    assert_eq!(iterations(&run(&server, executor, 2).await.0), (150, 0, 0));
}

#[tokio::test]
async fn arrivals_that_find_nobody_free_are_dropped_counted_and_a_reason_for_doubt() {
    let server = Server::start(Behaviour::Answer(OK, Duration::from_millis(300)));
    let (reports, whole) = run(&server, rate(100.0, 1_000, (2, 5)), 1).await;
    let (completed, interrupted, dropped) = iterations(&reports);
    assert_eq!((completed + dropped, interrupted), (100, 0));
    assert!((10..=20).contains(&completed), "{completed}");
    assert_eq!((completed, reports[0].max_virtual_users), (whole.succeeded, 5));
    assert!(
        reports[0].degraded[0].contains(&format!("{dropped} iterations were dropped")),
        "{:?}",
        reports[0].degraded
    );
}

#[tokio::test]
async fn latency_under_a_stall_is_what_those_who_came_meanwhile_waited() {
    let stall = (Duration::from_millis(1_200), Duration::from_millis(500));
    let server = Server::start(Behaviour::Pause(OK, Instant::now() + Duration::from_millis(300) + stall.0, stall.1));
    let (reports, whole) = run(&server, rate(500.0, 3_000, (20, 1_000)), 1).await;
    assert_eq!((iterations(&reports), whole.succeeded), ((1_500, 0, 0), 1_500));
    // A sixth of all arrivals waits from 0 to 500 ms, all alike: the 95th percentile waits for 350 ms.
    let p95_ms = whole.latency.percentile_us(95.0).expect("samples") / 1_000;
    assert!((300..450).contains(&p95_ms), "{p95_ms} ms");
}

#[tokio::test]
async fn who_is_taken_away_by_a_falling_stage_has_the_graceful_ramp_down_to_finish() {
    for (graceful_ramp_down_ms, expected) in [(0, (0, 4, 0)), (1_000, (4, 0, 0))] {
        let server = Server::start(Behaviour::Answer(OK, Duration::from_millis(600)));
        let stage = |target, duration_ms| Stage { target, duration_ms };
        let executor = Executor::RampingVus {
            start_virtual_users: 4,
            stages: vec![stage(4.0, 300), stage(0.0, 0), stage(0.0, 600)],
            graceful_ramp_down_ms,
        };
        assert_eq!(iterations(&run(&server, executor, 1).await.0), expected);
    }
}

#[tokio::test]
async fn executions_run_side_by_side_each_from_its_own_begin() {
    let server = Server::start(Behaviour::Answer(OK, Duration::from_millis(5)));
    let once = Executor::PerVuIterations { virtual_users: 1, iterations: 1, max_duration_ms: 2_000 };
    let mut job = job(&server, once);
    let later = Execution { name: "later".to_owned(), start_after_ms: 400, ..job.assignment.load[0].clone() };
    let open = Execution { name: "open".to_owned(), executor: rate(10.0, 500, (1, 5)), ..later.clone() };
    job.assignment.load.extend([later, open]);
    let (reports, whole) = job.run().await;
    assert_eq!((iterations(&reports), whole.succeeded), ((7, 0, 0), server.seen.requests()));
    let mut connections = server.seen.connections();
    connections.sort();
    let gap_ms = connections[1].duration_since(connections[0]).as_millis();
    assert!((300..700).contains(&gap_ms), "{gap_ms}");
}

#[tokio::test]
async fn an_open_model_that_is_stopped_lets_what_has_begun_end() {
    let server = Server::start(Behaviour::Answer(OK, Duration::from_millis(100)));
    let job = job(&server, rate(50.0, 60_000, (10, 50)));
    job.assign();
    let stop = tokio::time::sleep(Duration::from_millis(1_500));
    let (outcome, _) = tokio::join!(job.live(0, stop, std::io::sink()), job.open());
    assert_eq!(outcome.expect("it ends").ending, Ending::Stopped);
    let (reports, whole) = job.reports();
    let (completed, interrupted, dropped) = iterations(&reports);
    assert_eq!((completed, interrupted, dropped), (server.seen.requests(), 0, 0));
    assert!(completed > 10 && whole.succeeded == completed, "{completed}");
}

#[tokio::test]
async fn a_target_that_refuses_is_not_asked_as_fast_as_we_can() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    let (reports, whole) = Job::new(vec![get(&format!("http://{free}/"))], 2, 500).run().await;
    assert!((8..=24).contains(&whole.failed), "{}", whole.failed);
    assert_eq!(iterations(&reports).0, whole.failed);
}
