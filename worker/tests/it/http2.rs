//! HTTP/2 against a server of another make: whatever is shared, both sides count the same.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use dlt_model::{
    program::{Body, Client, Http2, Request, Version},
    report::Measurements,
    template::Template,
};

use crate::{
    job::{Job, get},
    peers::{Manners, Peer},
};

fn client(users_per_connection: u32) -> Client {
    Client { version: Version::Http2, http2: Http2 { users_per_connection }, ..Client::default() }
}

async fn run(request: Request, users: u64, client: Client) -> Measurements {
    let mut job = Job::new(vec![request], users, 500);
    job.assignment.program.client = client;
    job.run().await.1
}

fn only_successes(whole: &Measurements) {
    assert_eq!(whole.outcomes.keys().collect::<Vec<_>>(), ["200"]);
    assert!(whole.succeeded > 0);
}

#[tokio::test]
async fn each_user_has_a_connection_of_its_own_unless_they_share() {
    for (users_per_connection, connections) in [(1, 8), (2, 4), (100, 2)] {
        let peer = Peer::start(Manners::default(), None);
        let whole = run(get(&peer.url()), 8, client(users_per_connection)).await;
        only_successes(&whole);
        // Threads share nothing: two of them have two connections at least.
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8) as u64;
        let expected = if users_per_connection == 100 { threads.min(8) } else { connections };
        assert_eq!((whole.requests, whole.retries), (peer.seen.requests(), 0));
        if threads <= 2 {
            assert_eq!(peer.seen.connections(), expected.min(connections.max(threads)));
        }
        assert_eq!(whole.connecting.count(), peer.seen.connections());
    }
}

#[tokio::test]
async fn users_that_share_wait_for_a_free_stream() {
    let peer = Peer::start(Manners { max_streams: 2, delay: Duration::from_millis(5), ..Manners::default() }, None);
    let whole = run(get(&peer.url()), 12, client(100)).await;
    only_successes(&whole);
    assert_eq!(whole.requests - whole.retries, whole.samples());
    assert_eq!(whole.samples(), peer.seen.requests());
    assert!(peer.seen.most_at_once.load(SeqCst) <= 2 * peer.seen.connections());
}

#[tokio::test]
async fn large_bodies_pass_both_ways_under_flow_control() {
    let peer = Peer::start(Manners { answer_bytes: 300_000, ..Manners::default() }, None);
    let request =
        Request { method: "POST".into(), body: Body::Text(Template::literal("y".repeat(200_000))), ..get(&peer.url()) };
    for users_per_connection in [1, 4] {
        let before = (peer.seen.requests(), peer.seen.body_bytes.load(SeqCst));
        let whole = run(request.clone(), 4, client(users_per_connection)).await;
        only_successes(&whole);
        assert_eq!(whole.samples(), peer.seen.requests() - before.0);
        assert_eq!(peer.seen.body_bytes.load(SeqCst) - before.1, whole.samples() * 200_000);
        let overhead = whole.bytes_received - whole.samples() * 300_000;
        assert!(overhead < whole.samples() * 1_000, "{overhead}");
        assert!(whole.bytes_sent > whole.samples() * 200_000);
    }
}

#[tokio::test]
async fn a_server_that_says_goodbye_again_and_again_loses_no_request() {
    let peer = Peer::start(Manners { goodbye_after_ms: Some(40), ..Manners::default() }, None);
    let whole = run(get(&peer.url()), 4, client(2)).await;
    only_successes(&whole);
    assert!(peer.seen.connections() > 6, "{}", peer.seen.connections());
    assert_eq!(whole.samples(), peer.seen.requests());
}
