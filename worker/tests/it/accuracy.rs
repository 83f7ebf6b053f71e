//! Accuracy: what is reported is what the server's sockets saw, to the microsecond, the request and the byte.
//!
//! Nothing here depends on how fast the machine is: a latency is held against what the server itself took, which is less,
//! and against the time between its neighbours on the same connection, which is more. Where the machine is quiet, the two
//! are some tens of microseconds apart. `DLT_ACCURACY_SECS` makes the runs longer.

use std::{
    io::Read,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use dlt_model::{
    assignment::{Assignment, keys},
    histogram::Histogram,
    id::{Region, RunId, TestId},
    load::Executor,
    program::{Request, Step},
    report::{Iterations, Measurements, Report},
    segment::Segment,
    summary::Summary,
};
use serde_json::json;

use crate::{
    job::{Job, get, ticks},
    server::OK,
    witness::{Manner, Record, Witness},
};

/// What a histogram may add to a value: a bucket is a thousandth wide, and values are rounded to a microsecond.
fn upper_edge_us(value: Duration) -> f64 {
    value.as_secs_f64() * 1e6 * 1.001 + 2.0
}

/// Clocks are read to the millisecond when a run starts.
const CLOCK_GRAIN: Duration = Duration::from_millis(2);

/// One request in two hundred takes 100 ms, one in twenty 20 ms, the others 2 ms.
fn known_delay(turn: u64) -> Duration {
    Duration::from_millis(match (turn % 200, turn % 20) {
        (7, _) => 100,
        (_, 3) => 20,
        _ => 2,
    })
}

fn run_ms() -> u64 {
    let secs = std::env::var("DLT_ACCURACY_SECS").ok().and_then(|secs| secs.parse::<u64>().ok());
    secs.map_or(1_500, |secs| secs * 1_000)
}

/// The instant that a calendar's milliseconds mean, or a little before.
fn instant_of(epoch_ms: u64) -> Instant {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let ago = now.saturating_sub(Duration::from_millis(epoch_ms));
    Instant::now().checked_sub(ago + CLOCK_GRAIN).expect("the run began after the machine did")
}

/// Every percentile lies between the server's own and the time between neighbours.
fn assert_between(what: &str, reported: &Histogram, least: &[Duration], most: &[Duration]) {
    assert_eq!((reported.count(), most.len()), (least.len() as u64, least.len()), "{what}");
    let count = least.len();
    for percent in [1.0, 50.0, 90.0, 99.0, 99.9, 100.0] {
        // A rank may be rounded either way.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank below the count")]
        let rank = (percent / 100.0 * count as f64).ceil() as usize;
        let (below, above) = (least[rank.saturating_sub(2)], most[rank.min(count - 1)]);
        let value_us = reported.percentile_us(percent).expect("samples") as f64;
        let below_us = below.as_secs_f64() * 1e6 - 1.0;
        assert!(
            (below_us..=upper_edge_us(above)).contains(&value_us),
            "{what}: p{percent} of {count} is {value_us} µs; the server saw {below:?} to {above:?}"
        );
    }
}

async fn latencies_are_what_the_server_saw(workers: u32) {
    let witness = Witness::start(Manner::Answers(OK, known_delay));
    let mut job = Job::new(vec![get(&witness.url("/"))], 16, run_ms());
    job.workers = workers;
    let (reports, whole) = job.run().await;
    let record = witness.record().await;
    let (least, most) = (record.least(), record.most(instant_of(reports[0].started_at_ms)));
    // The delays are there at all, so the percentiles do tell wrong from right.
    let at = |percent: usize| least[least.len() * percent / 1_000].as_millis();
    assert!(at(500) >= 2 && at(990) >= 20 && at(998) >= 100, "{} requests are too few", least.len());
    assert_between("latency", &whole.latency, &least, &most);
    assert_between("waiting", &whole.waiting, &least, &most);
    assert_exact(&whole, &record);
}

/// Requests and bytes, both ways.
fn assert_exact(whole: &Measurements, record: &Record) {
    assert!(record.requests > 0);
    assert_eq!(
        (whole.requests, whole.bytes_sent, whole.bytes_received),
        (record.requests, record.bytes_received, record.bytes_sent),
        "{:?}",
        whole.outcomes
    );
}

#[tokio::test]
async fn percentiles_of_one_worker_lie_between_what_the_server_took_and_what_it_left() {
    latencies_are_what_the_server_saw(1).await;
}

#[tokio::test]
async fn percentiles_of_three_workers_merged_lie_there_too() {
    latencies_are_what_the_server_saw(3).await;
}

#[tokio::test]
async fn requests_and_bytes_are_exact_whatever_the_server_does() {
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort";
    for (manner, outcome) in [
        (Manner::AnswersAndCloses("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"), "200"),
        (Manner::AnswersAndCloses(short), "connection closed early"),
        (Manner::Answers("\u{0}\u{1}garbage\r\n\r\n", |_| Duration::ZERO), "malformed response"),
        (Manner::Resets, "connection reset"),
        (Manner::Stalls, "interrupted"),
    ] {
        let witness = Witness::start(manner);
        let mut job = Job::new(vec![get(&witness.url("/some/path?with=a&query"))], 6, 300);
        job.workers = 2;
        job.assignment.load[0].graceful_stop_ms = 700;
        let (_, whole) = job.run().await;
        assert_eq!(whole.outcomes.keys().collect::<Vec<_>>(), [outcome], "{manner:?}");
        assert_exact(&whole, &witness.record().await);
    }
}

#[tokio::test]
async fn when_one_worker_is_killed_the_rest_are_exact() {
    let witness = Witness::start(Manner::Answers(OK, |_| Duration::from_millis(1)));
    let mut job = Job::new(vec![get(&witness.url("/"))], 9, 1_500);
    job.workers = 3;
    let path = |worker: u32| format!("/of/{worker}");
    for segment in Segment::split(job.workers) {
        let request = Request { ..get(&witness.url(&path(segment.index))) };
        let mut assignment = Assignment { worker: segment.index, segment, ..job.assignment.clone() };
        let flow = assignment.program.flows.values_mut().next().expect("a flow");
        flow.steps = vec![Step::Request(Box::new(request))];
        job.write(&keys::assignment(segment.index), &assignment);
    }
    let mut children: Vec<_> = (0..job.workers).map(|worker| job.spawn(worker, &[])).collect();
    job.open().await;
    while witness.requests() < 100 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut killed = children.remove(1);
    killed.kill().expect("it is there");
    killed.wait().expect("it ends");
    let mut said = Vec::new();
    killed.stdout.take().expect("piped").read_to_end(&mut said).expect("read");
    for child in children {
        assert!(child.wait_with_output().expect("it ends").status.success());
    }
    let record = witness.record().await;
    assert!(!job.folder.path().join(keys::report(1)).exists());
    let told: u64 = ticks(&said).iter().map(|tick| tick.succeeded + tick.failed).sum();
    assert!(told <= record.paths[&path(1)].0, "{told} samples in ticks, {:?}", record.paths);
    for worker in [0, 2] {
        let report: Report = job.read(&keys::report(worker));
        let whole = &report.labels["home"];
        assert_eq!((whole.requests, whole.bytes_sent), record.paths[&path(worker)], "worker {worker}");
        assert_eq!(whole.bytes_received, whole.requests * OK.len() as u64);
        assert_eq!(whole.outcomes.keys().collect::<Vec<_>>(), ["200"]);
    }
}

const STALL: Duration = Duration::from_millis(400);
/// How many requests are answered before the server stalls.
const BEFORE_STALL: u64 = 300;

/// The whole server, which has one thread, does nothing for a while.
fn stall_once(turn: u64) -> Duration {
    if turn == BEFORE_STALL {
        let (_sender, receiver) = std::sync::mpsc::channel::<()>();
        // The sender lives, so this lasts to the end.
        let _ = receiver.recv_timeout(STALL);
    }
    Duration::ZERO
}

/// All arrivals but those answered before have waited from their intended instant to the end of the stall, however late the
/// machine was: so many of them for at least half of it. Whoever measures from the actual start, or waits for an answer
/// before the next request, has fewer.
#[tokio::test]
async fn arrivals_during_a_stall_have_waited_since_they_were_due() {
    const RATE: u64 = 1_000;
    const ARRIVALS: u64 = 1_500;
    for most_users in [20, 1_000] {
        let witness = Witness::start(Manner::Answers(OK, stall_once));
        let mut job = Job::new(vec![get(&witness.url("/"))], 1, 1);
        job.assignment.load[0].executor = Executor::ConstantArrivalRate {
            rate: RATE as f64,
            per_ms: 1_000,
            duration_ms: ARRIVALS,
            pre_allocated_virtual_users: 10,
            max_virtual_users: most_users,
        };
        let (reports, whole) = job.run().await;
        let Iterations { completed, interrupted, dropped } = reports[0].iterations;
        assert_eq!(completed + interrupted + dropped, ARRIVALS, "with {most_users} users");
        assert_exact(&whole, &witness.record().await);
        let half = STALL / 2;
        let edges = whole.latency.buckets().filter(|(edge_us, _)| u128::from(*edge_us) >= half.as_micros());
        let waited: u64 = edges.map(|(_, count)| count).sum();
        // Arrivals come a millisecond apart, and clocks are read to the millisecond.
        let least = u64::try_from(half.as_millis()).expect("short") - 5;
        assert!(waited + dropped >= least, "{waited} have waited, {dropped} were dropped, with {most_users} users");
    }
}

/// Latencies of every size, the same each time: the mixing of SplitMix64, from 100 µs to some seconds.
fn synthetic_us(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^= mixed >> 27;
    100 + (mixed % 1_000) * (1 + (mixed >> 32) % 64).pow(2)
}

/// The summary of a run whose samples are dealt out to so many workers.
fn summary_of(workers: u32, samples: u64) -> Summary {
    let (test, run, here): (TestId, RunId, Region) =
        ("Test".parse().expect("an id"), "Run".parse().expect("an id"), Region::local());
    let mut summary = Summary::new(&test, &run, (0..workers).map(|worker| (worker, &here)));
    for segment in Segment::split(workers) {
        let mut seen = Measurements::default();
        for number in segment.numbers(samples) {
            let latency_us = synthetic_us(number);
            let failed = number % 97 == 0;
            seen.succeeded += u64::from(!failed);
            seen.failed += u64::from(failed);
            seen.requests += 1;
            seen.bytes_received += latency_us;
            seen.bytes_sent += 100;
            *seen.outcomes.entry(if failed { "503" } else { "200" }.to_owned()).or_default() += 1;
            seen.latency.record(latency_us);
            seen.waiting.record(latency_us / 2);
        }
        let report: Report = serde_json::from_value(json!({
            "testId": test, "runId": run, "region": here, "worker": segment.index, "startedAtMs": 1_000, "endedAtMs": 2_000,
            "ending": "finished", "maxVirtualUsers": 1, "iterations": {"completed": 0, "interrupted": 0, "dropped": 0},
            "labels": {"home": seen}, "seconds": [],
        }))
        .expect("a report");
        summary.add(&report).expect("it belongs here");
    }
    summary
}

#[test]
fn samples_of_many_workers_merge_to_what_one_worker_would_have_reported() {
    const SAMPLES: u64 = 30_000;
    let one = summary_of(1, SAMPLES).total.all;
    let mut exact: Vec<u64> = (0..SAMPLES).map(synthetic_us).collect();
    exact.sort_unstable();
    for workers in [2, 3, 7, 50] {
        let many = summary_of(workers, SAMPLES).total.all;
        assert_eq!(many, one, "{workers} workers");
        for percent in [0.1, 1.0, 25.0, 50.0, 75.0, 95.0, 99.0, 99.9, 99.99, 100.0] {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank below the count")]
            let rank = (percent / 100.0 * SAMPLES as f64).ceil() as usize;
            let value_us = many.latency.percentile_us(percent).expect("samples");
            let (below, above) =
                (exact[rank.saturating_sub(2)], Duration::from_micros(exact[rank.min(exact.len() - 1)]));
            assert!(value_us >= below && value_us as f64 <= upper_edge_us(above), "p{percent}: {value_us}, {above:?}");
        }
    }
}
