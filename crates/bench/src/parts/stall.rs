//! The open model when the server stalls: whether the latency that nobody saw is there.

use std::time::Duration;

use dlt_model::histogram::Histogram;
use serde::Deserialize;
use serde_json::Value;

use super::apart;
use crate::{
    args::Args,
    run::{Bench, Run},
    server::{Protocol, Stall},
    table::Table,
    task::{Kind, Task},
    tools::{Checks, Tool, worker},
};

const STALL_RATE: u64 = 5_000;
const STALL: Duration = Duration::from_millis(500);
/// Virtual users that are there from the beginning.
const USERS: u64 = 64;
/// How long the open model is measured: the expected percentiles of the stall depend on it.
const SECS: u64 = 10;

/// 5,000 arrivals/s for ten seconds with one stall of 500 ms.
pub fn measure(bench: &Bench, args: &Args) -> Table {
    let title = "Open model, 5,000/s for 10 s, the server stalls for 500 ms";
    let columns = &["tool", "served", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "server away ms", "foreign load"];
    let mut table = Table::new(title, columns);
    let stall = Some(Stall { after: Duration::from_secs(SECS * 2 / 5), lasts: STALL });
    let kind = Kind::Open { rate: STALL_RATE };
    let task = Task { kind, protocol: Protocol::Http1, users: USERS, streams: 1, secs: SECS, stall };
    for tool in bench.present(args.tools(&[Tool::Worker(Checks::Status), Tool::Wrk2, Tool::Oha])) {
        let read: fn(&Run) -> Option<Percentiles> = match tool {
            Tool::Worker(_) => percentiles_of_worker,
            Tool::Wrk2 => |run| percentiles_of_wrk2(&run.output()),
            _ => |run| percentiles_of_oha(&run.output()),
        };
        for round in 0..args.rounds().min(3) {
            crate::talk(&format!("stall: round {}, {}", round + 1, tool.name()));
            match bench.run(tool, &task, &apart()).map(|run| run.and_then(|run| Some((read(&run)?, run)))) {
                Ok(Some((percentiles, run))) => {
                    let [p50, p99, p999, most] = percentiles.map(|ms| format!("{ms:.2}"));
                    let (served, foreign) = (run.tally.requests.to_string(), format!("{:.2}", run.foreign));
                    let away = format!("{:.2}", run.tally.away.as_secs_f64() * 1e3);
                    table.row([tool.name().to_owned(), served, p50, p99, p999, most, away, foreign]);
                }
                Ok(None) => table.note(format!("{}: its percentiles could not be read", tool.name())),
                Err(why) => {
                    table.note(why);
                    break;
                }
            }
        }
    }
    table.note("of 50,000 arrivals 2,500 meet the stall and wait for what is left of it: p99 is 400–425 ms, p99.9 about 495 ms");
    table.note("the server is away until it has let in whoever came meanwhile: what is more than 500 ms is in the latencies, too");
    table
}

/// p50, p99, p99.9 and the largest, in milliseconds.
type Percentiles = [f64; 4];

fn percentiles_of_worker(run: &Run) -> Option<Percentiles> {
    let report = worker::report(run.folder.path())?;
    let mut all = Histogram::default();
    for label in report["labels"].as_object()?.values() {
        all.merge(&Histogram::deserialize(&label["latency"]).ok()?);
    }
    let at = |percent: f64| all.percentile_us(percent).map(|us| us as f64 / 1e3);
    Some([at(50.0)?, at(99.0)?, at(99.9)?, at(100.0)?])
}

fn percentiles_of_oha(output: &str) -> Option<Percentiles> {
    let read: Value = serde_json::from_str(output).ok()?;
    let at = |name: &str| read["latencyPercentiles"][name].as_f64().map(|secs| secs * 1e3);
    Some([at("p50")?, at("p99")?, at("p99.9")?, read["summary"]["slowest"].as_f64()? * 1e3])
}

/// Lines such as ` 99.900%  494.08ms`.
fn percentiles_of_wrk2(output: &str) -> Option<Percentiles> {
    let at = |percent: &str| {
        let line = output.lines().find_map(|line| line.trim().strip_prefix(percent))?.trim();
        let (number, unit) = line.split_at(line.find(char::is_alphabetic)?);
        let factor = match unit {
            "us" => 1e-3,
            "ms" => 1.0,
            "s" => 1e3,
            "m" => 6e4,
            _ => return None,
        };
        number.parse::<f64>().ok().map(|number| number * factor)
    };
    Some([at("50.000%")?, at("99.000%")?, at("99.900%")?, at("100.000%")?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_peers_print_is_read() {
        let wrk2 =
            "  Latency Distribution\n 50.000%    1.02ms\n 99.000%  408.06ms\n 99.900%  492.03ms\n100.000%    1.05s \n";
        assert_eq!(percentiles_of_wrk2(wrk2), Some([1.02, 408.06, 492.03, 1_050.0]));
        let oha = r#"{"summary":{"slowest":0.5},"latencyPercentiles":{"p50":0.0002,"p99":0.25,"p99.9":0.375}}"#;
        assert_eq!(percentiles_of_oha(oha), Some([0.2, 250.0, 375.0, 500.0]));
        assert_eq!(percentiles_of_oha("nothing"), None);
    }
}
