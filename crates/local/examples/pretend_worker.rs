//! A worker for the tests of this crate: it keeps the worker's protocol and makes up its samples.
//!
//! Every 50 ms it counts one sample, and every second it prints a tick. It lasts as long as its assignment says, or until
//! SIGTERM or the end of its standard input. A URL whose path is `/stubborn` makes it deaf to both.

use std::{env, io::Write, path::PathBuf, time::Duration};

use dlt_model::{
    assignment::{Assignment, Ready, Start, keys},
    histogram::Histogram,
    report::{Ending, Iterations, Measurements, Report},
    tick::{Health, SCHEMA, Tick},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep},
};

const PER_SAMPLE: Duration = Duration::from_millis(50);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let folder = env::var("DLT_RUN_FOLDER").expect("DLT_RUN_FOLDER");
    let folder = url::Url::parse(&folder).expect("a URL").to_file_path().expect("a file URL");
    let worker: u32 = env::var("TASK_INDEX").expect("TASK_INDEX").parse().expect("a number");
    let assignment: Assignment = read(&folder.join(keys::assignment(worker))).expect("an assignment");
    let mut end = std::pin::pin!(told_to_end(is_stubborn(&assignment)));
    write(&folder.join(keys::ready(worker)), &Ready { worker, at_ms: 0, facts: Default::default() });
    let start = tokio::select! {
        start = wait_for_start(&folder) => Some(start),
        () = &mut end => None,
    };
    let mut report = report(&assignment, start);
    if start.is_some() {
        tokio::select! {
            () = make_up(&assignment, &mut report) => report.ending = Ending::Finished,
            () = &mut end => report.ending = Ending::Stopped,
        }
    }
    write(&folder.join(keys::report(worker)), &report);
}

async fn told_to_end(stubborn: bool) {
    let mut terminate = signal(SignalKind::terminate()).expect("signals");
    let (hung_up, hang_up) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        drop(std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
        hung_up.send(()).unwrap_or_default();
    });
    tokio::select! {
        _ = terminate.recv() => {}
        _ = hang_up => {}
    }
    if stubborn {
        std::future::pending::<()>().await;
    }
}

async fn wait_for_start(folder: &std::path::Path) -> u64 {
    loop {
        if let Some(start) = read::<Start>(&folder.join(keys::START)) {
            return start.start_at_ms;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

async fn make_up(assignment: &Assignment, report: &mut Report) {
    let began = Instant::now();
    let (mut second, mut seen) = (1, Histogram::default());
    while began.elapsed() < Duration::from_millis(assignment.duration_ms()) {
        sleep(PER_SAMPLE).await;
        let all = report.labels.entry("made up".to_owned()).or_default();
        all.succeeded += 1;
        all.latency.record(1_000);
        seen.record(1_000);
        if began.elapsed() >= Duration::from_secs(second) {
            tick(assignment, second, &seen);
            seen.clear();
            second += 1;
        }
    }
}

fn tick(assignment: &Assignment, second: u64, latency: &Histogram) {
    let tick = Tick {
        schema: SCHEMA.to_owned(),
        test_id: assignment.test_id.clone(),
        run_id: assignment.run_id.clone(),
        region: assignment.region.clone(),
        worker: assignment.worker,
        at_ms: second * 1_000,
        second,
        virtual_users: 1,
        succeeded: latency.count(),
        failed: 0,
        avg_rt: 0.001,
        latency_ms_p95: 1.0,
        bytes_received: 0,
        bytes_sent: 0,
        latency: latency.clone(),
        health: Health::default(),
    };
    let line = format!("{}\nnot a tick\n", serde_json::to_string(&tick).expect("JSON"));
    let mut output = std::io::stdout();
    output.write_all(line.as_bytes()).and_then(|()| output.flush()).expect("a parent that reads");
}

fn report(assignment: &Assignment, start_at_ms: Option<u64>) -> Report {
    Report {
        test_id: assignment.test_id.clone(),
        run_id: assignment.run_id.clone(),
        region: assignment.region.clone(),
        worker: assignment.worker,
        started_at_ms: start_at_ms.unwrap_or(0),
        ended_at_ms: start_at_ms.unwrap_or(0) + assignment.duration_ms(),
        ending: Ending::NeverStarted,
        max_virtual_users: 1,
        iterations: Iterations::default(),
        labels: [("made up".to_owned(), Measurements::default())].into(),
        seconds: Vec::new(),
        resolution_secs: 1,
        checks: Default::default(),
        metrics: Default::default(),
        transactions: Default::default(),
        exhausted_feeds: std::collections::BTreeMap::new(),
        lateness: Histogram::default(),
        iteration_duration: Histogram::default(),
        degraded: Vec::new(),
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &PathBuf) -> Option<T> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn write<T: serde::Serialize>(path: &PathBuf, value: &T) {
    let draft = path.with_extension("draft");
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(&draft, serde_json::to_vec(value).expect("JSON")).expect("written");
    std::fs::rename(&draft, path).expect("written");
}

fn is_stubborn(assignment: &Assignment) -> bool {
    assignment.program.requests().any(|request| request.url.to_string().ends_with("/stubborn"))
}
