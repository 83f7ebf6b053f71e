//! Time: users start when they should, and latencies are what the server made them.

use std::time::Duration;

use dlt_model::{
    load::Executor,
    program::{Pause, Request, Step},
};

use crate::{
    job::{Job, Output, get},
    server::{Behaviour, OK, Server},
};

#[tokio::test]
async fn a_delay_of_50_ms_is_reported_as_50_ms() {
    let server = Server::start(Behaviour::Answer(OK, Duration::from_millis(50)));
    let (_, whole) = Job::new(vec![get(&server.url())], 4, 1_500).run().await;
    for percent in [1.0, 50.0] {
        let latency_us = whole.latency.percentile_us(percent).expect("samples");
        assert!((50_000..55_000).contains(&latency_us), "p{percent} is {latency_us} µs");
    }
    let waiting_us = whole.waiting.percentile_us(50.0).expect("samples");
    assert!((50_000..55_000).contains(&waiting_us), "{waiting_us}");
    assert_eq!(whole.samples(), server.seen.requests());
}

#[tokio::test]
async fn a_ramp_up_starts_users_evenly_over_all_workers() {
    let server = Server::start(Behaviour::Answer(OK, Duration::from_millis(20)));
    let mut job = Job::new(vec![get(&server.url())], 10, 200);
    job.workers = 2;
    job.assignment.load[0].executor = Executor::ramp_and_hold(10, 1_000, 200);
    let (reports, whole) = job.run().await;
    let mut connections = server.seen.connections();
    connections.sort();
    assert_eq!(connections.len(), 10);
    for (number, connection) in connections.iter().enumerate() {
        let expected = Duration::from_millis(100) * u32::try_from(number).expect("ten");
        let late = connection.duration_since(connections[0]).abs_diff(expected);
        assert!(late < Duration::from_millis(50), "user {number} is off by {late:?}");
    }
    assert_eq!(reports.iter().map(|report| report.max_virtual_users).sum::<u64>(), 10);
    assert_eq!(whole.samples(), server.seen.requests());
}

#[tokio::test]
async fn every_second_has_one_tick_and_the_ticks_add_up_to_the_report() {
    let server = Server::start(Behaviour::Answer(OK, Duration::from_millis(5)));
    let job = Job::new(vec![get(&server.url())], 4, 2_500);
    job.assign();
    let output = Output::default();
    let (outcome, start_at_ms) = tokio::join!(job.live(0, std::future::pending(), output.clone()), job.open());
    let outcome = outcome.expect("the worker runs");
    let (ticks, (reports, whole)) = (output.ticks(), job.reports());
    assert_eq!(ticks.iter().map(|tick| tick.second).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(ticks[0].at_ms, start_at_ms + 1_000);
    assert_eq!(ticks.iter().map(|tick| tick.succeeded).sum::<u64>(), whole.succeeded);
    assert_eq!(ticks.iter().map(|tick| tick.bytes_received).sum::<u64>(), whole.bytes_received);
    assert_eq!((outcome.samples, reports[0].seconds.len()), (whole.samples(), 3));
    assert!(ticks.iter().all(|tick| tick.virtual_users == 4 && tick.health.memory_bytes > 0 && tick.avg_rt > 0.005));
    assert!(ticks[..2].iter().all(|tick| tick.health.open_sockets == 4), "one for each user");
    assert_eq!(reports[0].started_at_ms, start_at_ms);
    let lasted_ms = reports[0].ended_at_ms - start_at_ms;
    assert!((2_490..2_600).contains(&lasted_ms), "{lasted_ms}");
}

#[tokio::test]
async fn steps_run_in_order_with_pauses_between_them() {
    let server = Server::start(Behaviour::Answer(OK, Duration::ZERO));
    let step = |label: &str| Step::Request(Box::new(Request { label: label.into(), ..get(&server.url()) }));
    let pause = |ms| Step::Pause(Pause::Constant { ms });
    let steps = vec![step("first"), pause(100), step("second"), pause(50)];
    let (reports, whole) = Job::of_steps(steps, Executor::ramp_and_hold(2, 0, 1_000)).run().await;
    let labels = &reports[0].labels;
    // A user begins an iteration every 150 ms and a little: at most seven in a second, all of them complete.
    assert_eq!(labels["first"].samples(), labels["second"].samples());
    assert!((2 * 5..=2 * 7).contains(&labels["first"].samples()), "{}", labels["first"].samples());
    assert_eq!(reports[0].iterations.completed * 2, whole.samples());
    assert_eq!(whole.samples(), server.seen.requests());
}
