//! Counts: every request is exactly one sample, whatever the server does.

use std::{net::TcpListener, time::Duration};

use dlt_model::program::{Body, Expect};

use crate::{
    job::{Job, get},
    server::{Behaviour, OK, Server},
};

const AT_ONCE: Duration = Duration::ZERO;

/// Runs some users against a server that behaves so, and checks that both sides counted the same.
async fn counted(behaviour: Behaviour, workers: u32, timeout_ms: u64) -> dlt_model::report::Measurements {
    let server = Server::start(behaviour);
    let mut job = Job::new(vec![dlt_model::program::Request { timeout_ms, ..get(&server.url()) }], 8, 700);
    job.workers = workers;
    let (_, whole) = job.run().await;
    assert!(whole.samples() > 0);
    assert_eq!(whole.samples(), server.seen.requests(), "{:?}", whole.outcomes);
    whole
}

fn only(whole: &dlt_model::report::Measurements, outcome: &str) {
    assert_eq!(whole.outcomes.keys().collect::<Vec<_>>(), [outcome]);
}

#[tokio::test]
async fn one_worker_counts_what_a_keep_alive_server_counts() {
    let whole = counted(Behaviour::Answer(OK, AT_ONCE), 1, 5_000).await;
    only(&whole, "200");
    assert_eq!(whole.requests, whole.succeeded);
    assert_eq!(whole.bytes_received, whole.succeeded * OK.len() as u64);
    assert_eq!(whole.connecting.count(), 8);
}

#[tokio::test]
async fn three_workers_count_what_a_keep_alive_server_counts() {
    only(&counted(Behaviour::Answer(OK, AT_ONCE), 3, 5_000).await, "200");
}

#[tokio::test]
async fn a_server_that_closes_every_connection_unannounced_loses_no_request() {
    only(&counted(Behaviour::AnswerAndClose(OK), 1, 5_000).await, "200");
}

#[tokio::test]
async fn a_server_that_announces_the_close_or_marks_the_end_by_it_loses_no_request() {
    let announced = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi";
    let whole = counted(Behaviour::AnswerAndClose(announced), 1, 5_000).await;
    assert_eq!((whole.retries, whole.connecting.count()), (0, whole.samples()));
    only(&counted(Behaviour::AnswerAndClose("HTTP/1.0 200 OK\r\n\r\nuntil the end"), 1, 5_000).await, "200");
}

#[tokio::test]
async fn a_chunked_response_in_single_bytes_is_one_sample() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    only(&counted(Behaviour::Drip(chunked), 1, 5_000).await, "200");
}

#[tokio::test]
async fn a_server_that_resets_is_counted_as_such() {
    only(&counted(Behaviour::Reset, 1, 5_000).await, "connection reset");
}

#[tokio::test]
async fn a_server_that_hangs_up_is_counted_as_such() {
    only(&counted(Behaviour::Close, 1, 5_000).await, "connection closed early");
    only(
        &counted(Behaviour::AnswerAndClose("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"), 1, 5_000).await,
        "connection closed early",
    );
}

#[tokio::test]
async fn a_server_that_stalls_beyond_the_timeout_is_counted_as_such() {
    let whole = counted(Behaviour::Stall, 1, 200).await;
    only(&whole, "request timeout");
    assert!((8 * 2..=8 * 4).contains(&whole.failed), "{}", whole.failed);
    assert!(whole.latency.percentile_us(50.0).expect("samples") >= 200_000);
}

#[tokio::test]
async fn garbage_is_counted_as_such() {
    only(&counted(Behaviour::Answer("\u{0}\u{1}garbage\r\n\r\n", AT_ONCE), 1, 5_000).await, "malformed response");
    let lengths = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx";
    only(&counted(Behaviour::Answer(lengths, AT_ONCE), 1, 5_000).await, "malformed response");
}

#[tokio::test]
async fn more_bytes_than_announced_end_the_connection_and_not_the_count() {
    let whole =
        counted(Behaviour::Answer("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 500", AT_ONCE), 1, 5_000)
            .await;
    only(&whole, "200");
    assert_eq!(whole.connecting.count(), whole.samples());
}

#[tokio::test]
async fn a_server_that_refuses_is_counted_as_such() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    let (_, whole) = Job::new(vec![get(&format!("http://{free}/"))], 2, 300).run().await;
    only(&whole, "connect refused");
    assert_eq!((whole.requests, whole.bytes_sent, whole.succeeded), (0, 0, 0));
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_counted_as_such() {
    let step = dlt_model::program::Request { timeout_ms: 300, ..get("http://no-such-name.invalid/") };
    let (_, whole) = Job::new(vec![step], 2, 300).run().await;
    only(&whole, "dns failed");
}

#[tokio::test]
async fn an_unexpected_status_is_a_failure_under_its_own_name() {
    only(&counted(Behaviour::Answer("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", AT_ONCE), 1, 5_000).await, "503");
    let server = Server::start(Behaviour::Answer("HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n", AT_ONCE));
    let step = dlt_model::program::Request { expect: Expect::Status(vec![404]), ..get(&server.url()) };
    let (_, whole) = Job::new(vec![step], 1, 300).run().await;
    assert_eq!((whole.failed, whole.succeeded), (0, server.seen.requests()));
}

#[tokio::test]
async fn a_circle_of_redirects_ends_and_every_hop_is_counted_as_a_request() {
    let server = Server::start(Behaviour::Answer(
        "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n",
        AT_ONCE,
    ));
    let (_, whole) = Job::new(vec![get(&server.url())], 2, 300).run().await;
    only(&whole, "too many redirects");
    assert_eq!(whole.requests, server.seen.requests());
    assert_eq!(whole.requests, whole.samples() * 11);
}

#[tokio::test]
async fn a_redirect_is_followed_in_the_same_sample() {
    let end = Server::start(Behaviour::Answer(OK, AT_ONCE));
    let location = format!("HTTP/1.1 307 Elsewhere\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", end.url());
    let start = Server::start(Behaviour::Answer(location.leak(), AT_ONCE));
    let step =
        dlt_model::program::Request { method: "POST".into(), body: Body::Text("hey".into()), ..get(&start.url()) };
    let (_, whole) = Job::new(vec![step], 2, 300).run().await;
    only(&whole, "200");
    assert_eq!((whole.samples(), whole.samples()), (start.seen.requests(), end.seen.requests()));
    assert!(end.seen.last_head().starts_with("POST / HTTP/1.1\r\n"));
}

#[tokio::test]
async fn requests_in_flight_at_the_cut_off_are_failed_samples_and_still_counted() {
    let server = Server::start(Behaviour::Stall);
    let mut job = Job::new(vec![get(&server.url())], 5, 300);
    job.assignment.load[0].graceful_stop_ms = 200;
    let (reports, whole) = job.run().await;
    only(&whole, "interrupted");
    assert_eq!((whole.failed, server.seen.requests(), reports[0].iterations.interrupted), (5, 5, 5));
}
