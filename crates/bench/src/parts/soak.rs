//! Half the capacity for a long time: whether memory stays where it is.

use std::time::Duration;

use super::apart;
use crate::{
    args::Args,
    machine,
    run::Bench,
    server::Protocol,
    statistics::Spread,
    table::Table,
    task::{Kind, Task},
    tools::{Checks, Tool, worker},
};

/// How often memory is noted.
const NOTE_EVERY: Duration = Duration::from_secs(10);
/// What is compared: the first and the last so long, or the first and last sixth of a shorter run.
const WINDOW: Duration = Duration::from_secs(600);
/// How much more memory the last may have than the first.
const MAX_GROWTH: f64 = 0.02;
const USERS: u64 = 1_000;
/// How long the capacity is measured, and how fast users come back that think.
const TRIAL_SECS: u64 = 5;

/// Runs for as long as `--for` says, and prints memory as it goes.
pub fn measure(bench: &Bench, args: &Args) -> Table {
    let lasts = Duration::from_millis(args.lasts.as_millis()).max(Duration::from_secs(30));
    let title = format!("Soak: half the capacity for {} s, {USERS} users", lasts.as_secs());
    let mut table = Table::new(title, &["", "memory MB", "requests"]);
    if let Err(why) = soak(bench, lasts, &mut table) {
        table.note(format!("skipped: {why}"));
    }
    table
}

fn soak(bench: &Bench, lasts: Duration, table: &mut Table) -> Result<(), String> {
    let tool = Tool::Worker(Checks::Status);
    let task = |kind, secs| Task { kind, protocol: Protocol::Http1, users: USERS, streams: 1, secs, stall: None };
    let none = || "the worker cannot do it".to_owned();
    let rate = |kind| Ok::<_, String>(bench.run(tool, &task(kind, TRIAL_SECS), &apart())?.ok_or_else(none)?.rate());
    let capacity = rate(Kind::Steady)?;
    // A user that comes back so often asks as often as half the capacity needs. Beside thinking it waits for its answer,
    // and for a timer: how long is tried out.
    let wanted_ms = back_after_ms(capacity / 2.0);
    let trial_ms = whole_ms(wanted_ms);
    let besides_ms = back_after_ms(rate(Kind::Thinking { pause_ms: trial_ms })?) - trial_ms as f64;
    let pause_ms = whole_ms(wanted_ms - besides_ms);
    table.note(format!("capacity {capacity:.0} requests/s; each user thinks for {pause_ms} ms"));
    let mut notes: Vec<(Duration, u64, u64)> = Vec::new();
    let run = bench.run_watched(
        tool,
        &task(Kind::Thinking { pause_ms }, lasts.as_secs()),
        &apart(),
        &mut |elapsed, process, requests| {
            let due = notes.last().map_or(NOTE_EVERY, |(last, _, _)| *last + NOTE_EVERY);
            if elapsed >= due
                && elapsed < lasts
                && let Some(bytes) = machine::resident_memory(process)
            {
                crate::talk(&format!(
                    "{:>6} s  {:>7.2} MB  {requests} requests",
                    elapsed.as_secs(),
                    bytes as f64 / 1e6
                ));
                notes.push((elapsed, bytes, requests));
            }
        },
    )?;
    let run = run.ok_or_else(none)?;
    let window = WINDOW.min(lasts / 6).max(2 * NOTE_EVERY);
    let end = notes.last().map_or(Duration::ZERO, |(last, _, _)| *last);
    let median = |inside: &dyn Fn(Duration) -> bool| {
        let numbers = notes.iter().filter(|(at, _, _)| inside(*at)).map(|(_, bytes, _)| *bytes as f64);
        Spread::of(numbers).map_or(f64::NAN, |spread| spread.median)
    };
    let (first, last) = (median(&|at| at <= window), median(&|at| at + window > end));
    let requests = run.tally.requests.to_string();
    table.row([format!("first {} s", window.as_secs()), format!("{:.2}", first / 1e6), String::new()]);
    table.row([format!("last {} s", window.as_secs()), format!("{:.2}", last / 1e6), requests]);
    let growth = last / first - 1.0;
    let verdict = if growth <= MAX_GROWTH { "passed" } else { "FAILED" };
    table.note(format!(
        "{verdict}: {:+.2} % (at most {:+.0} % is allowed); {:.0} requests/s, {:.0} % of the capacity",
        100.0 * growth,
        100.0 * MAX_GROWTH,
        run.rate(),
        100.0 * run.rate() / capacity
    ));
    let report = worker::report(run.folder.path()).unwrap_or_default();
    let reported = report["labels"]["page"]["requests"].as_u64();
    if reported != Some(run.tally.requests) {
        table.note(format!("FAILED: reported {reported:?} requests, the server counted {}", run.tally.requests));
    }
    Ok(())
}

/// How much time lies between two requests of a user, when all together ask so often in a second.
fn back_after_ms(rate: f64) -> f64 {
    USERS as f64 / rate * 1e3
}

/// At least one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "some milliseconds, and never less than one"
)]
fn whole_ms(milliseconds: f64) -> u64 {
    milliseconds.round().max(1.0) as u64
}
