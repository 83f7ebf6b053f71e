//! How late 20,000 arrivals/s on one core begin: the worker's as it is, the worker's when it goes first, and those of a loop
//! that sends nothing.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use dlt_model::histogram::Histogram;
use serde::Deserialize;
use tempfile::TempDir;

use super::{apart, bare, wrapper};
use crate::{
    args::Args,
    run::Bench,
    server::Protocol,
    statistics::Spread,
    table::Table,
    task::{Kind, Task},
    tools::{Checks, Tool, on_path, worker},
};

const RATE: u64 = 20_000;
/// Virtual users that are there from the beginning.
const USERS: u64 = 64;
const SECS: u64 = 10;
/// What lets a program go before everything else that would like to use its processor, and the lowest way of doing so.
const GOES_FIRST: [&str; 3] = ["chrt", "--fifo", "1"];

/// Measures all three in each round.
pub fn measure(bench: &Bench, args: &Args) -> Table {
    let title = "Lateness of 20,000 arrivals/s on one core";
    let columns = &[
        "round",
        "",
        "served",
        "dropped",
        "p50 µs",
        "p99 µs",
        "p99.9 µs",
        "max µs",
        "CPU µs/request",
        "foreign load",
        "stolen ms",
    ];
    let mut table = Table::new(title, columns);
    let folder = TempDir::new().expect("a temporary folder");
    let first =
        going_first(bench, folder.path()).map_err(|why| table.note(format!("going first: skipped: {why}"))).ok();
    let workers = [("dlt", Some(bench)), ("dlt, going first", first.as_ref())];
    let mut worst = [(); 2].map(|()| Vec::new());
    let mut ratios = Vec::new();
    for round in 1..=args.rounds() {
        crate::talk(&format!("lateness: round {round} of {}", args.rounds()));
        let bare = bare::lateness(RATE, Duration::from_secs(SECS), &apart());
        for (place, (name, bench)) in workers.iter().enumerate() {
            let Some(bench) = bench else { continue };
            match of_worker(bench) {
                Ok((late, [served, dropped, cpu, foreign, stolen])) => {
                    worst[place].push(at(&late, 99.9));
                    if place == 0 {
                        ratios.push(at(&late, 99.9) / at(&bare, 99.9).max(1.0));
                    }
                    let [p50, p99, p999, most] = percentiles(&late);
                    let name = (*name).to_owned();
                    let beginning = [round.to_string(), name, served, dropped];
                    table.row(beginning.into_iter().chain([p50, p99, p999, most, cpu, foreign, stolen]));
                }
                Err(why) => {
                    table.note(why);
                    return table;
                }
            }
        }
        let named = [round.to_string(), "a bare loop".to_owned(), String::new(), String::new()];
        table.row(named.into_iter().chain(percentiles(&bare)).chain([(); 3].map(|()| String::new())));
    }
    for ((name, _), worst) in workers.iter().zip(worst) {
        if let Some(Spread { least, median, most }) = Spread::of(worst) {
            let target = "the target is 1,000 µs";
            table.note(format!("{name}: p99.9 in the median {median:.0} µs ({least:.0}–{most:.0}); {target}"));
        }
    }
    if let Some(Spread { least, median, most }) = Spread::of(ratios) {
        table.note(format!("p99.9 next to the bare loop's of the same round: {median:.2} ({least:.2}–{most:.2})"));
    }
    table.note("stolen: what the machine's host gave to others on all processors, in steps of 10 ms");
    table.note("the bare loop sleeps to each arrival and sends nothing: what it shows is the machine's own");
    table.note(format!("going first is `{}`: the worker waits for no ordinary program", GOES_FIRST.join(" ")));
    table
}

/// The worker, before everything else on its processor, where that is allowed.
fn going_first(bench: &Bench, folder: &Path) -> Result<Bench, String> {
    let [program, options @ ..] = GOES_FIRST;
    let program = on_path(program).ok_or_else(|| format!("{program} is absent: apt-get install util-linux"))?;
    let mut trial = Command::new(&program);
    trial.args(options).arg("true").stdout(Stdio::null()).stderr(Stdio::null());
    if !trial.status().is_ok_and(|status| status.success()) {
        return Err("only root may, or who has CAP_SYS_NICE".to_owned());
    }
    let outer = format!("{} {}", wrapper::quoted(&program), options.join(" "));
    let script = wrapper::within(&outer, &bench.worker, folder)?;
    Bench::new(bench.root.clone(), script, bench.grace).map_err(|error| error.to_string())
}

/// How late its arrivals began; how many were served and dropped, what a request cost, and what others did meanwhile.
fn of_worker(bench: &Bench) -> Result<(Histogram, [String; 5]), String> {
    let kind = Kind::Open { rate: RATE };
    let task = Task { kind, protocol: Protocol::Http1, users: USERS, streams: 1, secs: SECS, stall: None };
    let run = bench.run(Tool::Worker(Checks::Status), &task, &apart())?.ok_or("the worker cannot do it")?;
    let report = worker::report(run.folder.path()).unwrap_or_default();
    let late = Histogram::deserialize(&report["lateness"]).ok().filter(|late| late.count() > 0);
    let dropped = report["iterations"]["dropped"].as_u64().unwrap_or(0);
    let [served, dropped] = [run.tally.requests, dropped].map(|count| count.to_string());
    let [cpu, foreign] = [run.cpu_us(), run.foreign].map(|number| format!("{number:.2}"));
    let stolen = format!("{:.0}", run.stolen * 1e3);
    Ok((late.ok_or("this worker reports no lateness")?, [served, dropped, cpu, foreign, stolen]))
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of a few seconds")]
fn at(late: &Histogram, percent: f64) -> f64 {
    late.percentile_us(percent).unwrap_or(0) as f64
}

fn percentiles(late: &Histogram) -> [String; 4] {
    [50.0, 99.0, 99.9, 100.0].map(|percent| format!("{:.0}", at(late, percent)))
}
