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

use super::{apart, bare, witness::Witness, wrapper};
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
/// How late 999 of 1,000 arrivals may be.
const TARGET_US: f64 = 1_000.0;
/// What lets a program go before everything else that would like to use its processor, and the lowest way of doing so.
const GOES_FIRST: [&str; 3] = ["chrt", "--fifo", "1"];

/// What of the time a processor may be away in a round that is called quiet: half of what a 99.9th percentile does not look
/// at.
const MAX_AWAY: f64 = 0.000_5;

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
        "core away ms",
    ];
    let mut table = Table::new(title, columns);
    let folder = TempDir::new().expect("a temporary folder");
    let first =
        going_first(bench, folder.path()).map_err(|why| table.note(format!("going first: skipped: {why}"))).ok();
    if let Err(why) = Witness::set(&apart()).map(Witness::end) {
        table.note(format!("core away: not watched, so that every round counts as quiet: {why}"));
    }
    let mut all = [("dlt", Vec::new()), ("dlt, going first", Vec::new()), ("a bare loop", Vec::new())];
    for round in 1..=args.rounds() {
        crate::talk(&format!("lateness: round {round} of {}", args.rounds()));
        for (name, seen) in &mut all {
            let found = match *name {
                "dlt" => Some(of_worker(bench)),
                "a bare loop" => Some(Ok(of_loop())),
                _ => first.as_ref().map(of_worker),
            };
            match found {
                None => {}
                Some(Ok(found)) => {
                    let beginning = [round.to_string(), (*name).to_owned()].into_iter();
                    table.row(beginning.chain(found.cells()));
                    seen.push(found);
                }
                Some(Err(why)) => {
                    table.note(why);
                    return table;
                }
            }
        }
    }
    for (name, seen) in &all {
        let quiet: Vec<f64> = seen.iter().filter(|seen| seen.is_quiet()).map(|seen| at(&seen.late, 99.9)).collect();
        let (rounds, met) = (quiet.len(), quiet.iter().filter(|late| **late < TARGET_US).count());
        if let Some(Spread { least, median, most }) = Spread::of(quiet) {
            let those = format!("{met} of {rounds} quiet rounds under {TARGET_US:.0} µs");
            table.note(format!("{name}: p99.9 in {those}, {median:.0} in the median ({least:.0}–{most:.0})"));
        }
    }
    table.note(format!(
        "core away: how long, in stretches of a millisecond and more, not even the foremost program could run there; \
         quiet: at most {:.0} ms, half of what p99.9 does not look at",
        MAX_AWAY * SECS as f64 * 1e3
    ));
    table.note("the bare loop sleeps to each arrival and sends nothing: what it shows is the machine's own");
    table.note(format!("going first is `{}`: the worker waits for no ordinary program", GOES_FIRST.join(" ")));
    table
}

/// What was seen in a round.
struct Seen {
    late: Histogram,
    /// Of a worker: how many arrivals were served and dropped, and what one cost.
    work: Option<(u64, u64, f64)>,
    /// How many processors others kept busy.
    foreign: Option<f64>,
    /// How long its own was away, where that can be watched.
    away: Option<Duration>,
}

impl Seen {
    fn is_quiet(&self) -> bool {
        self.away.is_none_or(|away| away <= Duration::from_secs(SECS).mul_f64(MAX_AWAY))
    }

    /// From `served` on.
    fn cells(&self) -> [String; 9] {
        let nothing = String::new;
        let [served, dropped, cpu] = match self.work {
            None => [(); 3].map(|()| nothing()),
            Some((served, dropped, cpu)) => [served.to_string(), dropped.to_string(), format!("{cpu:.2}")],
        };
        let [p50, p99, p999, most] = [50.0, 99.0, 99.9, 100.0].map(|percent| format!("{:.0}", at(&self.late, percent)));
        let foreign = self.foreign.map_or_else(nothing, |foreign| format!("{foreign:.2}"));
        let mark = if self.is_quiet() { "" } else { " N" };
        let away = self.away.map_or_else(|| "–".to_owned(), |away| format!("{:.1}{mark}", away.as_secs_f64() * 1e3));
        [served, dropped, p50, p99, p999, most, cpu, foreign, away]
    }
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

/// How late a worker's arrivals begin.
fn of_worker(bench: &Bench) -> Result<Seen, String> {
    let kind = Kind::Open { rate: RATE };
    let task = Task { kind, protocol: Protocol::Http1, users: USERS, streams: 1, secs: SECS, stall: None };
    let (run, away) = watched(|| bench.run(Tool::Worker(Checks::Status), &task, &apart()));
    let run = run?.ok_or("the worker cannot do it")?;
    let report = worker::report(run.folder.path()).unwrap_or_default();
    let late = Histogram::deserialize(&report["lateness"]).ok().filter(|late| late.count() > 0);
    let dropped = report["iterations"]["dropped"].as_u64().unwrap_or(0);
    Ok(Seen {
        late: late.ok_or("this worker reports no lateness")?,
        work: Some((run.tally.requests, dropped, run.cpu_us())),
        foreign: Some(run.foreign),
        away,
    })
}

fn of_loop() -> Seen {
    let (late, away) = watched(|| bare::lateness(RATE, Duration::from_secs(SECS), &apart()));
    Seen { late, work: None, foreign: None, away }
}

/// What a deed comes to, and how long its processor was away meanwhile, where that can be watched.
fn watched<T>(deed: impl FnOnce() -> T) -> (T, Option<Duration>) {
    let witness = Witness::set(&apart());
    let done = deed();
    (done, witness.ok().map(Witness::end))
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of a few seconds")]
fn at(late: &Histogram, percent: f64) -> f64 {
    late.percentile_us(percent).unwrap_or(0) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_quiet_while_its_processor_was_there_for_all_but_half_of_a_thousandth() {
        let seen = |away_ms: Option<u64>| Seen {
            late: Histogram::default(),
            work: None,
            foreign: None,
            away: away_ms.map(Duration::from_millis),
        };
        assert!(seen(None).is_quiet() && seen(Some(5)).is_quiet() && !seen(Some(6)).is_quiet());
        assert_eq!(seen(Some(6)).cells()[8], "6.0 N");
        assert_eq!(seen(None).cells()[8], "–");
    }
}
