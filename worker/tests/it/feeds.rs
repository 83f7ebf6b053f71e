//! Feeds over several workers: every row goes where it belongs, exactly.

use std::collections::BTreeMap;

use dlt_model::program::{Feed, FeedOrder};

use crate::{
    job::Job,
    server::{Behaviour, Server, answer},
    steps::{ask, each, step},
};

/// How often each row was sent by how many workers, and how many users found none.
async fn rows_sent(order: FeedOrder, repeat: bool, workers: u32, iterations: u64) -> (BTreeMap<String, u64>, u64) {
    let server = Server::start(Behaviour::Routes(|_| answer(200, &[], "")));
    let request = ask(&server, "row", "GET", "/{{ user }}-{{ key }}");
    let mut job = Job::of_steps(vec![step(request)], each(8, iterations));
    job.workers = workers;
    job.assignment.program.feeds = vec![Feed {
        name: "users.csv".to_owned(),
        columns: vec!["user".to_owned(), "key".to_owned()],
        rows: (0..41).map(|row| vec![format!("u{row}"), format!("k{row}")]).collect(),
        order,
        repeat,
    }];
    let (reports, whole) = job.run().await;
    assert_eq!(whole.samples(), server.seen.requests());
    let mut rows = BTreeMap::new();
    for asked in server.seen.asked() {
        let (user, key) = asked.line().trim_start_matches("GET /").split_once('-').expect("both columns");
        assert_eq!(user.replace('u', "k"), key);
        *rows.entry(user.to_owned()).or_default() += 1;
    }
    (rows, reports.iter().filter_map(|report| report.exhausted_feeds.get("users.csv")).sum())
}

#[tokio::test]
async fn unique_rows_are_used_once_in_the_whole_run_and_then_every_user_is_done() {
    for order in [FeedOrder::Unique, FeedOrder::Partitioned] {
        let (rows, exhausted) = rows_sent(order, false, 3, 1_000).await;
        assert!(rows.len() == 41 && rows.values().all(|times| *times == 1), "{rows:?}");
        assert_eq!(exhausted, 8);
    }
}

#[tokio::test]
async fn rows_begin_anew_when_they_may() {
    let (rows, exhausted) = rows_sent(FeedOrder::Partitioned, true, 2, 82).await;
    assert_eq!((rows.values().sum::<u64>(), rows.len(), exhausted), (8 * 82, 41, 0));
    let (rows, _) = rows_sent(FeedOrder::Sequential, true, 1, 41).await;
    assert!(rows.len() == 41 && rows.values().all(|times| *times == 8), "{rows:?}");
    let (rows, exhausted) = rows_sent(FeedOrder::Random, false, 1, 50).await;
    assert_eq!((rows.values().sum::<u64>(), exhausted), (400, 0));
}
