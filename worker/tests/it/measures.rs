//! Measurements of the generator itself. They depend on the machine, so they print figures and are run by hand:
//! `DLT_WORKER_BINARY=…/release/dlt-worker cargo test -p dlt-worker --test it measures -- --ignored --nocapture`.
//! The variable may name a script that begins the worker on a core of its own.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

use dlt_model::{
    histogram::Histogram,
    load::Executor,
    program::{Pause, Step},
    report::Report,
};

use crate::{
    job::{Job, get, ticks},
    server::{Behaviour, OK, Server},
};

fn say(line: &str) {
    writeln!(io::stderr(), "{line}").expect("a terminal or a file");
}

fn figures(what: &str, histogram: &Histogram) {
    let us = |percent| histogram.percentile_us(percent).unwrap_or_default();
    let max = histogram.max_us().unwrap_or_default();
    say(&format!("{what}: p50 {} µs, p99 {} µs, p99.9 {} µs, max {max} µs", us(50.0), us(99.0), us(99.9)));
}

/// Runs one worker as a process, and answers its report and the ticks' largest memory.
async fn measure(job: &Job) -> (Report, u64) {
    job.assign();
    let child = job.spawn(0, &[]);
    job.open().await;
    let waiting = tokio::task::spawn_blocking(|| child.wait_with_output());
    let output = waiting.await.expect("no panic").expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let memory_bytes = ticks(&output.stdout).iter().map(|tick| tick.health.memory_bytes).max().unwrap_or_default();
    let report = job.reports().0.remove(0);
    let (Some(tick), degraded) = (ticks(&output.stdout).pop(), &report.degraded) else { panic!("no ticks") };
    say(&format!("  iterations {:?}, last tick {:?}, degraded {degraded:?}", report.iterations, tick.health));
    (report, memory_bytes)
}

fn arrivals(rate: f64, users: (u64, u64)) -> Executor {
    Executor::ConstantArrivalRate {
        rate,
        per_ms: 1_000,
        duration_ms: 10_000,
        pre_allocated_virtual_users: users.0,
        max_virtual_users: users.1,
    }
}

#[tokio::test]
#[ignore = "a measurement"]
async fn lateness() {
    for rate in [1_000.0, 5_000.0, 20_000.0] {
        let server = Server::start(Behaviour::Answer(OK, Duration::ZERO));
        let steps = vec![Step::Request(Box::new(get(&server.url())))];
        let (report, _) = measure(&Job::of_steps(steps, arrivals(rate, (64, 2_000)))).await;
        figures(&format!("lateness at {rate}/s"), &report.lateness);
        figures("  latency", &report.labels["home"].latency);
        figures("  service", &report.labels["home"].service);
    }
}

#[tokio::test]
#[ignore = "a measurement"]
async fn stall() {
    let begin = Instant::now() + Duration::from_secs(5);
    let server = Server::start(Behaviour::Pause(OK, begin, Duration::from_millis(500)));
    let steps = vec![Step::Request(Box::new(get(&server.url())))];
    let (report, _) = measure(&Job::of_steps(steps, arrivals(5_000.0, (64, 4_000)))).await;
    figures("latency at 5000/s with a stall of 500 ms", &report.labels["home"].latency);
    figures("  lateness", &report.lateness);
}

#[tokio::test]
#[ignore = "a measurement"]
async fn idle_users() {
    let mut before = 0;
    for users in [100, 10_000] {
        let server = Server::start(Behaviour::Answer(OK, Duration::ZERO));
        let pause = Step::Pause(Pause::Constant { ms: 60_000 });
        let steps = vec![Step::Request(Box::new(get(&server.url()))), pause];
        let (_, memory_bytes) = measure(&Job::of_steps(steps, Executor::ramp_and_hold(users, 4_000, 3_000))).await;
        say(&format!("{users} users: {} KiB", memory_bytes / 1_024));
        if before > 0 {
            say(&format!("  {} bytes per user", (memory_bytes - before) / (users - 100)));
        }
        before = memory_bytes;
    }
}
